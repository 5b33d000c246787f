/// Random writes against a naive twin that keeps every write ever made and resolves them when it is read. It shares no
/// code with the library. Timestamps come from a small range, so that ties are common.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <random>
#include <set>

#include "fixture.h"

namespace sagitta::tablet {
namespace {

using types::DataType;
using types::Kind;

constexpr int kPartitions = 3;
constexpr int kRows = 6;

/// One write to one cell, or to the row's marker.
struct Written {
  int64_t timestamp;
  bool tombstone;
  int64_t expires;  // 0 = never
  std::string value;
};

struct Deleted {
  int64_t timestamp;
  int low, high;  // clustering keys, inclusive
};

using Place = std::tuple<int, int, std::string, std::string>;  // partition, row, column, path

struct Twin {
  std::map<Place, std::vector<Written>> cells;
  std::map<int, std::vector<Deleted>> deletions;
  std::map<std::tuple<int, int, std::string>, int64_t> clears;

  int64_t deleted_at(int partition, int row) const {
    int64_t latest = INT64_MIN;
    auto found = deletions.find(partition);
    if (found == deletions.end()) return latest;
    for (const auto& d : found->second) {
      if (d.low <= row && row <= d.high) latest = std::max(latest, d.timestamp);
    }
    return latest;
  }

  /// The write that stands, if it is live at `now`.
  std::optional<Written> live(const Place& place, int64_t now) const {
    const auto& [partition, row, column, path] = place;
    int64_t hidden = deleted_at(partition, row);
    if (auto clear = clears.find({partition, row, column}); clear != clears.end())
      hidden = std::max(hidden, clear->second);
    std::optional<Written> best;
    for (const auto& w : cells.at(place)) {
      auto rank = [](const Written& x) {
        return std::tuple(x.timestamp, x.tombstone ? 2 : x.expires != 0 ? 1 : 0, x.expires, x.value);
      };
      if (!best || rank(w) > rank(*best)) best = w;
    }
    if (!best || best->timestamp <= hidden || best->tombstone) return std::nullopt;
    if (best->expires != 0 && best->expires <= now) return std::nullopt;
    return best;
  }

  /// "partition/row: column[path]=value ..." of each live row.
  std::map<std::string, std::string> show(int64_t now) const {
    std::map<std::string, std::string> rows;
    for (const auto& [place, writes] : cells) {
      const auto& [partition, row, column, path] = place;
      auto cell = live(place, now);
      if (!cell) continue;
      std::string& text = rows[fmt::format("{}/{}", partition, row)];
      if (column != "marker") text += fmt::format("{}[{}]={} ", column, path, cell->value);
    }
    return rows;
  }
};

class ModelTest : public TableFixture {
 protected:
  ModelTest() {
    auto vector = DataType::vector(native(Kind::kFloat), 2);
    create({column("p", native(Kind::kInt), schema::ColumnKind::kPartitionKey),
            column("c", native(Kind::kInt), schema::ColumnKind::kClustering, 0, true), column("a", native(Kind::kInt)),
            column("m", DataType::map(native(Kind::kInt), native(Kind::kInt))), column("v", vector),
            column("s", native(Kind::kInt), schema::ColumnKind::kStatic)});
    schema::IndexDef index{.class_name = "vector_index", .options = {{"similarity_function", "euclidean"}}};
    change(schema::CreateIndex{.keyspace = "k", .table = "t", .column = "v", .index = index});
  }

  int pick(int bound) { return static_cast<int>(random_() % static_cast<uint64_t>(bound)); }

  void set(rows::RowMutation& row, int partition, int number, int64_t timestamp, const std::string& name) {
    const bool null = pick(4) == 0;
    const int value = pick(3);
    rows::CellOp op{.column_id = id(name)};
    if (!null) op.value = name == "v" ? types::from_floats(std::vector{static_cast<float>(value), 1.0F}) : i32(value);
    Place place{partition, number, name, ""};
    if (name == "m") {
      if (pick(4) == 0) {
        row.cells.push_back({.column_id = id("m"), .kind = rows::CellOp::Kind::kClear});
        auto& clear = twin_.clears.try_emplace({partition, number, "m"}, INT64_MIN).first->second;
        clear = std::max(clear, timestamp - 1);
      }
      const int key = pick(3);
      op.kind = rows::CellOp::Kind::kSetElement;
      op.path = i32(key);
      std::get<3>(place) = std::to_string(key);
    }
    twin_.cells[place].push_back({timestamp, null, null ? 0 : row.expires_s, null ? "" : std::to_string(value)});
    row.cells.push_back(std::move(op));
  }

  rows::RowMutation random_row(int partition, int64_t timestamp) {
    rows::RowMutation row;
    const int number = pick(kRows);
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

  rows::Mutation random_mutation() {
    const int partition = pick(kPartitions);
    const int64_t timestamp = 1000 + pick(40);
    rows::Mutation out = mutation(partition, timestamp);
    const int what = pick(20);
    if (what == 0) {
      out.delete_partition = true;
      twin_.deletions[partition].push_back({timestamp, INT_MIN, INT_MAX});
    } else if (what <= 2) {
      // The clustering order is descending: the range starts at its larger end.
      const int low = pick(kRows), high = low + pick(3);
      const bool low_in = pick(2) == 0, high_in = pick(2) == 0;
      out.deletions.push_back({{i32(high)}, {i32(low)}, high_in, low_in});
      twin_.deletions[partition].push_back({timestamp, low_in ? low : low + 1, high_in ? high : high - 1});
    } else if (what == 3) {
      out.rows.push_back({.is_static = true});
      set(out.rows.back(), partition, -1, timestamp, "s");
    } else {
      for (int i = pick(3); i >= 0; --i) out.rows.push_back(random_row(partition, timestamp));
    }
    return out;
  }

  std::string show_row(const rows::LiveRow& row) const {
    std::string text;
    if (const auto* a = row.find(id("a"))) text += fmt::format("a[]={} ", types::to_int32(a->value));
    if (const auto* m = row.find(id("m"))) {
      auto elements = types::unpack_elements(*table()->find_column("m")->type, m->value);
      for (size_t i = 0; elements && i + 1 < elements->size(); i += 2) {
        text += fmt::format("m[{}]={} ", types::to_int32((*elements)[i]), types::to_int32((*elements)[i + 1]));
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
    const auto cursor = view(now).scan_tokens(*table());
    for (auto more = cursor->next(); more && *more; more = cursor->next()) {
      const rows::LiveRow& row = cursor->row();
      const int number = row.is_static ? -1 : types::to_int32(row.clustering[0]);
      found[fmt::format("{}/{}", types::to_int32(row.partition->components[0]), number)] = show_row(row);
      if (row.find(id("v")) != nullptr) indexed.insert(Bytes(cursor->row_key()));
    }
    ASSERT_EQ(found, twin_.show(now));
    const auto index = space_.indexes()->indexes.begin()->second;
    const auto hits = index->search(std::vector{0.0F, 0.0F}, 1000, now, nullptr, {});
    ASSERT_TRUE(hits) << hits.error().to_string();
    std::set<Bytes> hit;
    for (const auto& h : *hits) hit.insert(h.row_key);
    ASSERT_EQ(hit, indexed);
  }

  /// Slices of partitions, both ways, agree with what the twin has between the bounds.
  void compare_slice() {
    const int partition = pick(kPartitions), low = pick(kRows), high = low + pick(3);
    rows::ClusteringRange range{{i32(high)}, {i32(low)}, pick(2) == 0, pick(2) == 0};
    const bool reversed = pick(2) == 0;
    std::vector<int> expected, got;
    const auto rows = twin_.show(kStartS);
    for (int i = high; i >= low; --i) {
      const bool inside = (i != high || range.start_inclusive) && (i != low || range.end_inclusive);
      if (inside && rows.contains(fmt::format("{}/{}", partition, i))) expected.push_back(i);
    }
    if (reversed) std::ranges::reverse(expected);
    for (const auto& row : all(view().scan_partition(*table(), i32(partition), range, reversed))) {
      got.push_back(types::to_int32(row.clustering[0]));
    }
    ASSERT_EQ(got, expected);
  }

  /// All rows of a store, as text by key.
  std::map<Bytes, std::string> rows_of(kv::Store& store, int64_t now) const {
    std::map<Bytes, std::string> rows;
    const auto cursor = rows::ReadView(store, store.snapshot(), now, kv::ReadMode::kBlocking).scan_tokens(*table());
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
      const auto batch = store->make_batch();
      ASSERT_TRUE(space->apply_mutations(*schema_, record, when, *batch));
      ASSERT_TRUE(store->write(*batch));
      space->committed();
    }
  }
  void purge(int64_t until_s) {
    horizon_->advance(until_s * 1'000'000, schema_);
    ASSERT_TRUE(store_->compact());
  }

  const std::unique_ptr<kv::Store> kept_ = kv::make_memory_store();
  TableSpace kept_space_{*kept_, workers_, vectors_, metrics_, clock_};
};

TEST_F(PurgeModelTest, CompactionChangesNothingThatCanBeSeenThenOrLater) {
  const char* given = std::getenv("SAGITTA_SEED");
  const uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  SCOPED_TRACE(fmt::format("SAGITTA_SEED={}", seed));
  random_.seed(seed);
  int64_t horizon_s = log_s_;
  for (int step = 0; step < 3000 && !HasFatalFailure(); ++step) {
    log_s_ += pick(3);
    std::vector<rows::Mutation> record;
    for (int i = pick(3); i >= 0; --i) record.push_back(random_mutation());
    write_both(record);
    if (pick(3) == 0) {
      horizon_s = std::max(horizon_s, log_s_ - pick(10));
      purge(horizon_s);
    }
    const int64_t now = log_s_ + pick(40);
    ASSERT_EQ(rows_of(*store_, now), rows_of(*kept_, now));
  }
  log_s_ += 1000;
  purge(log_s_);
  EXPECT_EQ(rows_of(*store_, log_s_), rows_of(*kept_, log_s_));
  EXPECT_EQ(entries_of(*store_), rows_of(*store_, log_s_).size());
  EXPECT_LT(entries_of(*store_), entries_of(*kept_));
}

TEST_F(ModelTest, RandomWritesReadAsTheTwinResolvesThem) {
  const char* given = std::getenv("SAGITTA_SEED");
  const uint64_t first = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  for (uint64_t seed = first; seed < first + 30; ++seed) {
    SCOPED_TRACE(fmt::format("SAGITTA_SEED={}", seed));
    random_.seed(seed);
    twin_ = {};
    const auto batch = store_->make_batch();
    ASSERT_TRUE(space_.truncate(*table(), time(), *batch));
    ASSERT_TRUE(store_->write(*batch));
    space_.committed();
    for (int step = 0; step < 150; ++step) {
      std::vector<rows::Mutation> record;
      for (int i = pick(3); i >= 0; --i) record.push_back(random_mutation());
      ASSERT_TRUE(write(std::move(record)));
      if (pick(4) == 0) {
        horizon_->advance(log_s_ * 1'000'000, schema_);
        ASSERT_TRUE(store_->compact());
      }
      compare(kStartS + pick(40));
      compare_slice();
      if (HasFatalFailure()) return;
    }
  }
}

}  // namespace
}  // namespace sagitta::tablet
