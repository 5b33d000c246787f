/// How far the postings of an index are, over the log partitions of a process.
#include "sagitta/index/postings.h"

#include <gtest/gtest.h>

#include "sagitta/rows/row_keys.h"
#include "sagitta/types/token.h"
#include "sagitta/types/value.h"

namespace sagitta::index {
namespace {

constexpr uint32_t kIndex = 7;

schema::Schema schema_with_index() {
  auto table = std::make_shared<schema::TableDef>();
  table->id = 3;
  table->keyspace = "ks";
  table->name = "t";
  const auto type = types::DataType::native(types::Kind::kInt);
  table->columns = {{.id = 0, .name = "k", .type = type, .kind = schema::ColumnKind::kPartitionKey},
                    {.id = 1, .name = "v", .type = type}};
  table->indexes = {{.id = kIndex, .name = "i", .column_id = 1, .target = "v", .class_name = "sai", .kind = "ordered"}};
  table->finish();
  auto keyspace = std::make_shared<schema::KeyspaceDef>();
  keyspace->name = "ks";
  keyspace->tables["t"] = table;
  schema::Schema schema;
  schema.keyspaces["ks"] = keyspace;
  return schema;
}

/// A row whose token lies so far in the ring, about.
Bytes row_at(double share) {
  const auto token = static_cast<int64_t>((share - 0.5) * 0x1p64);
  for (int32_t k = 0;; ++k) {
    const Bytes key = types::from_int32(k);
    if (std::abs(static_cast<double>(types::token_of(key)) - static_cast<double>(token)) > 0x1p64 * 0.001) continue;
    return rows::entry_key(rows::partition_prefix(3, key), rows::EntryKind::kRow);
  }
}

class PostingsTest : public testing::Test {
 protected:
  PostingsTest() {
    for (log::Partition p = 0; p < 2; ++p) {
      stores_.push_back(kv::make_memory_store());
      followers_.push_back(std::make_unique<PostingFollower>(*stores_[p], shared_, p));
      EXPECT_TRUE(followers_[p]->start(schema::Schema()));
      record(p, [&](PostingFollower& follower) { follower.change_schema(schema_); });
    }
  }
  template <class Change>
  void record(log::Partition p, const Change& change) {
    const auto batch = stores_[p]->make_batch();
    followers_[p]->begin_record(*batch);
    change(*followers_[p]);
    ASSERT_TRUE(stores_[p]->write(*batch));
    followers_[p]->committed();
  }
  void build(log::Partition p, Bytes up_to) {
    record(p, [&](PostingFollower& follower) { follower.built(kIndex, std::move(up_to)); });
  }

  const schema::Schema schema_ = schema_with_index();
  SharedPostings shared_{2};
  std::vector<std::unique_ptr<kv::Store>> stores_;
  std::vector<std::unique_ptr<PostingFollower>> followers_;
};

TEST_F(PostingsTest, ProgressIsTheShareOfTheRingThatIsDone) {
  EXPECT_EQ(shared_.progress(kIndex), 0);
  EXPECT_TRUE(shared_.is_building());
  build(0, row_at(0.25));
  EXPECT_NEAR(shared_.progress(kIndex), 0.25, 0.01) << "half of the first half";
  build(1, row_at(0.9));
  EXPECT_NEAR(shared_.progress(kIndex), 0.25 + 0.4, 0.01);
  build(0, {});
  EXPECT_NEAR(shared_.progress(kIndex), 0.5 + 0.4, 0.01);
  EXPECT_FALSE(shared_.is_complete(kIndex));
  build(1, {});
  EXPECT_EQ(shared_.progress(kIndex), 1);
  EXPECT_TRUE(shared_.is_complete(kIndex));
  EXPECT_FALSE(shared_.is_building());
}

TEST_F(PostingsTest, ARowAtTheVeryEndIsNotTheEnd) {
  build(0, {});
  build(1, row_at(0.9995));
  EXPECT_LT(shared_.progress(kIndex), 1);
  EXPECT_FALSE(shared_.is_complete(kIndex));
}

TEST_F(PostingsTest, ProgressIsKept) {
  build(0, row_at(0.25));
  followers_[0].reset();
  followers_[0] = std::make_unique<PostingFollower>(*stores_[0], shared_, 0);
  ASSERT_TRUE(followers_[0]->start(schema_));
  EXPECT_NEAR(shared_.progress(kIndex), 0.25, 0.01);
  const auto unbuilt = followers_[0]->unbuilt();
  ASSERT_TRUE(unbuilt);
  EXPECT_EQ(unbuilt->from, row_at(0.25));
}

TEST_F(PostingsTest, AnIndexThatIsGoneIsForgotten) {
  for (log::Partition p = 0; p < 2; ++p) {
    record(p, [&](PostingFollower& follower) { follower.change_schema(schema::Schema()); });
  }
  EXPECT_EQ(shared_.progress(kIndex), 0);
  EXPECT_FALSE(shared_.is_building());
}

}  // namespace
}  // namespace sagitta::index
