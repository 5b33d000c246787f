/// Runs the steps of a script against an embedded database in memory and says, as lines of text,
/// what was answered.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sagitta/db/database.h"

#include "harness.h"
#include "script.h"

namespace sagitta::cql_test {

/// A database of its own with the keyspace `ks` in use, a clock that stands still but for one
/// microsecond a step, and a fixed seed: the same steps get the same answers. Not thread-safe.
class Session {
 public:
  Session();

  /// What the last step answered; a step before it that does not answer "ok" ends the paragraph
  /// with its line and answer. `expected` says which of the optional lines ("columns:", "types:",
  /// "event:") are wanted.
  std::vector<std::string> run(const Paragraph& paragraph);

 private:
  using Lines = std::vector<std::string>;

  void open();
  Lines run_step(const Step& step);
  Lines act(const Step& step);
  Lines prepare(const Step& step);
  Lines run_batch(const Paragraph& paragraph);
  /// All pages, with "---" between them.
  Lines read_pages(const Step& step, db::RequestOptions options);
  Result<db::Answer> ask(const Step& step, const db::RequestOptions& options);
  Result<db::RequestOptions> options_of(const Step& step, size_t run);
  Result<std::vector<db::BoundValue>> bind(const std::vector<db::ColumnSpec>& markers, const std::string& values);
  Result<db::BoundValue> bind_one(const types::DataType& type, const std::string& literal);
  Status evaluate_to(const types::DataType& type, const std::string& literal, Value& value);
  Status pack_fields(const types::DataType& type, const std::vector<std::string>& parts, Value& value);
  Status ask_value(const std::string& type, const std::string& literal, Value& value);
  Result<db::PreparedPtr> prepared_of(const Step& step);
  void append(const db::Answer& answer, Lines& lines);

  db::test::Machine machine_{1};
  std::unique_ptr<db::Database> database_;
  std::string keyspace_;
  std::map<std::string, db::PreparedPtr> prepared_;
  /// Lines that are seen where they are expected.
  struct {
    bool columns = false, types = false, event = false;
  } wanted_;
};

}  // namespace sagitta::cql_test
