#include "sagitta/cql/ast.h"

#include "sagitta/types/name.h"

namespace sagitta::cql {

namespace {

std::string string_literal(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out.append(c == '\'' ? 2 : 1, c);
  return out + '\'';
}

/// Writes terms back as CQL.
class Printer {
 public:
  explicit Printer(const std::vector<std::string>& markers) : markers_(markers) {}

  std::string print(const Term& term) {
    std::visit(*this, term.node);
    return std::move(out_);
  }

  void operator()(const Literal& literal) {
    switch (literal.kind) {
      case LiteralKind::kString: out_ += string_literal(literal.text); break;
      case LiteralKind::kNull: out_ += "NULL"; break;
      case LiteralKind::kBlob: out_ += "0x" + literal.text; break;
      default: out_ += literal.text;
    }
  }
  void operator()(const NumberList& list) {
    for (size_t i = 0; i < list.size(); ++i) {
      out_ += i == 0 ? "[" : ", ";
      out_ += list[i];
    }
    out_ += ']';
  }
  void operator()(const Marker& marker) {
    const std::string& name = markers_[marker.index];
    out_ += name.empty() ? "?" : ":" + types::quote_name(name);
  }
  void operator()(const ListLiteral& list) { sequence('[', list.elements, ']'); }
  void operator()(const SetLiteral& set) { sequence('{', set.elements, '}'); }
  void operator()(const TupleLiteral& tuple) { sequence('(', tuple.elements, ')'); }
  void operator()(const MapLiteral& map) {
    char before = '{';
    for (const auto& [key, value] : map.entries) {
      separate(before);
      child(key);
      out_ += ": ";
      child(value);
    }
    out_ += '}';
  }
  void operator()(const UdtLiteral& udt) {
    char before = '{';
    for (const auto& [field, value] : udt.fields) {
      separate(before);
      out_ += types::quote_name(field) + ": ";
      child(value);
    }
    out_ += '}';
  }
  void operator()(const ColumnRef& column) { out_ += types::quote_name(column.name); }
  void operator()(const FieldAccess& access) {
    child(*access.object);
    out_ += '.' + types::quote_name(access.field);
  }
  void operator()(const ElementAccess& access) {
    child(*access.object);
    out_ += '[';
    if (access.key != nullptr) child(*access.key);
    if (access.from != nullptr) child(*access.from);
    if (access.slice) out_ += "..";
    if (access.to != nullptr) child(*access.to);
    out_ += ']';
  }
  void operator()(const FunctionCall& call) {
    if (!call.name.keyspace.empty()) out_ += types::quote_name(call.name.keyspace) + '.';
    // token is reserved but, as a function, is never quoted.
    out_ += call.name.name == "token" ? call.name.name : types::quote_name(call.name.name);
    if (call.star) {
      out_ += "(*)";
    } else {
      sequence('(', call.arguments, ')');
    }
  }
  void operator()(const Cast& cast) {
    if (!cast.converts) {
      out_ += '(' + to_string(cast.type) + ')';
      child(*cast.term);
      return;
    }
    out_ += "cast(";
    child(*cast.term);
    out_ += " as " + to_string(cast.type) + ')';
  }
  void operator()(const Arithmetic& arithmetic) {
    child(*arithmetic.left);
    out_ += {' ', arithmetic.op, ' '};
    child(*arithmetic.right);
  }
  void operator()(const Negation& negation) {
    out_ += '-';
    child(*negation.term);
  }

 private:
  void child(const Term& term) { std::visit(*this, term.node); }
  void separate(char& before) {
    if (before == ',') {
      out_ += ", ";
    } else {
      out_ += before;
    }
    before = ',';
  }
  void sequence(char open, const std::vector<Term>& terms, char close) {
    out_ += open;
    for (size_t i = 0; i < terms.size(); ++i) {
      if (i != 0) out_ += ", ";
      child(terms[i]);
    }
    out_ += close;
  }

  const std::vector<std::string>& markers_;
  std::string out_;
};

}  // namespace

std::string to_string(const Term& term, const std::vector<std::string>& markers) {
  return Printer(markers).print(term);
}

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

}  // namespace sagitta::cql
