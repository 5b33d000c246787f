#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "sagitta/cql/parser.h"
#include "sagitta/types/name.h"

#include "parser_impl.h"

namespace sagitta::cql {

namespace {

struct Parametric {
  std::string_view name;
  size_t parameters_min, parameters_max;
};
constexpr auto kParametric = std::to_array<Parametric>(
    {{"frozen", 1, 1}, {"list", 1, 1}, {"map", 2, 2}, {"set", 1, 1}, {"tuple", 1, SIZE_MAX}, {"vector", 1, 1}});

const Parametric* find_parametric(std::string_view name) {
  const auto* it = std::ranges::find(kParametric, name, &Parametric::name);
  return it == kParametric.end() ? nullptr : it;
}

}  // namespace

RawType Parser::type() {
  const Nesting nesting(*this);
  size_t frozen = 0;
  while (at_word("frozen") && is_symbol(peek(), "<")) {
    advance();
    advance();
    ++frozen;
  }
  RawType raw = bare_type();
  raw.frozen = frozen > 0;
  for (; frozen > 0 && ok(); --frozen) expect(">");
  return raw;
}

RawType Parser::bare_type() {
  RawType raw;
  if (token_.kind == TokenKind::kString) {
    raw.custom = true;
    raw.name = expect_string();
    return raw;
  }
  raw.quoted = token_.kind == TokenKind::kQuotedWord;
  raw.name = at_word("set") ? expect_word_or_name() : expect_name();
  if (!raw.quoted && at_symbol("<")) {
    type_parameters(raw);
    return raw;
  }
  if (accept(".")) {
    raw.keyspace = std::move(raw.name);
    raw.quoted = token_.kind == TokenKind::kQuotedWord;
    if (!raw.quoted && types::native_kind(to_lower(token_text()))) fail_here();
    raw.name = expect_name();
  }
  if (!raw.quoted && find_parametric(raw.name) != nullptr) fail_here();
  // Quotes count where the name would mean something else without them.
  raw.quoted = raw.quoted && types::quote_type_name(raw.name) != raw.name;
  return raw;
}

void Parser::type_parameters(RawType& raw) {
  const Parametric* parametric = find_parametric(raw.name);
  if (parametric == nullptr) return fail_here();
  expect("<");
  do raw.parameters.push_back(type());
  while (raw.parameters.size() < parametric->parameters_max && accept(","));
  if (raw.parameters.size() < parametric->parameters_min) fail_here();
  if (raw.name == "vector") vector_dimension(raw);
  expect(">");
}

void Parser::vector_dimension(RawType& raw) {
  expect(",");
  const bool negative = accept("-");
  if (token_.kind != TokenKind::kInteger) return fail_here();
  const std::string digits = (negative ? "-" : "") + std::string(token_text());
  if (std::from_chars(digits.data(), digits.data() + digits.size(), raw.dimension).ec != std::errc()) {
    return fail_number(digits);
  }
  advance();
}

std::string to_string(const RawType& type) {
  std::string out;
  if (type.custom) {
    out += '\'';
    for (const char c : type.name) out.append(c == '\'' ? 2 : 1, c);
    out += '\'';
  } else if (!type.keyspace.empty()) {
    out = types::quote_name(type.keyspace) + '.' + types::quote_type_name(type.name);
  } else {
    out = type.quoted ? types::quote_type_name(type.name) : type.name;
  }
  if (!type.parameters.empty()) {
    out += '<';
    for (size_t i = 0; i < type.parameters.size(); ++i) {
      if (i != 0) out += ", ";
      out += to_string(type.parameters[i]);
    }
    if (type.name == "vector") out += fmt::format(", {}", type.dimension);
    out += '>';
  }
  return type.frozen ? "frozen<" + out + '>' : out;
}

}  // namespace sagitta::cql
