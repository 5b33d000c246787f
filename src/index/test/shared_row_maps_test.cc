/// Row maps that log partitions share: who has joined them, what a partition that leaves takes with
/// it, and numbers that two stores claim.
#include "sagitta/index/shared_row_maps.h"

#include <gtest/gtest.h>

namespace sagitta::index {
namespace {

constexpr uint32_t kTable = 7;

class SharedRowMapsTest : public testing::Test {
 protected:
  MemoryBudget memory_{"rows", size_t{64} << 20};
  SharedRowMaps maps_{memory_, 2};
};

TEST_F(SharedRowMapsTest, AMapIsCompleteWhenItIsInEveryPartition) {
  EXPECT_EQ(maps_.find(kTable), nullptr);
  EXPECT_FALSE(maps_.is_complete(kTable));
  const RowMapPtr map = maps_.join(kTable, 0);
  EXPECT_EQ(maps_.join(kTable, 0), map);
  maps_.set_complete(kTable, 0, true);
  EXPECT_FALSE(maps_.is_complete(kTable)) << "the other has not joined";
  EXPECT_EQ(maps_.join(kTable, 1), map);
  EXPECT_EQ(maps_.find(kTable), map);
  maps_.set_complete(kTable, 1, true);
  EXPECT_TRUE(maps_.is_complete(kTable));
  maps_.set_complete(kTable, 0, false);
  EXPECT_FALSE(maps_.is_complete(kTable));
  EXPECT_FALSE(maps_.is_complete(kTable + 1));
}

TEST_F(SharedRowMapsTest, WhoLeavesTakesItsRowsAndTheLastTheMap) {
  const RowMapPtr map = maps_.join(kTable, 0);
  maps_.join(kTable, 1);
  maps_.set_complete(kTable, 0, true);
  maps_.set_complete(kTable, 1, true);
  ASSERT_TRUE(map->add(0, "a"));
  ASSERT_TRUE(map->add(1, "b"));
  maps_.leave(kTable, 0);
  EXPECT_FALSE(map->find("a"));
  EXPECT_TRUE(map->find("b"));
  EXPECT_FALSE(maps_.is_complete(kTable));
  // It comes back to the map that is there, and has its block.
  EXPECT_EQ(maps_.join(kTable, 0), map);
  const auto again = map->add(0, "c");
  ASSERT_TRUE(again);
  EXPECT_EQ(map->owner(*again), 0);
  maps_.leave(kTable, 1);
  maps_.leave(kTable, 0);
  EXPECT_EQ(maps_.find(kTable), nullptr);
  EXPECT_NE(maps_.join(kTable, 1), map) << "who holds the old one keeps it as it was";
  EXPECT_TRUE(map->find("c"));
  maps_.leave(kTable + 1, 0);
}

}  // namespace
}  // namespace sagitta::index
