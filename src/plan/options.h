/// WITH options of keyspaces and tables.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "sagitta/cql/ast.h"
#include "sagitta/schema/schema.h"

namespace sagitta::plan {

/// Checks the options of a table and returns them as they are stored; `id` is left out. kSyntax
/// "Unknown property 'x'", kConfig for values that are none.
Result<std::map<std::string, schema::OptionValue>> check_table_options(const cql::Properties& options);
/// What a client should know of options that are kept and do nothing.
std::vector<std::string> warnings_of(const std::map<std::string, schema::OptionValue>& options);

/// The intervals of the index summary, those that are not given by default. kConfig.
Status check_intervals(const std::map<std::string, schema::OptionValue>& options);

/// The text of a scalar. kSyntax when it is a map or a list.
Result<std::string> scalar_option(std::string_view name, const cql::Property& property);
/// The entries of a map of scalars. kSyntax when it is anything else.
Result<schema::OptionMap> map_option(std::string_view name, const cql::Property& property);
/// "true" or "false", in any case. kSyntax for anything else.
Result<bool> boolean_option(std::string_view name, const cql::Property& property);

/// Checks the replication map of a keyspace. kConfig.
Status check_replication(std::string_view keyspace, const schema::OptionMap& replication);

}  // namespace sagitta::plan
