#include "options.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstdlib>
#include <optional>

#include "sagitta/schema/ddl_text.h"
#include "sagitta/types/value.h"

#include "sub_options.h"

namespace sagitta::plan {
namespace {

enum class Shape : uint8_t { kText, kMap, kBoolean, kInteger, kFraction, kTextOrMap, kBooleanOrMap, kSpeculation };

struct Option {
  std::string_view name;
  Shape shape;
  /// Of a map with a form of its own.
  Result<schema::OptionMap> (*complete)(schema::OptionMap) = nullptr;
};

constexpr std::array kTableOptions = std::to_array<Option>({
    {"additional_write_policy", Shape::kSpeculation},
    {"allow_auto_snapshot", Shape::kBoolean},
    {"bloom_filter_fp_chance", Shape::kFraction},
    {"caching", Shape::kMap, complete_caching},
    {"cdc", Shape::kBooleanOrMap},
    {"comment", Shape::kText},
    {"compaction", Shape::kMap, complete_compaction},
    {"compression", Shape::kMap, complete_compression},
    {"crc_check_chance", Shape::kFraction},
    {"dclocal_read_repair_chance", Shape::kFraction},
    {"default_time_to_live", Shape::kInteger},
    {"extensions", Shape::kMap},
    {"gc_grace_seconds", Shape::kInteger},
    {"incremental_backups", Shape::kBoolean},
    {"max_index_interval", Shape::kInteger},
    {"memtable", Shape::kTextOrMap},
    {"memtable_flush_period_in_ms", Shape::kInteger},
    {"min_index_interval", Shape::kInteger},
    {"paxos_grace_seconds", Shape::kInteger},
    {"read_repair", Shape::kText},
    {"read_repair_chance", Shape::kFraction},
    {"speculative_retry", Shape::kSpeculation},
    {"synchronous_updates", Shape::kBoolean},
    {"tombstone_gc", Shape::kMap},
});

/// No bloom filter of Cassandra has fewer false positives.
constexpr double kFalsePositivesMin = 6.71e-5;
constexpr int64_t kTtlMax = int64_t{20} * 365 * 24 * 3600;

std::optional<int64_t> to_integer(const std::string& text) {
  int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

std::unexpected<Error> bad_value(std::string_view name, std::string_view value) {
  return fail(ErrorCode::kSyntax, fmt::format("Invalid value {} for '{}'", value, name));
}

Result<schema::OptionValue> integer_option(std::string_view name, const cql::Property& property) {
  SAGITTA_TRY(std::string text, scalar_option(name, property));
  auto value = to_integer(text);
  if (!value) return fail(ErrorCode::kSyntax, fmt::format("Invalid integer value {} for '{}'", text, name));
  const int64_t least = name == "min_index_interval" || name == "max_index_interval" ? 1 : 0;
  if (*value < least) {
    return fail(ErrorCode::kConfig,
                fmt::format("{} must be greater than or equal to {} (got {})", name, least, *value));
  }
  const bool ttl = name == "default_time_to_live";
  if (*value > (ttl ? kTtlMax : INT32_MAX)) {
    return fail(ErrorCode::kConfig,
                fmt::format("{} must be less than or equal to {} (got {})", name, ttl ? kTtlMax : INT32_MAX, *value));
  }
  return schema::OptionValue(text);
}

Result<schema::OptionValue> fraction_option(std::string_view name, const cql::Property& property) {
  SAGITTA_TRY(std::string text, scalar_option(name, property));
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0') {
    return fail(ErrorCode::kSyntax, fmt::format("Invalid double value {} for '{}'", text, name));
  }
  if (name == "bloom_filter_fp_chance" && !(value > kFalsePositivesMin && value <= 1)) {
    return fail(ErrorCode::kConfig, fmt::format("{} must be larger than 6.71E-5 and less than or equal to 1.0 (got {})",
                                                name, fmt::format("{:#}", value)));
  }
  if (!(value >= 0 && value <= 1)) {
    return fail(
        ErrorCode::kConfig,
        fmt::format("{} must be larger than or equal to 0 and smaller than or equal to 1.0 (got {:#})", name, value));
  }
  return schema::OptionValue(
      types::to_literal(*types::DataType::native(types::Kind::kDouble), types::from_double(value)));
}

Result<schema::OptionValue> check_option(const Option& option, const cql::Property& property) {
  const bool is_map = property.kind == cql::Property::Kind::kMap;
  const bool is_switch = option.shape == Shape::kBoolean || (option.shape == Shape::kBooleanOrMap && !is_map);
  if (is_switch) {
    SAGITTA_TRY(bool value, boolean_option(option.name, property));
    return schema::OptionValue(value ? "true" : "false");
  }
  switch (option.shape) {
    case Shape::kInteger: return integer_option(option.name, property);
    case Shape::kFraction: return fraction_option(option.name, property);
    case Shape::kSpeculation: {
      SAGITTA_TRY(const std::string text, scalar_option(option.name, property));
      SAGITTA_TRY(std::string complete, complete_speculation(text));
      return schema::OptionValue(std::move(complete));
    }
    default: break;
  }
  if (option.shape == Shape::kMap || (option.shape != Shape::kText && is_map)) {
    SAGITTA_TRY(schema::OptionMap map, map_option(option.name, property));
    if (option.complete != nullptr) return option.complete(std::move(map));
    return schema::OptionValue(std::move(map));
  }
  SAGITTA_TRY(std::string text, scalar_option(option.name, property));
  return schema::OptionValue(std::move(text));
}

Status check_factor(const std::string& value) {
  const auto factor = to_integer(value);
  if (!factor || std::abs(*factor) > INT32_MAX) {
    return fail(ErrorCode::kConfig, fmt::format("For input string: \"{}\"", value));
  }
  if (*factor >= 0) return {};
  return fail(ErrorCode::kConfig, fmt::format("Replication factor must be non-negative, found {}", value));
}

}  // namespace

Result<std::string> scalar_option(std::string_view name, const cql::Property& property) {
  if (property.kind == cql::Property::Kind::kScalar) return property.text;
  return bad_value(name, property.kind == cql::Property::Kind::kMap ? "{...}" : "[...]");
}

Result<schema::OptionMap> map_option(std::string_view name, const cql::Property& property) {
  if (property.kind != cql::Property::Kind::kMap) {
    return fail(ErrorCode::kSyntax, fmt::format("Invalid value for property '{}'. It should be a map.", name));
  }
  schema::OptionMap map;
  for (const auto& [key, value] : property.map) {
    SAGITTA_TRY(map[key], scalar_option(key, value));
  }
  return map;
}

Result<bool> boolean_option(std::string_view name, const cql::Property& property) {
  SAGITTA_TRY(std::string text, scalar_option(name, property));
  for (const std::string_view yes : {"1", "true", "yes"}) {
    if (equals_ignoring_case(text, yes)) return true;
  }
  for (const std::string_view no : {"0", "false", "no"}) {
    if (equals_ignoring_case(text, no)) return false;
  }
  return fail(ErrorCode::kSyntax, fmt::format("Invalid boolean value {} for '{}'. Positive values can be '1', 'true' "
                                              "or 'yes'. Negative values can be '0', 'false' or 'no'.",
                                              text, name));
}

Status check_intervals(const std::map<std::string, schema::OptionValue>& options) {
  const auto interval = [&](const std::string& name) {
    const auto given = options.find(name);
    const auto& value = given != options.end() ? given->second : schema::default_table_options().at(name);
    return to_integer(std::get<std::string>(value)).value_or(0);
  };
  const int64_t least = interval("min_index_interval"), most = interval("max_index_interval");
  if (least <= most) return {};
  return fail(
      ErrorCode::kConfig,
      fmt::format("max_index_interval must be greater than or equal to min_index_interval ({}) (got {})", least, most));
}

std::vector<std::string> warnings_of(const std::map<std::string, schema::OptionValue>& options) {
  const auto cdc = options.find("cdc");
  if (cdc == options.end() || !schema::turns_on(cdc->second)) return {};
  return {"CDC is not supported: the table option cdc is kept, and no log of changes is written"};
}

Result<std::map<std::string, schema::OptionValue>> check_table_options(const cql::Properties& options) {
  std::map<std::string, schema::OptionValue> checked;
  for (const auto& [name, property] : options) {
    if (name == "id") continue;
    auto known = std::ranges::find(kTableOptions, name, &Option::name);
    if (known == kTableOptions.end()) return fail(ErrorCode::kSyntax, fmt::format("Unknown property '{}'", name));
    SAGITTA_TRY(schema::OptionValue value, check_option(*known, property));
    checked.emplace(name, std::move(value));
  }
  return checked;
}

Status check_replication(std::string_view keyspace, const schema::OptionMap& replication) {
  auto found = replication.find("class");
  if (found == replication.end()) return fail(ErrorCode::kConfig, "Missing replication strategy class");
  const std::string_view strategy = schema::simple_class(found->second);
  const bool simple = strategy == "SimpleStrategy", network = strategy == "NetworkTopologyStrategy";
  if (!simple && !network && strategy != "LocalStrategy") {
    return fail(ErrorCode::kConfig, fmt::format("Unable to find replication strategy class '{}'",
                                                schema::full_class("locator", found->second)));
  }
  for (const auto& [name, value] : replication) {
    if (name == "class") continue;
    const bool known = name == "replication_factor" || (network && name == "datacenter1");
    if (!known) {
      return fail(ErrorCode::kConfig, fmt::format("Unrecognized strategy option {{{}}} passed to {} for keyspace {}",
                                                  name, strategy, keyspace));
    }
    SAGITTA_CHECK(check_factor(value));
  }
  return {};
}

}  // namespace sagitta::plan
