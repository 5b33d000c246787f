/// What the checker takes for possible, and what not.
#include "history.h"

#include <gtest/gtest.h>

namespace sagitta::db::test {
namespace {

class HistoryTest : public testing::Test {
 protected:
  using Kind = Operation::Kind;

  /// Answered at once. `timestamp_us` 0: the server stamps.
  Operation& add(Kind kind, std::vector<Effect> effects, Told told, int64_t timestamp_us = 0) {
    Operation operation{.id = ++last_id_, .kind = kind, .table = "t", .effects = std::move(effects)};
    if (timestamp_us != 0) operation.timestamp_us = timestamp_us;
    operation.submitted = ++moment_;
    operation.answered = ++moment_;
    operation.told = told;
    return history_.add(std::move(operation));
  }
  Operation& write(Key key, Told told, int64_t timestamp_us = 0) {
    return add(Kind::kWrite, {{.key = key}}, told, timestamp_us);
  }
  bool can_be(Key key, Found found) {
    const Moment began = ++moment_;
    return history_.read("t", key, found, began, ++moment_).empty();
  }
  bool settles(const std::map<Key, OperationId>& found) { return history_.settle("t", found, 4).empty(); }

  History history_;
  OperationId last_id_ = 0;
  Moment moment_ = 0;
};

TEST_F(HistoryTest, WhatWasDoneIsThere) {
  write(0, Told::kDone);
  EXPECT_TRUE(can_be(0, 1));
  EXPECT_FALSE(can_be(0, {}));
  EXPECT_FALSE(can_be(0, 7)) << "nobody wrote that";
  EXPECT_FALSE(can_be(1, 1)) << "not there";
}

TEST_F(HistoryTest, WhatWasRefusedIsNot) {
  write(0, Told::kRefused);
  EXPECT_FALSE(can_be(0, 1));
  EXPECT_TRUE(can_be(0, {}));
}

TEST_F(HistoryTest, WhatIsOpenMayBeThereAndStaysOnceItWasSeen) {
  write(0, Told::kOpen);
  EXPECT_TRUE(can_be(0, {}));
  EXPECT_TRUE(can_be(0, 1));
  EXPECT_FALSE(can_be(0, {}));
}

TEST_F(HistoryTest, TheLaterWinsOrTheNewerTimestamp) {
  write(0, Told::kDone);
  write(0, Told::kDone);
  EXPECT_FALSE(can_be(0, 1));
  EXPECT_TRUE(can_be(0, 2));
  write(1, Told::kDone, 20);
  write(1, Told::kDone, 10);
  EXPECT_TRUE(can_be(1, 3));
  EXPECT_FALSE(can_be(1, 4));
}

TEST_F(HistoryTest, ADeletionLeavesNothingButWhatIsNewer) {
  write(0, Told::kDone, 10);
  add(Kind::kWrite, {{.key = 0, .deletes = true}}, Told::kDone, 20);
  EXPECT_FALSE(can_be(0, 1));
  EXPECT_TRUE(can_be(0, {}));
  write(0, Told::kDone, 30);
  EXPECT_TRUE(can_be(0, 3));
  EXPECT_FALSE(can_be(0, {}));
}

TEST_F(HistoryTest, ATruncationTakesWhatWasBeforeIt) {
  write(0, Told::kDone);
  EXPECT_TRUE(settles({{0, 1}}));
  history_.forget();
  write(1, Told::kDone);
  add(Kind::kTruncate, {}, Told::kDone);
  write(2, Told::kDone);
  EXPECT_FALSE(can_be(0, 1));
  EXPECT_FALSE(can_be(1, 2));
  EXPECT_TRUE(can_be(1, {}));
  EXPECT_FALSE(can_be(2, {}));
  EXPECT_TRUE(settles({{2, 4}}));
}

TEST_F(HistoryTest, AnOpenTruncationTakesAllOrNothing) {
  for (Key key = 0; key < 3; ++key) write(key, Told::kDone);
  EXPECT_TRUE(settles({{0, 1}, {1, 2}, {2, 3}}));
  history_.forget();
  add(Kind::kTruncate, {}, Told::kOpen);
  History other = history_;
  EXPECT_TRUE(other.settle("t", {}, 4).empty());
  EXPECT_FALSE(settles({{0, 1}}));
  EXPECT_TRUE(settles({{0, 1}, {1, 2}, {2, 3}}));
}

TEST_F(HistoryTest, ABatchIsWhole) {
  const std::vector<Effect> effects = {{.key = 0, .partition = 0}, {.key = 1, .partition = 1}};
  add(Kind::kLoggedBatch, effects, Told::kOpen);
  EXPECT_FALSE(settles({{0, 1}}));
  EXPECT_TRUE(settles({{0, 1}, {1, 1}}));
  history_.forget();
  add(Kind::kUnloggedBatch, effects, Told::kOpen);
  EXPECT_TRUE(settles({{0, 2}, {1, 1}})) << "by partition";
  history_.forget();
  add(Kind::kLoggedBatch, effects, Told::kPromised);
  EXPECT_FALSE(settles({{0, 2}, {1, 1}}));
  EXPECT_TRUE(settles({{0, 3}, {1, 3}}));
}

}  // namespace
}  // namespace sagitta::db::test
