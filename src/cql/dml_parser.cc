#include <fmt/format.h>

#include "parser_impl.h"

namespace sagitta::cql {

Select Parser::select() {
  Select out;
  expect_word("select");
  out.json = accept_select_flag("json");
  out.distinct = accept_select_flag("distinct");
  out.selectors = selectors();
  expect_word("from");
  out.table = expect_qualified_name();
  if (at_word("where")) out.where = where();
  if (accept_words({"group", "by"})) {
    do out.group_by.push_back(selectable());
    while (accept(","));
  }
  if (accept_words({"order", "by"})) out.order_by = orderings();
  if (accept_words({"per", "partition", "limit"})) out.per_partition_limit = TermPtr(integer_or_marker());
  if (accept_word("limit")) out.limit = TermPtr(integer_or_marker());
  out.allow_filtering = accept_words({"allow", "filtering"});
  accept_words({"bypass", "cache"});
  if (accept_word("using")) out.timeout = TermPtr(using_timeout());
  return out;
}

/// JSON and DISTINCT are no reserved words: a column may have that name.
bool Parser::accept_select_flag(std::string_view word) {
  if (!at_word(word)) return false;
  const Token behind = peek();
  const bool column = is_symbol(behind, ",") || is_symbol(behind, ".") || is_symbol(behind, "[") ||
                      is_word(behind, "from") || is_word(behind, "as");
  return !column && accept_word(word);
}

std::vector<Selector> Parser::selectors() {
  std::vector<Selector> out;
  if (accept("*")) return out;
  do {
    Selector selector{.term = selectable(), .alias = {}};
    if (accept_word("as")) selector.alias = expect_name();
    out.push_back(std::move(selector));
  } while (accept(","));
  return out;
}

std::vector<Ordering> Parser::orderings() {
  std::vector<Ordering> out;
  do {
    Ordering ordering;
    if (at_word("ann") && is_symbol(peek(), "(")) {
      advance();
      expect("(");
      ordering.column = expect_name();
      expect(",");
      ordering.ann = TermPtr(term());
      expect(")");
    } else {
      ordering.column = expect_name();
      if (accept_words({"ann", "of"})) ordering.ann = TermPtr(term());
    }
    ordering.descending = accept_word("desc");
    if (!ordering.descending) accept_word("asc");
    out.push_back(std::move(ordering));
  } while (accept(","));
  return out;
}

Term Parser::integer_or_marker() {
  if (at_marker() || at_symbol("-") || token_.kind == TokenKind::kInteger) {
    Term count = signed_term();
    const auto* literal = count.get_if<Literal>();
    if (count.get_if<Marker>() != nullptr || (literal != nullptr && literal->kind == LiteralKind::kInteger))
      return count;
  }
  fail_here();
  return {};
}

std::vector<Relation> Parser::where() {
  expect_word("where");
  return relations(false);
}

std::vector<Relation> Parser::relations(bool condition) {
  std::vector<Relation> out;
  do out.push_back(relation(condition));
  while (accept_word("and"));
  return out;
}

Relation Parser::relation(bool condition) {
  const Nesting nesting(*this);
  Relation out;
  if (!condition && at_word("token") && is_symbol(peek(), "(")) {
    advance();
    out.kind = Relation::Kind::kToken;
    out.columns = name_list();
  } else if (!condition && at_symbol("(")) {
    if (!at_column_tuple()) {
      advance();
      out = relation(condition);
      expect(")");
      return out;
    }
    out.kind = Relation::Kind::kTuple;
    out.columns = name_list();
  } else {
    out.columns.push_back(expect_name());
    if (accept("[")) {
      out.kind = Relation::Kind::kElement;
      out.key = TermPtr(term());
      expect("]");
    } else if (condition && accept(".")) {
      out.kind = Relation::Kind::kField;
      out.field = expect_name();
    }
  }
  relation_operator(out, condition);
  return out;
}

bool Parser::at_column_tuple() const {
  const Token name = peek();
  if (!is_name(name)) return false;
  const Token behind = lexer_.next(name.end);
  return is_symbol(behind, ",") || is_symbol(behind, ")");
}

std::optional<Operator> Parser::comparison() {
  static constexpr std::pair<std::string_view, Operator> kComparisons[] = {
      {"=", Operator::kEq},  {"<", Operator::kLt},  {">", Operator::kGt},
      {"<=", Operator::kLe}, {">=", Operator::kGe}, {"!=", Operator::kNe},
  };
  for (const auto& [symbol, op] : kComparisons) {
    if (accept(symbol)) return op;
  }
  return std::nullopt;
}

void Parser::relation_operator(Relation& out, bool condition) {
  const bool column = out.kind == Relation::Kind::kColumn;
  const bool token = out.kind == Relation::Kind::kToken;
  const bool element = out.kind == Relation::Kind::kElement;
  if (const auto op = comparison()) {
    out.op = *op;
  } else if (!token && (condition || !element) && accept_word("in")) {
    out.op = Operator::kIn;
    return in_values(out);
  } else if (column && accept_words({"contains", "key"})) {
    out.op = Operator::kContainsKey;
  } else if (column && accept_word("contains")) {
    out.op = Operator::kContains;
  } else if (column && !condition && accept_word("like")) {
    out.op = Operator::kLike;
  } else if (column && !condition && accept_words({"is", "not", "null"})) {
    out.op = Operator::kIsNotNull;
    return;
  } else if (column && !condition && accept_words({"ann", "of"})) {
    out.op = Operator::kAnn;
  } else {
    return fail_here();
  }
  out.value = term();
}

void Parser::in_values(Relation& out) {
  if (at_marker()) {
    out.value = marker();
    return;
  }
  expect("(");
  out.values = terms_until(")");
}

Using Parser::using_clause(bool with_ttl) {
  Using out;
  if (!accept_word("using")) return out;
  do {
    if (accept_word("timestamp")) {
      replace_attribute(out.timestamp_us, integer_or_marker());
    } else if (with_ttl && accept_word("ttl")) {
      replace_attribute(out.ttl_seconds, integer_or_marker());
    } else {
      replace_attribute(out.timeout, using_timeout());
    }
  } while (accept_word("and"));
  return out;
}

/// The last one counts, but a marker for which nothing asks has no type.
void Parser::replace_attribute(TermPtr& attribute, Term value) {
  if (attribute && attribute->get_if<Marker>() != nullptr) {
    fail_with(ErrorCode::kInvalid, "A bind marker of USING is followed by another value for the same attribute");
  }
  attribute = TermPtr(std::move(value));
}

Term Parser::using_timeout() {
  expect_word("timeout");
  if (!at_marker() && token_.kind != TokenKind::kDuration) fail_here();
  return primary();
}

Insert Parser::insert() {
  Insert out;
  expect_words({"insert", "into"});
  out.table = expect_qualified_name();
  if (accept_word("json")) {
    if (!at_marker() && token_.kind != TokenKind::kString) fail_here();
    out.json = TermPtr(primary());
    if (accept_words({"default", "unset"})) {
      out.json_default_unset = true;
    } else {
      accept_words({"default", "null"});
    }
  } else {
    out.columns = name_list();
    expect_word("values");
    expect("(");
    out.values = terms_until(")");
    if (out.columns.size() != out.values.size()) fail_with(ErrorCode::kInvalid, "Unmatched column names/values");
  }
  out.if_not_exists = if_not_exists();
  out.attributes = using_clause(true);
  return out;
}

Update Parser::update() {
  Update out;
  expect_word("update");
  out.table = expect_qualified_name();
  out.attributes = using_clause(true);
  expect_word("set");
  do out.assignments.push_back(assignment());
  while (accept(","));
  out.where = where();
  conditions(out.if_exists, out.conditions);
  return out;
}

void Parser::conditions(bool& exists, std::vector<Relation>& out) {
  exists = if_exists();
  if (!exists && accept_word("if")) out = relations(true);
}

Assignment Parser::assignment() {
  Assignment out;
  out.column = expect_name();
  if (accept("+=")) {
    out.kind = Assignment::Kind::kAdd;
  } else if (accept("-=")) {
    out.kind = Assignment::Kind::kRemove;
  } else if (accept("[")) {
    out.kind = Assignment::Kind::kElement;
    out.key = TermPtr(term());
    expect("]");
    expect("=");
  } else if (accept(".")) {
    out.kind = Assignment::Kind::kField;
    out.field = expect_name();
    expect("=");
  } else {
    expect("=");
    assigned_value(out);
    return out;
  }
  out.value = term();
  return out;
}

void Parser::assigned_value(Assignment& out) {
  const Token behind = peek();
  if (is_name(token_) && (is_symbol(behind, "+") || is_symbol(behind, "-")) &&
      lexer_.iso_duration_end(token_.begin) == token_.begin) {
    if (expect_name() != out.column) {
      fail_with(ErrorCode::kInvalid, "Only expressions of the form X = X <op> <value> are supported.");
    }
    out.kind = accept("+") ? Assignment::Kind::kAdd : Assignment::Kind::kRemove;
    if (out.kind == Assignment::Kind::kRemove) expect("-");
    out.value = term();
    return;
  }
  out.value = term();
  if (!accept("+")) return;
  out.kind = Assignment::Kind::kPrepend;
  if (expect_name() != out.column) {
    fail_with(ErrorCode::kInvalid, "Only expressions of the form X = <value> + X are supported.");
  }
}

Delete Parser::delete_rows() {
  Delete out;
  expect_word("delete");
  if (!at_word("from")) {
    do out.targets.push_back(delete_target());
    while (accept(","));
  }
  expect_word("from");
  out.table = expect_qualified_name();
  out.attributes = using_clause(false);
  out.where = where();
  conditions(out.if_exists, out.conditions);
  return out;
}

DeleteTarget Parser::delete_target() {
  DeleteTarget out;
  out.column = expect_name();
  if (accept("[")) {
    out.key = TermPtr(term());
    expect("]");
  } else if (accept(".")) {
    out.field = expect_name();
  }
  return out;
}

Batch Parser::batch() {
  Batch out;
  expect_word("begin");
  if (accept_word("unlogged")) {
    out.kind = BatchKind::kUnlogged;
  } else if (accept_word("counter")) {
    out.kind = BatchKind::kCounter;
  } else {
    accept_word("logged");
  }
  expect_word("batch");
  out.attributes = using_clause(false);
  while (modification(out.statements)) accept(";");
  expect_words({"apply", "batch"});
  return out;
}

bool Parser::modification(std::vector<Modification>& out) {
  if (at_word("insert")) {
    out.emplace_back(insert());
  } else if (at_word("update")) {
    out.emplace_back(update());
  } else if (at_word("delete")) {
    out.emplace_back(delete_rows());
  } else {
    return false;
  }
  return ok();
}

}  // namespace sagitta::cql
