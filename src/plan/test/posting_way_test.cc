/// When postings lead to the rows, by the sizes that they are estimated to have.
#include "sagitta/index/kinds.h"
#include "sagitta/index/postings.h"
#include "sagitta/plan/way.h"
#include "sagitta/rows/posting.h"
#include "sagitta/testing/scan_kind.h"
#include "sagitta/types/value.h"

#include "fixture.h"

namespace sagitta::plan {
namespace {

constexpr int kRows = 1000;

/// Of 1,000 rows 10 have each v, half of them each w, and all have s and c.
class PostingWayTest : public PlanTest {
 protected:
  PostingWayTest() {
    index::add_scan_kind();
    change("CREATE TABLE p (k int, c int, v int, w int, x int, s int static, e vector<float, 3>, PRIMARY KEY (k, c))");
    change("CREATE CUSTOM INDEX pe ON zz.p (e) USING 'scan_index'");
    for (const char* column : {"v", "w", "s", "c"}) {
      change(fmt::format("CREATE INDEX p{0} ON zz.p ({0}) USING 'sai'", column));
    }
    shared_.join(0, *store_);
    post("pv", 100);
    post("pw", 2);
    post("ps", kRows);
    post("pc", kRows);
    change_set();
  }
  ~PostingWayTest() override { shared_.leave(0); }

  const schema::IndexDef& def(const std::string& name) const {
    return *schema_->find_table("zz", "p")->find_index(name);
  }
  void post(const std::string& name, int values) {
    const auto batch = store_->make_batch();
    for (int i = 0; i < kRows; ++i) {
      Bytes term;
      types::append_ordered(*types::DataType::native(types::Kind::kInt), int_bytes(i % values), false, term);
      const Bytes row = fmt::format("row{:021}", i);
      const rows::Posting posting{.term = term, .row_key = row, .path = {}, .expires_s = 0};
      batch->put(kv::Family::kPostings, rows::posting_key(def(name).id, posting), rows::posting_value(posting));
    }
    ASSERT_TRUE(store_->write(*batch));
    shared_.set_progress(def(name).id, 0, 1);
  }
  void change_set() {
    const schema::TableDefPtr table = schema_->find_table("zz", "p");
    for (const schema::IndexDef& one : table->indexes) {
      const index::DefinitionPtr definition = index::define(*table, one);
      if (definition->terms() != nullptr) {
        indexes_.postings[one.id] = std::make_shared<index::PostingIndex>(definition, shared_);
        continue;
      }
      auto made = definition->make(table, {memory_, clock_, std::make_shared<index::RowMap>(memory_)});
      ASSERT_TRUE(made);
      (*made)->set_state(index::Reader::State::kServing);
      indexes_.indexes[one.id] = *made;
    }
  }
  std::string way(const std::string& restrictions) const {
    auto made = select("SELECT k FROM p " + restrictions);
    return made ? choose_way(*made, indexes_).describe(*made) : made.error().to_string();
  }

  const std::unique_ptr<kv::Store> store_ = kv::make_memory_store();
  index::SharedPostings shared_{1};
  MemoryBudget memory_{"indexes", size_t{64} << 20};
  index::IndexSet indexes_;
};

TEST_F(PostingWayTest, FewRowsAreFoundByTheirPostings) {
  EXPECT_EQ(way("WHERE v = 7"), "postings of index pv, filtered");
  EXPECT_EQ(way("WHERE v > 90"), "postings of index pv, filtered");
  EXPECT_EQ(way("WHERE c = 7"), "postings of index pc, filtered");
  EXPECT_EQ(way("WHERE s = 7"), "postings of index ps, filtered");
}

TEST_F(PostingWayTest, ManyRowsAreFoundByReadingAll) {
  EXPECT_EQ(way("WHERE w = 1"), "all partitions, filtered");
  EXPECT_EQ(way("WHERE v > 10"), "all partitions, filtered");
}

TEST_F(PostingWayTest, OfSeveralThatWithTheFewestRowsLeads) {
  EXPECT_EQ(way("WHERE w = 1 AND v = 7"), "postings of index pv and index pw, filtered");
  EXPECT_EQ(way("WHERE w = 1 AND c = 7"), "postings of index pc, filtered") << "500 postings for one row";
  EXPECT_EQ(way("WHERE v = 7 AND s = 7"), "postings of index ps, filtered") << "no key in common";
}

TEST_F(PostingWayTest, APartitionIsReadUnlessOneTermIsAsked) {
  EXPECT_EQ(way("WHERE k = 1 AND v = 7"), "postings of index pv, filtered");
  EXPECT_EQ(way("WHERE k = 1 AND v > 90"), "1 partitions, filtered");
  EXPECT_EQ(way("WHERE k = 1 AND c = 2 AND v = 7"), "1 partitions, filtered") << "the row is named";
}

TEST_F(PostingWayTest, OneThatIsBuiltIsNotAsked) {
  shared_.set_progress(def("pv").id, 0, 0.5);
  EXPECT_EQ(way("WHERE v = 7"), "all partitions, filtered");
}

TEST_F(PostingWayTest, FewPostingsFilterASearch) {
  EXPECT_EQ(way("WHERE v = 7 ORDER BY e ANN OF [1, 0, 0] LIMIT 3"), "index pe, among postings of index pv, filtered");
  EXPECT_EQ(way("WHERE x = 7 ORDER BY e ANN OF [1, 0, 0] LIMIT 3"), "index pe, filtered");
  EXPECT_EQ(way("WHERE w = 1 ORDER BY e ANN OF [1, 0, 0] LIMIT 3"), "index pe, filtered") << "half of all pass";
}

TEST_F(PostingWayTest, AnUnindexedFilterKeepsThePostings) {
  EXPECT_EQ(way("WHERE v = 7 AND x = 1 ALLOW FILTERING"), "postings of index pv, filtered");
  EXPECT_EQ(way("WHERE v IN (1, 2) ALLOW FILTERING"), "postings of index pv, filtered");
}

}  // namespace
}  // namespace sagitta::plan
