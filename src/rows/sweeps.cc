#include "sagitta/rows/sweeps.h"

#include <algorithm>

#include "stored_codec.h"

namespace sagitta::rows {
namespace {

constexpr uint8_t kSweepFormat = 1;

}  // namespace

void Sweep::encode(Bytes& out) const {
  out.push_back(static_cast<char>(kSweepFormat));
  put_blob(out, from);
  put_blob(out, to);
  encode_tombstone(tombstone, out);
}

Result<Sweep> Sweep::decode(uint64_t number, BytesView bytes) {
  ByteReader in(bytes);
  const auto format = in.big<uint8_t>();
  if (format && *format > kSweepFormat) return unknown_format("a deletion under way", *format, kSweepFormat);
  const auto from = in.blob(), to = in.blob();
  const auto tombstone = from && to ? decode_tombstone(in) : std::nullopt;
  if (!format || *format != kSweepFormat || !tombstone || !in.empty()) return corrupt_entry();
  return Sweep{number, Bytes(*from), Bytes(*to), *tombstone};
}

Sweeps Sweeps::within(BytesView from, BytesView to) const {
  std::vector<Sweep> found;
  for (const Sweep& sweep : sweeps_) {
    if (sweep.to > from && (to.empty() || sweep.from < to)) found.push_back(sweep);
  }
  return Sweeps(std::move(found));
}

uint64_t Sweeps::epoch(BytesView key) const {
  uint64_t latest = 0;
  for (const Sweep& sweep : sweeps_) {
    if (sweep.contains(key)) latest = sweep.number;
  }
  return latest;
}

bool Sweeps::takes(BytesView key, BytesView value) const {
  return std::ranges::any_of(sweeps_, [&](const Sweep& sweep) {
    return sweep.takes_all() && sweep.contains(key) && epoch_of(value) < sweep.number;
  });
}

Tombstone Sweeps::over(BytesView key, uint64_t epoch) const {
  Tombstone strongest;
  for (const Sweep& sweep : sweeps_) {
    if (sweep.number > epoch && sweep.contains(key)) strongest.merge(sweep.tombstone);
  }
  return strongest;
}

}  // namespace sagitta::rows
