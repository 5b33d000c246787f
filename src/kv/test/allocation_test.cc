// A batch of a few large values allocates nothing, once batches like it have been.
#ifndef SAGITTA_SANITIZED

#include <gtest/gtest.h>

#include "sagitta/testing/counted_new.h"

#include "pending_keys.h"

namespace sagitta::kv {
namespace {

size_t allocations_of_batch(PendingKeys& keys, size_t values) {
  const Bytes value(6200, 'v');
  const size_t before = counting::thread_allocations;
  for (size_t i = 0; i < values; ++i) {
    keys.mark();
    const char key[] = {'k', static_cast<char>('a' + i)};
    keys.put({key, sizeof key}, value);
  }
  EXPECT_EQ(keys.changes().size(), values);
  keys.clear();
  return counting::thread_allocations - before;
}

TEST(PendingKeysAllocation, BatchesAlikeKeepTheirMemory) {
  PendingKeys keys;
  for (int i = 0; i < 5; ++i) allocations_of_batch(keys, 11);
  EXPECT_EQ(allocations_of_batch(keys, 11), 0u);
  EXPECT_EQ(allocations_of_batch(keys, 1), 0u);
}

TEST(PendingKeysAllocation, ALargeBatchIsNotKept) {
  PendingKeys keys;
  for (int i = 0; i < 5; ++i) allocations_of_batch(keys, 26);
  EXPECT_GT(allocations_of_batch(keys, 26), 0u);
}

}  // namespace
}  // namespace sagitta::kv

#endif
