/// Random DDL and DML from a printed seed, against the naive twin: every read must agree.
/// SAGITTA_MODEL_SEED and SAGITTA_MODEL_OPERATIONS replay one run or make it longer.
#include <array>
#include <chrono>

#include "sagitta/testing/scan_kind.h"

#include "model_reads.h"
#include "numbers.h"

namespace sagitta::db::test {
namespace {

class Model : public ModelReads {
 public:
  using ModelReads::ModelReads;

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
    if (roll < 34) return check_indexes();
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
    check_indexes();
    for (auto& [name, table] : tables_) {
      table_name_ = name;
      table_ = &table;
      compare_all();
    }
  }

 private:
  /// No write is under way: an index that serves is equal to its rows.
  void check_indexes() {
    const auto checks = database_->verify();
    ASSERT_TRUE(checks) << checks.error().to_string();
    for (const index::IndexCheck& check : *checks) {
      ASSERT_TRUE(check.is_equal()) << check.table << " " << check.index << ": " << check.missing << " missing, "
                                    << check.stray << " stray\n"
                                    << fmt::format("{}", fmt::join(check.faults, "\n"));
    }
  }

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
    if (column.is_static || column.type == TwinType::kUdt || table_->has_ordered_on(column.name)) return;
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

  uint64_t index_count_ = 0;
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
