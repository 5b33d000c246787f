/// Random writes of the model test: each as text for the database, and as what it does to the twin.
#pragma once

#include <functional>

#include "model_base.h"

namespace sagitta::db::test {

class ModelWrites : public ModelBase {
 protected:
  using ModelBase::ModelBase;

  /// The key of a row; without its clustering part that of the static row.
  struct Place {
    Ints partition, clustering;
  };
  /// A statement, and what it does at a timestamp.
  struct Write {
    std::string text;
    std::function<void(int64_t ts)> apply;
    bool changes_static = false, is_deletion_of_rows = false;
  };
  using Apply = std::function<void(TwinCell&, int64_t ts)>;
  Place random_place() { return {random_key(table_->partition_columns), random_key(table_->clustering_columns)}; }
  void write() {
    pick_table();
    const int64_t ts = random_ts();
    const Write write = random_write();
    if (write.text.empty()) return;
    RequestOptions options;
    options.default_timestamp_us = ts;
    must(write.text, options);
    write.apply(ts);
  }
  void batch() {
    pick_table();
    const int64_t ts = random_ts();
    std::string text = table_->has_counters ? "BEGIN COUNTER BATCH " : "BEGIN BATCH ";
    std::vector<Write> writes;
    for (uint64_t i = 0, n = 1 + below(4); i < n; ++i) {
      // One timestamp for all: different keys, so that the order within the batch decides nothing.
      Place place = random_place();
      place.partition[0] = static_cast<int32_t>(i);
      Write write = table_->has_counters ? random_count() : random_insert(place);
      text += write.text + "; ";
      writes.push_back(std::move(write));
    }
    RequestOptions options;
    options.default_timestamp_us = ts;
    must(text + "APPLY BATCH", options);
    for (auto& write : writes) write.apply(ts);
  }
  Write random_write() {
    if (table_->has_counters) return chance(8) ? random_delete_rows() : random_count();
    const Place place = random_place();
    switch (below(8)) {
      case 0:
      case 1:
      case 2: return random_insert(place);
      case 3:
      case 4: {
        const TwinColumn& column = random_column();
        const bool by_content = column.type == TwinType::kList && chance(2);
        return by_content ? random_list_change(place, column) : random_update(place, column);
      }
      case 5: return random_delete_cells(place, random_column());
      default: return random_delete_rows();
    }
  }
  std::pair<std::string, int64_t> random_ttl() {
    if (!chance(5)) return {"", 0};
    const auto ttl = static_cast<int64_t>(1 + below(10));
    return {fmt::format(" USING TTL {}", ttl), now_s() + ttl};
  }
  const TwinColumn& random_column() { return table_->columns[below(table_->columns.size())]; }
  std::pair<std::string, Apply> random_assignment(const TwinColumn& column, int64_t expires_s) {
    if (!is_multi_cell(column.type)) {
      Literal literal = random_scalar(column.type);
      const int64_t expiry = literal.value ? expires_s : 0;
      return {literal.text, [=](TwinCell& cell, int64_t ts) { cell.writes.push_back({ts, literal.value, expiry}); }};
    }
    // A new whole leaves what has its own timestamp, null too.
    if (chance(6)) return {"null", [=](TwinCell& cell, int64_t ts) { cell.clears.push_back(ts - 1); }};
    auto [text, elements] = random_elements(column.type, false);
    return {text, [=](TwinCell& cell, int64_t ts) {
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
  Write random_insert(const Place& place, const std::string& condition = {}) {
    const auto& [partition, clustering] = place;
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
    Write write;
    std::vector<std::pair<TwinColumn, Apply>> applies;
    for (const TwinColumn& column : table_->columns) {
      if (chance(3)) continue;
      auto [text, apply] = random_assignment(column, expires_s);
      names += ", " + column.name;
      values += ", " + text;
      write.changes_static |= column.is_static;
      applies.emplace_back(column, apply);
    }
    write.text = fmt::format("INSERT INTO {} ({}) VALUES ({}){}{}", full_name(), names, values, condition, using_text);
    write.apply = [table = table_, place, applies, expires = expires_s](int64_t ts) {
      TwinPartition& part = table->partitions[place.partition];
      part.rows[place.clustering].markers.push_back({ts, Bytes(), expires});
      for (const auto& [column, apply] : applies) apply(part.row(column, place.clustering).cells[column.name], ts);
    };
    return write;
  }
  /// What an UPDATE does to one column.
  struct Change {
    std::string assignment;
    Apply apply;
  };
  Change random_change(const TwinColumn& column, int64_t expires_s) {
    const std::string& name = column.name;
    if (!is_multi_cell(column.type) || chance(3)) {
      auto [text, apply] = random_assignment(column, expires_s);
      return {name + " = " + text, apply};
    }
    if (column.type == TwinType::kUdt) return random_field_change(name, expires_s);
    if (column.type == TwinType::kList || chance(2)) {
      const bool prepend = column.type == TwinType::kList && chance(2);
      auto [text, elements] = random_elements(column.type, prepend);
      return {prepend ? fmt::format("{0} = {1} + {0}", name, text) : fmt::format("{0} = {0} + {1}", name, text),
              [=](TwinCell& cell, int64_t ts) { put_elements(cell, elements, ts, expires_s); }};
    }
    auto [text, elements] = random_elements(TwinType::kSet, false);
    return {fmt::format("{0} = {0} - {1}", name, text), [=](TwinCell& cell, int64_t ts) {
              for (const auto& [key, value] : elements) cell.elements[key].push_back({ts, std::nullopt, 0});
            }};
  }
  Change random_field_change(const std::string& name, int64_t expires_s) {
    const auto field = static_cast<int32_t>(below(kUdtFields));
    const Literal literal = random_scalar(field == 0 ? TwinType::kInt : TwinType::kText);
    return {fmt::format("{}.f{} = {}", name, field, literal.text), [=](TwinCell& cell, int64_t ts) {
              cell.elements[int_bytes(field)].push_back({ts, literal.value, literal.value ? expires_s : 0});
            }};
  }
  std::string place_of(const Place& place, const TwinColumn& column) const {
    return key_condition(place.partition, column.is_static ? Ints() : place.clustering);
  }
  Write random_update(const Place& place, const TwinColumn& column) {
    auto [using_text, expires_s] = random_ttl();
    const Change change = random_change(column, expires_s);
    return {
        fmt::format("UPDATE {}{} SET {} WHERE {}", full_name(), using_text, change.assignment, place_of(place, column)),
        [table = table_, place, column, apply = change.apply](int64_t ts) {
          apply(table->partitions[place.partition].row(column, place.clustering).cells[column.name], ts);
        },
        column.is_static};
  }
  /// By number or by value: what the list holds decides which elements change.
  Write random_list_change(const Place& place, const TwinColumn& column) {
    const auto& [partition, clustering] = place;
    TwinPartition& part = table_->partitions[partition];
    TwinCell& cell = part.row(column, clustering).cells[column.name];
    const auto live = cell.live(part.deleted_ts(column, clustering), now_s());
    const std::string where = " WHERE " + place_of(place, column);
    const std::string& name = column.name;
    if (chance(3)) {
      auto [text, elements] = random_list(false);
      return {fmt::format("UPDATE {0} SET {1} = {1} - {2}{3}", full_name(), name, text, where),
              [=, &cell](int64_t ts) {
                for (const auto& [key, value] : live) {
                  const bool named = std::ranges::any_of(elements, [&](const auto& e) { return e.second == value; });
                  if (named) cell.elements[key].push_back({ts, std::nullopt, 0});
                }
              },
              column.is_static};
    }
    const uint64_t at = below(live.size() + 1);
    Literal literal = random_scalar(TwinType::kInt);
    const bool removes = chance(2);
    if (removes) literal.value.reset();
    auto [using_text, expires_s] = removes ? std::pair(std::string(), int64_t{0}) : random_ttl();
    const std::string text =
        removes ? fmt::format("DELETE {}[{}] FROM {}{}", name, at, full_name(), where)
                : fmt::format("UPDATE {}{} SET {}[{}] = {}{}", full_name(), using_text, name, at, literal.text, where);
    if (at == live.size()) return must_not(text), Write();
    return {text,
            [key = live[at].first, literal, expires = literal.value ? expires_s : 0, &cell](int64_t ts) {
              cell.elements[key].push_back({ts, literal.value, expires});
            },
            column.is_static};
  }
  Write random_count() {
    const Place place = random_place();
    const TwinColumn column = random_column();
    const auto by = static_cast<int64_t>(below(9)) - 4;
    return {fmt::format("UPDATE {0} SET {1} = {1} {2} {3} WHERE {4}", full_name(), column.name, by < 0 ? '-' : '+',
                        std::abs(by), place_of(place, column)),
            [this, table = table_, place, column, by](int64_t ts) {
              TwinPartition& part = table->partitions[place.partition];
              auto& writes = part.row(column, place.clustering).cells[column.name].writes;
              const Value before = visible(writes, part.deleted_ts(column, place.clustering), now_s());
              Bytes sum;
              put_big(sum, (before ? get_big<int64_t>(before->data()) : 0) + by);
              writes = {{ts, sum, 0}};
            }};
  }
  Write random_delete_cells(const Place& place, const TwinColumn& column) {
    const bool element = is_multi_cell(column.type) && column.type != TwinType::kList && chance(2);
    const bool field = column.type == TwinType::kUdt;
    const auto key = field ? static_cast<int32_t>(below(kUdtFields)) : static_cast<int32_t>(below(5)) - 2;
    std::string what = column.name;
    if (element) what += field ? fmt::format(".f{}", key) : fmt::format("[{}]", key);
    return {fmt::format("DELETE {} FROM {} WHERE {}", what, full_name(), place_of(place, column)),
            [table = table_, place, column, element, key](int64_t ts) {
              TwinCell& cell = table->partitions[place.partition].row(column, place.clustering).cells[column.name];
              if (element) {
                cell.elements[int_bytes(key)].push_back({ts, std::nullopt, 0});
              } else if (is_multi_cell(column.type)) {
                cell.clears.push_back(ts);
              } else {
                cell.writes.push_back({ts, std::nullopt, 0});
              }
            },
            column.is_static};
  }
  Write random_delete_rows() {
    const Ints partition = random_key(table_->partition_columns);
    TwinDeletion deletion;
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
    return delete_rows(partition, where, deletion);
  }
  Write delete_rows(const Ints& partition, const std::string& where, const TwinDeletion& deletion) {
    return {"DELETE FROM " + full_name() + " WHERE " + where,
            [table = table_, partition, deletion](int64_t ts) {
              auto& deletions = table->partitions[partition].deletions;
              deletions.push_back(deletion);
              deletions.back().ts = ts;
            },
            false, true};
  }

  int64_t list_statements_ = 0;
};

}  // namespace sagitta::db::test
