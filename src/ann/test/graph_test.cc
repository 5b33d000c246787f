// Records of links: what is written is read, the next copy stays, and what breaks a record is
// refused.
#include "graph.h"

#include <gtest/gtest.h>

#include <array>
#include <numeric>

namespace sagitta::ann {
namespace {

constexpr uint32_t kDegree = 16;

class GraphTest : public testing::TestWithParam<bool> {
 protected:
  GraphTest() {
    EXPECT_TRUE(store_.make_available(100, gate_));
    while (store_.end() < 100) graph_.clear(store_.take_free());
  }
  void write(uint32_t slot, std::vector<uint32_t> links) {
    const NodeLock lock(store_.meta(slot));
    if (!graph_.has_sketches()) return graph_.write(slot, links);
    SketchBlock sketches;
    sketches.resize(kDegree);
    for (size_t i = 0; i < links.size(); ++i) sketches.set(i, {.signs = links[i]});
    graph_.write(slot, links, sketches);
  }
  std::vector<uint32_t> links(uint32_t slot) const {
    std::vector<uint32_t> out(kDegree);
    out.resize(graph_.neighbours(slot, out.data()));
    return out;
  }
  std::vector<uint32_t> ring(uint32_t slot) const {
    std::vector<uint32_t> out;
    CopyRing ring(slot);
    for (uint32_t next = ring.next(graph_); next != kNoLink; next = ring.next(graph_)) out.push_back(next);
    return out;
  }
  static std::vector<uint32_t> some(uint32_t first, uint32_t count) {
    std::vector<uint32_t> out(count);
    std::iota(out.begin(), out.end(), first);
    return out;
  }

  EpochGate gate_;
  SlotStore store_{{.vector_bytes = 16, .code_bytes = 64, .links_bytes = Graph::record_bytes(kDegree, GetParam())},
                   nullptr};
  Graph graph_{store_, kDegree};
};

INSTANTIATE_TEST_SUITE_P(Sketches, GraphTest, testing::Bool());

TEST_P(GraphTest, ARecordHoldsItsLinksAndTheNextCopyBehindThem) {
  for (const uint32_t count : {3U, 15U, 0U, 7U}) {
    write(0, some(20, count));
    graph_.set_next_copy(0, 50);
    EXPECT_EQ(links(0), some(20, count));
    write(0, some(40, 2));
    EXPECT_EQ(links(0), some(40, 2));
    EXPECT_EQ(graph_.next_copy(0), 50U) << "writing links keeps it";
    EXPECT_EQ(graph_.room(0), kDegree - 1);
    graph_.set_next_copy(0, kNoLink);
    EXPECT_EQ(graph_.next_copy(0), kNoLink);
    EXPECT_EQ(graph_.room(0), kDegree);
  }
  write(0, some(20, kDegree));
  EXPECT_EQ(links(0), some(20, kDegree));
  EXPECT_EQ(graph_.next_copy(0), kNoLink);
}

TEST_P(GraphTest, AFollowerHasANextCopyAndNoLinks) {
  EXPECT_FALSE(graph_.is_follower(0));
  graph_.set_next_copy(0, 1);
  EXPECT_TRUE(graph_.is_follower(0));
  write(0, {2});
  EXPECT_FALSE(graph_.is_follower(0));
}

TEST_P(GraphTest, SketchesLieBesideTheirLinks) {
  if (!graph_.has_sketches()) return;
  write(0, some(20, 9));
  SketchBlock sketches;
  graph_.sketches(0, sketches);
  for (uint32_t i = 0; i < 9; ++i) EXPECT_EQ(sketches.at(i).signs, 20U + i);
}

// A ring may be led into from outside, and be so long that its begin is not remembered.
TEST_P(GraphTest, AWalkRoundARingEnds) {
  for (uint32_t slot = 0; slot < 90; ++slot) graph_.set_next_copy(slot, slot == 89 ? 10 : slot + 1);
  EXPECT_EQ(ring(10), some(11, 79));
  const std::vector<uint32_t> from_outside = ring(0);
  EXPECT_GE(from_outside.size(), 89U);
  EXPECT_LE(from_outside.size(), 400U);
  graph_.set_next_copy(89, kNoLink);
  EXPECT_EQ(ring(0), some(1, 89));
}

TEST_P(GraphTest, BrokenRecordsAreRefused) {
  EXPECT_DEATH(graph_.write(0, std::array{1U}), "locked");
  EXPECT_DEATH(write(0, {1, 0}), "link != slot");
  EXPECT_DEATH(write(0, {kNoLink}), "kCopyMark");
  EXPECT_DEATH(write(0, some(20, kDegree + 1)), "room|lanes_");
  EXPECT_DEATH(graph_.set_next_copy(0, 0), "next != slot");
  write(0, some(20, kDegree));
  EXPECT_DEATH(graph_.set_next_copy(0, 1), "count < degree_");
}

TEST(EntryList, GivesWhatWasAddedAndNotDropped) {
  EntryList<3> list;
  for (const uint32_t slot : {7U, 8U, 9U}) list.add(slot);
  EXPECT_TRUE(list.full());
  EXPECT_DEATH(list.add(1), "full");
  list.drop(0);
  list.set(1, 5);
  std::array<uint32_t, 3> out{};
  ASSERT_EQ(list.read(out.data()), 2U);
  EXPECT_EQ(out[0], 9U);
  EXPECT_EQ(out[1], 5U);
  EXPECT_DEATH(list.set(2, 1), "place");
}

}  // namespace
}  // namespace sagitta::ann
