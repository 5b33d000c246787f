/// The way to the rows: from what a select restricts, and from the indexes that serve.
#include "sagitta/plan/way.h"

#include "sagitta/testing/scan_kind.h"

#include "fixture.h"

namespace sagitta::plan {
namespace {

class WayTest : public PlanTest {
 protected:
  WayTest() {
    index::add_scan_kind();
    change("CREATE CUSTOM INDEX first ON zz.t (w) USING 'scan_index'");
    change("CREATE CUSTOM INDEX second ON zz.t (w) USING 'scan_index' WITH OPTIONS = {'note': 'another'}");
  }

  /// "index first": how the select's rows are found when these indexes serve, and those build.
  std::string way(const std::string& text, const std::vector<std::string>& serving,
                  const std::vector<std::string>& building = {}) const {
    auto made = select(text);
    if (!made) return made.error().to_string();
    index::IndexSet indexes;
    for (const auto& name : serving) add(name, index::Reader::State::kServing, indexes);
    for (const auto& name : building) add(name, index::Reader::State::kBuilding, indexes);
    const Way chosen = choose_way(*made, indexes);
    EXPECT_EQ(chosen.kind == Way::Kind::kIndex, chosen.index != nullptr);
    return chosen.describe(*made);
  }
  std::string warning(const std::string& text, index::Reader::State state) const {
    index::IndexSet indexes;
    add("first", state, indexes);
    return choose_way(*select(text), indexes).warning;
  }
  void add(const std::string& name, index::Reader::State state, index::IndexSet& out) const {
    const schema::TableDefPtr table = schema_->find_table("zz", "t");
    const schema::IndexDef& def = *table->find_index(name);
    auto made = index::define(*table, def)->make(table, {memory_, clock_, std::make_shared<index::RowMap>(memory_)});
    ASSERT_TRUE(made);
    (*made)->set_state(state);
    out.indexes[def.id] = *made;
  }

  mutable MemoryBudget memory_{"indexes", size_t{64} << 20};
};

constexpr const char* kNearest = "SELECT id FROM t ORDER BY w ANN OF [1, 0, 0] LIMIT 3";

TEST_F(WayTest, TheNewestIndexThatServesIsAsked) {
  EXPECT_EQ(way(kNearest, {"first", "second"}), "index second");
  EXPECT_EQ(way(kNearest, {"first"}, {"second"}), "index first");
  EXPECT_EQ(way(kNearest, {"first"}), "index first");
  EXPECT_EQ(way(kNearest, {}, {"first", "second"}), "all partitions");
  EXPECT_EQ(way(kNearest, {}), "all partitions");
}

TEST_F(WayTest, AnIndexThatMemoryHasNoRoomForIsSaid) {
  EXPECT_EQ(warning(kNearest, index::Reader::State::kFull),
            "Index first does not fit into memory: the query reads all rows");
  EXPECT_EQ(warning(kNearest, index::Reader::State::kServing), "");
  EXPECT_EQ(warning(kNearest, index::Reader::State::kBuilding), "");
  EXPECT_EQ(warning("SELECT id FROM t WHERE id = 1", index::Reader::State::kFull), "");
}

TEST_F(WayTest, AnIndexOnAnotherColumnIsNone) {
  EXPECT_EQ(way("SELECT id FROM t ORDER BY v ANN OF [1, 0, 0] LIMIT 3", {"first", "second"}), "all partitions");
  EXPECT_EQ(way("SELECT id FROM t ORDER BY v ANN OF [1, 0, 0] LIMIT 3", {"first", "t_v"}), "index t_v");
}

TEST_F(WayTest, PartitionsAndTokensThatAreNamedAreRead) {
  EXPECT_EQ(way("SELECT id FROM t WHERE id = 1 ORDER BY w ANN OF [1, 0, 0] LIMIT 3", {"first"}), "1 partitions");
  EXPECT_EQ(way("SELECT id FROM t WHERE id IN (1, 2, 3)", {"first"}), "3 partitions");
  EXPECT_EQ(way("SELECT id FROM t WHERE token(id) > 5", {"first"}), "a range of partitions");
  EXPECT_EQ(way("SELECT id FROM t", {"first"}), "all partitions");
}

TEST_F(WayTest, WhatHasToPassIsSaid) {
  EXPECT_EQ(way("SELECT id FROM t WHERE a = 1 ORDER BY w ANN OF [1, 0, 0] LIMIT 3", {"first"}),
            "index first, filtered");
  EXPECT_EQ(way("SELECT id FROM t WHERE a = 1 ALLOW FILTERING", {"first"}), "all partitions, filtered");
  EXPECT_EQ(way("SELECT r FROM c WHERE k1 = 1 AND k2 = 'x' AND c1 = 2", {}), "1 partitions, filtered");
}

}  // namespace
}  // namespace sagitta::plan
