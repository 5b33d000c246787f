/// CREATE, ALTER and DROP.
#include <fmt/format.h>

#include <set>

#include "sagitta/types/name.h"

#include "parser_impl.h"

namespace sagitta::cql {

void Parser::create() {
  expect_word("create");
  if (accept_word("keyspace") || accept_word("schema")) {
    statement_.body = create_keyspace();
  } else if (accept_word("table") || accept_word("columnfamily")) {
    statement_.body = create_table();
  } else if (accept_word("type")) {
    statement_.body = create_type();
  } else if (accept_words({"custom", "index"})) {
    statement_.body = create_index(true);
  } else if (accept_word("index")) {
    statement_.body = create_index(false);
  } else {
    refuse_definition();
  }
}

void Parser::alter() {
  expect_word("alter");
  if (accept_word("keyspace") || accept_word("schema")) {
    statement_.body = alter_keyspace();
  } else if (accept_word("table") || accept_word("columnfamily")) {
    statement_.body = alter_table();
  } else if (accept_word("type")) {
    statement_.body = alter_type();
  } else {
    refuse_definition();
  }
}

void Parser::drop() {
  expect_word("drop");
  if (accept_word("keyspace") || accept_word("schema")) {
    DropKeyspace out{.name = {}, .if_exists = if_exists()};
    out.name = expect_name();
    statement_.body = std::move(out);
  } else if (accept_word("table") || accept_word("columnfamily")) {
    DropTable out{.name = {}, .if_exists = if_exists()};
    out.name = expect_qualified_name();
    statement_.body = std::move(out);
  } else if (accept_word("type")) {
    DropType out{.name = {}, .if_exists = if_exists()};
    out.name = expect_qualified_name();
    statement_.body = std::move(out);
  } else if (accept_word("index")) {
    DropIndex out{.name = {}, .if_exists = if_exists()};
    out.name = expect_qualified_name();
    statement_.body = std::move(out);
  } else {
    refuse_definition();
  }
}

CreateKeyspace Parser::create_keyspace() {
  CreateKeyspace out;
  out.if_not_exists = if_not_exists();
  out.name = expect_name();
  if (accept_word("with")) out.options = properties();
  return out;
}

AlterKeyspace Parser::alter_keyspace() {
  AlterKeyspace out;
  out.if_exists = if_exists();
  out.name = expect_name();
  expect_word("with");
  out.options = properties();
  return out;
}

CreateTable Parser::create_table() {
  CreateTable out;
  out.if_not_exists = if_not_exists();
  out.name = expect_qualified_name();
  size_t primary_keys = 0;
  expect("(");
  do table_element(out, primary_keys);
  while (accept(","));
  expect(")");
  if (accept_word("with")) table_options(out);
  if (primary_keys != 1) {
    fail_with(ErrorCode::kInvalid,
              primary_keys == 0
                  ? fmt::format("No PRIMARY KEY specified for table '{}' (exactly one required)", out.name.name)
                  : fmt::format("Multiple PRIMARY KEY specified for table '{}' (exactly one required)", out.name.name));
  }
  return out;
}

void Parser::table_element(CreateTable& table, size_t& primary_keys) {
  if (accept_words({"primary", "key"})) {
    ++primary_keys;
    primary_key(table);
    return;
  }
  table.columns.push_back(column_definition());
  if (accept_words({"primary", "key"})) {
    ++primary_keys;
    table.partition_key = {table.columns.back().name};
  }
}

void Parser::primary_key(CreateTable& table) {
  table.partition_key.clear();
  table.clustering_key.clear();
  expect("(");
  if (at_symbol("(")) {
    table.partition_key = name_list();
  } else {
    table.partition_key.push_back(expect_name());
  }
  while (accept(",")) table.clustering_key.push_back(expect_name());
  expect(")");
}

void Parser::table_options(CreateTable& table) {
  std::set<std::string> seen;
  do {
    if (accept_words({"clustering", "order", "by"})) {
      expect("(");
      do {
        ClusteringOrder order{.column = expect_name()};
        order.descending = accept_word("desc");
        if (!order.descending) expect_word("asc");
        table.clustering_order.push_back(std::move(order));
      } while (accept(","));
      expect(")");
    } else if (accept_words({"compact", "storage"})) {
      refuse_compact_storage();
    } else {
      property(table.options, seen);
    }
  } while (accept_word("and"));
}

ColumnDefinition Parser::column_definition() {
  ColumnDefinition out;
  out.name = expect_name();
  out.type = type();
  refuse_marks_of_column();
  out.is_static = accept_word("static");
  return out;
}

FieldDefinition Parser::field_definition() {
  FieldDefinition out;
  out.name = expect_name();
  out.type = type();
  return out;
}

CreateType Parser::create_type() {
  CreateType out;
  out.if_not_exists = if_not_exists();
  const Token first = token_;
  out.name = expect_qualified_name();
  if (first.kind == TokenKind::kWord && out.name.keyspace.empty() && types::native_kind(out.name.name)) {
    fail_syntax(first, fmt::format("no viable alternative at input '{}'", lexer_.text(first)), true);
  }
  expect("(");
  do out.fields.push_back(field_definition());
  while (accept(","));
  expect(")");
  return out;
}

CreateIndex Parser::create_index(bool custom) {
  CreateIndex out;
  out.custom = custom;
  out.if_not_exists = if_not_exists();
  if (!at_word("on")) out.name = expect_name();
  expect_word("on");
  out.table = expect_qualified_name();
  expect("(");
  if (!custom || !at_symbol(")")) {
    do out.targets.push_back(index_target(out.targets.empty()));
    while (accept(","));
  }
  expect(")");
  if (accept_word("using")) out.class_name = expect_string();
  if (accept_word("with")) index_options(out);
  return out;
}

IndexTarget Parser::index_target(bool first) {
  static constexpr std::pair<std::string_view, IndexTarget::Kind> kFunctions[] = {
      {"values", IndexTarget::Kind::kValues},
      {"keys", IndexTarget::Kind::kKeys},
      {"entries", IndexTarget::Kind::kEntries},
      {"full", IndexTarget::Kind::kFull},
  };
  IndexTarget out;
  if (first && at_symbol("(")) {
    out.kind = IndexTarget::Kind::kTuple;
    out.columns = name_list();
    return out;
  }
  for (const auto& [function, kind] : kFunctions) {
    if (!at_word(function) || !is_symbol(peek(), "(")) continue;
    advance();
    expect("(");
    out.kind = kind;
    out.columns.push_back(expect_name());
    expect(")");
    return out;
  }
  out.columns.push_back(expect_name());
  return out;
}

void Parser::index_options(CreateIndex& index) {
  for (auto& [name, value] : properties()) {
    if (name != "options") {
      fail_with(ErrorCode::kSyntax, fmt::format("Unknown property '{}'", name));
    } else if (value.kind != Property::Kind::kMap) {
      fail_with(ErrorCode::kSyntax, "Invalid value for property 'options'. It should be a map.");
    } else {
      index.options = std::move(value.map);
    }
  }
}

AlterTable Parser::alter_table() {
  AlterTable out;
  out.if_exists = if_exists();
  out.name = expect_qualified_name();
  if (accept_word("add")) {
    out.action = add_columns();
  } else if (accept_word("drop")) {
    out.action = drop_columns();
  } else if (accept_word("rename")) {
    out.action = renames<RenameColumns>();
  } else if (accept_word("alter")) {
    AlterColumnType change{.column = expect_name(), .type = {}};
    refuse_marks_of_column();
    expect_word("type");
    change.type = type();
    out.action = std::move(change);
  } else if (accept_word("with")) {
    out.action = SetOptions{.options = properties()};
  } else {
    refuse_marks_of_column();
    fail_here();
  }
  return out;
}

AddColumns Parser::add_columns() {
  AddColumns out;
  out.if_not_exists = if_not_exists();
  const bool parenthesised = accept("(");
  do out.columns.push_back(column_definition());
  while (accept(","));
  if (parenthesised) expect(")");
  return out;
}

DropColumns Parser::drop_columns() {
  DropColumns out;
  out.if_exists = if_exists();
  if (accept_words({"compact", "storage"})) refuse_compact_storage();
  if (at_symbol("(")) {
    out.columns = name_list();
  } else {
    do out.columns.push_back(expect_name());
    while (accept(","));
  }
  if (accept_words({"using", "timestamp"})) out.timestamp_us = expect_int64();
  return out;
}

template <class Rename>
Rename Parser::renames() {
  Rename out;
  out.if_exists = if_exists();
  do {
    std::string from = expect_name();
    expect_word("to");
    out.names.emplace_back(std::move(from), expect_name());
  } while (accept_word("and"));
  return out;
}

AlterType Parser::alter_type() {
  AlterType out;
  out.if_exists = if_exists();
  out.name = expect_qualified_name();
  if (accept_word("add")) {
    AddFields add{.if_not_exists = if_not_exists(), .fields = {}};
    do add.fields.push_back(field_definition());
    while (accept(","));
    out.action = std::move(add);
  } else if (accept_word("rename")) {
    out.action = renames<RenameFields>();
  } else if (accept_word("alter")) {
    AlterFieldType change{.field = expect_name(), .type = {}};
    expect_word("type");
    change.type = type();
    out.action = std::move(change);
  } else {
    fail_here();
  }
  return out;
}

Properties Parser::properties() {
  Properties out;
  std::set<std::string> seen;
  do property(out, seen);
  while (accept_word("and"));
  return out;
}

void Parser::property(Properties& out, std::set<std::string>& seen) {
  std::string name = expect_name();
  expect("=");
  Property value = property_value();
  if (!seen.insert(name).second) {
    fail_with(ErrorCode::kSyntax, fmt::format("Multiple definition for property '{}'", name));
  }
  out.emplace_back(std::move(name), std::move(value));
}

Property Parser::property_value() {
  const Nesting nesting(*this);
  Property out;
  if (at_symbol("{")) {
    property_map(out);
  } else if (at_symbol("[")) {
    property_list(out);
  } else {
    property_scalar(out);
  }
  return out;
}

void Parser::property_map(Property& out) {
  out.kind = Property::Kind::kMap;
  expect("{");
  if (accept("}")) return;
  std::set<std::string> seen;
  do {
    Property key;
    property_scalar(key);
    if (!seen.insert(key.text).second) {
      fail_with(ErrorCode::kSyntax, fmt::format("Multiple definition for key '{}'", key.text));
    }
    expect(":");
    out.map.emplace_back(std::move(key.text), property_value());
  } while (accept(","));
  expect("}");
}

void Parser::property_list(Property& out) {
  out.kind = Property::Kind::kList;
  expect("[");
  if (accept("]")) return;
  do out.list.push_back(property_value());
  while (accept(","));
  expect("]");
}

void Parser::property_scalar(Property& out) {
  if (is_name(token_)) {
    out.text = expect_name();
    return;
  }
  const bool word = token_.kind == TokenKind::kWord;
  if (word || token_.kind != TokenKind::kSymbol || at_symbol("-")) {
    const Term value = signed_term();
    const auto* literal = value.get_if<Literal>();
    if (ok() && literal != nullptr && literal->kind != LiteralKind::kNull) {
      out.literal = literal->kind;
      out.text = literal->text;
      return;
    }
  }
  fail_here();
}

}  // namespace sagitta::cql
