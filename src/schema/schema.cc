#include "sagitta/schema/schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "schema_members.h"

namespace sagitta::schema {
namespace {

constexpr int64_t kDefaultGcGraceS = 864'000;

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

std::optional<int64_t> integer_option(const TableDef& table, const std::string& name) {
  auto it = table.options.find(name);
  if (it == table.options.end()) return std::nullopt;
  const auto* text = std::get_if<std::string>(&it->second);
  if (text == nullptr) return std::nullopt;
  int64_t value = 0;
  auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc() || end != text->data() + text->size()) return std::nullopt;
  return value;
}

}  // namespace

bool ColumnDef::operator==(const ColumnDef& other) const {
  return id == other.id && name == other.name && types::same_type(type, other.type) && kind == other.kind &&
         position == other.position && descending == other.descending && dropped_us == other.dropped_us;
}

const ColumnDef* TableDef::find_column(std::string_view column_name) const {
  auto it = std::ranges::find(columns, column_name, &ColumnDef::name);
  return it == columns.end() ? nullptr : &*it;
}

const ColumnDef* TableDef::find_column(uint32_t column_id) const {
  auto it = std::ranges::find(columns, column_id, &ColumnDef::id);
  return it == columns.end() ? nullptr : &*it;
}

const IndexDef* TableDef::find_index(std::string_view index_name) const {
  auto it = std::ranges::find(indexes, index_name, &IndexDef::name);
  return it == indexes.end() ? nullptr : &*it;
}

const IndexDef* TableDef::find_index(uint32_t index_id) const {
  auto it = std::ranges::find(indexes, index_id, &IndexDef::id);
  return it == indexes.end() ? nullptr : &*it;
}

const DroppedColumn* TableDef::find_dropped(std::string_view column_name) const {
  auto it = std::ranges::find(dropped_columns, column_name, &DroppedColumn::name);
  return it == dropped_columns.end() ? nullptr : &*it;
}

int32_t TableDef::default_ttl_s() const {
  return static_cast<int32_t>(integer_option(*this, "default_time_to_live").value_or(0));
}

int64_t TableDef::gc_grace_s() const { return integer_option(*this, "gc_grace_seconds").value_or(kDefaultGcGraceS); }

void TableDef::finish() {
  auto order = [](const ColumnDef& c) {
    return std::tuple(c.kind, c.is_key() ? c.position : 0, c.is_key() ? std::string_view() : std::string_view(c.name));
  };
  std::ranges::sort(columns, {}, order);
  auto count_of = [this](ColumnKind kind) {
    return static_cast<uint32_t>(std::ranges::count(columns, kind, &ColumnDef::kind));
  };
  partition_key_count = count_of(ColumnKind::kPartitionKey);
  clustering_count = count_of(ColumnKind::kClustering);
  has_static = count_of(ColumnKind::kStatic) > 0;
  // A table of counters stays one when the last of them is dropped.
  const auto counts = [](const auto& column) { return column.type->kind() == types::Kind::kCounter; };
  is_counter = std::ranges::any_of(columns, counts) || std::ranges::any_of(dropped_columns, counts);
  has_revived = false;
  for (const DroppedColumn& dropped : dropped_columns) {
    auto column = std::ranges::find(columns, dropped.id, &ColumnDef::id);
    if (dropped.id == 0 || column == columns.end()) continue;
    column->dropped_us = dropped.dropped_us;
    has_revived = true;
  }
}

const KeyspaceDef* Schema::find_keyspace(std::string_view keyspace) const {
  auto it = keyspaces.find(std::string(keyspace));
  return it == keyspaces.end() ? nullptr : it->second.get();
}

TableDefPtr Schema::find_table(std::string_view keyspace, std::string_view table) const {
  const KeyspaceDef* found = find_keyspace(keyspace);
  if (found == nullptr) return nullptr;
  auto it = found->tables.find(std::string(table));
  return it == found->tables.end() ? nullptr : it->second;
}

TableDefPtr Schema::find_table(uint32_t table_id) const {
  for (const auto& [keyspace_name, keyspace] : keyspaces) {
    for (const auto& [table_name, table] : keyspace->tables) {
      if (table->id == table_id && !table->is_virtual) return table;
    }
  }
  return nullptr;
}

types::DataTypePtr Schema::find_type(std::string_view keyspace, std::string_view type) const {
  const KeyspaceDef* found = find_keyspace(keyspace);
  if (found == nullptr) return nullptr;
  auto it = found->types.find(std::string(type));
  return it == found->types.end() ? nullptr : it->second;
}

void Schema::encode(Bytes& out) const {
  std::vector<KeyspaceDef> kept;
  for (const auto& [name, keyspace] : keyspaces) {
    KeyspaceDef copy = *keyspace;
    std::erase_if(copy.tables, [](const auto& entry) { return entry.second->is_virtual; });
    const bool is_virtual = copy.tables.empty() && !keyspace->tables.empty();
    if (!is_virtual) kept.push_back(std::move(copy));
  }
  out.push_back(static_cast<char>(kCatalogVersion));
  types::Writer{out}(version, next_table_id, next_index_id, kept, version_uuid);
}

Result<SchemaPtr> Schema::decode(BytesView bytes) {
  if (bytes.empty()) return fail(ErrorCode::kCorruption, "catalog: empty");
  const auto catalog_version = static_cast<uint8_t>(bytes[0]);
  if (catalog_version == 0 || catalog_version > kCatalogVersion) {
    return fail(ErrorCode::kFormat, fmt::format("catalog: version {}, this program reads versions up to {}",
                                                catalog_version, kCatalogVersion));
  }
  auto schema = std::make_shared<Schema>();
  std::vector<KeyspaceDef> kept;
  types::Reader in(bytes.substr(1), catalog_version);
  in(schema->version, schema->next_table_id, schema->next_index_id, kept, schema->version_uuid);
  if (!in.complete()) return fail(ErrorCode::kCorruption, "catalog: damaged");
  for (auto& keyspace : kept) {
    for (auto& [name, table] : keyspace.tables) {
      auto finished = std::make_shared<TableDef>(*table);
      give_uuid(*finished);
      finished->finish();
      table = std::move(finished);
    }
    std::string name = keyspace.name;
    schema->keyspaces[name] = std::make_shared<KeyspaceDef>(std::move(keyspace));
  }
  return schema;
}

std::string_view simple_class(std::string_view name) { return name.substr(name.find_last_of('.') + 1); }

bool is_vector_index_class(std::string_view class_name) {
  return lower(class_name) == "vector_index" || is_storage_attached_class(class_name);
}

bool is_storage_attached_class(std::string_view class_name) {
  const std::string name = lower(class_name);
  return name == "sai" || name == "storageattachedindex" || name == "sasiindex" ||
         name == "org.apache.cassandra.index.sai.storageattachedindex" ||
         name == "org.apache.cassandra.index.sasi.sasiindex";
}

}  // namespace sagitta::schema
