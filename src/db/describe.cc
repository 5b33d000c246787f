/// Finds what is to be described, and puts it into rows.
#include "describe.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <initializer_list>
#include <map>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "sagitta/base/bytes.h"
#include "sagitta/schema/ddl_text.h"
#include "sagitta/types/name.h"

namespace sagitta::db {
namespace {

using What = cql::Describe::What;
using schema::KeyspaceDef;
using schema::TableDef;

/// By name, whatever the case.
template <class Named>
std::vector<std::pair<std::string, Named>> in_order(const std::map<std::string, Named>& named) {
  std::vector<std::pair<std::string, Named>> ordered(named.begin(), named.end());
  std::ranges::stable_sort(ordered, [](const auto& a, const auto& b) {
    return std::ranges::lexicographical_compare(
        a.first, b.first, [](unsigned char x, unsigned char y) { return std::tolower(x) < std::tolower(y); });
  });
  return ordered;
}

class Description {
 public:
  Description(const plan::DescribePlan& plan, const SchemaPair& schema)
      : plan_(plan), stored_(*schema.stored), schema_(*schema.full) {}

  Status cluster(const NodeOptions& node) {
    add({node.cluster_name, "Murmur3Partitioner", "SimpleSnitch"});
    return {};
  }
  Status whole_schema() {
    for (const auto& [name, keyspace] : schema_.keyspaces) {
      if (plan_.what.full || !is_system(*keyspace)) add_all_of(*keyspace);
    }
    return {};
  }
  Status lists();
  Status keyspace();
  /// Adds what has the name, if the keyspace has it.
  using Find = bool (Description::*)(const KeyspaceDef& keyspace);
  bool find_table(const KeyspaceDef& keyspace);
  bool find_type(const KeyspaceDef& keyspace);
  bool find_index(const KeyspaceDef& keyspace);
  /// What has the name in its keyspace; null: of a kind that no keyspace has. `kind` and `place`
  /// are for the error.
  Status one(Find find, std::string_view kind, std::string_view place = "");
  /// By its name alone: a keyspace, or a table, an index or a type of the keyspace in use.
  Status any();

  Rows take() { return std::move(rows_); }

 private:
  bool is_system(const KeyspaceDef& keyspace) const { return stored_.find_keyspace(keyspace.name) == nullptr; }
  Result<const KeyspaceDef*> keyspace_named(const std::string& name) const;
  /// The one of the name, else the one in use.
  Result<const KeyspaceDef*> its_keyspace() const;

  void add(std::initializer_list<std::string_view> cells) {
    for (const std::string_view cell : cells) {
      put_big(rows_.cells, static_cast<int32_t>(cell.size()));
      rows_.cells += cell;
    }
    ++rows_.row_count;
  }
  void add_item(const std::string& keyspace, std::string_view type, std::string_view name, const std::string& text) {
    add({types::quote_name(keyspace), type, types::quote_name(name), text});
  }
  void add_keyspace(const KeyspaceDef& keyspace) {
    add_item(keyspace.name, "keyspace", keyspace.name, schema::create_text(keyspace));
  }
  void add_type(const KeyspaceDef& keyspace, const types::DataType& type) {
    add_item(keyspace.name, "type", type.name(), schema::create_text(keyspace.name, type));
  }
  void add_index(const TableDef& table, const schema::IndexDef& index) {
    add_item(table.keyspace, "index", index.name, schema::create_text(table, index));
  }
  void add_table(const TableDef& table) {
    add_item(table.keyspace, "table", table.name, schema::create_text(table, plan_.what.with_internals));
    for (const schema::IndexDef& index : table.indexes) add_index(table, index);
  }
  void add_all_of(const KeyspaceDef& keyspace) {
    add_keyspace(keyspace);
    for (const auto& type : schema::types_in_order(keyspace)) add_type(keyspace, *type);
    for (const auto& [name, table] : in_order(keyspace.tables)) add_table(*table);
  }
  void list(const KeyspaceDef& keyspace);
  bool find_any(const KeyspaceDef& keyspace);
  const std::string& name() const { return plan_.what.name.name; }

  const plan::DescribePlan& plan_;
  const schema::Schema& stored_;
  const schema::Schema& schema_;  ///< with the system's keyspaces
  Rows rows_;
};

Result<const KeyspaceDef*> Description::keyspace_named(const std::string& name) const {
  const KeyspaceDef* keyspace = schema_.find_keyspace(name);
  if (keyspace != nullptr) return keyspace;
  return fail(ErrorCode::kInvalid, fmt::format("'{}' not found in keyspaces", name));
}

Result<const KeyspaceDef*> Description::its_keyspace() const {
  const std::string& given = plan_.what.name.keyspace;
  if (given.empty() && plan_.keyspace.empty())
    return fail(ErrorCode::kInvalid, "No keyspace specified and no current keyspace");
  return keyspace_named(given.empty() ? plan_.keyspace : given);
}

void Description::list(const KeyspaceDef& keyspace) {
  const std::string owner = types::quote_name(keyspace.name);
  if (plan_.what.what == What::kKeyspaces) add({owner, "keyspace", owner});
  if (plan_.what.what == What::kTables) {
    for (const auto& [name, table] : in_order(keyspace.tables)) add({owner, "table", types::quote_name(name)});
  }
  if (plan_.what.what == What::kTypes) {
    for (const auto& [name, type] : in_order(keyspace.types)) add({owner, "type", types::quote_name(name)});
  }
}

/// All keyspaces; of what is in them only of the one in use, if one is.
Status Description::lists() {
  if (plan_.what.what == What::kKeyspaces || plan_.keyspace.empty()) {
    for (const auto& [name, keyspace] : schema_.keyspaces) list(*keyspace);
    return {};
  }
  SAGITTA_TRY(const KeyspaceDef* keyspace, keyspace_named(plan_.keyspace));
  list(*keyspace);
  return {};
}

Status Description::keyspace() {
  SAGITTA_TRY(const KeyspaceDef* keyspace, name().empty() ? its_keyspace() : keyspace_named(name()));
  plan_.what.only ? add_keyspace(*keyspace) : add_all_of(*keyspace);
  return {};
}

bool Description::find_table(const KeyspaceDef& keyspace) {
  const auto table = keyspace.tables.find(name());
  if (table != keyspace.tables.end()) add_table(*table->second);
  return table != keyspace.tables.end();
}

bool Description::find_type(const KeyspaceDef& keyspace) {
  const auto type = keyspace.types.find(name());
  if (type != keyspace.types.end()) add_type(keyspace, *type->second);
  return type != keyspace.types.end();
}

bool Description::find_index(const KeyspaceDef& keyspace) {
  for (const auto& [table_name, table] : keyspace.tables) {
    const schema::IndexDef* index = table->find_index(name());
    if (index == nullptr) continue;
    add_index(*table, *index);
    return true;
  }
  return false;
}

Status Description::one(Find find, std::string_view kind, std::string_view place) {
  SAGITTA_TRY(const KeyspaceDef* keyspace, its_keyspace());
  if (find != nullptr && (this->*find)(*keyspace)) return {};
  return fail(ErrorCode::kInvalid, fmt::format("{}'{}' not found in {}'{}'", kind, name(), place, keyspace->name));
}

bool Description::find_any(const KeyspaceDef& keyspace) {
  return find_table(keyspace) || find_index(keyspace) || find_type(keyspace);
}

Status Description::any() {
  if (plan_.what.name.keyspace.empty()) {
    if (const KeyspaceDef* keyspace = schema_.find_keyspace(name())) {
      add_all_of(*keyspace);
      return {};
    }
    if (plan_.keyspace.empty()) return fail(keyspace_named(name()));
  }
  return one(&Description::find_any, "", "keyspace ");
}

Status fill(Description& description, What what, const NodeOptions& node) {
  switch (what) {
    case What::kCluster: return description.cluster(node);
    case What::kSchema: return description.whole_schema();
    case What::kKeyspaces:
    case What::kTables:
    case What::kTypes:
    case What::kFunctions:
    case What::kAggregates: return description.lists();
    case What::kKeyspace: return description.keyspace();
    case What::kTable: return description.one(&Description::find_table, "Table ", "keyspace ");
    case What::kType: return description.one(&Description::find_type, "User defined type ");
    case What::kIndex: return description.one(&Description::find_index, "Table for existing index ");
    case What::kFunction: return description.one(nullptr, "User defined function ");
    case What::kAggregate: return description.one(nullptr, "User defined aggregate ");
    case What::kView: return description.one(nullptr, "Materialized view ");
    case What::kAny: break;
  }
  return description.any();
}

}  // namespace

Result<Rows> describe(const plan::DescribePlan& plan, const SchemaPair& schema, const NodeOptions& node) {
  Description description(plan, schema);
  SAGITTA_CHECK(fill(description, plan.what.what, node));
  return description.take();
}

}  // namespace sagitta::db
