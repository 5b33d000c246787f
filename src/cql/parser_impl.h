/// The recursive-descent parser behind `parse()`. One object parses one text.
///
/// The first error is kept and from then on the current token is the end of the text, which nothing
/// accepts: every function may so go on as if all were well, loops that ask for a separator end,
/// and the caller looks at the error once.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "sagitta/base/result.h"
#include "sagitta/cql/ast.h"

#include "lexer.h"

namespace sagitta::cql {

class Parser {
 public:
  explicit Parser(std::string_view text) : lexer_(text), token_(lexer_.next(0)) { refuse_bad_token(); }

  Result<Statement> parse_statement();
  Result<RawType> parse_lone_type();

 private:
  /// Counts one level of recursion; a level too many is an error.
  class Nesting {
   public:
    explicit Nesting(Parser& parser);
    ~Nesting() { --parser_.depth_; }
    Nesting(const Nesting&) = delete;
    Nesting& operator=(const Nesting&) = delete;

   private:
    Parser& parser_;
  };

  /// Terms beside each other: the operators of one do not deepen the others.
  class Siblings {
   public:
    explicit Siblings(Parser& parser) : parser_(parser), before_(parser.links_), most_(before_) {}
    ~Siblings() { parser_.links_ = std::max(most_, parser_.links_); }
    Siblings(const Siblings&) = delete;
    Siblings& operator=(const Siblings&) = delete;
    Term next() {
      most_ = std::max(most_, parser_.links_);
      parser_.links_ = before_;
      return parser_.term();
    }

   private:
    Parser& parser_;
    const uint32_t before_;
    uint32_t most_;
  };

  // Tokens (cursor.cc)
  bool ok() const { return !error_.has_value(); }
  void advance() { move_to(token_.end); }
  void move_to(size_t offset);
  std::string_view token_text() const { return lexer_.text(token_); }
  /// The token behind the current one.
  Token peek() const { return lexer_.next(token_.end); }
  bool at_symbol(std::string_view symbol) const { return is_symbol(token_, symbol); }
  bool at_word(std::string_view word) const { return is_word(token_, word); }
  bool is_symbol(const Token& token, std::string_view symbol) const;
  bool is_word(const Token& token, std::string_view word) const;
  bool is_name(const Token& token) const;
  bool accept(std::string_view symbol);
  bool accept_word(std::string_view word);
  /// All of `words`, one after the other, or none of them.
  bool accept_words(std::initializer_list<std::string_view> words);
  void expect(std::string_view symbol);
  void expect_word(std::string_view word);
  void expect_words(std::initializer_list<std::string_view> words);
  std::string expect_name();
  /// Any word, reserved or not.
  std::string expect_word_or_name();
  std::string expect_string();
  QualifiedName expect_qualified_name();
  std::vector<std::string> name_list();
  bool if_not_exists() { return accept_words({"if", "not", "exists"}); }
  bool if_exists() { return accept_words({"if", "exists"}); }

  void refuse_bad_token();
  /// "no viable alternative" at the current token. An integer that is too large for its place, in
  /// the words of Cassandra, whose parser trips over it.
  void fail_number(std::string_view digits);
  void fail_here();
  void fail_syntax(const Token& where, std::string_view what, bool with_snippet);
  void fail_with(ErrorCode code, std::string message);

  // What is not supported (unsupported.cc)
  void refuse_definition();
  void refuse_marks_of_column();
  void refuse_compact_storage();
  void refuse_feature(std::string_view subject);
  std::string position(size_t offset) const;
  std::string snippet(const Token& where) const;

  // Types and terms (type_parser.cc, term_parser.cc)
  RawType type();
  /// Without the words frozen<> around it, which do not count as nesting.
  RawType bare_type();
  void type_parameters(RawType& raw);
  void vector_dimension(RawType& raw);
  Term term();
  /// A term in which columns may be named.
  Term selectable();
  Term product();
  Term signed_term();
  Term accessed();
  Term primary();
  Term literal(LiteralKind kind, std::string text);
  Term word_term();
  Term call(QualifiedName name, uint32_t offset);
  Term cast_call();
  Term parenthesised();
  Term list();
  bool number_list(NumberList& numbers);
  Term braces();
  Term marker();
  std::optional<Term> negative_literal();
  Term element_access(Term object);
  template <class Node>
  Term make(uint32_t offset, Node node) {
    if constexpr (kHeldApart<Node>) {
      return Term{.node = Shared<Node>(std::move(node)), .offset = offset};
    } else {
      return Term{.node = std::move(node), .offset = offset};
    }
  }
  /// Counts an operator of a chain, which deepens the tree without recursion of the parser.
  void count_link();
  bool at_marker() const { return at_symbol("?") || at_symbol(":"); }
  bool at_cast() const;
  /// A native type or the like, rather than a user type or a column.
  bool names_type(const Token& token) const;
  bool begins_term(const Token& token) const;
  bool begins_clause(const Token& token) const;
  bool names_column_next() const;
  std::optional<Token> skip_type(Token token) const;
  std::vector<Term> terms_until(std::string_view close);
  int64_t expect_int64();

  // DESCRIBE (describe_parser.cc)
  Describe describe();
  Describe described();
  QualifiedName maybe_keyspace();

  // Schema statements (ddl_parser.cc)
  void create();
  void alter();
  void drop();
  CreateKeyspace create_keyspace();
  CreateTable create_table();
  void table_element(CreateTable& table, size_t& primary_keys);
  void primary_key(CreateTable& table);
  void table_options(CreateTable& table);
  CreateType create_type();
  CreateIndex create_index(bool custom);
  IndexTarget index_target(bool first);
  void index_options(CreateIndex& index);
  AlterKeyspace alter_keyspace();
  AlterTable alter_table();
  AlterType alter_type();
  AddColumns add_columns();
  DropColumns drop_columns();
  template <class Rename>
  Rename renames();
  ColumnDefinition column_definition();
  FieldDefinition field_definition();
  Properties properties();
  void property(Properties& out, std::set<std::string>& seen);
  Property property_value();
  void property_map(Property& out);
  void property_list(Property& out);
  void property_scalar(Property& out);

  // Data statements (dml_parser.cc)
  Select select();
  bool accept_select_flag(std::string_view word);
  std::vector<Selector> selectors();
  std::vector<Ordering> orderings();
  Term integer_or_marker();
  Insert insert();
  Update update();
  Assignment assignment();
  void assigned_value(Assignment& out);
  Delete delete_rows();
  DeleteTarget delete_target();
  Batch batch();
  bool modification(std::vector<Modification>& out);
  Using using_clause(bool with_ttl);
  void replace_attribute(TermPtr& attribute, Term value);
  Term using_timeout();
  std::vector<Relation> where();
  void conditions(bool& exists, std::vector<Relation>& out);
  std::vector<Relation> relations(bool condition);
  Relation relation(bool condition);
  bool at_column_tuple() const;
  void relation_operator(Relation& out, bool condition);
  void in_values(Relation& out);
  std::optional<Operator> comparison();

  Lexer lexer_;
  Token token_;
  std::optional<Error> error_;
  uint32_t depth_ = 0;
  uint32_t links_ = 0;
  bool columns_allowed_ = false;
  Statement statement_;
};

}  // namespace sagitta::cql
