/// Indexes that outlive their process: whatever is left of a snapshot, a serving index shows the
/// rows.
#include <fmt/format.h>

#include <map>
#include <mutex>
#include <random>
#include <set>
#include <thread>

#include "sagitta/ann/metric.h"
#include "sagitta/base/logging.h"
#include "sagitta/base/memory_file.h"
#include "sagitta/testing/index_search.h"

#include "fixture.h"
#include "threads.h"

namespace sagitta::tablet {
namespace {

using types::DataType;
using types::Kind;

/// Rows and snapshots stay, the TableSpace is made again as by a restart.
class IndexSnapshotTest : public TableFixture {
 protected:
  IndexSnapshotTest() {
    set_log_level("error");
    EXPECT_TRUE(files_->make_directories("/index"));
    create({column("p", native(Kind::kInt), schema::ColumnKind::kPartitionKey),
            column("v", DataType::vector(native(Kind::kFloat), 2))});
    restart();
  }
  ~IndexSnapshotTest() override { kept_->stop(); }

  void restart(bool clean = true) {
    if (kept_ != nullptr) kept_->stop(clean);
    kept_ = std::make_unique<SoleSpace>(*store_, *executor_, vectors_, metrics_, clock_,
                                        index::SnapshotPlace{files_.get(), "/index", changes_min_});
    ASSERT_TRUE(kept_->start(schema_, offset_));
  }
  /// Applies to the TableSpace that restarts; the fixture's own sees nothing.
  void apply(const std::function<Status(kv::Batch&)>& change) {
    const Status done = apply_to(*kept_, *store_, time(), change);
    ASSERT_TRUE(done) << done.error().to_string();
  }
  void change_schema_to(const schema::SchemaChange& wanted) {
    const auto outcome = schema::apply(schema_, wanted);
    ASSERT_TRUE(outcome) << outcome.error().to_string();
    apply([&](kv::Batch& batch) { return kept_->change_schema(*schema_, outcome->schema, batch); });
    schema_ = outcome->schema;
    step_to_the_end(*kept_);
  }
  void create_index(const std::string& name = "i") {
    const schema::IndexDef index{
        .name = name, .class_name = "vector_index", .options = {{"similarity_function", "euclidean"}}};
    change_schema_to(schema::CreateIndex{.keyspace = "k", .table = "t", .column = "v", .index = index});
  }
  void put(int32_t partition, std::optional<std::vector<float>> vector, int64_t expires_s = 0) {
    rows::Mutation out = mutation(partition, next_timestamp_++);
    rows::CellOp op{.column_id = id("v")};
    if (vector) op.value = types::from_floats(*vector);
    out.rows.push_back(
        {.insert_marker = true, .ttl_s = expires_s != 0 ? 10 : 0, .expires_s = expires_s, .cells = {op}});
    write_kept({out});
  }
  void erase(int32_t partition) {
    rows::Mutation out = mutation(partition, next_timestamp_++);
    out.delete_partition = true;
    write_kept({out});
  }
  void write_kept(const std::vector<rows::Mutation>& record) {
    apply([&](kv::Batch& batch) { return kept_->apply_mutations(*schema_, record, batch); });
  }
  void truncate() {
    apply([&](kv::Batch& batch) { return kept_->truncate(*table(), batch); });
  }

  const index::Reader& index(const std::string& name = "i") {
    held_ = kept_->indexes();
    return **held_->find(table()->find_index(name)->id);
  }
  /// The rows of the index with their scores against a query, which tells their vectors apart.
  std::map<Bytes, float> hits() {
    std::map<Bytes, float> scores;
    const auto found = index::find_nearest(index(), kQuery, 100'000, kStartS, nullptr, {});
    EXPECT_TRUE(found) << found.error().to_string();
    if (found) {
      for (const auto& hit : *found) EXPECT_TRUE(scores.emplace(hit.row_key, hit.score).second);
    }
    return scores;
  }
  std::map<Bytes, float> rows() {
    std::map<Bytes, float> scores;
    const auto cursor = view().scan_tokens(*table());
    std::vector<float> vector(2);
    while (*cursor->next()) {
      const rows::LiveCell* cell = cursor->row().find(id("v"));
      if (cell == nullptr) continue;
      types::to_floats(cell->value, vector);
      if (!index().definition()->refuse(cell->value).empty()) continue;
      scores[Bytes(cursor->row_key())] = ann::similarity(ann::Metric::kL2, kQuery, vector);
    }
    return scores;
  }
  void expect_rows() {
    const auto found = hits(), expected = rows();
    ASSERT_EQ(found.size(), expected.size());
    for (const auto& [key, score] : expected) {
      ASSERT_TRUE(found.contains(key));
      ASSERT_NEAR(found.at(key), score, 1e-5F);
    }
  }
  double snapshots(const std::string& result) {
    return metrics_.counter("sagitta_index_snapshot_total", "", {{"result", result}}).value();
  }
  std::vector<std::string> names() const { return files_->list("/index").value(); }
  size_t journal_entries() const {
    const auto it = store_->iterate(kv::Family::kJournal, {}, {}, kv::ReadMode::kBlocking);
    size_t count = 0;
    for (it->seek_to_first(); it->valid(); it->next()) ++count;
    return count;
  }

  const std::vector<float> kQuery{1.0F, 0.5F};
  const std::unique_ptr<MemoryFileSystem> files_ = MemoryFileSystem::make();
  Executor* executor_ = &workers_;
  uint64_t changes_min_ = 10'000;
  std::unique_ptr<SoleSpace> kept_;
  index::IndexSetPtr held_;
  int64_t next_timestamp_ = 1000;
};

TEST_F(IndexSnapshotTest, ACleanStopSavesAndTheNextStartLoads) {
  create_index();
  for (int32_t p = 0; p < 600; ++p) put(p, std::vector{1.0F, static_cast<float>(p)});
  put(700, std::vector{std::numeric_limits<float>::quiet_NaN(), 0.0F});
  put(701, std::vector{2.0F, 2.0F}, kStartS + 10);
  restart();
  EXPECT_EQ(snapshots("loaded"), 1);
  EXPECT_EQ(index().stats().rows, 601U);
  EXPECT_EQ(index().stats().refused, 1U);
  expect_rows();
  EXPECT_EQ(index::find_nearest(index(), kQuery, 1000, kStartS + 10, nullptr, {})->size(), 600U);
  EXPECT_EQ(names(), (std::vector<std::string>{"1-1.vectors", "1.rows"}));
  EXPECT_EQ(journal_entries(), 1U);
  restart();
  EXPECT_EQ(snapshots("saved"), 1) << "nothing changed, nothing to save";
  EXPECT_EQ(snapshots("loaded"), 2);
}

TEST_F(IndexSnapshotTest, AfterACrashTheJournalBringsTheSnapshotUpToDate) {
  create_index();
  for (int32_t p = 0; p < 400; ++p) put(p, std::vector{1.0F, static_cast<float>(p)});
  restart();
  for (int32_t p = 0; p < 50; ++p) put(p, std::vector{3.0F, static_cast<float>(p)});
  for (int32_t p = 100; p < 150; ++p) erase(p);
  for (int32_t p = 400; p < 420; ++p) put(p, std::vector{1.0F, static_cast<float>(p)});
  put(200, std::nullopt);
  put(201, std::vector{std::numeric_limits<float>::infinity(), 0.0F});
  restart(false);
  EXPECT_EQ(snapshots("loaded"), 2);
  EXPECT_EQ(index().stats().rows, 368U);
  EXPECT_EQ(index().stats().refused, 1U);
  erase(201);
  expect_rows();
  restart(false);
  expect_rows();
}

TEST_F(IndexSnapshotTest, TruncatedRowsDoNotComeBack) {
  create_index();
  for (int32_t p = 0; p < 300; ++p) put(p, std::vector{1.0F, static_cast<float>(p)});
  restart();
  truncate();
  put(5, std::vector{9.0F, 9.0F});
  restart(false);
  EXPECT_EQ(snapshots("loaded"), 2);
  EXPECT_EQ(hits().size(), 1U);
  expect_rows();
  truncate();
  restart();
  EXPECT_TRUE(hits().empty());
}

TEST_F(IndexSnapshotTest, TimesAreThoseOfTheClockThatIsHandedIn) {
  create_index();
  put(1, std::vector{1.0F, 1.0F});
  restart();
  const std::string metrics = metrics_.render();
  for (const char* seconds : {"save", "load"}) {
    const std::string name = fmt::format("sagitta_index_snapshot_{}_seconds", seconds);
    EXPECT_NE(metrics.find(name + "_count 1\n"), std::string::npos);
    EXPECT_NE(metrics.find(name + "_sum 0\n"), std::string::npos) << "the clock stands still";
  }
  EXPECT_TRUE(index::find_nearest(index(), kQuery, 1, kStartS, nullptr, {.deadline = {clock_.steady_us() + 1}}));
  const auto late = index::find_nearest(index(), kQuery, 1, kStartS, nullptr, {.deadline = {clock_.steady_us()}});
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code(), ErrorCode::kReadTimeout);
}

TEST_F(IndexSnapshotTest, ADroppedIndexLeavesNothing) {
  create_index();
  put(1, std::vector{1.0F, 1.0F});
  restart();
  ASSERT_EQ(names().size(), 2U);
  change_schema_to(schema::DropIndex{.keyspace = "k", .name = "i"});
  EXPECT_TRUE(names().empty());
  EXPECT_EQ(journal_entries(), 0U);
  create_index();
  restart();
  EXPECT_EQ(names(), (std::vector<std::string>{"2-1.vectors", "2.rows"}));
  change_schema_to(schema::DropTable{.keyspace = "k", .table = "t"});
  EXPECT_TRUE(names().empty());
}

TEST_F(IndexSnapshotTest, OfAnIndexThatTheLogStillBringsTheSnapshotStays) {
  ASSERT_TRUE(write_file_atomically(*files_, "/index/7-1.vectors", "x"));
  ASSERT_TRUE(write_file_atomically(*files_, "/index/8.rows.tmp", "x"));
  ASSERT_TRUE(write_file_atomically(*files_, "/index/other", "x"));
  restart();
  EXPECT_EQ(names(), (std::vector<std::string>{"7-1.vectors", "other"}));
}

TEST_F(IndexSnapshotTest, DamageIsSaidAndTheRowsAreRead) {
  create_index();
  for (int32_t p = 0; p < 100; ++p) put(p, std::vector{1.0F, static_cast<float>(p)});
  std::mt19937_64 random(7);
  for (const bool rows_file : {false, true}) {
    for (int i = 0; i < 40; ++i) {
      restart();
      const std::string path = fmt::format("/index/{}", names()[rows_file ? 1 : 0]);
      ASSERT_TRUE(files_->flip_bit(path, random() % (files_->file_size(path).value() * 8)));
      const double before = snapshots("not_loaded");
      restart();
      ASSERT_EQ(snapshots("not_loaded"), before + 1) << path;
      expect_rows();
    }
  }
}

TEST_F(IndexSnapshotTest, ATruncatedRowsFileAndAMissingOneAreDamage) {
  create_index();
  for (int32_t p = 0; p < 10; ++p) put(p, std::vector{1.0F, static_cast<float>(p)});
  restart();
  const uint64_t size = files_->file_size("/index/1.rows").value();
  for (uint64_t cut = 0; cut < size; cut += 5) {
    restart();
    ASSERT_TRUE(files_->truncate("/index/1.rows", cut));
    const double before = snapshots("not_loaded");
    restart(false);
    ASSERT_EQ(snapshots("not_loaded"), before + 1) << cut;
    expect_rows();
  }
  restart();
  ASSERT_TRUE(files_->remove("/index/" + names()[0]));
  restart(false);
  expect_rows();
}

TEST_F(IndexSnapshotTest, ASnapshotOlderThanTheJournalIsNotUsed) {
  create_index();
  for (int32_t p = 0; p < 10; ++p) put(p, std::vector{1.0F, static_cast<float>(p)});
  restart();
  // As a program does that knows no snapshots.
  const auto batch = store_->make_batch();
  batch->remove_range(kv::Family::kJournal, Bytes(16, '\0'), Bytes(16, '\xff'));
  ASSERT_TRUE(store_->write(*batch));
  put(3, std::vector{7.0F, 7.0F});
  restart(false);
  EXPECT_EQ(snapshots("not_loaded"), 1);
  expect_rows();
}

TEST_F(IndexSnapshotTest, AFullDiskLeavesTheSnapshotThatIsThere) {
  create_index();
  for (int32_t p = 0; p < 100; ++p) put(p, std::vector{1.0F, static_cast<float>(p)});
  restart();
  files_->limit_bytes(1);
  put(1, std::vector{5.0F, 5.0F});
  restart();
  EXPECT_EQ(snapshots("not_saved"), 1);
  EXPECT_EQ(snapshots("loaded"), 2);
  EXPECT_EQ(names(), (std::vector<std::string>{"1-1.vectors", "1.rows"}));
  expect_rows();
}

TEST_F(IndexSnapshotTest, ChangesEnoughAreSavedInTheBackgroundAndTrimTheJournal) {
  changes_min_ = 100;
  restart();
  create_index();
  for (int32_t p = 0; p < 1000; ++p) put(p, std::vector{1.0F, static_cast<float>(p)});
  EXPECT_GE(snapshots("saved"), 5);
  EXPECT_LT(journal_entries(), 300U);
  EXPECT_EQ(names().size(), 2U);
  restart(false);
  EXPECT_EQ(snapshots("loaded"), 1);
  expect_rows();
}

// Power fails during saves and in between; rows are durable here, so the index must show them
// whatever is left.
TEST_F(IndexSnapshotTest, AfterCrashesDuringSavesTheIndexShowsTheRows) {
  SeededRandom faults(21);
  std::mt19937_64 random(22);
  changes_min_ = 20;
  restart();
  create_index();
  for (int crash = 0; crash < 150 && !HasFailure(); ++crash) {
    files_->stop_after(faults.below(60));
    for (int i = 0; i < 60; ++i) {
      const auto p = static_cast<int32_t>(random() % 120);
      if (random() % 40 == 0) {
        truncate();
      } else if (random() % 4 == 0) {
        erase(p);
      } else {
        put(p, std::vector{2.0F, static_cast<float>(random() % 1000)});
      }
    }
    if (faults.below(2) == 0) kept_->stop(true);
    files_->crash(faults, {.tear = faults.below(2) == 0, .garble = faults.below(2) == 0});
    restart(false);
    expect_rows();
  }
  EXPECT_GT(snapshots("loaded"), 50);
  EXPECT_EQ(snapshots("not_loaded"), 0) << "the old one or the new one is whole";
}

TEST_F(IndexSnapshotTest, SavesBesideTheApplierHoldWhatTheJournalDoesNot) {
  Threads threads;
  executor_ = &threads;
  changes_min_ = 60;
  restart();
  create_index();
  std::mt19937_64 random(5);
  for (int life = 0; life < 12 && !HasFailure(); ++life) {
    for (int i = 0; i < 700; ++i) {
      const auto p = static_cast<int32_t>(random() % 400);
      if (random() % 500 == 0) {
        truncate();
      } else if (random() % 4 == 0) {
        erase(p);
      } else {
        put(p, std::vector{2.0F, static_cast<float>(random() % 1000)});
      }
    }
    restart(false);
    while (!kept_->ready()) std::this_thread::yield();
    expect_rows();
  }
  EXPECT_GT(snapshots("loaded"), 5);
  EXPECT_EQ(snapshots("not_loaded"), 0);
  kept_->stop();
}

// The store falls back to its last flush, and what follows is applied again over an index that is
// ahead of it.
TEST_F(IndexSnapshotTest, ReplayOverANewerSnapshotEndsWithTheRows) {
  create_index();
  for (int32_t p = 0; p < 50; ++p) put(p, std::vector{1.0F, static_cast<float>(p)});
  const auto old_rows = store_->snapshot();
  const log::Offset flushed = offset_;
  std::vector<std::function<void()>> later;
  for (int32_t p = 0; p < 30; ++p) {
    later.emplace_back([this, p] { put(p, std::vector{4.0F, static_cast<float>(p)}); });
    if (p == 10) later.emplace_back([this] { truncate(); });
    later.emplace_back([this, p] { erase(p / 2); });
  }
  const int64_t timestamp = next_timestamp_;
  for (const auto& record : later) record();
  kept_->stop(true);
  const auto batch = store_->make_batch();
  for (size_t family = 0; family < kv::kFamilyCount; ++family) {
    const auto which = static_cast<kv::Family>(family);
    batch->remove_range(which, Bytes(1, '\0'), Bytes(64, '\xff'));
    const auto it = store_->iterate(which, {}, {}, kv::ReadMode::kBlocking, old_rows);
    for (it->seek_to_first(); it->valid(); it->next()) batch->put(which, it->key(), it->value());
  }
  ASSERT_TRUE(store_->write(*batch));
  offset_ = flushed;
  next_timestamp_ = timestamp;
  restart(false);
  // Whose its vectors are is known once the rows have come as far as it.
  EXPECT_EQ(snapshots("loaded"), 0);
  for (const auto& record : later) record();
  EXPECT_EQ(snapshots("loaded"), 1);
  expect_rows();
  restart();
  expect_rows();
}

}  // namespace
}  // namespace sagitta::tablet
