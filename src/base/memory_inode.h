/// One file of a MemoryFileSystem.
#pragma once

#include <cstdint>

#include "sagitta/base/bytes.h"
#include "sagitta/base/memory_file.h"
#include "sagitta/base/random.h"

namespace sagitta {

struct Range {
  size_t begin = 0;
  size_t end = 0;

  bool empty() const { return begin >= end; }
  void cover(Range other);
};

/// What a file holds now, and what it is sure to hold after a crash. The first `common` bytes of
/// both are the same, but for those within `overwritten`.
struct Inode {
  Bytes now;
  Bytes durable;
  size_t common = 0;
  Range overwritten;
  int64_t modified_us = 0;
  uint64_t size_changes = 0;

  void sync();
  void truncate(size_t size);
  /// Over what is there, then behind it.
  void write(size_t at, BytesView bytes);
  void crash(Random& random, MemoryFileSystem::CrashFaults faults);

 private:
  void lose_sectors(Random& random);
};

}  // namespace sagitta
