/// Schema changes as bytes: the payload of a log record of kind kSchema (docs/formats/catalog.md).
#include <fmt/format.h>

#include "sagitta/schema/schema_change.h"

#include "schema_members.h"

namespace sagitta::types {

template <>
constexpr auto kMembers<schema::CreateKeyspace> =
    std::tuple(&schema::CreateKeyspace::keyspace, &schema::CreateKeyspace::replication,
               &schema::CreateKeyspace::durable_writes, &schema::CreateKeyspace::if_not_exists);
template <>
constexpr auto kMembers<schema::AlterKeyspace> =
    std::tuple(&schema::AlterKeyspace::keyspace, &schema::AlterKeyspace::replication,
               &schema::AlterKeyspace::durable_writes, &schema::AlterKeyspace::if_exists);
template <>
constexpr auto kMembers<schema::DropKeyspace> =
    std::tuple(&schema::DropKeyspace::keyspace, &schema::DropKeyspace::if_exists);
template <>
constexpr auto kMembers<schema::CreateType> =
    std::tuple(&schema::CreateType::keyspace, &schema::CreateType::name, &schema::CreateType::field_names,
               &schema::CreateType::field_types, &schema::CreateType::if_not_exists);
template <>
constexpr auto kMembers<schema::AlterTypeAdd> = std::tuple(
    &schema::AlterTypeAdd::keyspace, &schema::AlterTypeAdd::name, &schema::AlterTypeAdd::field_name,
    &schema::AlterTypeAdd::field_type, &schema::AlterTypeAdd::if_exists, &schema::AlterTypeAdd::if_field_not_exists);
template <>
constexpr auto kMembers<schema::AlterTypeRename> =
    std::tuple(&schema::AlterTypeRename::keyspace, &schema::AlterTypeRename::name, &schema::AlterTypeRename::fields,
               &schema::AlterTypeRename::if_exists);
template <>
constexpr auto kMembers<schema::DropType> =
    std::tuple(&schema::DropType::keyspace, &schema::DropType::name, &schema::DropType::if_exists);
template <>
constexpr auto kMembers<schema::CreateTable> =
    std::tuple(&schema::CreateTable::table, &schema::CreateTable::if_not_exists);
template <>
constexpr auto kMembers<schema::AlterTableAdd> =
    std::tuple(&schema::AlterTableAdd::keyspace, &schema::AlterTableAdd::table, &schema::AlterTableAdd::columns,
               &schema::AlterTableAdd::if_exists, &schema::AlterTableAdd::if_column_not_exists,
               Since{2, &schema::AlterTableAdd::revives});
template <>
constexpr auto kMembers<schema::AlterTableDrop> =
    std::tuple(&schema::AlterTableDrop::keyspace, &schema::AlterTableDrop::table, &schema::AlterTableDrop::columns,
               &schema::AlterTableDrop::timestamp_us, &schema::AlterTableDrop::if_exists,
               &schema::AlterTableDrop::if_column_exists, Since{2, &schema::AlterTableDrop::server_timestamp},
               Since{2, &schema::AlterTableDrop::revivable});
template <>
constexpr auto kMembers<schema::AlterTableRename> =
    std::tuple(&schema::AlterTableRename::keyspace, &schema::AlterTableRename::table,
               &schema::AlterTableRename::columns, &schema::AlterTableRename::if_exists);
template <>
constexpr auto kMembers<schema::AlterTableOptions> =
    std::tuple(&schema::AlterTableOptions::keyspace, &schema::AlterTableOptions::table,
               &schema::AlterTableOptions::options, &schema::AlterTableOptions::if_exists);
template <>
constexpr auto kMembers<schema::DropTable> =
    std::tuple(&schema::DropTable::keyspace, &schema::DropTable::table, &schema::DropTable::if_exists);
template <>
constexpr auto kMembers<schema::CreateIndex> =
    std::tuple(&schema::CreateIndex::keyspace, &schema::CreateIndex::table, &schema::CreateIndex::column,
               &schema::CreateIndex::index, &schema::CreateIndex::if_not_exists);
template <>
constexpr auto kMembers<schema::DropIndex> =
    std::tuple(&schema::DropIndex::keyspace, &schema::DropIndex::name, &schema::DropIndex::if_exists);

}  // namespace sagitta::types

namespace sagitta::schema {

void encode(const SchemaChange& schema_change, Bytes& out) {
  out.push_back(static_cast<char>(kCatalogVersion));
  types::Writer{out}(schema_change);
}

Result<SchemaChange> decode_schema_change(BytesView bytes) {
  if (bytes.size() < 2) return fail(ErrorCode::kCorruption, "schema change: too short");
  const auto version = static_cast<uint8_t>(bytes[0]);
  const auto kind = static_cast<uint8_t>(bytes[1]);
  if (version == 0 || version > kCatalogVersion || kind >= std::variant_size_v<SchemaChange>) {
    return fail(ErrorCode::kFormat, fmt::format("schema change: unknown version {} or kind {}", version, kind));
  }
  SchemaChange out;
  types::Reader in(bytes.substr(1), version);
  in(out);
  if (!in.complete()) return fail(ErrorCode::kCorruption, "schema change: damaged");
  if (version == 1) {
    if (auto* add = std::get_if<AlterTableAdd>(&out)) add->revives = false;
    if (auto* drop = std::get_if<AlterTableDrop>(&out)) drop->revivable = false;
  }
  return out;
}

}  // namespace sagitta::schema
