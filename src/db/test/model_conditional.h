/// Random conditional writes of the model test. The twin decides them for itself: what was applied,
/// what a refusal shows and when it was written must agree.
#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "model_conditions.h"

namespace sagitta::db::test {

class ModelConditional : public ModelConditions {
 public:
  using ModelConditions::ModelConditions;
  uint64_t applied() const { return applied_; }
  uint64_t not_applied() const { return not_applied_; }

 protected:
  void write_if() {
    pick_table();
    if (table_->has_counters) return write();
    // Nothing that the server has stamped before is as new; what clients stamp may be newer.
    machine_.clock.advance_us(1000);
    if (chance(20)) ts_ += 5'000'000;
    const bool is_batch = table_->clustering_columns > 0 && chance(3);
    statements_.clear();
    if (is_batch) {
      draw_batch();
    } else {
      statements_.push_back(random_statement(random_place(), true, true));
    }
    std::string text;
    for (const Statement& one : statements_) text += one.write.text + (is_batch ? "; " : "");
    if (is_batch) text = (chance(2) ? "BEGIN BATCH " : "BEGIN UNLOGGED BATCH ") + text + "APPLY BATCH";
    look();
    decide(text, is_batch);
  }

 private:
  enum class Existence { kAny, kExists, kNotExists };
  struct Statement {
    Place place;
    Write write;
    Existence existence = Existence::kAny;
    std::vector<Wish> wishes;
    /// Of the static row alone.
    bool static_only = false;

    bool has_wish(bool of_statics) const {
      return std::ranges::any_of(wishes, [=](const Wish& wish) { return wish.column.is_static == of_statics; });
    }
    bool is_conditional() const { return existence != Existence::kAny || !wishes.empty(); }
    bool looks_at_row() const { return (existence != Existence::kAny && !static_only) || has_wish(false); }
    bool looks_at_statics() const { return is_conditional() && (has_wish(true) || write.changes_static); }
  };

  // ---- statements ----

  void draw_batch() {
    const Ints partition = random_key(table_->partition_columns);
    std::set<Ints> rows;
    for (uint64_t left = 1 + below(3); left > 0; --left) rows.insert(random_key(table_->clustering_columns));
    const auto sure = std::next(rows.begin(), static_cast<std::ptrdiff_t>(below(rows.size())));
    for (const Ints& row : rows) {
      const bool is_conditional = row == *sure || chance(2);
      statements_.push_back(random_statement({partition, row}, false, is_conditional));
      if (chance(3)) statements_.push_back(random_statement({partition, row}, false, false));
    }
  }
  Statement random_statement(const Place& place, bool is_alone, bool is_conditional) {
    Statement made{.place = place};
    const uint64_t roll = below(5);
    if (roll < 2) {
      if (is_conditional) made.existence = Existence::kNotExists;
      made.write = random_insert(place, is_conditional ? " IF NOT EXISTS" : "");
      return made;
    }
    if (roll == 2) {
      made.write = delete_row(place);
    } else {
      const TwinColumn& column = random_column();
      const TwinColumn& changed = column.is_static && !is_alone ? table_->columns.front() : column;
      made.static_only = changed.is_static;
      // What a list holds decides which elements change: other statements would have a part in
      // that.
      if (is_alone && changed.type == TwinType::kList && chance(2)) made.write = random_list_change(place, changed);
      if (made.write.text.empty())
        made.write = roll == 3 ? random_update(place, changed) : random_delete_cells(place, changed);
    }
    if (is_conditional) made.write.text += random_conditions(made);
    return made;
  }
  Write delete_row(const Place& place) {
    TwinDeletion deletion;
    deletion.prefix = place.clustering;
    return delete_rows(place.partition, key_condition(place.partition, place.clustering), deletion);
  }
  std::string random_conditions(Statement& statement) {
    if (chance(5)) {
      statement.existence = Existence::kExists;
      return " IF EXISTS";
    }
    std::string text;
    for (uint64_t left = 1 + below(2); left > 0; --left) {
      const TwinColumn& column = random_column();
      if (statement.static_only && !column.is_static) continue;
      statement.wishes.push_back(random_wish(column));
      text += (text.empty() ? " IF " : " AND ") + statement.wishes.back().text;
    }
    if (!text.empty()) return text;
    statement.existence = Existence::kExists;
    return " IF EXISTS";
  }

  // ---- what the twin has ----

  void look() {
    rows_.clear();
    statics_.clear();
    const Ints& partition = statements_.front().place.partition;
    for (TwinResult& result : table_->read(now_s())) {
      if (result.partition != partition) continue;
      for (const TwinColumn& column : table_->columns) {
        if (column.is_static) statics_[column.name] = result.values[column.name];
      }
      if (result.clustering) rows_.push_back(std::move(result));
    }
  }
  const TwinResult* row(const Ints& clustering) const {
    const auto found = std::ranges::find(rows_, clustering, &TwinResult::clustering);
    return found == rows_.end() ? nullptr : &*found;
  }
  bool has_statics() const {
    return std::ranges::any_of(statics_, [](const auto& entry) { return entry.second.has_value(); });
  }
  Value static_value(const std::string& name) const {
    const auto found = statics_.find(name);
    return found == statics_.end() ? Value() : found->second;
  }
  bool holds(const Statement& statement) const {
    const TwinResult* at = row(statement.place.clustering);
    const bool exists = statement.static_only ? has_statics() : at != nullptr;
    if (statement.existence != Existence::kAny && exists != (statement.existence == Existence::kExists)) return false;
    return std::ranges::all_of(statement.wishes, [&](const Wish& wish) {
      if (wish.column.is_static) return wish.holds(static_value(wish.column.name));
      return wish.holds(at == nullptr ? Value() : at->values.at(wish.column.name));
    });
  }
  /// Newer than all that the rows have which are looked at or written, and not older than the
  /// server's clock.
  int64_t stamp() const {
    int64_t stamp_us = machine_.clock.now_us();
    if (machine_.partitions > 1) stamp_us += stamp_us & 1;
    const TwinPartition& partition = table_->partitions[statements_.front().place.partition];
    for (const Statement& one : statements_) {
      if (one.looks_at_row() || !one.static_only)
        stamp_us = std::max(stamp_us, partition.newest_ts(one.place.clustering) + 1);
      if (one.looks_at_statics() || one.write.changes_static) {
        stamp_us = std::max(stamp_us, partition.newest_static_ts() + 1);
      }
    }
    return stamp_us;
  }

  // ---- what the answer must be ----

  void decide(const std::string& text, bool is_batch) {
    ++operations_;
    const bool applies = std::ranges::all_of(statements_, [this](const Statement& one) { return holds(one); });
    const int64_t stamp_us = stamp();
    history_.push_back(fmt::format("{}, {} at {}: {}", now_s(), applies ? "applied" : "not applied", stamp_us, text));
    RequestOptions options;
    options.default_timestamp_us = ts_ + 10'000'000;  // which is not used
    const auto answer = ask(*database_, text, options);
    ASSERT_TRUE(answer) << text << "\n" << answer.error().to_string();
    if (!applies) return check_refusal(text, *answer, is_batch);
    ASSERT_EQ(columns_of(*answer), std::vector<std::string>{"[applied]"}) << text;
    ASSERT_EQ(rows_of(*answer), std::vector<RowValues>{{Bytes(1, '\1')}}) << text;
    ++applied_;
    // What a write deletes is older than what it sets.
    for (const Statement& one : statements_) one.write.apply(one.write.is_deletion_of_rows ? stamp_us - 1 : stamp_us);
    ts_ = std::max(ts_, stamp_us);
    check_times(text);
  }
  static std::vector<std::string> columns_of(const Answer& answer) {
    std::vector<std::string> names;
    for (const ColumnSpec& column : std::get<Rows>(answer.body).metadata->columns) names.push_back(column.name);
    return names;
  }
  void check_refusal(const std::string& text, const Answer& answer, bool is_batch) {
    ++not_applied_;
    const std::vector<RowValues> expected = refused_rows(is_batch);
    std::vector<std::string> columns = {"[applied]"};
    if (expected.front().size() > 1) std::ranges::move(shown_columns(is_batch), std::back_inserter(columns));
    ASSERT_EQ(columns_of(answer), columns) << text;
    const auto got = rows_of(answer);
    ASSERT_EQ(got.size(), expected.size()) << text;
    for (size_t i = 0; i < got.size(); ++i) ASSERT_EQ(show(got[i]), show(expected[i])) << text << " row " << i;
  }
  bool shows_all() const {
    return std::ranges::any_of(statements_, [](const Statement& one) { return one.existence != Existence::kAny; });
  }
  /// Of existence all columns; else those of the conditions, of each statement the static ones
  /// last.
  std::vector<std::string> shown_columns(bool has_key) const {
    std::vector<std::string> shown;
    const auto add = [&](const std::string& name) {
      if (std::ranges::find(shown, name) == shown.end()) shown.push_back(name);
    };
    for (size_t i = 0; i < table_->partition_columns && (has_key || shows_all()); ++i) add(fmt::format("p{}", i));
    for (size_t i = 0; i < table_->clustering_columns && (has_key || shows_all()); ++i) add(fmt::format("c{}", i));
    if (shows_all()) {
      std::map<std::pair<bool, std::string>, std::string> in_order;
      for (const TwinColumn& column : table_->columns) in_order[{!column.is_static, column.name}] = column.name;
      for (const auto& [place, name] : in_order) add(name);
      return shown;
    }
    for (const Statement& one : statements_) {
      for (const bool is_static : {false, true}) {
        for (const Wish& wish : one.wishes) {
          if (wish.column.is_static == is_static) add(wish.column.name);
        }
      }
    }
    return shown;
  }
  /// The rows of the conditions; of conditions on static columns alone the first of the partition.
  std::vector<const TwinResult*> looked_at() const {
    std::set<Ints> wanted;
    for (const Statement& one : statements_) {
      if (one.looks_at_row()) wanted.insert(one.place.clustering);
    }
    std::vector<const TwinResult*> looked;
    for (const TwinResult& one : rows_) {
      if (wanted.empty() || wanted.contains(*one.clustering)) looked.push_back(&one);
      if (wanted.empty()) break;
    }
    return looked;
  }
  std::vector<RowValues> refused_rows(bool is_batch) const {
    const bool shows_statics =
        has_statics() && std::ranges::any_of(statements_, [](const Statement& one) { return one.looks_at_statics(); });
    auto looked = looked_at();
    if (looked.empty() && shows_statics) looked.push_back(nullptr);
    std::vector<RowValues> rows;
    for (const TwinResult* one : looked) {
      RowValues& shown = rows.emplace_back(RowValues{Bytes(1, '\0')});
      for (const std::string& name : shown_columns(is_batch)) shown.push_back(shown_value(name, one, shows_statics));
    }
    if (rows.empty()) rows.push_back({Bytes(1, '\0')});
    return rows;
  }
  Value shown_value(const std::string& name, const TwinResult* of, bool shows_statics) const {
    const auto number = [&] { return static_cast<size_t>(name[1] - '0'); };
    if (name[0] == 'p') return int_bytes(statements_.front().place.partition[number()]);
    if (name[0] == 'c') return of == nullptr ? Value() : int_bytes((*of->clustering)[number()]);
    if (table_->column(name)->is_static) return shows_statics ? static_value(name) : Value();
    const bool shows_rows =
        std::ranges::any_of(statements_, [](const Statement& one) { return one.is_conditional() && !one.static_only; });
    return of == nullptr || !shows_rows ? Value() : of->values.at(name);
  }

  /// Each value that stands was written when the twin has it.
  void check_times(const std::string& text) {
    for (const Statement& one : statements_) {
      std::string selected;
      RowValues expected;
      const TwinPartition& partition = table_->partitions[one.place.partition];
      for (const TwinColumn& column : table_->columns) {
        if (is_multi_cell(column.type) || column.is_static) continue;
        selected += fmt::format("{}writetime({})", selected.empty() ? "" : ", ", column.name);
        expected.push_back(partition.written_at(column, one.place.clustering, now_s()));
      }
      const auto got = select(*database_, fmt::format("SELECT {} FROM {} WHERE {}", selected, full_name(),
                                                      key_condition(one.place.partition, one.place.clustering)));
      if (got.empty()) continue;
      ASSERT_EQ(show(got[0]), show(expected)) << text << "\n" << selected;
    }
  }

  std::vector<Statement> statements_;
  std::vector<TwinResult> rows_;  ///< of the partition, in the order of the table
  std::map<std::string, Value> statics_;
  uint64_t applied_ = 0, not_applied_ = 0;
};

}  // namespace sagitta::db::test
