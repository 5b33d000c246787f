// What a disk keeps of one file when the power goes.
#include "memory_inode.h"

#include <algorithm>

namespace sagitta {
namespace {

/// A disk writes so many bytes whole or not at all.
constexpr size_t kSectorBytes = 512;

void flip_some(Bytes& bytes, Range range, Random& random) {
  if (range.empty()) return;
  for (uint64_t flips = 1 + random.below(3); flips > 0; --flips) {
    char& byte = bytes[range.begin + random.below(range.end - range.begin)];
    byte = static_cast<char>(byte ^ static_cast<char>(1u << random.below(8)));
  }
}

}  // namespace

void Range::cover(Range other) {
  if (other.empty()) return;
  *this = empty() ? other : Range{std::min(begin, other.begin), std::max(end, other.end)};
}

void Inode::sync() {
  if (!overwritten.empty()) {
    const size_t count = overwritten.end - overwritten.begin;
    durable.replace(overwritten.begin, count, now, overwritten.begin, count);
  }
  overwritten = {};
  durable.resize(common);
  durable.append(now, common);
  common = now.size();
}

void Inode::truncate(size_t size) {
  if (now.size() != size) ++size_changes;
  now.resize(size, '\0');
  common = std::min(common, size);
  overwritten.end = std::min(overwritten.end, size);
}

void Inode::write(size_t at, BytesView bytes) {
  if (at + bytes.size() > now.size()) ++size_changes;
  if (at > now.size()) now.resize(at, '\0');
  now.replace(at, bytes.size(), bytes);
  overwritten.cover({at, std::min(at + bytes.size(), common)});
}

void Inode::crash(Random& random, MemoryFileSystem::CrashFaults faults) {
  const bool truncation_kept = durable.size() == common || random.below(2) == 0;
  if (faults.tear && truncation_kept) {
    const size_t unsynced = now.size() - common;
    now.resize(common + random.below(unsynced + 1));
    lose_sectors(random);
    if (faults.garble) {
      flip_some(now, {common, now.size()}, random);
      flip_some(now, overwritten, random);
    }
  } else {
    now = durable;
  }
  durable = now;
  common = now.size();
  overwritten = {};
}

/// Sectors that were written over may each be stored or not, in any order.
void Inode::lose_sectors(Random& random) {
  for (size_t at = overwritten.begin; at < overwritten.end;) {
    const size_t end = std::min(overwritten.end, (at / kSectorBytes + 1) * kSectorBytes);
    if (random.below(2) == 0) now.replace(at, end - at, durable, at, end - at);
    at = end;
  }
}

}  // namespace sagitta
