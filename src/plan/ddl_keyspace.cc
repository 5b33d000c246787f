#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "ddl.h"
#include "options.h"

namespace sagitta::plan {
namespace {

struct KeyspaceOptions {
  std::optional<schema::OptionMap> replication;
  std::optional<bool> durable_writes;
};

Result<KeyspaceOptions> read_options(const cql::Properties& properties) {
  KeyspaceOptions options;
  for (const auto& [name, property] : properties) {
    if (name == "replication") {
      SAGITTA_TRY(options.replication, map_option(name, property));
      SAGITTA_CHECK(check_replication(*options.replication));
    } else if (name == "durable_writes") {
      SAGITTA_TRY(options.durable_writes, boolean_option(name, property));
    } else if (name != "tablets" && name != "storage" && name != "consistency" && name != "graph_engine") {
      return fail(ErrorCode::kSyntax, fmt::format("Unknown property '{}'", name));
    }
  }
  return options;
}

void warn_of_lone_node(Binder& binder, const schema::OptionMap& replication) {
  for (const auto& [name, value] : replication) {
    if (name == "class" || value == "0" || value == "1") continue;
    binder.warnings().push_back(fmt::format("Your replication factor {} is higher than the number of nodes 1", value));
    return;
  }
}

}  // namespace

Status check_user_keyspace(std::string_view keyspace) {
  constexpr std::array kSystem =
      std::to_array<std::string_view>({"system", "system_schema", "system_auth", "system_distributed", "system_traces",
                                       "system_views", "system_virtual_schema"});
  if (std::ranges::find(kSystem, keyspace) == kSystem.end()) return {};
  return fail(ErrorCode::kUnauthorized, fmt::format("{} keyspace is not user-modifiable.", keyspace));
}

bool is_plain_name(std::string_view name) {
  constexpr size_t kNameMax = 48;
  return !name.empty() && name.size() <= kNameMax &&
         std::ranges::all_of(name, [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
}

Result<std::string> existing_user_keyspace(const Binder& binder, const cql::QualifiedName& name) {
  SAGITTA_TRY(std::string keyspace, binder.keyspace_of(name));
  SAGITTA_CHECK(check_user_keyspace(keyspace));
  if (binder.schema().find_keyspace(keyspace) != nullptr) return keyspace;
  return fail(ErrorCode::kInvalid, fmt::format("Keyspace '{}' doesn't exist", keyspace));
}

Result<Plan> bind_ddl(Binder& binder, const cql::CreateKeyspace& statement) {
  SAGITTA_CHECK(check_user_keyspace(statement.name));
  if (!is_plain_name(statement.name)) {
    return fail(ErrorCode::kInvalid,
                fmt::format("Keyspace name must not be empty, more than 48 characters long, or contain "
                            "non-alphanumeric-underscore characters (got \"{}\")",
                            statement.name));
  }
  SAGITTA_TRY(KeyspaceOptions options, read_options(statement.options));
  const schema::OptionMap by_default = {{"class", "SimpleStrategy"}, {"replication_factor", "1"}};
  schema::OptionMap replication = options.replication.value_or(by_default);
  warn_of_lone_node(binder, replication);
  return schema_plan(statement.name, {},
                     schema::CreateKeyspace{.keyspace = statement.name,
                                            .replication = std::move(replication),
                                            .durable_writes = options.durable_writes.value_or(true),
                                            .if_not_exists = statement.if_not_exists});
}

Result<Plan> bind_ddl(Binder& binder, const cql::AlterKeyspace& statement) {
  SAGITTA_CHECK(check_user_keyspace(statement.name));
  SAGITTA_TRY(KeyspaceOptions options, read_options(statement.options));
  if (options.replication) warn_of_lone_node(binder, *options.replication);
  return schema_plan(statement.name, {},
                     schema::AlterKeyspace{.keyspace = statement.name,
                                           .replication = std::move(options.replication),
                                           .durable_writes = options.durable_writes,
                                           .if_exists = statement.if_exists});
}

Result<Plan> bind_ddl(Binder&, const cql::DropKeyspace& statement) {
  SAGITTA_CHECK(check_user_keyspace(statement.name));
  return schema_plan(statement.name, {},
                     schema::DropKeyspace{.keyspace = statement.name, .if_exists = statement.if_exists});
}

}  // namespace sagitta::plan
