// What a linker does to single slots, beside links that other threads are making.
#include "linker.h"

#include <gtest/gtest.h>

#include <array>

#include "vectors.h"
#include "world.h"

namespace sagitta::ann {
namespace {

constexpr uint32_t kDim = 4, kDegree = 8;

/// A ring of copies, `leader_` → `follower_` → `leader_`. The leader also links to a vector that is
/// an entry, and that one to the leader.
class LinkerTest : public testing::Test {
 protected:
  LinkerTest() {
    for (const uint32_t slot : {leader_, follower_, entry_}) store_.meta(slot).linked = true;
    write_links(leader_, entry_);
    write_links(entry_, leader_);
    graph_.expect_copies();
    graph_.set_next_copy(leader_, follower_);
    graph_.set_next_copy(follower_, leader_);
    graph_.spread.add(entry_);
  }

  uint32_t insert(float value) {
    EXPECT_TRUE(store_.make_available(1, gate_));
    const uint32_t slot = store_.take_free();
    const Floats vector(kDim, value);
    write_vector(Level::kF32, vector, store_.vector(slot));
    *store_.factors(slot) = codec_.encode(vector, store_.code(slot), nullptr, buffer_);
    graph_.clear(slot);
    store_.publish(slot, Expiry::kNever);
    return slot;
  }
  void write_links(uint32_t slot, uint32_t other) {
    const NodeLock lock(store_.meta(slot));
    graph_.write(slot, std::array{other});
  }
  /// A copy that knows its next but that the leader does not lead to yet: half of a join.
  uint32_t half_joined() {
    const uint32_t slot = insert(1);
    store_.meta(slot).linked = true;
    graph_.set_next_copy(slot, follower_);
    return slot;
  }
  /// Buries the slot and unlinks it, while a link that began in between has still its way to it.
  void unlink(uint32_t slot) {
    EXPECT_TRUE(store_.retire(slot, gate_));
    SlotList buried = store_.take_graves();
    store_.release(buried, gate_);
  }
  LinkOutcome link(uint32_t slot) {
    Scratch scratch;
    store_.meta(slot).linked = true;
    return linker_.link(slot, codec_, scratch);
  }
  void reconnect() {
    Scratch scratch;
    linker_.reconnect(codec_, scratch);
  }

  EpochGate gate_;
  const Codec codec_{Metric::kL2, kDim, CodeBits::k4, Floats{1, 1, 1, 1, 2, 2, 2, 2}};
  SlotStore store_{{.vector_bytes = kDim * sizeof(float),
                    .code_bytes = Codec::code_bytes(kDim, CodeBits::k4),
                    .links_bytes = Graph::record_bytes(kDegree, false)},
                   nullptr};
  Graph graph_{store_, kDegree};
  Linker linker_{store_, graph_, Level::kF32, 16};
  std::vector<float> buffer_;
  const uint32_t leader_ = insert(1), follower_ = insert(1), entry_ = insert(2);
};

TEST_F(LinkerTest, ALostCopyJoinsItsRing) {
  const uint32_t slot = half_joined();
  reconnect();
  EXPECT_EQ(graph_.next_copy(leader_), slot);
  EXPECT_EQ(graph_.next_copy(slot), follower_);
  EXPECT_TRUE(linker_.unreachable().empty());
}

// The thread that links it finishes the join. A second join could make the slot its own next copy,
// and cut the others off.
TEST_F(LinkerTest, ACopyThatIsBeingLinkedIsNotLost) {
  const uint32_t slot = half_joined();
  store_.meta(slot).linking = true;
  reconnect();
  EXPECT_EQ(graph_.next_copy(leader_), follower_);
  store_.meta(slot).linking = false;
  reconnect();
  EXPECT_EQ(graph_.next_copy(leader_), slot);
}

TEST_F(LinkerTest, WhatWasUnlinkedIsNoCopyToJoin) {
  const uint32_t slot = insert(1);
  unlink(leader_);
  EXPECT_EQ(link(slot), LinkOutcome::kToNeighbours);
  EXPECT_EQ(graph_.next_copy(slot), kNoLink);
  EXPECT_EQ(graph_.next_copy(leader_), follower_);
}

TEST_F(LinkerTest, WhatWasUnlinkedIsNoNextCopy) {
  const uint32_t slot = insert(1);
  unlink(leader_);
  write_links(entry_, follower_);
  EXPECT_EQ(link(slot), LinkOutcome::kAsCopy);
  EXPECT_EQ(graph_.next_copy(follower_), slot);
  EXPECT_EQ(graph_.next_copy(slot), follower_) << "not the leader";
}

}  // namespace
}  // namespace sagitta::ann
