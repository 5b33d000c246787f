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

Result<KeyspaceOptions> read_options(std::string_view keyspace, const cql::Properties& properties) {
  KeyspaceOptions options;
  for (const auto& [name, property] : properties) {
    if (name == "replication") {
      SAGITTA_TRY(options.replication, map_option(name, property));
      SAGITTA_CHECK(check_replication(keyspace, *options.replication));
    } else if (name == "durable_writes") {
      SAGITTA_TRY(options.durable_writes, boolean_option(name, property));
    } else if (name != "tablets" && name != "storage" && name != "consistency" && name != "graph_engine") {
      return fail(ErrorCode::kSyntax, fmt::format("Unknown property '{}'", name));
    }
  }
  return options;
}

Status check_name(std::string_view name) {
  constexpr size_t kNameMax = 48;
  if (name == "system" || name == "system_schema" || name == "system_views" || name == "system_virtual_schema") {
    return fail(ErrorCode::kInvalid, fmt::format("System keyspace '{}' is not user-modifiable", name));
  }
  SAGITTA_CHECK(check_user_keyspace(name));
  if (name.size() > kNameMax) {
    return fail(ErrorCode::kInvalid,
                fmt::format("Keyspace name must not be more than {} characters long (got {} characters for \"{}\")",
                            kNameMax, name.size(), name));
  }
  if (is_plain_name(name)) return {};
  return fail(ErrorCode::kInvalid, fmt::format("Keyspace name must not be empty and must contain alphanumeric or "
                                               "underscore characters only (got \"{}\")",
                                               name));
}

bool is_network(const schema::OptionMap& replication) {
  return schema::simple_class(replication.at("class")) == "NetworkTopologyStrategy";
}

std::string present_factor(const Binder& binder, const std::string& name) {
  const auto keyspace = binder.schema().find_keyspace(name);
  const bool has_factor = keyspace != nullptr && keyspace->replication.contains("replication_factor");
  return has_factor ? keyspace->replication.at("replication_factor") : "1";
}

/// A factor for all data centres becomes that of the one there is; where none is given it is
/// `factor`.
void complete_replication(schema::OptionMap& replication, const std::string& factor) {
  if (is_network(replication)) {
    auto all = replication.extract("replication_factor");
    replication.try_emplace("datacenter1", all.empty() ? factor : all.mapped());
  } else if (schema::simple_class(replication.at("class")) == "SimpleStrategy") {
    replication.try_emplace("replication_factor", factor);
  }
}

void warn_of_lone_node(Binder& binder, const std::string& keyspace, const schema::OptionMap& replication) {
  for (const auto& [name, value] : replication) {
    if (name == "class" || value == "0" || value == "1") continue;
    binder.warnings().push_back(
        fmt::format("Your replication factor {} for keyspace {} is higher than the number of nodes 1{}", value,
                    keyspace, is_network(replication) ? " for datacenter " + name : std::string()));
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
  return !name.empty() && std::ranges::all_of(name, [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
}

Result<std::string> existing_user_keyspace(const Binder& binder, const cql::QualifiedName& name) {
  SAGITTA_TRY(std::string keyspace, binder.keyspace_of(name));
  SAGITTA_CHECK(check_user_keyspace(keyspace));
  if (binder.schema().find_keyspace(keyspace) != nullptr) return keyspace;
  return fail(ErrorCode::kInvalid, fmt::format("Keyspace '{}' doesn't exist", keyspace));
}

Result<Plan> bind_ddl(Binder& binder, const cql::CreateKeyspace& statement) {
  SAGITTA_CHECK(check_name(statement.name));
  SAGITTA_TRY(KeyspaceOptions options, read_options(statement.name, statement.options));
  schema::OptionMap replication = options.replication.value_or(schema::OptionMap{{"class", "SimpleStrategy"}});
  complete_replication(replication, "1");
  if (binder.schema().find_keyspace(statement.name) == nullptr) warn_of_lone_node(binder, statement.name, replication);
  return schema_plan(statement.name, {},
                     schema::CreateKeyspace{.keyspace = statement.name,
                                            .replication = std::move(replication),
                                            .durable_writes = options.durable_writes.value_or(true),
                                            .if_not_exists = statement.if_not_exists});
}

Result<Plan> bind_ddl(Binder& binder, const cql::AlterKeyspace& statement) {
  SAGITTA_CHECK(check_user_keyspace(statement.name));
  if (binder.schema().find_keyspace(statement.name) == nullptr) {
    return schema_plan(statement.name, {},
                       schema::AlterKeyspace{.keyspace = statement.name, .if_exists = statement.if_exists});
  }
  SAGITTA_TRY(KeyspaceOptions options, read_options(statement.name, statement.options));
  if (options.replication) {
    complete_replication(*options.replication, present_factor(binder, statement.name));
    warn_of_lone_node(binder, statement.name, *options.replication);
  }
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
