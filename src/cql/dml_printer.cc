/// Data statements, back as CQL.
#include <algorithm>
#include <array>

#include "printer.h"

namespace sagitta::cql {

std::string_view to_string(Operator op) {
  switch (op) {
    case Operator::kEq: return "=";
    case Operator::kLt: return "<";
    case Operator::kGt: return ">";
    case Operator::kLe: return "<=";
    case Operator::kGe: return ">=";
    case Operator::kNe: return "!=";
    case Operator::kIn: return "IN";
    case Operator::kContains: return "CONTAINS";
    case Operator::kContainsKey: return "CONTAINS KEY";
    case Operator::kLike: return "LIKE";
    case Operator::kIsNotNull: return "IS NOT NULL";
    case Operator::kAnn: return "ANN OF";
  }
  return "";
}

void Printer::operator()(const Select& select) {
  out_ += "SELECT ";
  flag(select.json, "JSON ");
  flag(select.distinct, "DISTINCT ");
  flag(select.selectors.empty(), "*");
  separated(select.selectors, ", ", [&](const Selector& selector) {
    term(selector.term);
    if (selector.alias.empty()) return;
    out_ += " AS ";
    name(selector.alias);
  });
  out_ += " FROM ";
  qualified(select.table);
  where(" WHERE ", select.where);
  flag(!select.group_by.empty(), " GROUP BY ");
  separated(select.group_by, ", ", [&](const Term& each) { term(each); });
  flag(!select.order_by.empty(), " ORDER BY ");
  separated(select.order_by, ", ", [&](const Ordering& each) { ordering(each); });
  limits(select);
}

void Printer::limits(const Select& select) {
  if (select.per_partition_limit) {
    out_ += " PER PARTITION LIMIT ";
    term(*select.per_partition_limit);
  }
  if (select.limit) {
    out_ += " LIMIT ";
    term(*select.limit);
  }
  flag(select.allow_filtering, " ALLOW FILTERING");
  if (select.timeout) {
    out_ += " USING TIMEOUT ";
    term(*select.timeout);
  }
}

void Printer::ordering(const Ordering& ordering) {
  name(ordering.column);
  if (ordering.ann) {
    out_ += " ANN OF ";
    term(*ordering.ann);
  }
  flag(ordering.descending, " DESC");
}

void Printer::operator()(const Insert& insert) {
  out_ += "INSERT INTO ";
  qualified(insert.table);
  out_ += ' ';
  if (insert.json) {
    out_ += "JSON ";
    term(*insert.json);
    flag(insert.json_default_unset, " DEFAULT UNSET");
  } else {
    names(insert.columns);
    out_ += " VALUES ";
    terms('(', insert.values, ')');
  }
  flag(insert.if_not_exists, " IF NOT EXISTS");
  attributes(insert.attributes);
}

void Printer::operator()(const Update& update) {
  out_ += "UPDATE ";
  qualified(update.table);
  attributes(update.attributes);
  out_ += " SET ";
  separated(update.assignments, ", ", [&](const Assignment& each) { assignment(each); });
  where(" WHERE ", update.where);
  conditions(update.if_exists, update.conditions);
}

void Printer::assignment(const Assignment& assignment) {
  name(assignment.column);
  if (assignment.key) {
    out_ += '[';
    term(*assignment.key);
    out_ += ']';
  }
  if (assignment.kind == Assignment::Kind::kField) {
    out_ += '.';
    name(assignment.field);
  }
  out_ += assignment.kind == Assignment::Kind::kAdd      ? " += "
          : assignment.kind == Assignment::Kind::kRemove ? " -= "
                                                         : " = ";
  term(assignment.value);
  if (assignment.kind != Assignment::Kind::kPrepend) return;
  out_ += " + ";
  name(assignment.column);
}

void Printer::operator()(const Delete& erase) {
  out_ += "DELETE ";
  separated(erase.targets, ", ", [&](const DeleteTarget& target) { deleted(target); });
  out_ += erase.targets.empty() ? "FROM " : " FROM ";
  qualified(erase.table);
  attributes(erase.attributes);
  where(" WHERE ", erase.where);
  conditions(erase.if_exists, erase.conditions);
}

void Printer::deleted(const DeleteTarget& target) {
  name(target.column);
  if (target.key) {
    out_ += '[';
    term(*target.key);
    out_ += ']';
  }
  if (target.field.empty()) return;
  out_ += '.';
  name(target.field);
}

void Printer::operator()(const Batch& batch) {
  out_ += "BEGIN ";
  flag(batch.kind == BatchKind::kUnlogged, "UNLOGGED ");
  flag(batch.kind == BatchKind::kCounter, "COUNTER ");
  out_ += "BATCH";
  attributes(batch.attributes);
  for (const Modification& statement : batch.statements) {
    out_ += ' ';
    std::visit(*this, statement);
    out_ += ';';
  }
  out_ += " APPLY BATCH";
}

/// In the order of the text, in which markers are numbered.
void Printer::attributes(const Using& attributes) {
  std::vector<std::pair<std::string_view, const Term*>> given;
  if (attributes.timestamp_us) given.emplace_back("TIMESTAMP ", &*attributes.timestamp_us);
  if (attributes.ttl_seconds) given.emplace_back("TTL ", &*attributes.ttl_seconds);
  if (attributes.timeout) given.emplace_back("TIMEOUT ", &*attributes.timeout);
  std::ranges::sort(given, {}, [](const auto& each) { return each.second->offset; });
  flag(!given.empty(), " USING ");
  separated(given, " AND ", [&](const auto& each) {
    out_ += each.first;
    term(*each.second);
  });
}

void Printer::where(std::string_view word, const std::vector<Relation>& relations) {
  flag(!relations.empty(), word);
  separated(relations, " AND ", [&](const Relation& each) { relation(each); });
}

void Printer::conditions(bool exists, const std::vector<Relation>& relations) {
  flag(exists, " IF EXISTS");
  where(" IF ", relations);
}

void Printer::relation(const Relation& relation) {
  related(relation);
  out_ += ' ';
  out_ += to_string(relation.op);
  if (relation.value) {
    out_ += ' ';
    term(*relation.value);
  } else if (relation.op == Operator::kIn) {
    out_ += ' ';
    terms('(', relation.values, ')');
  }
}

void Printer::related(const Relation& relation) {
  switch (relation.kind) {
    case Relation::Kind::kToken: out_ += "token"; [[fallthrough]];
    case Relation::Kind::kTuple: return names(relation.columns);
    case Relation::Kind::kColumn: return name(relation.columns[0]);
    case Relation::Kind::kElement:
      name(relation.columns[0]);
      out_ += '[';
      term(*relation.key);
      out_ += ']';
      return;
    case Relation::Kind::kField:
      name(relation.columns[0]);
      out_ += '.';
      name(relation.field);
  }
}

}  // namespace sagitta::cql
