/// JSON trees as CQL values. Texts of refusals are Cassandra's, which names things as Java does.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <charconv>
#include <utility>

#include "sagitta/types/json.h"
#include "sagitta/types/value.h"

namespace sagitta::types {
namespace {

using Json = JsonValue::Kind;

template <class Number>
bool fits(const std::string& text) {
  Number number{};
  return std::from_chars(text.data(), text.data() + text.size(), number).ec == std::errc();
}

/// The Java class that a value of this kind becomes.
std::string_view java_class(const JsonValue& json) {
  switch (json.kind) {
    case Json::kBoolean: return "Boolean";
    case Json::kInteger:
      if (fits<int32_t>(json.text)) return "Integer";
      return fits<int64_t>(json.text) ? "Long" : "BigInteger";
    case Json::kReal: return "Double";
    case Json::kString: return "String";
    case Json::kList: return "ArrayList";
    case Json::kObject: return "LinkedHashMap";
    case Json::kNull: break;
  }
  return "null";
}

/// As Java's toString.
std::string shown(const JsonValue& json) {
  if (json.kind == Json::kNull) return "null";
  if (json.kind != Json::kList && json.kind != Json::kObject) return json.text;
  std::vector<std::string> parts;
  for (size_t i = 0; i < json.elements.size(); ++i) {
    const std::string name = json.kind == Json::kObject ? json.names[i] + "=" : "";
    parts.push_back(name + shown(json.elements[i]));
  }
  return json.kind == Json::kList ? fmt::format("[{}]", fmt::join(parts, ", "))
                                  : fmt::format("{{{}}}", fmt::join(parts, ", "));
}

std::unexpected<Error> invalid(std::string text) { return fail(ErrorCode::kInvalid, std::move(text)); }

std::unexpected<Error> unexpected_json(std::string_view wanted, const JsonValue& json) {
  return invalid(fmt::format("Expected {}, but got a {}: {}", wanted, java_class(json), shown(json)));
}

/// What a scalar type takes beside strings.
struct Rule {
  Kind type;
  /// In the refusal of anything else.
  std::string_view wanted;
  bool integers = false, reals = false, booleans = false;
};

constexpr std::array kRules{
    Rule{.type = Kind::kAscii, .wanted = "an ascii string"},
    Rule{.type = Kind::kText, .wanted = "a UTF-8 string"},
    Rule{.type = Kind::kTinyint, .wanted = "a byte value", .integers = true, .reals = true},
    Rule{.type = Kind::kSmallint, .wanted = "a short value", .integers = true, .reals = true},
    Rule{.type = Kind::kInt, .wanted = "an int value", .integers = true},
    Rule{.type = Kind::kBigint, .wanted = "a bigint value", .integers = true},
    Rule{.type = Kind::kCounter, .wanted = "a bigint value", .integers = true},
    Rule{.type = Kind::kFloat, .wanted = "a float value", .integers = true, .reals = true},
    Rule{.type = Kind::kDouble, .wanted = "a double value", .integers = true, .reals = true},
    Rule{.type = Kind::kBoolean, .wanted = "a boolean value", .booleans = true},
    Rule{.type = Kind::kUuid, .wanted = "a string representation of a uuid"},
    Rule{.type = Kind::kTimeuuid, .wanted = "a string representation of a timeuuid"},
    Rule{.type = Kind::kInet, .wanted = "a string representation of an inet value"},
    Rule{.type = Kind::kDate, .wanted = "a string representation of a date value"},
    Rule{.type = Kind::kTime, .wanted = "a string representation of a time value"},
    Rule{.type = Kind::kTimestamp,
         .wanted = "a long or a datestring representation of a timestamp value",
         .integers = true},
    Rule{.type = Kind::kDuration, .wanted = "a string representation of a duration"},
};

/// Integers are of a size of Java's own: a timestamp in milliseconds must need 64 bits.
bool has_its_size(Kind type, const JsonValue& json) {
  if (type == Kind::kInt) return fits<int32_t>(json.text);
  if (type == Kind::kBigint || type == Kind::kCounter) return fits<int64_t>(json.text);
  if (type == Kind::kTimestamp) return fits<int64_t>(json.text) && !fits<int32_t>(json.text);
  return true;
}

Result<Value> scalar(const DataType& type, const JsonValue& json) {
  for (const Rule& rule : kRules) {
    if (rule.type != type.kind()) continue;
    const bool taken = json.kind == Json::kString || (json.kind == Json::kReal && rule.reals) ||
                       (json.kind == Json::kBoolean && rule.booleans) ||
                       (json.kind == Json::kInteger && rule.integers && has_its_size(rule.type, json));
    if (!taken) return unexpected_json(rule.wanted, json);
    return from_text(type, json.text);
  }
  return invalid(fmt::format("No JSON is a {}", type.to_cql()));
}

/// Varints and decimals are read from the text of whatever comes.
Result<Value> big_number(const DataType& type, const JsonValue& json) {
  auto bytes = from_text(type, shown(json));
  if (bytes) return *std::move(bytes);
  return invalid(fmt::format("Value '{}' is not a valid representation of a {} value", shown(json), type.to_cql()));
}

Result<Value> blob(const JsonValue& json) {
  const auto refuse = [&](std::string_view why) {
    return invalid(fmt::format("Value '{}' is not a valid blob representation: {}", shown(json), why));
  };
  if (json.kind != Json::kString) return refuse("it is no string");
  if (!json.text.starts_with("0x")) {
    return refuse("String representation of blob is missing 0x prefix: " + json.text);
  }
  auto bytes = from_hex(std::string_view(json.text).substr(2));
  if (!bytes) return refuse("it is not hexadecimal");
  return *std::move(bytes);
}

Result<Bytes> element(const DataType& type, const JsonValue& json, std::string_view place) {
  if (json.kind == Json::kNull) return invalid(fmt::format("Invalid null {}", place));
  SAGITTA_TRY(Value value, from_json(type, json));
  return *std::move(value);
}

Result<std::vector<Bytes>> elements(const DataType& type, const JsonValue& json, std::string_view place) {
  std::vector<Bytes> out;
  out.reserve(json.elements.size());
  for (const JsonValue& each : json.elements) {
    SAGITTA_TRY(Bytes bytes, element(*type.element(), each, place));
    out.push_back(std::move(bytes));
  }
  return out;
}

Result<Value> sequence(const DataType& type, const JsonValue& json) {
  const bool set = type.kind() == Kind::kSet;
  if (json.kind != Json::kList) return unexpected_json(set ? "a list (representing a set)" : "a list", json);
  if (type.kind() == Kind::kVector && json.elements.size() != type.dim()) {
    return invalid(fmt::format("List had incorrect size: expected {} but given {}; {}", type.dim(),
                               json.elements.size(), shown(json)));
  }
  SAGITTA_TRY(std::vector<Bytes> packed, elements(type, json, set ? "element in set" : "element in list"));
  if (type.kind() == Kind::kVector) return pack_vector(type, packed);
  return normalise(type, pack_list(packed));
}

Result<Value> map(const DataType& type, const JsonValue& json) {
  if (json.kind != Json::kObject) return unexpected_json("a map", json);
  std::vector<std::pair<Bytes, Bytes>> entries;
  for (size_t i = 0; i < json.elements.size(); ++i) {
    const JsonValue name{.kind = Json::kString, .text = json.names[i]};
    SAGITTA_TRY(Bytes key, element(*type.key(), name, "key in map"));
    SAGITTA_TRY(Bytes value, element(*type.mapped(), json.elements[i], "value in map"));
    entries.emplace_back(std::move(key), std::move(value));
  }
  return normalise(type, pack_map(entries));
}

Result<Value> tuple(const DataType& type, const JsonValue& json) {
  if (json.kind != Json::kList) return unexpected_json("a list representation of a tuple", json);
  const size_t expected = type.parameters().size();
  if (json.elements.size() != expected) {
    const bool more = json.elements.size() > expected;
    return invalid(
        fmt::format("Tuple {} items (expected {}): {}", more ? "contains extra" : "is missing", expected, shown(json)));
  }
  std::vector<Value> fields;
  for (size_t i = 0; i < expected; ++i) {
    SAGITTA_TRY(Value field, from_json(*type.parameters()[i], json.elements[i]));
    fields.push_back(std::move(field));
  }
  return pack_tuple(fields);
}

Result<Value> user_type(const DataType& type, const JsonValue& json) {
  if (json.kind != Json::kObject) return unexpected_json("a map", json);
  auto members = json_members(json);
  std::vector<Value> fields;
  for (size_t i = 0; i < type.parameters().size(); ++i) {
    Value field;
    if (const auto member = members.find(type.field_names()[i]); member != members.end()) {
      SAGITTA_TRY(field, from_json(*type.parameters()[i], *member->second));
      members.erase(member);
    }
    fields.push_back(std::move(field));
  }
  if (members.empty()) return pack_tuple(fields);
  return invalid(
      fmt::format("Unknown field '{}' in value of user defined type {}", members.begin()->first, type.name()));
}

bool has_parts(const DataType& type) {
  return type.is_collection() || type.kind() == Kind::kVector || type.kind() == Kind::kTuple ||
         type.kind() == Kind::kUdt;
}

}  // namespace

Result<Value> from_json(const DataType& type, const JsonValue& json) {
  if (json.kind == Json::kNull) return Value();
  if (has_parts(type) && json.kind == Json::kString) {
    auto inner = parse_json(json.text);
    if (!inner) return invalid("Error decoding JSON string: " + inner.error().message());
    return from_json(type, *inner);
  }
  switch (type.kind()) {
    case Kind::kBlob: return blob(json);
    case Kind::kVarint:
    case Kind::kDecimal: return big_number(type, json);
    case Kind::kList:
    case Kind::kSet:
    case Kind::kVector: return sequence(type, json);
    case Kind::kMap: return map(type, json);
    case Kind::kTuple: return tuple(type, json);
    case Kind::kUdt: return user_type(type, json);
    default: return scalar(type, json);
  }
}

}  // namespace sagitta::types
