/// Random reads of the model test: by key, by value, by similarity, page by page.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "model_conditional.h"

namespace sagitta::db::test {

class ModelReads : public ModelConditional {
 public:
  using ModelConditional::ModelConditional;
  uint64_t rows_compared() const { return rows_compared_; }

 protected:
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

 private:
  uint64_t rows_compared_ = 0;
};

}  // namespace sagitta::db::test
