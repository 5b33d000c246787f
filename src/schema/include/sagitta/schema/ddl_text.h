/// The schema as CQL: statements that make again what is there, in the words and the order of
/// Cassandra's DESCRIBE.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "sagitta/schema/schema.h"

namespace sagitta::schema {

/// What Cassandra shows in system_schema for a table whose options were not given.
const std::map<std::string, OptionValue>& default_table_options();
/// Whether an option that is a switch is on: "true", or a map whose `enabled` is "true", in any
/// case.
bool turns_on(const OptionValue& option);

/// Is described only: system_schema has nothing of it, as what it says is so anyway, or as nothing
/// here does what it says.
bool is_only_described(const std::string& option, const OptionValue& value);

/// The name of a class of Cassandra with its package: without any it is of this one.
std::string full_class(std::string_view package, std::string_view name);

std::string create_text(const KeyspaceDef& keyspace);
/// `with_internals`: with its id, and the columns that were dropped.
std::string create_text(const TableDef& table, bool with_internals);
std::string create_text(const TableDef& table, const IndexDef& index);
std::string create_text(const std::string& keyspace, const types::DataType& user_type);

/// The user types of a keyspace; each behind those that it is made of.
std::vector<types::DataTypePtr> types_in_order(const KeyspaceDef& keyspace);

}  // namespace sagitta::schema
