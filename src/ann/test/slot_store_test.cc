// The states of slots, and what a repair under way leaves alone.
#include "slot_store.h"

#include <gtest/gtest.h>

namespace sagitta::ann {
namespace {

class SlotStoreTest : public testing::Test {
 protected:
  uint32_t linked_slot() {
    EXPECT_TRUE(store_.make_available(1, gate_));
    const uint32_t slot = store_.take_free();
    store_.publish(slot, Expiry::kNever);
    store_.meta(slot).linked = true;
    return slot;
  }

  EpochGate gate_;
  SlotStore store_{{.vector_bytes = 16, .code_bytes = 64, .links_bytes = 64}, nullptr};
};

// It may be free, and written, before a reader that looks through all slots for work to do has
// left.
TEST_F(SlotStoreTest, WhatIsReleasedIsLinkedNoMore) {
  const uint32_t slot = linked_slot();
  const Pin pin = gate_.enter();
  ASSERT_TRUE(store_.retire(slot, gate_));
  EXPECT_TRUE(store_.meta(slot).linked) << "walks pass through it";
  SlotList buried = store_.take_graves();
  EXPECT_EQ(store_.state(slot), SlotState::kBuried);
  EXPECT_TRUE(store_.meta(slot).linked);
  store_.release(buried, gate_);
  EXPECT_EQ(store_.state(slot), SlotState::kRetired);
  EXPECT_FALSE(store_.meta(slot).linked);
}

TEST_F(SlotStoreTest, ASlotIsFreeOnceNobodyLooks) {
  const uint32_t slot = linked_slot();
  std::optional<Pin> pin = gate_.enter();
  ASSERT_TRUE(store_.retire(slot, gate_));
  SlotList buried = store_.take_graves();
  store_.release(buried, gate_);
  store_.reclaim(gate_);
  EXPECT_EQ(store_.state(slot), SlotState::kRetired);
  pin.reset();
  store_.reclaim(gate_);
  EXPECT_EQ(store_.state(slot), SlotState::kFree);
  EXPECT_EQ(store_.take_free(), slot);
  EXPECT_TRUE(store_.check(0));
}

// As README.md's table says, and no other way.
TEST_F(SlotStoreTest, StatesChangeOnlyInTheirOrder) {
  const uint32_t slot = linked_slot();
  EXPECT_DEATH(store_.publish(slot, Expiry::kNever), "was == from");
  EXPECT_DEATH(store_.give_back(slot), "kFree");
  ASSERT_TRUE(store_.retire(slot, gate_));
  EXPECT_FALSE(store_.retire(slot, gate_)) << "only a live slot is retired";
  EXPECT_DEATH(store_.publish(slot, Expiry::kNever), "was == from");
  SlotList buried = store_.take_graves();
  SlotList again = buried;
  store_.release(buried, gate_);
  EXPECT_DEATH(store_.release(again, gate_), "was == from");
  store_.reclaim(gate_);
  EXPECT_EQ(store_.state(slot), SlotState::kFree);
}

// An epoch ends when the readers of the one before have left.
TEST(EpochGate, WaitsForOlderReadersOnly) {
  EpochGate gate;
  std::optional<Pin> old = gate.enter();
  const uint64_t epoch = gate.epoch();
  EXPECT_TRUE(gate.try_advance());
  const Pin young = gate.enter();
  EXPECT_FALSE(gate.try_advance()) << "the old reader may see what was unlinked in its epoch";
  old.reset();
  EXPECT_TRUE(gate.try_advance());
  EXPECT_EQ(gate.epoch(), epoch + 2);
  EXPECT_FALSE(gate.try_advance());
  EXPECT_DEATH(gate.leave(epoch), "inside > 0");
}

}  // namespace
}  // namespace sagitta::ann
