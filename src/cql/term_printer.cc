/// Terms, back as CQL.
#include <algorithm>
#include <array>

#include "sagitta/types/name.h"

#include "printer.h"

namespace sagitta::cql {
namespace {

/// Words that are no reserved ones and yet mean something where a name may stand.
constexpr auto kWords =
    std::to_array<std::string_view>({"aggregate", "aggregates", "as", "cast", "cluster", "distinct", "exists",
                                     "function", "functions", "json", "keyspaces", "only", "tables", "type", "types"});
static_assert(std::ranges::is_sorted(kWords));

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// P1Y and PT5M are durations where no column can be.
bool begins_duration(std::string_view name) {
  const size_t digits = name.starts_with("pt") ? 2 : 1;
  return name.starts_with('p') && name.size() > digits && is_digit(name[digits]);
}

std::string source_name(std::string_view name) {
  std::string out = types::quote_type_name(name);
  const bool plain = out.front() != '"';
  return plain && (std::ranges::binary_search(kWords, name) || begins_duration(name)) ? '"' + out + '"' : out;
}

}  // namespace

void Printer::operator()(const Literal& literal) {
  switch (literal.kind) {
    case LiteralKind::kString: string(literal.text); break;
    case LiteralKind::kNull: out_ += "NULL"; break;
    case LiteralKind::kBlob: out_ += "0x" + literal.text; break;
    default: out_ += literal.text;
  }
}

void Printer::operator()(const NumberList& list) {
  for (size_t i = 0; i < list.size(); ++i) {
    out_ += i == 0 ? "[" : ", ";
    out_ += list[i];
  }
  out_ += ']';
}

void Printer::operator()(const Marker& marker) {
  const std::string& name = markers_[marker.index];
  out_ += name.empty() ? "?" : ":" + types::quote_name(name);
}

void Printer::operator()(const MapLiteral& map) {
  out_ += '{';
  separated(map.entries, ", ", [&](const MapEntry& entry) {
    term(entry.key);
    out_ += ": ";
    term(entry.value);
  });
  out_ += '}';
}

void Printer::operator()(const UdtLiteral& udt) {
  out_ += '{';
  separated(udt.fields, ", ", [&](const UdtField& field) {
    name(field.name);
    out_ += ": ";
    term(field.value);
  });
  out_ += '}';
}

void Printer::operator()(const FieldAccess& access) {
  term(*access.object);
  const bool number = out_.back() == '.' || is_digit(out_.back());
  // 1.f would be a number and a name.
  if (spelling_ == Spelling::kSource && number && access.object->get_if<ColumnRef>() == nullptr) out_ += ' ';
  out_ += '.';
  name(access.field);
}

void Printer::operator()(const ElementAccess& access) {
  term(*access.object);
  out_ += '[';
  if (access.key) term(*access.key);
  if (access.from) term(*access.from);
  // 1... would be no number and two points.
  if (access.slice) out_ += out_.ends_with('.') ? " .." : "..";
  if (access.to) term(*access.to);
  out_ += ']';
}

void Printer::operator()(const FunctionCall& call) {
  // token is reserved but, as a function, is not in quotes in a heading.
  const bool bare = spelling_ == Spelling::kHeading && call.name.name == "token";
  if (!bare) {
    qualified(call.name);
  } else {
    out_ += call.name.name;
  }
  if (call.star) {
    out_ += "(*)";
  } else {
    terms('(', call.arguments, ')');
  }
}

void Printer::operator()(const Cast& cast) {
  if (!cast.converts) {
    out_ += '(' + to_string(cast.type) + ')';
    term(*cast.term);
    return;
  }
  out_ += "cast(";
  term(*cast.term);
  out_ += " as " + to_string(cast.type) + ')';
}

void Printer::operator()(const Arithmetic& arithmetic) {
  term(*arithmetic.left);
  out_ += {' ', arithmetic.op, ' '};
  term(*arithmetic.right);
}

void Printer::operator()(const Negation& negation) {
  const size_t begin = out_.size() + 1;
  out_ += '-';
  term(*negation.term);
  // Two in a row would begin a comment.
  if (spelling_ == Spelling::kSource && out_[begin] == '-') out_.insert(begin, " ");
}

void Printer::terms(char open, const std::vector<Term>& terms, char close) {
  out_ += open;
  separated(terms, ", ", [&](const Term& each) { term(each); });
  out_ += close;
}

void Printer::string(std::string_view text) {
  out_ += '\'';
  for (const char c : text) out_.append(c == '\'' ? 2 : 1, c);
  out_ += '\'';
}

void Printer::name(std::string_view name) {
  out_ += spelling_ == Spelling::kHeading ? types::quote_name(name) : source_name(name);
}

void Printer::names(std::span<const std::string> names) {
  out_ += '(';
  separated(names, ", ", [&](const std::string& each) { name(each); });
  out_ += ')';
}

void Printer::qualified(const QualifiedName& qualified) {
  if (!qualified.keyspace.empty()) {
    name(qualified.keyspace);
    out_ += '.';
  }
  name(qualified.name);
}

std::string to_string(const Term& term, const std::vector<std::string>& markers) {
  return Printer(markers, Printer::Spelling::kHeading).print(term.node);
}

std::string to_string(const Statement& statement) {
  return Printer(statement.markers, Printer::Spelling::kSource).print(statement.body);
}

}  // namespace sagitta::cql
