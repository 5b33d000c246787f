/// Names in CQL text: which words are reserved, and how a name is written so that it reads back as
/// itself.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "sagitta/types/data_type.h"

namespace sagitta::types {

/// Whether `word` (lower case) cannot be an unquoted name. Cassandra 5's list, and true and false.
bool is_reserved_word(std::string_view word);

/// Whether `text` has the form of an unquoted name in lower case; it may be reserved.
bool is_plain_word(std::string_view text);

/// The native type that `word` (lower case) means where a type is wanted: "int", "varchar".
std::optional<Kind> native_kind(std::string_view word);

/// `name` as it must be written in CQL: in double quotes unless it is a plain word that is not
/// reserved.
std::string quote_name(std::string_view name);

/// As quote_name, for a UDT where a type is wanted: also in quotes when its name means another type
/// there.
std::string quote_type_name(std::string_view name);

}  // namespace sagitta::types
