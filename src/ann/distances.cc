// Gathers codes, fine codes and vectors for the codec and the scorer, and prefetches them.
#include "distances.h"

#include <algorithm>

namespace sagitta::ann {
namespace {

/// The hardware prefetcher continues from there.
constexpr size_t kPrefetchBytesMax = 512;

void ask_for(const void* begin, size_t bytes) {
  const auto* at = static_cast<const std::byte*>(begin);
  for (size_t offset = 0; offset < std::min(kPrefetchBytesMax, bytes); offset += 64) __builtin_prefetch(at + offset);
}

}  // namespace

Distances::Distances(const SlotStore& store, const IndexOptions& options, const Codec* codec,
                     std::span<const float> query, Scratch& scratch)
    : store_(store), scratch_(scratch), codec_(codec), early_(options.level == Level::kI8 && codec_ == nullptr) {
  scratch.query.resize(query.size());
  store_form(options.metric, query, scratch.query);
  if (options.level == Level::kI8 && !early_) return;
  const Level level = early_ ? Level::kF32 : options.level;
  scorer_.emplace(options.metric, level, scratch.query, scratch.query_at_level);
}

void Distances::by_codes(const uint32_t* slots, size_t count, float* out) const {
  SAGITTA_ASSERT(count <= kTogether);
  const uint8_t* codes[kTogether];
  const Codec::Factors* factors[kTogether];
  for (size_t i = 0; i < count; ++i) {
    codes[i] = store_.code(slots[i]);
    factors[i] = store_.factors(slots[i]);
  }
  codec_->estimate(scratch_.code_query, codes, factors, count, out);
}

void Distances::ask_for_codes(std::span<const uint32_t> slots) const {
  for (const uint32_t slot : slots) {
    ask_for(store_.code(slot), store_.shape().code_bytes);
    __builtin_prefetch(store_.factors(slot));
  }
}

void Distances::by_fine_codes(std::span<const SearchKey> keys, float* out) const {
  SAGITTA_ASSERT(keys.size() <= kTogether && has_fine_codes());
  const uint8_t* fine[kTogether];
  for (size_t i = 0; i < keys.size(); ++i) {
    fine[i] = store_.fine(slot_of(keys[i]));
    out[i] = distance_of(keys[i]);
  }
  codec_->refine(scratch_.code_query, fine, keys.size(), out);
}

void Distances::ask_for_fine_code(uint32_t slot) const { ask_for(store_.fine(slot), store_.shape().fine_bytes); }

void Distances::ask_for_vector(uint32_t slot) const { ask_for(vector(slot), store_.shape().vector_bytes); }

const std::byte* Distances::vector(uint32_t slot) const {
  return early_ ? std::as_bytes(store_.early(slot)).data() : store_.vector(slot);
}

}  // namespace sagitta::ann
