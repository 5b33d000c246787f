#include "sagitta/rows/sweep_book.h"

#include <algorithm>

#include "sagitta/types/ordered_bytes.h"

#include "stored_codec.h"

namespace sagitta::rows {
namespace {

using kv::Family;

constexpr std::string_view kLastKey = "table.sweeps";
/// And the number (u64).
constexpr std::string_view kSweepKey = "table.sweep.";

Bytes sweep_key(uint64_t number) {
  Bytes key(kSweepKey);
  put_big(key, number);
  return key;
}

/// Whether nothing is left to do for `old` once `later` has begun.
bool makes_needless(const Sweep& later, const Sweep& old) {
  const bool takes_as_much =
      later.takes_all() || (!old.takes_all() && later.tombstone.covers(old.tombstone.timestamp_us));
  return takes_as_much && later.from <= old.from && old.to <= later.to;
}

}  // namespace

Status SweepBook::load(kv::Store& store) {
  SAGITTA_TRY(const auto last, store.get(Family::kMeta, kLastKey, kv::ReadMode::kBlocking));
  if (last) {
    ByteReader in(*last);
    const auto number = in.varint();
    if (!number) return corrupt_entry();
    last_ = last_before_ = written_last_ = *number;
  }
  std::vector<Sweep> sweeps;
  const auto it = store.iterate(Family::kMeta, kSweepKey, types::after_prefix(kSweepKey), kv::ReadMode::kBlocking);
  for (it->seek_to_first(); it->valid(); it->next()) {
    ByteReader key(it->key().substr(kSweepKey.size()));
    const auto number = key.big<uint64_t>();
    if (!number) return corrupt_entry();
    SAGITTA_TRY(Sweep sweep, Sweep::decode(*number, it->value()));
    sweeps.push_back(std::move(sweep));
  }
  SAGITTA_CHECK(it->status());
  current_ = before_ = std::make_shared<const Sweeps>(std::move(sweeps));
  return {};
}

void SweepBook::begin(Sweep sweep, kv::Batch& batch) {
  sweep.number = ++last_;
  Bytes last;
  put_varint(last, last_);
  batch.put(Family::kMeta, kLastKey, last);
  std::vector<Sweep> sweeps;
  for (const Sweep& old : current_->all()) {
    if (makes_needless(sweep, old)) {
      batch.remove(Family::kMeta, sweep_key(old.number));
    } else {
      sweeps.push_back(old);
    }
  }
  put(sweep, batch);
  sweeps.push_back(std::move(sweep));
  current_ = std::make_shared<const Sweeps>(std::move(sweeps));
}

void SweepBook::go_on(uint64_t number, const Bytes& from, kv::Batch& batch) {
  std::vector<Sweep> sweeps = current_->all();
  for (Sweep& sweep : sweeps) {
    if (sweep.number != number) continue;
    sweep.from = from;
    put(sweep, batch);
  }
  current_ = std::make_shared<const Sweeps>(std::move(sweeps));
}

void SweepBook::end(uint64_t number, kv::Batch& batch) {
  std::vector<Sweep> sweeps = current_->all();
  std::erase_if(sweeps, [&](const Sweep& sweep) { return sweep.number == number; });
  batch.remove(Family::kMeta, sweep_key(number));
  current_ = std::make_shared<const Sweeps>(std::move(sweeps));
}

void SweepBook::begin_record() {
  before_ = current_;
  last_before_ = last_;
}

void SweepBook::forget_record() {
  current_ = before_;
  last_ = last_before_;
}

void SweepBook::put(const Sweep& sweep, kv::Batch& batch) {
  Bytes value;
  sweep.encode(value);
  batch.put(Family::kMeta, sweep_key(sweep.number), value);
}

}  // namespace sagitta::rows
