/// A process of several log partitions in a test: each has a log and a store in memory and a
/// TableSpace, and all share their indexes. Records are applied when the test says so, in any
/// order of partitions; stores fall back to their last flush, each to its own.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "sagitta/base/memory_file.h"
#include "sagitta/testing/index_search.h"
#include "sagitta/testing/scan_kind.h"

#include "fixture.h"

namespace sagitta::tablet {

/// What a record does.
enum class What : uint8_t { kWrite, kTruncate, kTick, kCross };

/// In a log.
struct Record {
  What what = What::kTick;
  std::vector<rows::Mutation> mutations = {};
  schema::SchemaPtr schema = nullptr;  ///< that is crossed to
  int64_t log_s = 0;
};

/// A log partition.
struct LogPart {
  std::vector<Record> log;
  schema::SchemaPtr log_schema = std::make_shared<const schema::Schema>();  ///< at its end
  std::unique_ptr<kv::Store> store = kv::make_memory_store();
  std::unique_ptr<TableSpace> space;
  schema::SchemaPtr schema = std::make_shared<const schema::Schema>();
  size_t next = 0, replay_until = 0;
  // As it was flushed.
  kv::SnapshotPtr flushed;
  schema::SchemaPtr flushed_schema;
  size_t flushed_next = 0;

  void flush() {
    flushed = store->snapshot();
    flushed_schema = schema;
    flushed_next = next;
  }
  void fall_back() {
    auto before = kv::make_memory_store();
    const auto batch = before->make_batch();
    for (size_t family = 0; family < kv::kFamilyCount; ++family) {
      const auto which = static_cast<kv::Family>(family);
      const auto it = store->iterate(which, {}, {}, kv::ReadMode::kBlocking, flushed);
      for (it->seek_to_first(); it->valid(); it->next()) batch->put(which, it->key(), it->value());
    }
    EXPECT_TRUE(before->write(*batch));
    store = std::move(before);
    schema = flushed_schema;
    next = flushed_next;
    flush();
  }
};

/// With table k.t (p int PRIMARY KEY, v vector<float, 2>), of which row p is of log partition p mod
/// N. Random ones are 0 to `kRows` - 1.
class Process {
 public:
  static constexpr int kRows = 240;
  static constexpr int64_t kStartS = 1'700'000'000;

  struct Options {
    log::Partition partitions = 1;
    std::string kind = "vector";
    uint64_t changes_min = 40;  ///< of a save in the background
    Executor* workers = nullptr;
  };

  explicit Process(const Options& options) : options_(options), parts_(options.partitions) {
    index::add_scan_kind();
    EXPECT_TRUE(files->make_directories("/index"));
    change_schema(schema::CreateKeyspace{.keyspace = "k"});
    schema::TableDef def;
    def.keyspace = "k";
    def.name = "t";
    def.columns = {column("p", native(types::Kind::kInt), schema::ColumnKind::kPartitionKey),
                   column("v", types::DataType::vector(native(types::Kind::kFloat), 2))};
    change_schema(schema::CreateTable{.table = def});
    for (LogPart& part : parts_) part.flush();
    open_all();
  }
  ~Process() { close(false); }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  log::Partition partitions() const { return options_.partitions; }
  index::SharedIndexes& indexes() { return *shared_; }
  schema::TableDefPtr table() const { return schema_->find_table("k", "t"); }

  // ---- what is appended to the logs ----

  void put(int p, std::optional<std::vector<float>> vector, int64_t expires_s = 0) {
    rows::Mutation out = mutation(p);
    rows::CellOp op{.column_id = table()->find_column("v")->id};
    if (vector) op.value = types::from_floats(*vector);
    out.rows.push_back({.insert_marker = true,
                        .ttl_s = expires_s != 0 ? static_cast<int32_t>(expires_s - log_s_) : 0,
                        .expires_s = expires_s,
                        .cells = {op}});
    append(partition_of(p), {.what = What::kWrite, .mutations = {out}});
    if (vector) {
      twin_[p] = {*vector, expires_s};
    } else {
      twin_.erase(p);
    }
  }
  void erase(int p) {
    rows::Mutation out = mutation(p);
    out.delete_partition = true;
    append(partition_of(p), {.what = What::kWrite, .mutations = {out}});
    twin_.erase(p);
  }
  void truncate() {
    for (log::Partition p = 0; p < partitions(); ++p) append(p, {.what = What::kTruncate});
    twin_.clear();
  }
  /// The partitions cross it with their next record.
  void change_schema(const schema::SchemaChange& wanted) {
    const auto outcome = schema::apply(schema_, wanted);
    ASSERT_TRUE(outcome) << outcome.error().to_string();
    schema_ = outcome->schema;
  }
  void create_index(const std::string& name) {
    change_schema(schema::CreateIndex{.keyspace = "k",
                                      .table = "t",
                                      .column = "v",
                                      .index = {.name = name,
                                                .class_name = options_.kind + "_index",
                                                .options = {{"similarity_function", "euclidean"}},
                                                .kind = options_.kind}});
  }
  void drop_index(const std::string& name) { change_schema(schema::DropIndex{.keyspace = "k", .name = name}); }
  /// An empty record, with which the partition crosses what it has not.
  void tick(log::Partition p) { append(p, {.what = What::kTick}); }
  void pass_time(int64_t seconds) { log_s_ += seconds; }
  int64_t now_s() const { return log_s_; }

  // ---- what is applied ----

  bool has_more(log::Partition p) const { return parts_[p].next < parts_[p].log.size(); }
  /// Up to `most` records of the partition: writes in one batch, others alone.
  void apply(log::Partition p, size_t most = 1) {
    LogPart& part = parts_[p];
    const auto batch = part.store->make_batch();
    const size_t first = part.next;
    schema::SchemaPtr crossed = part.schema;
    while (part.next < part.log.size() && part.next - first < most) {
      const Record& record = part.log[part.next];
      const bool alone = record.what != What::kWrite;
      if (alone && part.next != first) break;
      part.space->begin({.log_time_us = record.log_s * 1'000'000, .offset = part.next++}, *batch);
      const Status done = change(part, record, *batch);
      ASSERT_TRUE(done) << done.error().to_string();
      if (record.what == What::kCross) crossed = record.schema;
      if (alone) break;
    }
    if (part.next == first) return;
    part.space->finish(*batch);
    ASSERT_TRUE(part.space->write(*batch));
    part.space->committed();
    part.schema = crossed;
    end_replay(part);
  }
  void apply_all(log::Partition p) {
    while (has_more(p)) apply(p, 16);
  }
  /// Until nothing is under way in any partition, and every partition has crossed every change.
  void settle() {
    for (log::Partition p = 0; p < partitions(); ++p) {
      tick(p);
      apply_all(p);
      for (; parts_[p].space->has_steps() && !testing::Test::HasFatalFailure(); apply_all(p)) tick(p);
    }
  }

  // ---- starts and stops ----

  void flush(log::Partition p) { parts_[p].flush(); }
  /// Stops, and starts again where the stores are.
  void restart() {
    close(true);
    open_all();
  }
  /// Each store falls back to its last flush. `saved`: the indexes were saved before, as if the
  /// process died between their stop and the flush of the stores.
  void crash(SeededRandom& faults, bool saved) {
    close(saved);
    files->crash(faults, {.tear = faults.below(2) == 0, .garble = faults.below(2) == 0});
    for (LogPart& part : parts_) part.fall_back();
    open(faults.below(2) == 0);
  }
  void close(bool save) {
    if (shared_ == nullptr) return;
    shared_->stop(save);
    for (LogPart& part : parts_) part.space.reset();
    shared_.reset();
  }
  /// All partitions start, and then replay beside one another; or one after the other.
  void open(bool beside) {
    shared_ = std::make_unique<index::SharedIndexes>(
        index::SharedIndexes::Environment{*options_.workers, vectors, metrics, clock},
        index::SnapshotPlace{files.get(), "/index", options_.changes_min}, partitions());
    for (log::Partition p = 0; p < partitions(); ++p) {
      LogPart& part = parts_[p];
      part.space = std::make_unique<TableSpace>(*part.store, metrics, *shared_, p);
      ASSERT_TRUE(part.space->start(part.schema, part.next));
      part.space->set_replaying(true);
      part.replay_until = part.log.size();
      end_replay(part);
      if (!beside) apply_all(p);
    }
  }

  // ---- what must be true ----

  /// Of a serving index, at this moment: the rows of all stores, wherever each of them is.
  std::map<Bytes, float> rows(const index::Reader& index) const {
    std::map<Bytes, float> scores;
    const uint32_t column = index.definition()->column().id;
    for (const LogPart& part : parts_) {
      const schema::TableDefPtr table = part.schema->find_table("k", "t");
      if (table == nullptr) continue;
      const rows::ReadView view = part.space->view(log_s_, kv::ReadMode::kBlocking);
      const auto cursor = view.scan_tokens(*table);
      while (*cursor->next()) {
        const rows::LiveCell* cell = cursor->row().find(column);
        if (cell == nullptr) continue;
        scores[Bytes(cursor->row_key())] = index::euclidean_score(kQuery, index::floats_of(cell->value));
      }
    }
    return scores;
  }
  std::map<Bytes, float> hits(const index::Reader& index) const {
    std::map<Bytes, float> scores;
    const auto found = index::find_nearest(index, kQuery, 100'000, log_s_);
    EXPECT_TRUE(found) << found.error().to_string();
    if (!found) return scores;
    for (const auto& hit : *found) EXPECT_TRUE(scores.emplace(hit.row_key, hit.score).second);
    return scores;
  }
  static void expect_equal(const std::map<Bytes, float>& found, const std::map<Bytes, float>& expected) {
    ASSERT_EQ(found.size(), expected.size());
    for (const auto& [key, score] : expected) {
      ASSERT_TRUE(found.contains(key));
      ASSERT_NEAR(found.at(key), score, 1e-5F);
    }
  }
  /// Returns how many indexes serve.
  int check() {
    int serving = 0;
    const auto set = shared_->published();
    std::set<uint32_t> published;
    for (const auto& [id, index] : set->indexes) published.insert(id);
    EXPECT_EQ(published, index::index_ids(newest_applied()));
    for (const auto& [id, index] : set->indexes) {
      if (index->state() != index::Reader::State::kServing) continue;
      ++serving;
      expect_equal(hits(*index), rows(*index));
    }
    check_numbers();
    return serving;
  }
  /// Once it has settled: the indexes of the schema serve, and show what was written.
  void check_settled() {
    while (!shared_->ready()) std::this_thread::yield();
    const auto set = shared_->published();
    ASSERT_EQ(set->indexes.size(), table()->indexes.size());
    for (const auto& [id, index] : set->indexes) {
      ASSERT_EQ(index->state(), index::Reader::State::kServing) << index->def().name;
      std::map<Bytes, float> expected;
      for (const auto& [p, written] : twin_) {
        if (written.expires_s != 0 && written.expires_s <= log_s_) continue;
        expected[rows::row_key(*table(), i32(p), {})] = index::euclidean_score(kQuery, written.vector);
      }
      expect_equal(rows(*index), expected);
      expect_equal(hits(*index), expected);
    }
  }
  /// No number is in two stores, and no block.
  void check_numbers() const {
    std::map<uint32_t, size_t> owners;
    for (size_t p = 0; p < parts_.size(); ++p) {
      const auto it = parts_[p].store->iterate(kv::Family::kRowNumbers, {}, {}, kv::ReadMode::kBlocking);
      for (it->seek_to_first(); it->valid(); it->next()) {
        const auto number = get_big<uint32_t>(it->key().data() + sizeof(uint32_t));
        ASSERT_EQ(owners.emplace(number / index::kBlockRows, p).first->second, p) << "number " << number;
      }
    }
  }
  double snapshots(const std::string& result) {
    return metrics.counter("sagitta_index_snapshot_total", "", {{"result", result}}).value();
  }

  const std::unique_ptr<MemoryFileSystem> files = MemoryFileSystem::make();
  MemoryBudget vectors{"vectors", size_t{1} << 30};
  MetricsRegistry metrics;
  ManualClock clock{kStartS * 1'000'000};

 private:
  struct Written {
    std::vector<float> vector;
    int64_t expires_s = 0;
  };

  /// By any partition.
  const schema::Schema& newest_applied() const {
    const auto version = [](const LogPart& part) { return part.schema->version; };
    return *std::ranges::max_element(parts_, {}, version)->schema;
  }
  log::Partition partition_of(int p) const { return static_cast<log::Partition>(p % partitions()); }
  rows::Mutation mutation(int p) {
    return {.table_id = table()->id, .partition_key = i32(p), .timestamp_us = next_timestamp_++};
  }
  void append(log::Partition p, Record record) {
    LogPart& part = parts_[p];
    record.log_s = log_s_;
    if (part.log_schema->version < schema_->version) {
      part.log.push_back({.what = What::kCross, .schema = schema_, .log_s = log_s_});
      part.log_schema = schema_;
    }
    part.log.push_back(std::move(record));
  }
  Status change(LogPart& part, const Record& record, kv::Batch& batch) {
    switch (record.what) {
      case What::kWrite: return part.space->apply_mutations(*part.schema, record.mutations, batch);
      case What::kTruncate: return part.space->truncate(*part.schema->find_table("k", "t"), batch);
      case What::kTick: return part.space->step(*part.schema, batch);
      case What::kCross: return part.space->change_schema(*part.schema, record.schema, batch);
    }
    return {};
  }
  static void end_replay(LogPart& part) {
    if (part.next >= part.replay_until) part.space->set_replaying(false);
  }
  void open_all() { open(true); }

  static constexpr float kQuery[2] = {1.0F, 0.5F};

  const Options options_;
  std::vector<LogPart> parts_;
  std::unique_ptr<index::SharedIndexes> shared_;
  schema::SchemaPtr schema_ = std::make_shared<const schema::Schema>();
  std::map<int, Written> twin_;  ///< by row: its vector
  int64_t next_timestamp_ = 1000;
  int64_t log_s_ = kStartS;
};

}  // namespace sagitta::tablet
