/// Schema statements, back as CQL.
#include <fmt/format.h>

#include "printer.h"

namespace sagitta::cql {
namespace {

std::string_view words_of(const Describe& describe) {
  switch (describe.what) {
    case Describe::What::kCluster: return "CLUSTER";
    case Describe::What::kSchema: return describe.full ? "FULL SCHEMA" : "SCHEMA";
    case Describe::What::kKeyspaces: return "KEYSPACES";
    case Describe::What::kKeyspace: return describe.only ? "ONLY KEYSPACE" : "KEYSPACE";
    case Describe::What::kTables: return "TABLES";
    case Describe::What::kTable: return "TABLE";
    case Describe::What::kTypes: return "TYPES";
    case Describe::What::kType: return "TYPE";
    case Describe::What::kIndex: return "INDEX";
    case Describe::What::kFunctions: return "FUNCTIONS";
    case Describe::What::kFunction: return "FUNCTION";
    case Describe::What::kAggregates: return "AGGREGATES";
    case Describe::What::kAggregate: return "AGGREGATE";
    case Describe::What::kView: return "MATERIALIZED VIEW";
    case Describe::What::kAny: return "";
  }
  return "";
}

std::string_view word_of(IndexTarget::Kind kind) {
  switch (kind) {
    case IndexTarget::Kind::kColumn:
    case IndexTarget::Kind::kTuple: return "";
    case IndexTarget::Kind::kValues: return "VALUES";
    case IndexTarget::Kind::kKeys: return "KEYS";
    case IndexTarget::Kind::kEntries: return "ENTRIES";
    case IndexTarget::Kind::kFull: return "FULL";
  }
  return "";
}

}  // namespace

void Printer::operator()(const Use& use) {
  out_ += "USE ";
  name(use.keyspace);
}

void Printer::operator()(const Describe& describe) {
  out_ += "DESCRIBE";
  const std::string_view words = words_of(describe);
  flag(!words.empty(), " ");
  out_ += words;
  if (!describe.name.name.empty()) {
    out_ += ' ';
    qualified(describe.name);
  }
  flag(describe.with_internals, " WITH INTERNALS");
}

void Printer::operator()(const Truncate& truncate) {
  out_ += "TRUNCATE TABLE ";
  qualified(truncate.name);
}

void Printer::operator()(const CreateKeyspace& create) {
  out_ += "CREATE KEYSPACE ";
  flag(create.if_not_exists, "IF NOT EXISTS ");
  name(create.name);
  if (create.options.empty()) return;
  out_ += ' ';
  options(create.options);
}

void Printer::operator()(const AlterKeyspace& alter) {
  out_ += "ALTER KEYSPACE ";
  flag(alter.if_exists, "IF EXISTS ");
  name(alter.name);
  out_ += ' ';
  options(alter.options);
}

void Printer::operator()(const DropKeyspace& drop) {
  dropped("KEYSPACE", drop.if_exists, {.keyspace = {}, .name = drop.name});
}

void Printer::operator()(const CreateTable& create) {
  out_ += "CREATE TABLE ";
  flag(create.if_not_exists, "IF NOT EXISTS ");
  qualified(create.name);
  out_ += " (";
  for (const ColumnDefinition& each : create.columns) {
    column(each);
    out_ += ", ";
  }
  primary_key(create);
  out_ += ')';
  table_options(create);
}

void Printer::primary_key(const CreateTable& create) {
  out_ += "PRIMARY KEY (";
  names(create.partition_key);
  for (const std::string& each : create.clustering_key) {
    out_ += ", ";
    name(each);
  }
  out_ += ')';
}

void Printer::table_options(const CreateTable& create) {
  if (!create.clustering_order.empty()) {
    out_ += " WITH CLUSTERING ORDER BY (";
    separated(create.clustering_order, ", ", [&](const ClusteringOrder& order) {
      name(order.column);
      out_ += order.descending ? " DESC" : " ASC";
    });
    out_ += ')';
  }
  if (create.options.empty()) return;
  out_ += create.clustering_order.empty() ? " WITH " : " AND ";
  separated(create.options, " AND ", [&](const NamedProperty& each) { option(each); });
}

void Printer::operator()(const AlterTable& alter) {
  out_ += "ALTER TABLE ";
  flag(alter.if_exists, "IF EXISTS ");
  qualified(alter.name);
  out_ += ' ';
  std::visit(*this, alter.action);
}

void Printer::operator()(const AddColumns& add) {
  out_ += "ADD ";
  flag(add.if_not_exists, "IF NOT EXISTS ");
  separated(add.columns, ", ", [&](const ColumnDefinition& each) { column(each); });
}

void Printer::operator()(const DropColumns& drop) {
  out_ += "DROP ";
  flag(drop.if_exists, "IF EXISTS ");
  separated(drop.columns, ", ", [&](const std::string& each) { name(each); });
  if (drop.timestamp_us) out_ += fmt::format(" USING TIMESTAMP {}", *drop.timestamp_us);
}

void Printer::operator()(const CreateType& create) {
  out_ += "CREATE TYPE ";
  flag(create.if_not_exists, "IF NOT EXISTS ");
  qualified(create.name);
  out_ += " (";
  fields(create.fields);
  out_ += ')';
}

void Printer::operator()(const AlterType& alter) {
  out_ += "ALTER TYPE ";
  flag(alter.if_exists, "IF EXISTS ");
  qualified(alter.name);
  out_ += ' ';
  std::visit(*this, alter.action);
}

void Printer::operator()(const AddFields& add) {
  out_ += "ADD ";
  flag(add.if_not_exists, "IF NOT EXISTS ");
  fields(add.fields);
}

void Printer::operator()(const CreateIndex& create) {
  out_ += create.custom ? "CREATE CUSTOM INDEX " : "CREATE INDEX ";
  flag(create.if_not_exists, "IF NOT EXISTS ");
  if (!create.name.empty()) name(create.name);
  out_ += " ON ";
  qualified(create.table);
  out_ += " (";
  separated(create.targets, ", ", [&](const IndexTarget& each) { target(each); });
  out_ += ')';
  if (create.class_name) {
    out_ += " USING ";
    string(*create.class_name);
  }
  if (create.options.empty()) return;
  out_ += " WITH OPTIONS = ";
  map(create.options);
}

void Printer::target(const IndexTarget& target) {
  out_ += word_of(target.kind);
  if (target.kind != IndexTarget::Kind::kColumn) return names(target.columns);
  name(target.columns[0]);
}

void Printer::dropped(std::string_view what, bool if_exists, const QualifiedName& name) {
  out_ += fmt::format("DROP {} ", what);
  flag(if_exists, "IF EXISTS ");
  qualified(name);
}

void Printer::renamed(bool if_exists, const std::vector<std::pair<std::string, std::string>>& names) {
  out_ += "RENAME ";
  flag(if_exists, "IF EXISTS ");
  separated(names, " AND ", [&](const auto& each) {
    name(each.first);
    out_ += " TO ";
    name(each.second);
  });
}

void Printer::retyped(std::string_view of, const RawType& type) {
  out_ += "ALTER ";
  name(of);
  out_ += " TYPE " + to_string(type);
}

void Printer::column(const ColumnDefinition& column) {
  name(column.name);
  out_ += ' ' + to_string(column.type);
  flag(column.is_static, " STATIC");
}

void Printer::fields(const std::vector<FieldDefinition>& fields) {
  separated(fields, ", ", [&](const FieldDefinition& field) {
    name(field.name);
    out_ += ' ' + to_string(field.type);
  });
}

void Printer::options(const Properties& options) {
  out_ += "WITH ";
  separated(options, " AND ", [&](const NamedProperty& each) { option(each); });
}

void Printer::option(const NamedProperty& option) {
  name(option.name);
  out_ += " = ";
  value(option.value);
}

void Printer::value(const Property& property) {
  switch (property.kind) {
    case Property::Kind::kScalar: return (*this)(Literal{.kind = property.literal, .text = property.text});
    case Property::Kind::kMap: return map(property.map);
    case Property::Kind::kList:
      out_ += '[';
      separated(property.list, ", ", [&](const Property& each) { value(each); });
      out_ += ']';
  }
}

void Printer::map(const Properties& entries) {
  out_ += '{';
  separated(entries, ", ", [&](const NamedProperty& entry) {
    string(entry.name);
    out_ += ": ";
    value(entry.value);
  });
  out_ += '}';
}

}  // namespace sagitta::cql
