/// Random writes against a naive twin that keeps every write ever made and resolves them when it is
/// read. It shares no code with the library. Timestamps come from a small range, so that ties are
/// common.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <random>
#include <set>

#include "sagitta/testing/index_search.h"
#include "sagitta/testing/scan_kind.h"

#include "fixture.h"
#include "twin.h"

namespace sagitta::tablet {
namespace {

using types::DataType;
using types::Kind;

class ModelTest : public TableFixture {
 protected:
  /// With an index of this kind, which USING names so.
  explicit ModelTest(const std::string& kind = "vector", const std::string& class_name = "vector_index",
                     log::Partition partitions = 1)
      : TableFixture(partitions) {
    auto vector = DataType::vector(native(Kind::kFloat), 2);
    create({column("p", native(Kind::kInt), schema::ColumnKind::kPartitionKey),
            column("c", native(Kind::kInt), schema::ColumnKind::kClustering, 0, true), column("a", native(Kind::kInt)),
            column("m", DataType::map(native(Kind::kInt), native(Kind::kInt))), column("v", vector),
            column("s", native(Kind::kInt), schema::ColumnKind::kStatic)});
    schema::IndexDef index{.class_name = class_name, .options = {{"similarity_function", "euclidean"}}, .kind = kind};
    change(schema::CreateIndex{.keyspace = "k", .table = "t", .column = "v", .index = index});
  }

  int pick(int bound) { return static_cast<int>(random_() % static_cast<uint64_t>(bound)); }

  /// Sets elements of the map, and clears it at times.
  void set_map(rows::RowMutation& row, int partition, int number, int64_t timestamp) {
    if (pick(large_maps_ ? 12 : 4) == 0) {
      row.cells.push_back({.column_id = id("m"), .kind = rows::CellOp::Kind::kClear});
      auto& clear = twin_.clears.try_emplace({partition, number, "m"}, INT64_MIN).first->second;
      clear = std::max(clear, timestamp - 1);
    }
    for (int i = large_maps_ ? pick(60) : 0; i >= 0; --i) {
      const bool null = pick(4) == 0;
      const int key = pick(large_maps_ ? 400 : 3), value = pick(3);
      rows::CellOp op{.column_id = id("m"), .kind = rows::CellOp::Kind::kSetElement, .path = i32(key)};
      if (!null) op.value = i32(value);
      twin_.cells[{partition, number, "m", fmt::format("{:03}", key)}].push_back(
          {timestamp, null, null ? 0 : row.expires_s, null ? "" : std::to_string(value)});
      row.cells.push_back(std::move(op));
    }
  }

  void set(rows::RowMutation& row, int partition, int number, int64_t timestamp, const std::string& name) {
    if (name == "m") return set_map(row, partition, number, timestamp);
    const bool null = pick(4) == 0;
    const int value = pick(3);
    rows::CellOp op{.column_id = id(name)};
    if (!null) op.value = name == "v" ? types::from_floats(std::vector{static_cast<float>(value), 1.0F}) : i32(value);
    Place place{partition, number, name, ""};
    twin_.cells[place].push_back({timestamp, null, null ? 0 : row.expires_s, null ? "" : std::to_string(value)});
    row.cells.push_back(std::move(op));
  }

  rows::RowMutation random_row(int partition, int64_t timestamp) {
    rows::RowMutation row;
    const int number = pick(rows_);
    row.clustering = {i32(number)};
    if (pick(6) == 0) {
      row.delete_row = true;
      twin_.deletions[partition].push_back({timestamp, number, number});
      return row;
    }
    if (pick(3) == 0) {
      row.expires_s = log_s_ + 10 * (1 + pick(3));
      row.ttl_s = static_cast<int32_t>(row.expires_s - log_s_);
    }
    if (pick(2) == 0) {
      row.insert_marker = true;
      twin_.cells[{partition, number, "marker", ""}].push_back({timestamp, false, row.expires_s, ""});
    }
    for (const auto* name : {"a", "m", "v"}) {
      if (pick(2) == 0) set(row, partition, number, timestamp, name);
    }
    return row;
  }

  /// Deletes some of the `width` rows from a random one on.
  void add_range(rows::Mutation& out, int width) {
    // The clustering order is descending: the range starts at its larger end.
    const int partition = types::to_int32(out.partition_key), low = pick(rows_), high = low + pick(width);
    const bool low_in = pick(2) == 0, high_in = pick(2) == 0;
    out.deletions.push_back({{i32(high)}, {i32(low)}, high_in, low_in});
    twin_.deletions[partition].push_back({out.timestamp_us, low_in ? low : low + 1, high_in ? high : high - 1});
  }

  rows::Mutation random_mutation() {
    const int partition = pick(kPartitions);
    const int64_t timestamp = 1000 + pick(40);
    rows::Mutation out = mutation(partition, timestamp);
    const int what = many_deletions_ ? pick(40) / 2 : pick(20);
    if (many_deletions_ && pick(3) > 0) {
      for (int i = pick(12); i >= 0; --i) add_range(out, pick(30) == 0 ? rows_ / 2 : 1);
    } else if (what == 0) {
      out.delete_partition = true;
      twin_.deletions[partition].push_back({timestamp, INT_MIN, INT_MAX});
    } else if (what <= 2) {
      add_range(out, 3);
    } else if (what == 3) {
      out.rows.push_back({.is_static = true});
      set(out.rows.back(), partition, -1, timestamp, "s");
    } else {
      for (int i = pick(3); i >= 0; --i) out.rows.push_back(random_row(partition, timestamp));
    }
    return out;
  }

  std::vector<rows::Mutation> random_record() {
    std::vector<rows::Mutation> record;
    for (int i = pick(3); i >= 0; --i) record.push_back(random_mutation());
    return record;
  }

  /// The log partition in which a partition's rows are.
  size_t part_of(int partition) const { return static_cast<size_t>(partition) % parts_.size(); }
  const Part& part_with(int partition) const { return parts_[part_of(partition)]; }

  /// Some records in one batch of each log partition, of which some are refused after they have
  /// changed rows.
  void write_group() {
    std::vector<std::unique_ptr<kv::Batch>> batches;
    for (const Part& part : parts_) batches.push_back(part.store->make_batch());
    std::set<size_t> written;
    for (int records = pick(4); records >= 0; --records) {
      const bool is_refused = pick(3) == 0;
      const Twin before = twin_;
      std::vector<std::vector<rows::Mutation>> pieces(parts_.size());
      for (rows::Mutation& one : random_record()) {
        pieces[part_of(types::to_int32(one.partition_key))].push_back(std::move(one));
      }
      if (is_refused) twin_ = before;
      for (size_t p = 0; p < parts_.size(); ++p) {
        if (pieces[p].empty()) continue;
        written.insert(p);
        apply_piece(*parts_[p].space, std::move(pieces[p]), is_refused, *batches[p]);
      }
    }
    for (const size_t p : written) {
      TableSpace& space = *parts_[p].space;
      space.finish(*batches[p]);
      ASSERT_TRUE(space.write(*batches[p]));
      space.committed();
    }
  }
  void apply_piece(TableSpace& space, std::vector<rows::Mutation> piece, bool is_refused, kv::Batch& batch) {
    space.begin(time(), batch);
    if (is_refused) piece.push_back({.table_id = UINT32_MAX});
    ASSERT_EQ(space.apply_mutations(*schema_, piece, batch).has_value(), !is_refused);
    if (is_refused) space.take_back(batch);
  }

  std::string show_row(const rows::LiveRow& row) const {
    std::string text;
    if (const auto* a = row.find(id("a"))) text += fmt::format("a[]={} ", types::to_int32(a->value));
    if (const auto* m = row.find(id("m"))) {
      auto elements = types::unpack_elements(*table()->find_column("m")->type, m->value);
      for (size_t i = 0; elements && i + 1 < elements->size(); i += 2) {
        text += fmt::format("m[{:03}]={} ", types::to_int32((*elements)[i]), types::to_int32((*elements)[i + 1]));
      }
    }
    if (const auto* s = row.find(id("s"))) text += fmt::format("s[]={} ", types::to_int32(s->value));
    if (const auto* v = row.find(id("v"))) {
      std::array<float, 2> floats{};
      types::to_floats(v->value, floats);
      text += fmt::format("v[]={} ", static_cast<int>(floats[0]));
    }
    return text;
  }

  void compare(int64_t now) {
    std::map<std::string, std::string> found, with_vector;
    std::set<Bytes> indexed;
    for (const Part& part : parts_) {
      const rows::ReadView rows = part.space->view(now, kv::ReadMode::kBlocking);
      const auto cursor = rows.scan_tokens(*table());
      for (auto more = cursor->next(); more && *more; more = cursor->next()) {
        const rows::LiveRow& row = cursor->row();
        const int number = row.is_static ? -1 : types::to_int32(row.clustering[0]);
        found[fmt::format("{}/{}", types::to_int32(row.partition->components[0]), number)] = show_row(row);
        if (row.find(id("v")) != nullptr) indexed.insert(Bytes(cursor->row_key()));
      }
    }
    ASSERT_EQ(found, twin_.show(now));
    const auto index = space_.indexes()->indexes.begin()->second;
    const auto hits = index::find_nearest(*index, std::vector{0.0F, 0.0F}, 1000, now, nullptr, {});
    ASSERT_TRUE(hits) << hits.error().to_string();
    std::set<Bytes> hit;
    for (const auto& h : *hits) hit.insert(h.row_key);
    ASSERT_EQ(hit, indexed);
  }

  /// Slices of partitions, both ways, agree with what the twin has between the bounds.
  void compare_slice() {
    const int partition = pick(kPartitions), low = pick(rows_), high = low + pick(3);
    rows::ClusteringRange range{{i32(high)}, {i32(low)}, pick(2) == 0, pick(2) == 0};
    const bool reversed = pick(2) == 0;
    std::vector<int> expected, got;
    const auto rows = twin_.show(kStartS);
    for (int i = high; i >= low; --i) {
      const bool inside = (i != high || range.start_inclusive) && (i != low || range.end_inclusive);
      if (inside && rows.contains(fmt::format("{}/{}", partition, i))) expected.push_back(i);
    }
    if (reversed) std::ranges::reverse(expected);
    const rows::ReadView in_part = part_with(partition).space->view(kStartS, kv::ReadMode::kBlocking);
    for (const auto& row : all(in_part.scan_partition(*table(), i32(partition), range, reversed))) {
      got.push_back(types::to_int32(row.clustering[0]));
    }
    ASSERT_EQ(got, expected);
  }

  /// Random records from `seeds` seeds, each compared with the twin.
  void run(uint64_t seeds, int steps) {
    const char* given = std::getenv("SAGITTA_SEED");
    const uint64_t first = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
    for (uint64_t seed = first; seed < first + seeds; ++seed) {
      SCOPED_TRACE(fmt::format("SAGITTA_SEED={}", seed));
      random_.seed(seed);
      twin_ = {};
      for (const Part& part : parts_) {
        ASSERT_TRUE(apply_to(*part.space, *part.store, time(),
                             [&](kv::Batch& batch) { return part.space->truncate(*table(), batch); }));
      }
      for (int step = 0; step < steps; ++step) {
        write_group();
        if (pick(4) == 0) {
          horizon_->advance(log_s_ * 1'000'000, schema_);
          for (const Part& part : parts_) ASSERT_TRUE(part.store->compact());
        }
        compare(kStartS + pick(40));
        compare_slice();
        if (HasFatalFailure()) return;
      }
    }
  }

  /// All rows, as text by key.
  std::map<Bytes, std::string> rows_of(const TableSpace& space, int64_t now) const {
    return rows_of(space.view(now, kv::ReadMode::kBlocking));
  }
  std::map<Bytes, std::string> rows_of(const rows::ReadView& all_rows) const {
    std::map<Bytes, std::string> rows;
    const auto cursor = all_rows.scan_tokens(*table());
    for (auto more = cursor->next(); more && *more; more = cursor->next()) {
      std::string text = show_row(cursor->row());
      for (const rows::LiveCell& cell : cursor->row().cells)
        text += fmt::format("{}@{} ", cell.timestamp_us, cell.expires_s);
      rows[Bytes(cursor->row_key())] = text;
    }
    return rows;
  }
  static size_t entries_of(kv::Store& store) {
    size_t count = 0;
    const auto it = store.iterate(kv::Family::kRows, {}, {}, kv::ReadMode::kBlocking);
    for (it->seek_to_first(); it->valid(); it->next()) ++count;
    return count;
  }

  Twin twin_;
  std::mt19937_64 random_;
  int rows_ = 6;  ///< of a partition
  bool many_deletions_ = false, large_maps_ = false;
};

/// Applies each record to a second store, which is never compacted.
class PurgeModelTest : public ModelTest {
 protected:
  PurgeModelTest() {
    change(schema::AlterTableOptions{.keyspace = "k", .table = "t", .options = {{"gc_grace_seconds", "15"}}});
    EXPECT_TRUE(kept_space_.start(schema_, offset_));
  }
  ~PurgeModelTest() override { kept_space_.stop(); }

  void write_both(std::span<const rows::Mutation> record) {
    const rows::ApplyTime when = time();
    for (auto [store, space] : {std::pair(store_.get(), &space_), std::pair(kept_.get(), &kept_space_)}) {
      ASSERT_TRUE(apply_to(*space, *store, when, [&](kv::Batch& batch) {
        return space->apply_mutations(*schema_, {record.begin(), record.end()}, batch);
      }));
    }
  }
  void purge(int64_t until_s) {
    horizon_->advance(until_s * 1'000'000, schema_);
    ASSERT_TRUE(store_->compact());
  }

  void compare_stores(int steps) {
    const char* given = std::getenv("SAGITTA_SEED");
    const uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
    SCOPED_TRACE(fmt::format("SAGITTA_SEED={}", seed));
    random_.seed(seed);
    int64_t horizon_s = log_s_;
    for (int step = 0; step < steps && !HasFatalFailure(); ++step) {
      log_s_ += pick(3);
      write_both(random_record());
      if (pick(3) == 0) {
        horizon_s = std::max(horizon_s, log_s_ - pick(10));
        purge(horizon_s);
      }
      const int64_t now = log_s_ + pick(40);
      ASSERT_EQ(rows_of(space_, now), rows_of(kept_space_, now));
    }
  }

  const std::unique_ptr<kv::Store> kept_ = kv::make_memory_store();
  SoleSpace kept_space_{*kept_, workers_, vectors_, metrics_, clock_};
};

TEST_F(PurgeModelTest, CompactionChangesNothingThatCanBeSeenThenOrLater) {
  compare_stores(3000);
  log_s_ += 1000;
  purge(log_s_);
  EXPECT_EQ(rows_of(space_, log_s_), rows_of(kept_space_, log_s_));
  EXPECT_EQ(entries_of(*store_), rows_of(space_, log_s_).size());
  EXPECT_LT(entries_of(*store_), entries_of(*kept_));
}

TEST_F(PurgeModelTest, CompactionOfLargeCollectionsAndManyDeletionsChangesNothingThatCanBeSeen) {
  large_maps_ = many_deletions_ = true;
  rows_ = 30;
  compare_stores(500);
}

/// Applies each record to a second store, where deletions of more than two entries go on with later
/// records, and whose process starts again at times.
class SweepModelTest : public ModelTest {
 protected:
  SweepModelTest() {
    change(schema::AlterTableOptions{.keyspace = "k", .table = "t", .options = {{"gc_grace_seconds", "15"}}});
    restart();
  }
  ~SweepModelTest() override { swept_space_->stop(); }

  void restart() {
    if (swept_space_ != nullptr) swept_space_->stop();
    swept_space_.reset();
    const rows::SweepLimits limits{.at_once = 2, .step = 3, .sweeps_max = 5};
    swept_space_ =
        std::make_unique<SoleSpace>(*swept_, workers_, vectors_, metrics_, clock_, index::SnapshotPlace(), limits);
    ASSERT_TRUE(swept_space_->start(schema_, offset_));
  }
  /// `apply` of both, at one time.
  void on_both(const std::function<Status(TableSpace&, kv::Batch&)>& apply) {
    const rows::ApplyTime when = time();
    for (auto [store, space] : {std::pair(store_.get(), &space_), std::pair(swept_.get(), swept_space_.get())}) {
      ASSERT_TRUE(apply_to(*space, *store, when, [&](kv::Batch& batch) { return apply(*space, batch); }));
    }
  }
  /// A record that is refused before it changes anything, as a late write is.
  void refuse_on_both() {
    const rows::ApplyTime when = time();
    const auto refuse = [](kv::Batch&) -> Status { return fail(ErrorCode::kInvalid, "late"); };
    ASSERT_FALSE(apply_to(space_, *store_, when, refuse));
    ASSERT_FALSE(apply_to(*swept_space_, *swept_, when, refuse));
  }
  void write_both() {
    if (pick(10) == 0) refuse_on_both();
    if (pick(40) == 0) {
      return on_both([&](TableSpace& space, kv::Batch& batch) { return space.truncate(*table(), batch); });
    }
    const std::vector<rows::Mutation> record = random_record();
    on_both([&](TableSpace& space, kv::Batch& batch) { return space.apply_mutations(*schema_, record, batch); });
  }
  void step() {
    ASSERT_TRUE(apply_to(*swept_space_, *swept_, time(),
                         [&](kv::Batch& batch) { return swept_space_->step(*schema_, batch); }));
    sweeping_ += swept_space_->has_steps() ? 1 : 0;
  }
  void compact_swept() {
    horizon_->advance(log_s_ * 1'000'000, schema_);
    ASSERT_TRUE(swept_->compact());
  }
  /// Rows that the index has, but for those that expire: how long it keeps them depends on when
  /// they are written.
  std::set<Bytes> indexed(const SoleSpace& space) const {
    const int64_t now = log_s_ + 100;
    std::set<Bytes> keys;
    const auto hits =
        index::find_nearest(*space.indexes()->indexes.begin()->second, std::vector{0.0F, 0.0F}, 1000, now, nullptr, {});
    if (!hits) return {hits.error().to_string()};
    for (const auto& hit : *hits) keys.insert(hit.row_key);
    return keys;
  }
  void finish_sweeps() {
    while (swept_space_->has_steps() && !HasFatalFailure()) step();
    ASSERT_LE(entries_of(*swept_), entries_of(*store_));  // which is never compacted
    ASSERT_EQ(indexed(*swept_space_), indexed(space_));
  }

  struct Seen {
    rows::ReadView view;
    std::map<Bytes, std::string> rows;
  };

  const std::unique_ptr<kv::Store> swept_ = kv::make_memory_store([horizon = horizon_] { return horizon->filter(); });
  std::unique_ptr<SoleSpace> swept_space_;
  int sweeping_ = 0;
};

TEST_F(SweepModelTest, DeletionsUnderWayAreOverToEveryReader) {
  const char* given = std::getenv("SAGITTA_SEED");
  const uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  SCOPED_TRACE(fmt::format("SAGITTA_SEED={}", seed));
  random_.seed(seed);
  rows_ = 20;
  std::vector<Seen> seen;
  for (int turn = 0; turn < 2500 && !HasFatalFailure(); ++turn) {
    log_s_ += pick(3);
    large_maps_ = pick(4) == 0;
    many_deletions_ = pick(4) == 0;
    write_both();
    for (int i = pick(3); i > 0; --i) step();
    if (pick(50) == 0) restart();
    if (pick(10) == 0) compact_swept();
    const int64_t now = log_s_ + pick(40);
    ASSERT_EQ(rows_of(*swept_space_, now), rows_of(space_, now)) << turn;
    // Views of earlier moments show those, whatever was removed since.
    if (pick(5) == 0) seen.push_back({swept_space_->view(log_s_, kv::ReadMode::kBlocking), rows_of(space_, log_s_)});
    if (seen.size() > 4) seen.erase(seen.begin());
    for (const Seen& old : seen) ASSERT_EQ(rows_of(old.view), old.rows) << turn;
    if (pick(100) == 0) finish_sweeps();
  }
  EXPECT_GT(sweeping_, 100);
}

TEST_F(ModelTest, RandomWritesReadAsTheTwinResolvesThem) { run(30, 150); }

/// Over log partitions that share their index.
class PartitionsModelTest : public ModelTest {
 protected:
  PartitionsModelTest() : ModelTest("vector", "vector_index", 4) {}
};

TEST_F(PartitionsModelTest, RandomWritesReadAsTheTwinResolvesThem) { run(15, 150); }

TEST_F(PartitionsModelTest, RandomWritesAmongManyRangeDeletionsReadAsTheTwinResolvesThem) {
  rows_ = 800;
  many_deletions_ = true;
  run(1, 300);
}

/// Another kind of index, which is registered and nothing else.
class ScanModelTest : public ModelTest {
 protected:
  ScanModelTest() : ModelTest(added(), "scan_index") {}
  static std::string added() {
    index::add_scan_kind();
    return "scan";
  }
};

TEST_F(ScanModelTest, RandomWritesReadAsTheTwinResolvesThem) {
  EXPECT_NE(dynamic_cast<const index::ScanIndex*>(space_.indexes()->indexes.begin()->second.get()), nullptr);
  run(30, 150);
}

/// So many that they fill pages, divide them and are taken together.
TEST_F(ModelTest, RandomWritesAmongManyRangeDeletionsReadAsTheTwinResolvesThem) {
  rows_ = 800;
  many_deletions_ = true;
  run(2, 400);
}

/// So many elements that they are kept apart from their row and come back.
TEST_F(ModelTest, RandomWritesToLargeCollectionsReadAsTheTwinResolvesThem) {
  large_maps_ = true;
  run(3, 150);
}

}  // namespace
}  // namespace sagitta::tablet
