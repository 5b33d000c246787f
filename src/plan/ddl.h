/// What the DDL statements share. Names and types are resolved and checked here; whether a change
/// fits what exists is decided by schema::apply, in log order.
#pragma once

#include <string>
#include <string_view>

#include "statements.h"

namespace sagitta::plan {

/// kUnauthorized for the system's keyspaces.
Status check_user_keyspace(std::string_view keyspace);

/// Letters, digits and underscores, as keyspaces and tables are named.
bool is_plain_name(std::string_view name);

/// The keyspace of `name`; kInvalid "Keyspace 'x' doesn't exist".
Result<std::string> existing_user_keyspace(const Binder& binder, const cql::QualifiedName& name);

}  // namespace sagitta::plan
