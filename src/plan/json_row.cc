#include "json_row.h"

#include <fmt/format.h>

#include "sagitta/types/json.h"

namespace sagitta::plan {
namespace {

using types::JsonValue;

Result<JsonValue> read_object(const Value& text) {
  if (!text) return fail(ErrorCode::kInvalid, "Got null for INSERT JSON values");
  const auto refuse = [&](std::string_view why) {
    return fail(ErrorCode::kInvalid,
                fmt::format("Could not decode JSON string as a map: {}. (String was: {})", why, *text));
  };
  auto json = types::parse_json(*text);
  if (!json) return refuse(json.error().message());
  if (json->kind == JsonValue::Kind::kNull) return fail(ErrorCode::kInvalid, "Got null for INSERT JSON values");
  if (json->kind != JsonValue::Kind::kObject) return refuse("it is no object");
  return *std::move(json);
}

}  // namespace

Result<std::vector<BindValue>> read_json_row(const schema::TableDef& table, const Value& json, bool default_unset) {
  SAGITTA_TRY(const JsonValue object, read_object(json));
  auto members = types::json_members(object);
  std::vector<BindValue> values;
  values.reserve(table.columns.size());
  for (const schema::ColumnDef& column : table.columns) {
    const auto member = members.find(column.name);
    if (member == members.end()) {
      values.push_back({.value = {}, .unset = default_unset});
      continue;
    }
    auto value = types::from_json(*column.type, *member->second);
    // In Cassandra's words: without the column where a string is no duration.
    const bool is_string = member->second->kind == JsonValue::Kind::kString;
    if (!value && is_string && column.type->kind() == types::Kind::kDuration) return fail(value);
    if (!value) {
      return fail(ErrorCode::kInvalid,
                  fmt::format("Error decoding JSON value for {}: {}", column.name, value.error().message()));
    }
    values.push_back({.value = *std::move(value)});
    members.erase(member);
  }
  if (members.empty()) return values;
  return fail(ErrorCode::kInvalid,
              fmt::format("JSON values map contains unrecognized column: {}", members.begin()->first));
}

}  // namespace sagitta::plan
