/// Types as written to types of the engine.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sagitta/types/name.h"

#include "binder.h"

namespace sagitta::plan {
namespace {

using types::DataType;
using types::DataTypePtr;
using types::Kind;

bool is_collection_name(const std::string& name) { return name == "list" || name == "set" || name == "map"; }

/// What a collection may not have inside.
Status check_inner(const cql::RawType& whole, const DataType& inner, bool frozen, bool is_key) {
  if (inner.kind() == Kind::kCounter) {
    return fail(ErrorCode::kInvalid, fmt::format("Counters are not allowed inside collections: {}", to_string(whole)));
  }
  if (inner.is_multi_cell() && !frozen) {
    return fail(ErrorCode::kInvalid,
                fmt::format("Non-frozen {} are not allowed inside collections: {}",
                            inner.kind() == Kind::kUdt ? "UDTs" : "collections", to_string(whole)));
  }
  if (is_key && inner.kind() == Kind::kDuration) {
    return fail(ErrorCode::kInvalid,
                fmt::format("Durations are not allowed {}: {}", whole.name == "map" ? "as map keys" : "inside sets",
                            to_string(whole)));
  }
  return {};
}

Result<DataTypePtr> make_collection(const cql::RawType& raw, std::vector<DataTypePtr> inner, bool frozen) {
  if (inner.size() != (raw.name == "map" ? 2U : 1U)) {
    return fail(ErrorCode::kInvalid, fmt::format("Wrong number of types in {}", to_string(raw)));
  }
  for (size_t i = 0; i < inner.size(); ++i) {
    SAGITTA_CHECK(check_inner(raw, *inner[i], frozen, i == 0 && raw.name != "list"));
    inner[i] = DataType::freeze(inner[i]);
  }
  if (raw.name == "list") return DataType::list(inner[0], frozen);
  if (raw.name == "set") return DataType::set(inner[0], frozen);
  return DataType::map(inner[0], inner[1], frozen);
}

Result<DataTypePtr> make_vector(const cql::RawType& raw, std::vector<DataTypePtr> inner) {
  if (inner.size() != 1) return fail(ErrorCode::kInvalid, fmt::format("Wrong number of types in {}", to_string(raw)));
  if (raw.dimension <= 0) {
    return fail(ErrorCode::kInvalid, fmt::format("vectors may only have positive dimensions; given {}", raw.dimension));
  }
  return DataType::vector(DataType::freeze(inner[0]), static_cast<uint32_t>(raw.dimension));
}

}  // namespace

bool has_duration(const DataType& type) {
  if (type.kind() == Kind::kVector) return false;
  const auto inner = [](const DataTypePtr& part) { return has_duration(*part); };
  return type.kind() == Kind::kDuration || std::ranges::any_of(type.parameters(), inner);
}

Result<DataTypePtr> Binder::resolve(const cql::RawType& type, const std::string& keyspace, bool inside_frozen) const {
  if (type.custom) return fail(ErrorCode::kInvalid, fmt::format("Custom types are not supported: {}", type.name));
  const bool frozen = type.frozen || inside_frozen;
  std::vector<DataTypePtr> inner;
  for (const cql::RawType& parameter : type.parameters) {
    SAGITTA_TRY(DataTypePtr resolved, resolve(parameter, keyspace, frozen));
    inner.push_back(std::move(resolved));
  }
  if (is_collection_name(type.name) && !inner.empty()) return make_collection(type, std::move(inner), frozen);
  if (type.name == "vector" && !inner.empty()) return make_vector(type, std::move(inner));
  if (type.name == "tuple" && !inner.empty()) {
    for (DataTypePtr& field : inner) field = DataType::freeze(field);
    return DataType::tuple(std::move(inner));
  }
  const auto native_type = type.quoted || !type.keyspace.empty() ? std::nullopt : types::native_kind(type.name);
  if (native_type) {
    if (!type.frozen) return native(*native_type);
    return fail(ErrorCode::kSyntax, fmt::format("frozen<> is only allowed on collections, tuples, and user-defined "
                                                "types (got {})",
                                                type.name));
  }
  if (!type.keyspace.empty() && !keyspace.empty() && type.keyspace != keyspace) {
    return fail(ErrorCode::kInvalid,
                fmt::format("Statement on keyspace {} cannot refer to a user type in keyspace {}; user types can only "
                            "be used in the keyspace they are defined in",
                            keyspace, type.keyspace));
  }
  const std::string& home = type.keyspace.empty() ? keyspace : type.keyspace;
  DataTypePtr udt = schema_.find_type(home, type.name);
  if (udt == nullptr) return fail(ErrorCode::kInvalid, fmt::format("Unknown type {}.{}", home, type.name));
  return frozen ? DataType::freeze(udt) : udt;
}

}  // namespace sagitta::plan
