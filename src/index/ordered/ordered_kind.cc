/// Ordered indexes as a kind.
#include "ordered_kind.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "sagitta/types/name.h"

namespace sagitta::index {
namespace {

using types::DataType;
using types::Kind;

/// Cassandra's name for its plain index.
constexpr std::string_view kPlainClass = "legacy_local_table";

constexpr std::string_view kIgnoresNoCase = "case_sensitive", kNormalises = "normalize", kToAscii = "ascii";
constexpr std::array kAnalysis = {kToAscii, kIgnoresNoCase, kNormalises};
constexpr std::array kOfVectors = std::to_array<std::string_view>(
    {"similarity_function", "maximum_node_connections", "construction_beam_width", "optimize_for", "source_model"});

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

bool is_text(Kind kind) { return kind == Kind::kText || kind == Kind::kAscii; }

/// What a term is made of; of entries: of their keys.
const DataType& indexed_type(const Target& target) {
  const DataType& type = *target.column.type;
  if (target.part == Part::kWhole) return type;
  return target.part == Part::kValues && type.kind() == Kind::kMap ? *type.mapped() : *type.element();
}

bool has_duration(const DataType& type) {
  if (type.kind() == Kind::kDuration) return true;
  return std::ranges::any_of(type.parameters(), [](const auto& part) { return has_duration(*part); });
}

bool option_is(const schema::IndexDef& def, std::string_view name, std::string_view value) {
  const auto found = def.options.find(std::string(name));
  return found != def.options.end() && lower(found->second) == value;
}

text::Folding folding_of(const schema::IndexDef& def) {
  return {.ignores_case = option_is(def, kIgnoresNoCase, "false"),
          .normalises = option_is(def, kNormalises, "true"),
          .to_ascii = option_is(def, kToAscii, "true")};
}

Status check_analysis(const std::map<std::string, std::string>& options, const Target& target) {
  const schema::ColumnDef& column = target.column;
  if (column.is_key()) {
    std::vector<std::string> shown;
    for (const auto& [name, value] : options) shown.push_back(fmt::format("'{}': '{}'", name, value));
    return fail(ErrorCode::kInvalid,
                fmt::format("Analysis options are not supported on primary key columns, but found {{{}}}",
                            fmt::join(shown, ", ")));
  }
  if (target.part == Part::kEntries || !is_text(indexed_type(target).kind())) {
    return fail(ErrorCode::kInvalid, fmt::format("CQL type {} cannot be analyzed.", column.type->to_cql()));
  }
  for (const auto& [name, value] : options) {
    if (lower(value) == "true" || lower(value) == "false") continue;
    return fail(ErrorCode::kInvalid, fmt::format("Illegal value for boolean option '{}': {}", name, value));
  }
  return {};
}

}  // namespace

bool OrderedKind::claims(const Target& target) const {
  const bool is_vector = target.column.type->kind() == types::Kind::kVector;
  const std::string name = lower(target.class_name);
  return !is_vector && (name.empty() || name == kPlainClass || schema::is_storage_attached_class(name));
}

Status OrderedKind::check_column(const Target& target) const {
  const DataType& type = *target.column.type;
  if (has_duration(type)) {
    return fail(ErrorCode::kInvalid, type.kind() == types::Kind::kDuration
                                         ? "Secondary indexes are not supported on duration columns"
                                         : fmt::format("Secondary indexes are not supported on {} containing durations",
                                                       type.is_collection() ? "collections" : "tuples"));
  }
  const bool is_udt = type.kind() == types::Kind::kUdt;
  if (is_udt && type.is_multi_cell()) {
    return fail(ErrorCode::kInvalid,
                fmt::format("Cannot create index on non-frozen UDT column {}", types::quote_name(target.column.name)));
  }
  const DataType& indexed = indexed_type(target);
  if (indexed.kind() == types::Kind::kBlob && schema::is_storage_attached_class(target.class_name)) {
    return fail(ErrorCode::kInvalid, fmt::format("Unsupported type: {}", indexed.to_cql()));
  }
  return {};
}

Result<CheckedOptions> OrderedKind::check_options(std::span<const WrittenOption> written, const Target& target) const {
  CheckedOptions checked;
  if (!schema::is_storage_attached_class(target.class_name)) {
    if (written.empty()) return checked;
    return fail(ErrorCode::kInvalid, "Cannot specify options for a non-CUSTOM index");
  }
  std::vector<std::string> unknown;
  for (const WrittenOption& option : written) {
    if (std::ranges::find(kOfVectors, option.name) != kOfVectors.end()) {
      return fail(ErrorCode::kInvalid,
                  fmt::format("CQL type {} cannot have vector options", indexed_type(target).to_cql()));
    }
    if (std::ranges::find(kAnalysis, option.name) == kAnalysis.end()) unknown.push_back(option.name);
    checked.stored[option.name] = option.value;
  }
  if (!unknown.empty()) {
    return fail(ErrorCode::kConfig, fmt::format("Properties specified [{}] are not understood by StorageAttachedIndex",
                                                fmt::join(unknown, ", ")));
  }
  if (!checked.stored.empty()) SAGITTA_CHECK(check_analysis(checked.stored, target));
  return checked;
}

DefinitionPtr OrderedKind::define(const schema::IndexDef& def, const schema::ColumnDef& column) const {
  return std::make_shared<OrderedDefinition>(def, column);
}

OrderedDefinition::OrderedDefinition(const schema::IndexDef& def, const schema::ColumnDef& column)
    : Definition(def, column), terms_(std::make_shared<TermMaker>(column, part_of(def), folding_of(def))) {}

bool OrderedDefinition::answers(const Probe& probe) const {
  return std::holds_alternative<Between>(probe.what) && probe.column_id == column().id;
}

}  // namespace sagitta::index
