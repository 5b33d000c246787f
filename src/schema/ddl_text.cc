/// CREATE statements, piece by piece.
#include "sagitta/schema/ddl_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>

#include "sagitta/types/name.h"

namespace sagitta::schema {
namespace {

using types::quote_name;

/// Options that Cassandra had before version 4: shown in system_schema and not described.
constexpr std::array<std::string_view, 2> kFormerOptions = {"dclocal_read_repair_chance", "read_repair_chance"};

/// Described, and not in system_schema of a table that was made without them.
const std::map<std::string, OptionValue>& further_options() {
  static const std::map<std::string, OptionValue> options = {
      {"allow_auto_snapshot", "true"}, {"cdc", "false"}, {"incremental_backups", "true"}, {"memtable", "default"}};
  return options;
}

std::string quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("''") : std::string(1, c);
  return out + "'";
}

std::string map_text(const OptionMap& map) {
  std::vector<std::string> pairs;
  for (const auto& [key, value] : map) pairs.push_back(quoted(key) + ": " + quoted(value));
  return fmt::format("{{{}}}", fmt::join(pairs, ", "));
}

bool is_text_option(std::string_view name) {
  constexpr std::array kText = std::to_array<std::string_view>(
      {"additional_write_policy", "caching", "comment", "memtable", "read_repair", "speculative_retry"});
  return std::ranges::find(kText, name) != kText.end();
}

/// Needs no quotes, whatever it says: true, false, a number as most are written.
bool is_plain(const std::string& text) {
  const bool is_number =
      !text.empty() && std::ranges::all_of(text, [](char c) { return c == '.' || (c >= '0' && c <= '9'); });
  return text == "true" || text == "false" || (is_number && text.front() != '.' && text.back() != '.');
}

std::string option_text(const std::string& name, const OptionValue& value) {
  if (const auto* map = std::get_if<OptionMap>(&value)) return name + " = " + map_text(*map);
  const auto& text = std::get<std::string>(value);
  return name + " = " + (is_text_option(name) || !is_plain(text) ? quoted(text) : text);
}

/// Its default for one other option is of its own.
bool is_leveled(const TableDef& table) {
  const auto compaction = table.options.find("compaction");
  if (compaction == table.options.end()) return false;
  const auto& options = std::get<OptionMap>(compaction->second);
  return options.contains("class") && simple_class(options.at("class")) == "LeveledCompactionStrategy";
}

/// In Cassandra's order: by name, but for one.
std::vector<std::string> option_texts(const TableDef& table) {
  std::map<std::string, OptionValue> all = table.options;
  all.insert(further_options().begin(), further_options().end());
  for (const auto& [name, value] : default_table_options()) {
    if (std::ranges::find(kFormerOptions, name) == kFormerOptions.end()) all.emplace(name, value);
  }
  if (is_leveled(table) && !table.options.contains("bloom_filter_fp_chance")) all["bloom_filter_fp_chance"] = "0.1";
  std::vector<std::string> texts;
  for (const auto& [name, value] : all) {
    if (name == "crc_check_chance") texts.push_back(option_text("memtable", all.at("memtable")));
    if (name != "memtable") texts.push_back(option_text(name, value));
  }
  return texts;
}

std::string column_text(const ColumnDef& column) {
  return fmt::format("{} {}{}", quote_name(column.name), column.type->to_cql(),
                     column.kind == ColumnKind::kStatic ? " static" : "");
}

/// Keys, static columns, others; of the last two those with a cell for each element come last. Then
/// what was dropped.
std::vector<ColumnDef> columns_in_order(const TableDef& table, bool with_dropped) {
  std::vector<ColumnDef> columns = table.columns;
  std::ranges::stable_sort(columns, {}, [](const ColumnDef& column) {
    return std::tuple(column.kind, !column.is_key() && column.type->is_multi_cell());
  });
  for (const DroppedColumn& dropped : table.dropped_columns) {
    if (with_dropped && table.find_column(dropped.name) == nullptr)
      columns.push_back({.name = dropped.name, .type = dropped.type, .kind = dropped.kind});
  }
  return columns;
}

std::string primary_key_text(const TableDef& table) {
  std::vector<std::string> partition, all;
  for (size_t i = 0; i < table.partition_key_count; ++i)
    partition.push_back(quote_name(table.partition_key_column(i).name));
  const std::string first = fmt::format("{}", fmt::join(partition, ", "));
  all.push_back(partition.size() > 1 ? "(" + first + ")" : first);
  for (size_t i = 0; i < table.clustering_count; ++i) all.push_back(quote_name(table.clustering_column(i).name));
  return fmt::format("PRIMARY KEY ({})", fmt::join(all, ", "));
}

std::string order_text(const TableDef& table) {
  std::vector<std::string> columns;
  for (size_t i = 0; i < table.clustering_count; ++i) {
    const ColumnDef& column = table.clustering_column(i);
    columns.push_back(quote_name(column.name) + (column.descending ? " DESC" : " ASC"));
  }
  return fmt::format("CLUSTERING ORDER BY ({})", fmt::join(columns, ", "));
}

std::string table_name(const TableDef& table) { return quote_name(table.keyspace) + "." + quote_name(table.name); }

/// What was dropped is made, dropped, and made again if it came back.
std::string drops_text(const TableDef& table) {
  std::string text;
  for (const DroppedColumn& dropped : table.dropped_columns) {
    const ColumnDef* again = table.find_column(dropped.name);
    // A key that was renamed to it.
    if (again != nullptr && again->is_key()) continue;
    text += fmt::format("\nALTER TABLE {} DROP {} USING TIMESTAMP {};", table_name(table), quote_name(dropped.name),
                        dropped.dropped_us);
    if (again != nullptr) text += fmt::format("\nALTER TABLE {} ADD {};", table_name(table), column_text(*again));
  }
  return text;
}

/// The type is made of one of these, itself.
bool needs(const types::DataType& type, const std::set<std::string>& names) {
  return std::ranges::any_of(type.parameters(), [&](const types::DataTypePtr& part) {
    return part->kind() == types::Kind::kUdt ? names.contains(std::string(part->name())) : needs(*part, names);
  });
}

}  // namespace

std::string full_class(std::string_view package, std::string_view name) {
  return name.find('.') == name.npos ? fmt::format("org.apache.cassandra.{}.{}", package, name) : std::string(name);
}

bool turns_on(const OptionValue& option) {
  const auto is_true = [](std::string_view text) {
    return std::ranges::equal(text, std::string_view("true"),
                              [](unsigned char given, char wanted) { return std::tolower(given) == wanted; });
  };
  if (const auto* text = std::get_if<std::string>(&option)) return is_true(*text);
  const auto& map = std::get<OptionMap>(option);
  const auto enabled = map.find("enabled");
  return enabled != map.end() && is_true(enabled->second);
}

const std::map<std::string, OptionValue>& default_table_options() {
  static const std::map<std::string, OptionValue> options = {
      {"additional_write_policy", "99p"},
      {"bloom_filter_fp_chance", "0.01"},
      {"caching", OptionMap{{"keys", "ALL"}, {"rows_per_partition", "NONE"}}},
      {"comment", ""},
      {"compaction", OptionMap{{"class", "org.apache.cassandra.db.compaction.SizeTieredCompactionStrategy"},
                               {"max_threshold", "32"},
                               {"min_threshold", "4"}}},
      {"compression",
       OptionMap{{"chunk_length_in_kb", "16"}, {"class", "org.apache.cassandra.io.compress.LZ4Compressor"}}},
      {"crc_check_chance", "1.0"},
      {"dclocal_read_repair_chance", "0.0"},
      {"default_time_to_live", "0"},
      {"extensions", OptionMap{}},
      {"gc_grace_seconds", "864000"},
      {"max_index_interval", "2048"},
      {"memtable_flush_period_in_ms", "0"},
      {"min_index_interval", "128"},
      {"read_repair", "BLOCKING"},
      {"read_repair_chance", "0.0"},
      {"speculative_retry", "99p"}};
  return options;
}

bool is_only_described(const std::string& option, const OptionValue& value) {
  const auto further = further_options().find(option);
  return option == "cdc" || (further != further_options().end() && further->second == value);
}

std::string create_text(const KeyspaceDef& keyspace) {
  OptionMap replication = keyspace.replication;
  for (auto& [name, value] : replication)
    if (name == "class") value = std::string(simple_class(value));
  return fmt::format("CREATE KEYSPACE {} WITH replication = {}  AND durable_writes = {};", quote_name(keyspace.name),
                     map_text(replication), keyspace.durable_writes);
}

std::string create_text(const TableDef& table, bool with_internals) {
  const bool is_plain_key = table.partition_key_count == 1 && table.clustering_count == 0;
  std::vector<std::string> lines, options;
  for (const ColumnDef& column : columns_in_order(table, with_internals)) {
    const bool is_key = is_plain_key && column.kind == ColumnKind::kPartitionKey;
    lines.push_back(column_text(column) + (is_key ? " PRIMARY KEY" : ""));
  }
  if (!is_plain_key) lines.push_back(primary_key_text(table));
  if (with_internals) options.push_back("ID = " + to_string(table.uuid));
  if (table.clustering_count > 0) options.push_back(order_text(table));
  for (std::string& option : option_texts(table)) options.push_back(std::move(option));
  return fmt::format("CREATE TABLE {} (\n    {}\n) WITH {};{}", table_name(table), fmt::join(lines, ",\n    "),
                     fmt::join(options, "\n    AND "), with_internals ? drops_text(table) : "");
}

std::string create_text(const TableDef& table, const IndexDef& index) {
  const std::string on = fmt::format("{} ON {} ({})", quote_name(index.name), table_name(table), index.target);
  if (index.class_name.empty()) return fmt::format("CREATE INDEX {};", on);
  const std::string options = index.options.empty() ? std::string() : " WITH OPTIONS = " + map_text(index.options);
  return fmt::format("CREATE CUSTOM INDEX {} USING {}{};", on, quoted(index.class_name), options);
}

std::string create_text(const std::string& keyspace, const types::DataType& user_type) {
  std::vector<std::string> fields;
  for (size_t i = 0; i < user_type.parameters().size(); ++i) {
    fields.push_back(quote_name(user_type.field_names()[i]) + " " + user_type.parameters()[i]->to_cql());
  }
  return fmt::format("CREATE TYPE {}.{} (\n    {}\n);", quote_name(keyspace), quote_name(user_type.name()),
                     fmt::join(fields, ",\n    "));
}

std::vector<types::DataTypePtr> types_in_order(const KeyspaceDef& keyspace) {
  std::vector<types::DataTypePtr> ordered;
  std::set<std::string> left;
  for (const auto& [name, type] : keyspace.types) left.insert(name);
  while (!left.empty()) {
    const auto next =
        std::ranges::find_if(left, [&](const auto& name) { return !needs(*keyspace.types.at(name), left); });
    if (next == left.end()) break;
    ordered.push_back(keyspace.types.at(*next));
    left.erase(next);
  }
  return ordered;
}

}  // namespace sagitta::schema
