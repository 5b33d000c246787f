/// Indexes that log partitions share, with one partition and with several: wherever each partition
/// is in its log, and wherever its store fell back to, a serving index shows the rows of all.
#include <fmt/format.h>

#include <cstdlib>
#include <random>
#include <thread>

#include "sagitta/base/logging.h"

#include "process.h"
#include "threads.h"

namespace sagitta::tablet {
namespace {

uint64_t first_seed() {
  const char* given = std::getenv("SAGITTA_SEED");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
}

/// Random records, crossings, crashes and restarts of one seed.
class Life {
 public:
  explicit Life(uint64_t seed) : random_(seed), faults_(seed) {
    const bool scans = pick(5) == 0;
    process_ = std::make_unique<Process>(Process::Options{.partitions = static_cast<log::Partition>(pick(2) ? 4 : 1),
                                                          .kind = scans ? "scan" : "vector",
                                                          .changes_min = static_cast<uint64_t>(20 + pick(200)),
                                                          .workers = &workers_});
    if (pick(3) == 0) fill();
    create("i");
  }

  void run(int turns) {
    for (int turn = 0; turn < turns && !testing::Test::HasFailure(); ++turn) {
      SCOPED_TRACE(fmt::format("turn {}", turn));
      take_turn(pick(200));
      if (pick(4) == 0) serving_seen_ += process_->check();
    }
    settle();
  }

  Process& process() { return *process_; }
  int serving_seen() const { return serving_seen_; }
  int crashes() const { return crashes_; }

 private:
  int pick(int bound) { return static_cast<int>(random_() % static_cast<uint64_t>(bound)); }
  log::Partition any() { return static_cast<log::Partition>(pick(process_->partitions())); }

  void take_turn(int what) {
    if (what < 90) return write();
    if (what < 170) return process_->apply(any(), static_cast<size_t>(1 + pick(12)));
    if (what < 176) return process_->flush(any());
    if (what < 182) return process_->tick(any());
    if (what < 184) return process_->truncate();
    if (what < 187) return change_indexes();
    if (what < 190) return process_->pass_time(1 + pick(8));
    if (what < 192) return settle();
    if (what < 194) {
      files_fail_ = true;
      return process_->files->stop_after(faults_.below(60));
    }
    if (what < 196 && !files_fail_) return restart();
    if (what < 198) return crash();
  }
  void write() {
    const int p = pick(Process::kRows);
    const int64_t expires_s = pick(8) == 0 ? process_->now_s() + 1 + pick(15) : 0;
    if (pick(4) == 0) return process_->erase(p);
    if (pick(12) == 0) return process_->put(p, std::nullopt);
    process_->put(p, std::vector{2.0F, static_cast<float>(pick(1000))}, expires_s);
  }
  /// So many rows that they get their numbers in steps, when an index comes.
  void fill() {
    for (int p = 0; p < 6000; ++p) process_->put(p, std::vector{1.0F, static_cast<float>(p)});
  }
  void create(const std::string& name) {
    process_->create_index(name);
    names_.push_back(name);
  }
  void change_indexes() {
    if (names_.size() < 2 && pick(3) != 0) return create(fmt::format("i{}", next_name_++));
    if (names_.empty()) return;
    const auto which = names_.begin() + pick(static_cast<int>(names_.size()));
    process_->drop_index(*which);
    names_.erase(which);
    if (pick(2) == 0) create(fmt::format("i{}", next_name_++));
  }
  void settle() {
    process_->settle();
    process_->check_settled();
    process_->check_numbers();
  }
  void restart() {
    process_->restart();
    for (log::Partition p = 0; p < process_->partitions(); ++p) process_->flush(p);
  }
  void crash() {
    process_->crash(faults_, !files_fail_ && pick(2) == 0);
    files_fail_ = false;
    ++crashes_;
  }

  std::mt19937_64 random_;
  SeededRandom faults_;
  InlineExecutor workers_;
  std::unique_ptr<Process> process_;
  std::vector<std::string> names_;
  int next_name_ = 0, serving_seen_ = 0, crashes_ = 0;
  bool files_fail_ = false;
};

TEST(SharedIndexes, ShowTheRowsOfAllPartitionsWhereverEachIs) {
  set_log_level("error");
  const uint64_t first = first_seed();
  double loaded = 0, not_loaded = 0;
  int serving = 0, crashes = 0;
  for (uint64_t seed = first; seed < first + 24 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(fmt::format("SAGITTA_SEED={}", seed));
    Life life(seed);
    life.run(1000);
    loaded += life.process().snapshots("loaded");
    not_loaded += life.process().snapshots("not_loaded");
    serving += life.serving_seen();
    crashes += life.crashes();
  }
  fmt::print("{} indexes checked, {} crashes, {} snapshots loaded, {} not\n", serving, crashes, loaded, not_loaded);
  EXPECT_GT(serving, 2000);
  EXPECT_GT(crashes, 100);
  EXPECT_GT(loaded, 50);
  // Of an index whose removal a crash interrupts, and the stores fall back to before it was
  // dropped.
  EXPECT_LT(not_loaded, loaded / 10);
}

/// Records of one partition at once, each partition in a thread, while indexes are built, saved and
/// searched.
class Lanes {
 public:
  Lanes(uint64_t seed, log::Partition partitions) : random_(seed) {
    process_ =
        std::make_unique<Process>(Process::Options{.partitions = partitions, .changes_min = 300, .workers = &workers_});
  }
  ~Lanes() { process_->close(false); }

  /// Rows that stay as they are: every search finds them. They are durable.
  void keep_some() {
    for (int p = Process::kRows; p < Process::kRows + kKept; ++p) process_->put(p, std::vector{1.0F, 0.5F});
    process_->settle();
    for (log::Partition p = 0; p < process_->partitions(); ++p) process_->flush(p);
    kept_ = kKept;
  }
  void truncate() {
    process_->truncate();
    kept_ = 0;
  }

  /// Appends them to the logs.
  void write(int records) {
    for (int i = 0; i < records; ++i) {
      const int p = pick(Process::kRows);
      if (pick(4) == 0) {
        process_->erase(p);
      } else {
        process_->put(p, std::vector{2.0F, static_cast<float>(pick(1000))}, pick(9) == 0 ? process_->now_s() + 3 : 0);
      }
      if (pick(400) == 0) process_->pass_time(1);
    }
  }
  void apply() {
    std::atomic<int> applying = process_->partitions();
    std::vector<std::jthread> lanes;
    for (log::Partition p = 0; p < process_->partitions(); ++p) {
      lanes.emplace_back([&, p] {
        process_->apply_all(p);
        --applying;
      });
    }
    while (applying > 0) {
      if (!testing::Test::HasFailure()) search();
    }
  }
  void search() {
    const auto set = process_->indexes().published();
    for (const auto& [id, index] : set->indexes) {
      const auto found = index::find_nearest(*index, std::vector{1.0F, 0.5F}, 1000, process_->now_s());
      if (!found) {
        ASSERT_EQ(found.error().code(), ErrorCode::kUnavailable);
        continue;
      }
      const auto is_kept = [](const index::FoundRow& hit) { return hit.score == 1.0F; };
      ASSERT_TRUE(kept_ == 0 || std::ranges::count_if(*found, is_kept) == kept_);
      ++searches_;
    }
  }
  int pick(int bound) { return static_cast<int>(random_() % static_cast<uint64_t>(bound)); }
  Process& process() { return *process_; }
  int searches() const { return searches_; }

 private:
  static constexpr int kKept = 40;

  std::mt19937_64 random_;
  std::unique_ptr<Process> process_;
  int searches_ = 0, kept_ = 0;
  Threads workers_;
};

TEST(SharedIndexes, SeveralAppliersWriteOneIndex) {
  set_log_level("error");
  const uint64_t seed = first_seed();
  SCOPED_TRACE(fmt::format("SAGITTA_SEED={}", seed));
  SeededRandom faults(seed);
  Lanes lanes(seed, 4);
  lanes.process().create_index("i");
  lanes.keep_some();
  for (int life = 0; life < 8 && !testing::Test::HasFailure(); ++life) {
    lanes.write(4000);
    if (life == 3) lanes.process().drop_index("i");
    if (life == 5) lanes.process().create_index("again");
    lanes.write(2000);
    if (life == 6) lanes.truncate();
    lanes.write(1000);
    lanes.apply();
    lanes.process().settle();
    lanes.process().check_settled();
    if (life % 2 == 0) lanes.process().flush(static_cast<log::Partition>(lanes.pick(4)));
    lanes.process().crash(faults, lanes.pick(2) == 0);
  }
  lanes.process().settle();
  lanes.process().check_settled();
  EXPECT_GT(lanes.searches(), 10);
  EXPECT_GT(lanes.process().snapshots("loaded"), 0);
}

/// Of a CREATE INDEX that one partition has not crossed yet, and of a DROP.
TEST(SharedIndexes, AnIndexServesAfterTheLastCrossingAndGoesWithTheFirst) {
  InlineExecutor workers;
  Process process({.partitions = 4, .workers = &workers});
  for (int p = 0; p < 100; ++p) process.put(p, std::vector{1.0F, static_cast<float>(p)});
  process.settle();
  process.create_index("i");
  for (log::Partition p = 0; p < 4; ++p) process.tick(p);
  for (log::Partition p = 0; p < 4; ++p) {
    EXPECT_EQ(process.indexes().published()->indexes.size(), p == 0 ? 0U : 1U);
    EXPECT_EQ(process.check(), 0) << "before partition " << p;
    process.apply_all(p);
  }
  EXPECT_EQ(process.check(), 1);
  // Another, which all are to cross, and which is dropped when one has.
  process.create_index("short");
  for (log::Partition p = 0; p < 4; ++p) process.tick(p);
  process.apply_all(2);
  EXPECT_EQ(process.indexes().published()->indexes.size(), 2U);
  process.drop_index("short");
  process.tick(2);
  process.apply_all(2);
  EXPECT_EQ(process.indexes().published()->indexes.size(), 1U);
  process.apply_all(1);
  EXPECT_EQ(process.indexes().published()->indexes.size(), 1U) << "it does not come back";
  process.drop_index("i");
  process.tick(2);
  process.apply_all(2);
  EXPECT_TRUE(process.indexes().published()->indexes.empty());
  // Those that are behind write on.
  process.put(1, std::vector{5.0F, 5.0F});
  process.put(3, std::vector{5.0F, 5.0F});
  process.apply(3, 1);
  EXPECT_TRUE(process.indexes().published()->indexes.empty());
  process.settle();
  process.check_settled();
}

/// A search that began before the drop, and one that holds the set from before it.
TEST(SharedIndexes, WhoHoldsADroppedIndexReadsRows) {
  InlineExecutor workers;
  Process process({.partitions = 2, .workers = &workers});
  for (int p = 0; p < 100; ++p) process.put(p, std::vector{1.0F, static_cast<float>(p)});
  process.create_index("i");
  process.settle();
  const auto held = process.indexes().published();
  const index::Reader& index = *held->indexes.begin()->second;
  const Bytes query = types::from_floats(std::vector{1.0F, 0.5F});
  const index::Probe probe{.column_id = index.definition()->column().id, .what = index::Nearest{query}, .limit = 100};
  const index::Filter everything;
  const auto hits = index.open(probe, everything, process.now_s(), {});
  ASSERT_TRUE(hits);
  process.drop_index("i");
  process.tick(0);
  process.apply_all(0);
  process.create_index("again");
  process.tick(0);
  for (int p = 100; p < 200; ++p) process.put(p, std::vector{1.0F, static_cast<float>(p)});
  process.apply_all(0);
  std::vector<index::Hit> found;
  ASSERT_TRUE((*hits)->next(100, found));
  for (const index::Hit& hit : found) EXPECT_FALSE((*hits)->key(hit.row).empty());
  EXPECT_EQ(found.size(), 100U);
  const auto late = index.open(probe, everything, process.now_s(), {});
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code(), ErrorCode::kUnavailable);
}

/// Of a partition that has no records, rows expire and stay; those of the others are taken out.
TEST(SharedIndexes, ExpiredRowsOfAnIdlePartitionHoldUpNobody) {
  InlineExecutor workers;
  Process process({.partitions = 2, .changes_min = 1'000'000, .workers = &workers});
  process.create_index("i");
  for (int p = 0; p < 3000; ++p) process.put(2 * p, std::vector{1.0F, static_cast<float>(p)}, process.now_s() + 5);
  for (int p = 0; p < 10; ++p) process.put(2 * p + 1, std::vector{1.0F, static_cast<float>(p)}, process.now_s() + 5);
  process.settle();
  const auto set = process.indexes().published();
  const index::Reader& index = *set->indexes.begin()->second;
  EXPECT_EQ(index.stats().rows, 3010U);
  process.pass_time(10);
  process.tick(1);
  process.apply_all(1);
  EXPECT_EQ(index.stats().rows, 3000U);
}

/// Saved by another number of partitions: no directory has that, but a file may be copied.
TEST(SharedIndexes, ASnapshotOfAnotherNumberOfPartitionsIsNotUsed) {
  set_log_level("error");
  InlineExecutor workers;
  Process four({.partitions = 4, .workers = &workers}), one({.partitions = 1, .workers = &workers});
  for (Process* process : {&four, &one}) {
    process->create_index("i");
    for (int p = 0; p < 50; ++p) process->put(p, std::vector{1.0F, static_cast<float>(p)});
    process->settle();
    process->close(true);
  }
  const auto content = read_file(*four.files, "/index/1.rows");
  ASSERT_TRUE(content);
  ASSERT_TRUE(write_file_atomically(*one.files, "/index/1.rows", *content));
  four.open(true);
  EXPECT_EQ(four.snapshots("loaded"), 1);
  one.open(true);
  EXPECT_EQ(one.snapshots("not_loaded"), 1);
  one.check_settled();
}

}  // namespace
}  // namespace sagitta::tablet
