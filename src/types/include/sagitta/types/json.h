/// JSON texts as CQL takes them (INSERT JSON, from_json), and CQL values made of them. The way back
/// is `to_json` in value.h.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "sagitta/types/data_type.h"

namespace sagitta::types {

/// A JSON text as a tree. An integer keeps its spelling; any other number is a double, and spelt as
/// Java spells it.
struct JsonValue {
  enum class Kind : uint8_t { kNull, kBoolean, kInteger, kReal, kString, kList, kObject };

  Kind kind = Kind::kNull;
  std::string text;                 ///< of a boolean, a number, a string
  std::vector<JsonValue> elements;  ///< of a list and of an object
  std::vector<std::string> names;   ///< of an object: one for each element
};

/// kInvalid says what is wrong and where. Whatever follows the first value is not looked at. Values
/// nest at most `limits::kNestingMax` deep.
Result<JsonValue> parse_json(std::string_view text);

/// The members of an object by the names of columns or fields: a name in quotes inside the JSON
/// string keeps its case. Of two of one name the later counts. The pointers are into `object`.
std::map<std::string, const JsonValue*, std::less<>> json_members(const JsonValue& object);

/// A value of `type`; null for a JSON null. kInvalid in Cassandra's words.
Result<Value> from_json(const DataType& type, const JsonValue& json);

}  // namespace sagitta::types
