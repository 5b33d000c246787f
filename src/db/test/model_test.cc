/// Random DDL and DML from a printed seed, against the naive twin: every read must agree.
/// SAGITTA_MODEL_SEED and SAGITTA_MODEL_OPERATIONS replay one run or make it longer.
#include <array>
#include <chrono>
#include <cstdlib>
#include <set>

#include "sagitta/testing/scan_kind.h"

#include "model_conditional.h"
#include "numbers.h"

namespace sagitta::db::test {
namespace {

class Model : public ModelConditional {
 public:
  using ModelConditional::ModelConditional;

  void step() {
    if (tables_.empty()) return create_table();
    if (chance(4)) machine_.clock.advance_us(static_cast<int64_t>(below(3'000'000)));
    const uint64_t roll = below(1000);
    if (roll < 3) return create_table();
    if (roll < 5) return drop_table();
    if (roll < 9) return alter_table();
    // Often enough that the twin, which forgets nothing else, stays quick.
    if (roll < 17) return truncate();
    if (roll < 25) return change_index();
    if (roll < 32) return change_ordered_index();
    if (roll < 33) return restart();
    if (roll < 420) return write();
    if (roll < 550) return write_if();
    if (roll < 650) return batch();
    if (roll < 800) return read_some();
    if (roll < 870) return read_all();
    if (roll < 890) return read_page_by_page();
    if (roll < 950) return read_by_value();
    return search();
  }
  void check_everything() {
    for (auto& [name, table] : tables_) {
      table_name_ = name;
      table_ = &table;
      compare_all();
    }
  }
  uint64_t rows_compared() const { return rows_compared_; }

 private:
  // --- schema ---
  static std::string type_text(TwinType type) {
    switch (type) {
      case TwinType::kInt: return "int";
      case TwinType::kText: return "text";
      case TwinType::kVector: return fmt::format("vector<float, {}>", kDim);
      case TwinType::kSet: return "set<int>";
      case TwinType::kMap: return "map<int, text>";
      case TwinType::kList: return "list<int>";
      case TwinType::kUdt: return "u";
      case TwinType::kCounter: return "counter";
    }
    return {};
  }
  TwinType random_type() { return static_cast<TwinType>(below(7)); }
  void create_table() {
    if (tables_.size() >= 3) return;
    table_name_ = fmt::format("t{}", ++table_count_);
    TwinTable table;
    table.partition_columns = 1 + below(2);
    table.clustering_columns = below(3);
    table.descending = table.clustering_columns > 0 && chance(2);
    table.has_counters = chance(5);
    if (!table.has_counters) table.columns.push_back({"v", TwinType::kVector, false});
    for (uint64_t i = 0, n = 1 + below(4); i < n; ++i) {
      const TwinType type = table.has_counters ? TwinType::kCounter : random_type();
      table.columns.push_back({fmt::format("r{}", i), type, table.clustering_columns > 0 && chance(4)});
    }
    std::string text = "CREATE TABLE m." + table_name_ + " (";
    for (size_t i = 0; i < table.partition_columns; ++i) text += fmt::format("p{} int, ", i);
    for (size_t i = 0; i < table.clustering_columns; ++i) text += fmt::format("c{} int, ", i);
    for (const auto& column : table.columns) {
      text += column.name + " " + type_text(column.type) + (column.is_static ? " static, " : ", ");
    }
    text += table.partition_columns == 2 ? "PRIMARY KEY ((p0, p1)" : "PRIMARY KEY (p0";
    for (size_t i = 0; i < table.clustering_columns; ++i) text += fmt::format(", c{}", i);
    text += "))";
    if (table.descending) {
      text += " WITH CLUSTERING ORDER BY (c0 DESC";
      for (size_t i = 1; i < table.clustering_columns; ++i) text += fmt::format(", c{} ASC", i);
      text += ")";
    }
    must(text);
    tables_[table_name_] = std::move(table);
  }
  void drop_table() {
    pick_table();
    must("DROP TABLE " + full_name());
    tables_.erase(table_name_);
  }
  void truncate() {
    pick_table();
    must("TRUNCATE " + full_name());
    table_->partitions.clear();
  }
  void alter_table() {
    pick_table();
    if (table_->has_counters) return;
    if (chance(2) || table_->columns.size() < 3) {
      const std::string name = fmt::format("r{}", below(8));
      if (table_->column(name) != nullptr) return;
      // A dropped column may come back with its old type only.
      auto [it, fresh] = types_ever_.try_emplace(table_name_ + "." + name, random_type());
      must("ALTER TABLE " + full_name() + " ADD " + name + " " + type_text(it->second));
      table_->add({name, it->second});
      return;
    }
    const TwinColumn column = table_->columns[1 + below(table_->columns.size() - 1)];
    if (column.is_static || table_->has_ordered_on(column.name)) return;
    types_ever_[table_name_ + "." + column.name] = column.type;
    const int64_t ts = random_ts();
    must(fmt::format("ALTER TABLE {} DROP {} USING TIMESTAMP {}", full_name(), column.name, ts));
    table_->drop(column.name, ts);
  }
  void change_index() {
    pick_table();
    if (table_->has_counters) return;
    if (table_->has_index) {
      must(fmt::format("DROP INDEX m.{}_i", table_name_));
      table_->has_index = false;
      return;
    }
    static constexpr std::array kFunctions = {"COSINE", "EUCLIDEAN", "DOT_PRODUCT"};
    // At times of another kind, which is registered and nothing else.
    const bool scans = below(3) == 0;
    table_->similarity = scans ? "EUCLIDEAN" : kFunctions[below(3)];
    must(fmt::format(
        "CREATE CUSTOM INDEX {0}_i ON m.{0} (v) USING '{1}' WITH OPTIONS = {{'similarity_function': '{2}'}}",
        table_name_, scans ? "scan_index" : "vector_index", table_->similarity));
    table_->has_index = true;
  }

  /// Plain, or storage-attached, on any column or key part that can have one.
  void change_ordered_index() {
    pick_table();
    if (table_->has_counters) return;
    if (!table_->ordered.empty() && chance(2)) {
      must(fmt::format("DROP INDEX m.{}", table_->ordered.begin()->first));
      table_->ordered.erase(table_->ordered.begin());
      return;
    }
    const std::string target = random_target();
    const bool is_there = std::ranges::any_of(table_->ordered, [&](const auto& o) { return o.second == target; });
    if (target.empty() || is_there) return;
    const std::string name = fmt::format("{}_o{}", table_name_, ++index_count_);
    must(fmt::format("CREATE INDEX {} ON m.{} ({}){}", name, table_name_, target, chance(2) ? " USING 'sai'" : ""));
    table_->ordered[name] = target;
  }
  /// Empty when the draw has none.
  std::string random_target() {
    const uint64_t drawn = below(table_->columns.size() + 2);
    if (drawn == 0) return table_->partition_columns > 1 ? fmt::format("p{}", below(2)) : "";
    if (drawn == 1) {
      return table_->clustering_columns > 0 ? fmt::format("c{}", below(table_->clustering_columns)) : "";
    }
    const TwinColumn& column = table_->columns[drawn - 2];
    switch (column.type) {
      case TwinType::kInt:
      case TwinType::kText: return column.name;
      case TwinType::kSet:
      case TwinType::kList: return fmt::format("values({})", column.name);
      case TwinType::kMap: {
        static constexpr std::array kParts = {"keys", "values", "entries"};
        return fmt::format("{}({})", kParts[below(3)], column.name);
      }
      default: return "";
    }
  }

  // --- reads ---
  std::string columns_text() const {
    std::string text;
    for (size_t i = 0; i < table_->partition_columns; ++i) text += fmt::format("{}p{}", i > 0 ? ", " : "", i);
    for (size_t i = 0; i < table_->clustering_columns; ++i) text += fmt::format(", c{}", i);
    for (const auto& column : table_->columns) text += ", " + column.name;
    return text;
  }
  RowValues expected_row(const TwinResult& result) const {
    RowValues row;
    for (int32_t part : result.partition) row.push_back(int_bytes(part));
    for (size_t i = 0; i < table_->clustering_columns; ++i) {
      row.push_back(result.clustering ? Value(int_bytes((*result.clustering)[i])) : Value());
    }
    for (const auto& column : table_->columns) row.push_back(result.values.at(column.name));
    return row;
  }
  void compare(const std::string& text, std::vector<RowValues> got, const std::vector<TwinResult>& twin, bool ordered) {
    std::vector<RowValues> expected;
    for (const auto& result : twin) expected.push_back(expected_row(result));
    if (!ordered) {
      std::ranges::sort(got);
      std::ranges::sort(expected);
    }
    rows_compared_ += expected.size();
    const auto all = [](const std::vector<RowValues>& rows) {
      std::string shown;
      for (const auto& row : rows) shown += "\n  " + show(row);
      return shown;
    };
    ASSERT_EQ(got.size(), expected.size()) << text << "\ngot:" << all(got) << "\nexpected:" << all(expected);
    for (size_t i = 0; i < got.size(); ++i) ASSERT_EQ(show(got[i]), show(expected[i])) << text << " row " << i;
  }
  void read_all() {
    pick_table();
    compare_all();
  }
  void compare_all() {
    ++operations_;
    const std::string text = "SELECT " + columns_text() + " FROM " + full_name();
    compare(text, select(*database_, text), table_->read(now_s()), false);
  }
  void read_page_by_page() {
    pick_table();
    ++operations_;
    RequestOptions options;
    options.page_size = static_cast<int32_t>(1 + below(5));
    const std::string text = "SELECT " + columns_text() + " FROM " + full_name();
    compare(text, select(*database_, text, options), table_->read(now_s()), false);
  }
  void read_some() {
    pick_table();
    ++operations_;
    const Ints partition = random_key(table_->partition_columns);
    std::string where = key_condition(partition, {});
    std::vector<TwinResult> rows;
    for (auto& row : table_->read(now_s())) {
      if (row.partition == partition) rows.push_back(std::move(row));
    }
    std::string tail;
    if (table_->clustering_columns > 0) {
      if (chance(2)) {
        const auto low = static_cast<int32_t>(below(kKeyValues)), high = static_cast<int32_t>(below(kKeyValues));
        where += fmt::format(" AND c0 >= {} AND c0 < {}", low, high);
        std::erase_if(rows, [&](const auto& r) {
          return !r.clustering || (*r.clustering)[0] < low || (*r.clustering)[0] >= high;
        });
      }
      if (chance(2)) {
        const bool descending = chance(2);
        tail = descending ? " ORDER BY c0 DESC" : " ORDER BY c0 ASC";
        if (descending != table_->descending) std::ranges::reverse(rows);
      }
    }
    if (chance(3)) {
      const uint64_t limit = 1 + below(4);
      tail += fmt::format(" LIMIT {}", limit);
      if (rows.size() > limit) rows.resize(limit);
    }
    const std::string text = "SELECT " + columns_text() + " FROM " + full_name() + " WHERE " + where + tail;
    RequestOptions options;
    if (chance(2)) options.page_size = static_cast<int32_t>(1 + below(3));
    compare(text, select(*database_, text, options), rows, true);
  }
  /// A restriction, and whether a row passes it.
  struct Restriction {
    std::string text;
    std::function<bool(const TwinResult&)> passes;
  };
  Restriction random_restriction() {
    const uint64_t drawn = below(table_->columns.size() + 2);
    if (drawn < 2) return random_key_restriction(drawn == 0);
    const TwinColumn& column = table_->columns[drawn - 2];
    switch (column.type) {
      case TwinType::kInt:
      case TwinType::kText: return random_comparison(column);
      case TwinType::kSet:
      case TwinType::kList:
      case TwinType::kMap: return random_containment(column);
      default: return {};
    }
  }
  Restriction random_key_restriction(bool of_partition) {
    const size_t count = of_partition ? table_->partition_columns : table_->clustering_columns;
    if (count == 0) return {};
    const size_t at = below(count);
    const auto wanted = static_cast<int32_t>(below(kKeyValues));
    const auto value = [=](const TwinResult& row) { return of_partition ? row.partition[at] : (*row.clustering)[at]; };
    return {fmt::format("{}{} = {}", of_partition ? 'p' : 'c', at, wanted),
            [=](const TwinResult& row) { return (of_partition || row.clustering) && value(row) == wanted; }};
  }
  /// Of these values the order of bytes is that of CQL.
  Restriction random_comparison(const TwinColumn& column) {
    Literal wanted;
    while (!wanted.value) wanted = random_scalar(column.type);
    const auto with = [&](const char* op, auto compare) {
      return Restriction{fmt::format("{} {} {}", column.name, op, wanted.text),
                         [=, name = column.name, bytes = *wanted.value](const TwinResult& row) {
                           const Value& value = row.values.at(name);
                           return value && compare(*value, bytes);
                         }};
    };
    switch (below(6)) {
      case 0: return with(">", std::greater<>());
      case 1: return with("<=", std::less_equal<>());
      case 2: return with(">=", std::greater_equal<>());
      default: return with("=", std::equal_to<>());
    }
  }
  Restriction random_containment(const TwinColumn& column) {
    const bool is_map = column.type == TwinType::kMap;
    const auto key = static_cast<int32_t>(below(5)) - 2;
    const std::string text = random_text();
    const uint64_t how = is_map ? below(3) : 3;
    const auto entries = [name = column.name](const TwinResult& row) {
      const Value& value = row.values.at(name);
      return value ? unpacked(*value) : std::vector<Bytes>();
    };
    const auto any = [=](size_t from, size_t step, Bytes wanted) {
      return [=](const TwinResult& row) {
        const auto all = entries(row);
        for (size_t i = from; i < all.size(); i += step) {
          if (all[i] == wanted) return true;
        }
        return false;
      };
    };
    if (how == 0) return {fmt::format("{} CONTAINS KEY {}", column.name, key), any(0, 2, int_bytes(key))};
    if (how == 1) return {fmt::format("{} CONTAINS '{}'", column.name, text), any(1, 2, text)};
    if (how == 3) return {fmt::format("{} CONTAINS {}", column.name, key), any(0, 1, int_bytes(key))};
    return {fmt::format("{}[{}] = '{}'", column.name, key, text), [=](const TwinResult& row) {
              const auto all = entries(row);
              for (size_t i = 0; i + 1 < all.size(); i += 2) {
                if (all[i] == int_bytes(key) && all[i + 1] == text) return true;
              }
              return false;
            }};
  }
  /// By an index or not: the same rows, in the order of a scan.
  void read_by_value() {
    pick_table();
    std::string where;
    auto expected = table_->read(now_s());
    std::set<std::string> restricted;
    for (uint64_t i = 0, n = 1 + below(2); i < n; ++i) {
      const Restriction restriction = random_restriction();
      if (restriction.text.empty() || !restricted.insert(restriction.text.substr(0, 2)).second) continue;
      where += (where.empty() ? " WHERE " : " AND ") + restriction.text;
      std::erase_if(expected, [&](const auto& row) { return !restriction.passes(row); });
    }
    if (where.empty()) return;
    ++operations_;
    const std::string all = "SELECT " + columns_text() + " FROM " + full_name();
    RequestOptions options;
    if (chance(2)) options.page_size = static_cast<int32_t>(1 + below(4));
    const auto got = select(*database_, all + where + " ALLOW FILTERING", options);
    compare(all + where, got, expected, false);
    auto next = got.begin();
    for (const RowValues& row : select(*database_, all)) {
      if (next != got.end() && *next == row) ++next;
    }
    ASSERT_EQ(got.end() - next, 0) << all << where << ": not in the order of a scan";
  }
  void search() {
    pick_table();
    if (!table_->has_index) return;
    ++operations_;
    const Literal query = random_vector();
    std::string where;
    auto candidates = table_->read(now_s());
    if (chance(3)) {
      const auto wanted = static_cast<int32_t>(below(kKeyValues));
      where = fmt::format(" WHERE p0 = {}", wanted);
      std::erase_if(candidates, [&](const auto& row) { return row.partition[0] != wanted; });
    }
    std::map<std::string, double> score_of_row;
    std::vector<double> scores;
    for (const auto& row : candidates) {
      if (!row.values.at("v")) continue;
      const double score = twin_similarity(table_->similarity, *query.value, *row.values.at("v"));
      scores.push_back(score);
      score_of_row[show(expected_row(row))] = score;
    }
    std::ranges::sort(scores, std::greater<>());
    const uint64_t limit = 1 + below(8);
    const std::string text =
        fmt::format("SELECT {} FROM {}{} ORDER BY v ANN OF {} LIMIT {}{}", columns_text(), full_name(), where,
                    query.text, limit, where.empty() ? "" : " ALLOW FILTERING");
    auto got = select(*database_, text);
    ASSERT_EQ(got.size(), std::min<size_t>(limit, scores.size())) << text;
    std::set<std::string> seen;
    for (size_t i = 0; i < got.size(); ++i) {
      auto it = score_of_row.find(show(got[i]));
      ASSERT_NE(it, score_of_row.end()) << text << " row " << i << ": " << show(got[i]);
      ASSERT_NEAR(it->second, scores[i], 1e-5) << text << " row " << i;
      ASSERT_TRUE(seen.insert(it->first).second) << text;
    }
    rows_compared_ += got.size();
  }

  uint64_t rows_compared_ = 0, index_count_ = 0;
};

TEST(Model, AgreesWithTheTwin) {
  index::add_scan_kind();
  const uint64_t seed = number_from("SAGITTA_MODEL_SEED",
                                    static_cast<uint64_t>(std::chrono::system_clock::now().time_since_epoch().count()));
  const uint64_t operations = number_from("SAGITTA_MODEL_OPERATIONS", 100'000);
  fmt::print("model seed {} (SAGITTA_MODEL_SEED={} replays it)\n", seed, seed);
  Model model(seed);
  while (model.operations() < operations && !testing::Test::HasFailure()) model.step();
  if (!testing::Test::HasFailure()) model.check_everything();
  if (testing::Test::HasFailure()) fmt::print("{}", model.history(number_from("SAGITTA_MODEL_HISTORY", 20)));
  fmt::print("model: {} operations, {} restarts, {} rows compared; {} conditional writes applied, {} not\n",
             model.operations(), model.restarts(), model.rows_compared(), model.applied(), model.not_applied());
}

}  // namespace
}  // namespace sagitta::db::test
