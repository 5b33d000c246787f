// The pool of scratches: a few lock-free places.
#include "scratch.h"

#include <algorithm>
#include <span>
#include <thread>

#include "sagitta/base/assert.h"

namespace sagitta::ann {

namespace {

size_t bytes_of(const auto&... vectors) { return ((vectors.capacity() * sizeof(vectors[0])) + ...); }

}  // namespace

size_t LinkScratch::bytes() const {
  return bytes_of(candidates, ruled_out, codes, factors, estimates, from_newcomer, to_chosen, links, staying, chosen,
                  query.values, query.rotated, had, place, place_of_neighbour, vector) +
         sketches_had.words().size_bytes() + sketches.words().size_bytes() + chosen_sketches.words().size_bytes();
}

size_t Scratch::bytes() const {
  return bytes_of(keys, pool, rejected, keys_of_batch, query, query_at_level, floats, refined, ready, nearest,
                  code_query.values, code_query.rotated, fresh, matching, passed, links, slots, codes, factors,
                  estimates, scanned_estimates, rings, copies_taken) +
         sketches.words().size_bytes() + visited.bytes() + taken.bytes() + link.bytes();
}

ScratchPool::ScratchPool(MemoryBudget* budget)
    : kept_count_(std::clamp<size_t>(std::thread::hardware_concurrency(), 4, kKeptMax)), budget_(budget) {}

ScratchPool::~ScratchPool() {
  for (size_t i = 0; i < kept_count_; ++i) take_kept();
}

bool ScratchPool::charge(size_t bytes) {
  if (budget_ != nullptr && !budget_->charge(bytes)) return false;
  bytes_ += bytes;
  return true;
}

void ScratchPool::release(size_t bytes) {
  const size_t charged = bytes_.fetch_sub(bytes);
  SAGITTA_ASSERT(charged >= bytes);
  if (budget_ != nullptr) budget_->release(bytes);
}

void GiveBack::operator()(Scratch* scratch) const { pool->give_back(std::unique_ptr<Scratch>(scratch)); }

ScratchPtr ScratchPool::take() {
  std::unique_ptr<Scratch> kept = take_kept();
  return {kept ? kept.release() : new Scratch, GiveBack{this}};
}

std::unique_ptr<Scratch> ScratchPool::take_kept() {
  for (auto& place : std::span(kept_).first(kept_count_)) {
    if (std::unique_ptr<Scratch> scratch{place.exchange(nullptr)}) {
      release(scratch->bytes());
      return scratch;
    }
  }
  return nullptr;
}

void ScratchPool::give_back(std::unique_ptr<Scratch> scratch) {
  const size_t bytes = scratch->bytes();
  if (!charge(bytes)) return;
  for (auto& place : std::span(kept_).first(kept_count_)) {
    Scratch* expected = nullptr;
    if (place.compare_exchange_strong(expected, scratch.get())) {
      static_cast<void>(scratch.release());
      return;
    }
  }
  release(bytes);
}

}  // namespace sagitta::ann
