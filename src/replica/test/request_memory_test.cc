/// What is remembered of requests: decisions with their rows while there is room, and for how long.
#include "request_memory.h"

#include <gtest/gtest.h>

#include <memory>

#include "sagitta/base/random.h"

namespace sagitta::replica {
namespace {

class RequestMemoryTest : public testing::Test {
 protected:
  /// A decision of one row with so many bytes.
  static AppliedRequest decided(bool applied, size_t bytes, log::Offset offset = 1) {
    rows::LiveRow row;
    row.cells.push_back({.column_id = 1, .value = Bytes(bytes, 'x')});
    const rows::Decision decision{.applied = applied, .rows = {row}, .statics = {}};
    return {.offset = offset, .decision = std::make_shared<const rows::Decision>(decision)};
  }
  Uuid remember(const AppliedRequest& applied, int64_t until_us, int64_t log_clock_us = 0) {
    const Uuid id = Uuid::random(random_);
    const auto batch = store_->make_batch();
    memory_->remember(id, applied, until_us, log_clock_us, *batch);
    EXPECT_TRUE(store_->write(*batch));
    return id;
  }
  size_t rows_of(const Uuid& id) const {
    const auto found = memory_->find(id);
    EXPECT_TRUE(found && found->decision);
    return found && found->decision ? found->decision->rows.size() : 0;
  }
  void restart() {
    memory_ = std::make_unique<RequestMemory>(*store_);
    ASSERT_TRUE(memory_->load());
  }

  SeededRandom random_{1};
  const std::unique_ptr<kv::Store> store_ = kv::make_memory_store();
  std::unique_ptr<RequestMemory> memory_ = std::make_unique<RequestMemory>(*store_);
};

TEST_F(RequestMemoryTest, ADecisionIsRememberedWithItsRowsAndAfterARestartWithout) {
  const Uuid refused = remember(decided(false, 10, 7), 100), applied = remember(decided(true, 10, 8), 100);
  EXPECT_EQ(rows_of(refused), 1U);
  restart();
  EXPECT_EQ(rows_of(refused), 0U);
  EXPECT_EQ(memory_->find(refused)->offset, 7U);
  EXPECT_FALSE(memory_->find(refused)->decision->applied);
  EXPECT_EQ(memory_->find(applied)->offset, 8U);
  EXPECT_TRUE(memory_->find(applied)->decision->applied);
}

TEST_F(RequestMemoryTest, PastItsRoomADecisionIsRememberedWithoutItsRows) {
  constexpr size_t kHalf = kDecisionBytesMax / 2;
  const Uuid first = remember(decided(false, kHalf), 100), second = remember(decided(false, kHalf), 200),
             small = remember(decided(false, 10), 200);
  EXPECT_EQ(rows_of(first), 1U);
  EXPECT_EQ(rows_of(second), 0U);
  EXPECT_FALSE(memory_->find(second)->decision->applied);
  EXPECT_EQ(rows_of(small), 1U);
}

TEST_F(RequestMemoryTest, WhatIsForgottenMakesRoom) {
  constexpr size_t kMost = kDecisionBytesMax - 1000;
  for (int64_t round = 0; round < 4; ++round) {
    const int64_t now_us = round * 1000;
    const Uuid kept = remember(decided(false, kMost), now_us + 500, now_us);
    EXPECT_EQ(rows_of(kept), 1U) << round;
    EXPECT_EQ(rows_of(remember(decided(false, kMost), now_us + 500, now_us)), 0U) << round;
    EXPECT_TRUE(memory_->knows(kept));
    remember({.offset = 1}, now_us + 600, now_us + 501);
    EXPECT_FALSE(memory_->knows(kept)) << round;
  }
}

}  // namespace
}  // namespace sagitta::replica
