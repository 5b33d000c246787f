/// Random DDL and DML from a printed seed, against the naive twin: every read must agree.
/// SAGITTA_MODEL_SEED and SAGITTA_MODEL_OPERATIONS replay one run or make it longer.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstdlib>
#include <random>
#include <set>

#include "harness.h"
#include "twin.h"

namespace sagitta::db::test {
namespace {

constexpr int32_t kKeyValues = 5;
constexpr uint32_t kDim = 3;

uint64_t number_from(const char* variable, uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

Bytes int_bytes(int32_t v) {
  Bytes out;
  put_big(out, v);
  return out;
}

/// A value as CQL text and as bytes.
struct Literal {
  std::string text;
  Value value;
};

class Model {
 public:
  explicit Model(uint64_t seed) : machine_(seed), engine_(seed) { open(); }

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
    if (roll < 26) return restart();
    if (roll < 550) return write();
    if (roll < 650) return batch();
    if (roll < 800) return read_some();
    if (roll < 870) return read_all();
    if (roll < 940) return read_page_by_page();
    return search();
  }
  void check_everything() {
    for (auto& [name, table] : tables_) {
      table_name_ = name;
      table_ = &table;
      compare_all();
    }
  }
  uint64_t operations() const { return operations_; }
  /// The last writes and schema changes, for a person who looks for the fault.
  std::string history(size_t count) const {
    std::string text;
    for (size_t i = history_.size() - std::min(count, history_.size()); i < history_.size(); ++i)
      text += history_[i] + "\n";
    return text;
  }
  uint64_t restarts() const { return restarts_; }
  uint64_t rows_compared() const { return rows_compared_; }

 private:
  uint64_t below(uint64_t bound) { return engine_() % bound; }
  bool chance(uint64_t one_in) { return below(one_in) == 0; }
  int64_t now_s() const { return machine_.clock.now_us() / 1'000'000; }

  void open() {
    Options options;
    options.rows_deleted_at_once = 3;  // so that deletions go on with later records
    // Every read is left and taken up again after a row or two, or never.
    if (chance(2)) options.work = {.caller = below(20'000), .slice = 1 + below(5'000)};
    auto opened = machine_.open(options);
    ASSERT_TRUE(opened) << opened.error().to_string();
    database_ = *std::move(opened);
    if (std::exchange(created_, true)) return;
    must("CREATE KEYSPACE m WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}");
    must("CREATE TYPE m.u (f0 int, f1 text)");
  }
  void restart() {
    ++restarts_;
    ASSERT_TRUE(database_->stop());
    database_.reset();
    open();
  }
  void must(const std::string& text, RequestOptions options = {}) {
    ++operations_;
    history_.push_back(fmt::format("{} ts {}: {}", now_s(), options.default_timestamp_us.value_or(0), text));
    auto answer = ask(*database_, text, std::move(options));
    ASSERT_TRUE(answer) << text << "\n" << answer.error().to_string();
  }
  void must_not(const std::string& text, int64_t ts) {
    ++operations_;
    history_.push_back(fmt::format("{} ts {}, refused: {}", now_s(), ts, text));
    RequestOptions options;
    options.default_timestamp_us = ts;
    const auto answer = ask(*database_, text, options);
    ASSERT_FALSE(answer) << text;
    ASSERT_EQ(answer.error().code(), ErrorCode::kInvalid) << text << "\n" << answer.error().to_string();
  }
  void pick_table() {
    auto it = tables_.begin();
    std::advance(it, static_cast<int64_t>(below(tables_.size())));
    table_name_ = it->first;
    table_ = &it->second;
  }
  std::string full_name() const { return "m." + table_name_; }

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
    if (column.is_static) return;
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
    table_->similarity = kFunctions[below(3)];
    must(fmt::format(
        "CREATE CUSTOM INDEX {0}_i ON m.{0} (v) USING 'vector_index' WITH OPTIONS = {{'similarity_function': '{1}'}}",
        table_name_, table_->similarity));
    table_->has_index = true;
  }

  // --- values ---
  Literal random_vector() {
    std::vector<int> parts;
    do {
      parts.clear();
      for (uint32_t i = 0; i < kDim; ++i) parts.push_back(static_cast<int>(below(9)) - 4);
    } while (std::ranges::all_of(parts, [](int p) { return p == 0; }));
    Bytes bytes;
    for (int part : parts) put_big(bytes, std::bit_cast<uint32_t>(static_cast<float>(part)));
    return {fmt::format("[{}]", fmt::join(parts, ", ")), bytes};
  }
  Literal random_scalar(TwinType type) {
    if (chance(8)) return {"null", std::nullopt};
    if (type == TwinType::kVector) return random_vector();
    if (type == TwinType::kInt) {
      const auto v = static_cast<int32_t>(below(6));
      return {fmt::format("{}", v), int_bytes(v)};
    }
    const std::string text(1 + below(3), static_cast<char>('a' + below(3)));
    return {"'" + text + "'", text};
  }
  Ints random_key(size_t count) {
    Ints key;
    for (size_t i = 0; i < count; ++i) key.push_back(static_cast<int32_t>(below(kKeyValues)));
    return key;
  }
  /// Mostly rising, sometimes in the past, sometimes one that a late write had. Of counters always rising: they add in
  /// the order of the log.
  int64_t random_ts() {
    ts_ += 10;
    if (table_->has_counters) return ts_;
    if (chance(6)) return ts_ - static_cast<int64_t>(below(100)) * 10 + static_cast<int64_t>(1 + below(4));
    return chance(4) ? ts_ - static_cast<int64_t>(below(20)) * 10 : ts_;
  }
  static std::string key_condition(const Ints& partition, const Ints& clustering) {
    std::string text;
    for (size_t i = 0; i < partition.size(); ++i)
      text += fmt::format("{}p{} = {}", i > 0 ? " AND " : "", i, partition[i]);
    for (size_t i = 0; i < clustering.size(); ++i) text += fmt::format(" AND c{} = {}", i, clustering[i]);
    return text;
  }

  // --- writes ---
  struct Write {
    std::string text;
    std::function<void()> apply;
  };
  void write() {
    pick_table();
    const int64_t ts = random_ts();
    Write write = random_write(ts);
    if (write.text.empty()) return;
    RequestOptions options;
    options.default_timestamp_us = ts;
    must(write.text, options);
    write.apply();
  }
  void batch() {
    pick_table();
    const int64_t ts = random_ts();
    std::string text = table_->has_counters ? "BEGIN COUNTER BATCH " : "BEGIN BATCH ";
    std::vector<Write> writes;
    for (uint64_t i = 0, n = 1 + below(4); i < n; ++i) {
      // One timestamp for all: different keys, so that the order within the batch decides nothing.
      Write write = table_->has_counters ? random_count(ts) : random_insert(ts, {static_cast<int32_t>(i)});
      text += write.text + "; ";
      writes.push_back(std::move(write));
    }
    RequestOptions options;
    options.default_timestamp_us = ts;
    must(text + "APPLY BATCH", options);
    for (auto& write : writes) write.apply();
  }
  Write random_write(int64_t ts) {
    if (table_->has_counters) return chance(8) ? random_delete_rows(ts) : random_count(ts);
    switch (below(8)) {
      case 0:
      case 1:
      case 2: return random_insert(ts, {});
      case 3:
      case 4: return random_update(ts);
      case 5: return random_delete_cells(ts);
      default: return random_delete_rows(ts);
    }
  }
  std::pair<std::string, int64_t> random_ttl() {
    if (!chance(5)) return {"", 0};
    const auto ttl = static_cast<int64_t>(1 + below(10));
    return {fmt::format(" USING TTL {}", ttl), now_s() + ttl};
  }
  std::pair<std::string, std::function<void(TwinCell&)>> random_assignment(const TwinColumn& column, int64_t ts,
                                                                           int64_t expires_s) {
    if (!is_multi_cell(column.type)) {
      Literal literal = random_scalar(column.type);
      const int64_t expiry = literal.value ? expires_s : 0;
      return {literal.text, [=](TwinCell& cell) { cell.writes.push_back({ts, literal.value, expiry}); }};
    }
    // A new whole leaves what has its own timestamp, null too.
    if (chance(6)) return {"null", [=](TwinCell& cell) { cell.clears.push_back(ts - 1); }};
    auto [text, elements] = random_elements(column.type, false);
    return {text, [=](TwinCell& cell) {
              cell.clears.push_back(ts - 1);
              put_elements(cell, elements, ts, expires_s);
            }};
  }
  using Elements = std::map<Bytes, Bytes>;
  static void put_elements(TwinCell& cell, const Elements& elements, int64_t ts, int64_t expires_s) {
    for (const auto& [key, value] : elements) cell.elements[key].push_back({ts, value, expires_s});
  }
  /// A few, or so many that they are kept apart from their row.
  uint64_t random_count_of_elements() { return chance(25) ? 50 + below(60) : 1 + below(3); }
  std::string random_text() { return std::string(1, static_cast<char>('a' + below(3))); }
  std::pair<std::string, Elements> random_elements(TwinType type, bool prepend) {
    if (type == TwinType::kList) return random_list(prepend);
    if (type == TwinType::kUdt) return random_udt();
    std::map<int32_t, std::string> chosen;
    const uint64_t count = random_count_of_elements(), keys = count > 3 ? 300 : 5;
    for (uint64_t i = 0; i < count; ++i) chosen[static_cast<int32_t>(below(keys)) - 2] = random_text();
    Elements elements;
    std::string text;
    for (const auto& [key, value] : chosen) {
      text += fmt::format("{}{}", text.empty() ? "" : ", ", key);
      if (type == TwinType::kMap) text += fmt::format(": '{}'", value);
      elements[int_bytes(key)] = type == TwinType::kMap ? value : Bytes();
    }
    return {"{" + text + "}", elements};
  }
  std::pair<std::string, Elements> random_list(bool prepend) {
    Ints numbers = random_key(random_count_of_elements());
    Elements elements;
    ++list_statements_;
    for (uint32_t i = 0; i < numbers.size(); ++i) {
      elements[list_key(prepend, list_statements_, i)] = int_bytes(numbers[i]);
    }
    return {fmt::format("[{}]", fmt::join(numbers, ", ")), elements};
  }
  std::pair<std::string, Elements> random_udt() {
    const auto number = static_cast<int32_t>(below(5));
    const std::string text = random_text();
    switch (below(3)) {
      case 0: return {fmt::format("{{f0: {}}}", number), {{int_bytes(0), int_bytes(number)}}};
      case 1: return {fmt::format("{{f0: null, f1: '{}'}}", text), {{int_bytes(1), text}}};
      default:
        return {fmt::format("{{f1: '{}', f0: {}}}", text, number),
                {{int_bytes(0), int_bytes(number)}, {int_bytes(1), text}}};
    }
  }
  Write random_insert(int64_t ts, const Ints& fixed) {
    Ints partition = random_key(table_->partition_columns), clustering = random_key(table_->clustering_columns);
    if (!fixed.empty()) partition[0] = fixed[0];
    auto [using_text, expires_s] = random_ttl();
    std::string names, values;
    for (size_t i = 0; i < partition.size(); ++i) {
      names += fmt::format("{}p{}", i > 0 ? ", " : "", i);
      values += fmt::format("{}{}", i > 0 ? ", " : "", partition[i]);
    }
    for (size_t i = 0; i < clustering.size(); ++i) {
      names += fmt::format(", c{}", i);
      values += fmt::format(", {}", clustering[i]);
    }
    std::vector<std::pair<TwinColumn, std::function<void(TwinCell&)>>> applies;
    for (const TwinColumn& column : table_->columns) {
      if (chance(3)) continue;
      auto [text, apply] = random_assignment(column, ts, expires_s);
      names += ", " + column.name;
      values += ", " + text;
      applies.emplace_back(column, apply);
    }
    return {fmt::format("INSERT INTO {} ({}) VALUES ({}){}", full_name(), names, values, using_text),
            [this, table = table_, partition, clustering, applies, ts, expires = expires_s] {
              TwinPartition& part = table->partitions[partition];
              part.rows[clustering].markers.push_back({ts, Bytes(), expires});
              for (const auto& [column, apply] : applies) apply(part.row(column, clustering).cells[column.name]);
            }};
  }
  /// What an UPDATE does to one column.
  struct Change {
    std::string assignment;
    std::function<void(TwinCell&)> apply;
  };
  Change random_change(const TwinColumn& column, int64_t ts, int64_t expires_s) {
    const std::string& name = column.name;
    if (!is_multi_cell(column.type) || chance(3)) {
      auto [text, apply] = random_assignment(column, ts, expires_s);
      return {name + " = " + text, apply};
    }
    if (column.type == TwinType::kUdt) return random_field_change(name, ts, expires_s);
    if (column.type == TwinType::kList || chance(2)) {
      const bool prepend = column.type == TwinType::kList && chance(2);
      auto [text, elements] = random_elements(column.type, prepend);
      return {prepend ? fmt::format("{0} = {1} + {0}", name, text) : fmt::format("{0} = {0} + {1}", name, text),
              [=](TwinCell& cell) { put_elements(cell, elements, ts, expires_s); }};
    }
    auto [text, elements] = random_elements(TwinType::kSet, false);
    return {fmt::format("{0} = {0} - {1}", name, text), [=](TwinCell& cell) {
              for (const auto& [key, value] : elements) cell.elements[key].push_back({ts, std::nullopt, 0});
            }};
  }
  Change random_field_change(const std::string& name, int64_t ts, int64_t expires_s) {
    const auto field = static_cast<int32_t>(below(kUdtFields));
    const Literal literal = random_scalar(field == 0 ? TwinType::kInt : TwinType::kText);
    return {fmt::format("{}.f{} = {}", name, field, literal.text), [=](TwinCell& cell) {
              cell.elements[int_bytes(field)].push_back({ts, literal.value, literal.value ? expires_s : 0});
            }};
  }
  Write random_update(int64_t ts) {
    const Ints partition = random_key(table_->partition_columns), clustering = random_key(table_->clustering_columns);
    const TwinColumn column = table_->columns[below(table_->columns.size())];
    if (column.type == TwinType::kList && chance(2)) return random_list_change(partition, clustering, column, ts);
    auto [using_text, expires_s] = random_ttl();
    const Change change = random_change(column, ts, expires_s);
    const std::string where = key_condition(partition, column.is_static ? Ints() : clustering);
    return {fmt::format("UPDATE {}{} SET {} WHERE {}", full_name(), using_text, change.assignment, where),
            [table = table_, partition, clustering, column, apply = change.apply] {
              apply(table->partitions[partition].row(column, clustering).cells[column.name]);
            }};
  }
  /// By number or by value: what the list holds decides which elements change.
  Write random_list_change(const Ints& partition, const Ints& clustering, const TwinColumn& column, int64_t ts) {
    TwinPartition& part = table_->partitions[partition];
    TwinCell& cell = part.row(column, clustering).cells[column.name];
    const auto live = cell.live(part.deleted_ts(column, clustering), now_s());
    const std::string where = " WHERE " + key_condition(partition, column.is_static ? Ints() : clustering);
    const std::string& name = column.name;
    if (chance(3)) {
      auto [text, elements] = random_list(false);
      return {fmt::format("UPDATE {0} SET {1} = {1} - {2}{3}", full_name(), name, text, where), [=, &cell] {
                for (const auto& [key, value] : live) {
                  const bool named = std::ranges::any_of(elements, [&](const auto& e) { return e.second == value; });
                  if (named) cell.elements[key].push_back({ts, std::nullopt, 0});
                }
              }};
    }
    const uint64_t at = below(live.size() + 1);
    Literal literal = random_scalar(TwinType::kInt);
    const bool removes = chance(2);
    if (removes) literal.value.reset();
    auto [using_text, expires_s] = removes ? std::pair(std::string(), int64_t{0}) : random_ttl();
    const std::string text =
        removes ? fmt::format("DELETE {}[{}] FROM {}{}", name, at, full_name(), where)
                : fmt::format("UPDATE {}{} SET {}[{}] = {}{}", full_name(), using_text, name, at, literal.text, where);
    if (at == live.size()) return must_not(text, ts), Write();
    return {text, [key = live[at].first, write = TwinWrite{ts, literal.value, literal.value ? expires_s : 0}, &cell] {
              cell.elements[key].push_back(write);
            }};
  }
  Write random_count(int64_t ts) {
    const Ints partition = random_key(table_->partition_columns), clustering = random_key(table_->clustering_columns);
    const TwinColumn column = table_->columns[below(table_->columns.size())];
    const auto by = static_cast<int64_t>(below(9)) - 4;
    const std::string where = key_condition(partition, column.is_static ? Ints() : clustering);
    return {fmt::format("UPDATE {0} SET {1} = {1} {2} {3} WHERE {4}", full_name(), column.name, by < 0 ? '-' : '+',
                        std::abs(by), where),
            [this, table = table_, partition, clustering, column, by, ts] {
              TwinPartition& part = table->partitions[partition];
              auto& writes = part.row(column, clustering).cells[column.name].writes;
              const Value before = visible(writes, part.deleted_ts(column, clustering), now_s());
              Bytes sum;
              put_big(sum, (before ? get_big<int64_t>(before->data()) : 0) + by);
              writes = {{ts, sum, 0}};
            }};
  }
  Write random_delete_cells(int64_t ts) {
    const Ints partition = random_key(table_->partition_columns), clustering = random_key(table_->clustering_columns);
    const TwinColumn column = table_->columns[below(table_->columns.size())];
    const bool element = is_multi_cell(column.type) && column.type != TwinType::kList && chance(2);
    const bool field = column.type == TwinType::kUdt;
    const auto key = field ? static_cast<int32_t>(below(kUdtFields)) : static_cast<int32_t>(below(5)) - 2;
    std::string what = column.name;
    if (element) what += field ? fmt::format(".f{}", key) : fmt::format("[{}]", key);
    const std::string where = key_condition(partition, column.is_static ? Ints() : clustering);
    return {fmt::format("DELETE {} FROM {} WHERE {}", what, full_name(), where),
            [table = table_, partition, clustering, column, element, key, ts] {
              TwinCell& cell = table->partitions[partition].row(column, clustering).cells[column.name];
              if (element) {
                cell.elements[int_bytes(key)].push_back({ts, std::nullopt, 0});
              } else if (is_multi_cell(column.type)) {
                cell.clears.push_back(ts);
              } else {
                cell.writes.push_back({ts, std::nullopt, 0});
              }
            }};
  }
  Write random_delete_rows(int64_t ts) {
    const Ints partition = random_key(table_->partition_columns);
    TwinDeletion deletion;
    deletion.ts = ts;
    deletion.prefix = random_key(below(table_->clustering_columns + 1));
    std::string where = key_condition(partition, deletion.prefix);
    const size_t next = deletion.prefix.size();
    if (next < table_->clustering_columns && chance(2)) {
      deletion.low = static_cast<int64_t>(below(kKeyValues));
      where += fmt::format(" AND c{} {} {}", next, chance(2) ? ">=" : ">", deletion.low);
      if (where.find(fmt::format("c{} >=", next)) == std::string::npos) ++deletion.low;
      if (chance(2)) {
        deletion.high = static_cast<int64_t>(below(kKeyValues));
        where += fmt::format(" AND c{} <= {}", next, deletion.high);
      }
    } else if (next == 0) {
      deletion.covers_static = true;
    }
    return {"DELETE FROM " + full_name() + " WHERE " + where,
            [table = table_, partition, deletion] { table->partitions[partition].deletions.push_back(deletion); }};
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
  static std::string show(const RowValues& row) {
    std::string text;
    for (const Value& value : row) text += (value ? to_hex(*value) : "null") + " ";
    return text;
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

  Machine machine_;
  std::mt19937_64 engine_;
  std::unique_ptr<Database> database_;
  bool created_ = false;
  std::map<std::string, TwinTable> tables_;
  std::map<std::string, TwinType> types_ever_;
  std::string table_name_;
  TwinTable* table_ = nullptr;
  uint64_t table_count_ = 0;
  std::vector<std::string> history_;
  int64_t ts_ = 1'600'000'000'000'000;
  int64_t list_statements_ = 0;
  uint64_t operations_ = 0, restarts_ = 0, rows_compared_ = 0;
};

TEST(Model, AgreesWithTheTwin) {
  const uint64_t seed = number_from("SAGITTA_MODEL_SEED",
                                    static_cast<uint64_t>(std::chrono::system_clock::now().time_since_epoch().count()));
  const uint64_t operations = number_from("SAGITTA_MODEL_OPERATIONS", 100'000);
  fmt::print("model seed {} (SAGITTA_MODEL_SEED={} replays it)\n", seed, seed);
  Model model(seed);
  while (model.operations() < operations && !testing::Test::HasFailure()) model.step();
  if (!testing::Test::HasFailure()) model.check_everything();
  if (testing::Test::HasFailure()) fmt::print("{}", model.history(number_from("SAGITTA_MODEL_HISTORY", 20)));
  fmt::print("model: {} operations, {} restarts, {} rows compared\n", model.operations(), model.restarts(),
             model.rows_compared());
}

}  // namespace
}  // namespace sagitta::db::test
