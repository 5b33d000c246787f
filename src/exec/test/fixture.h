/// A table in memory, and selects over it as text.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sagitta/base/random.h"
#include "sagitta/cql/parser.h"
#include "sagitta/exec/memory_rows.h"
#include "sagitta/exec/select.h"
#include "sagitta/types/value.h"

namespace sagitta::exec {

inline schema::ColumnDef column(uint32_t id, const char* name, types::Kind kind, schema::ColumnKind role,
                                bool descending = false) {
  schema::ColumnDef def;
  def.id = id;
  def.name = name;
  def.type = types::DataType::native(kind);
  def.kind = role;
  def.descending = descending;
  return def;
}

class RowsTest : public testing::Test {
 protected:
  /// The table x.t.
  explicit RowsTest(std::vector<schema::ColumnDef> columns) {
    auto def = std::make_shared<schema::TableDef>();
    def->id = 7;
    def->keyspace = "x";
    def->name = "t";
    def->columns = std::move(columns);
    def->finish();
    auto keyspace = std::make_shared<schema::KeyspaceDef>();
    keyspace->name = "x";
    keyspace->tables["t"] = def;
    schema_.keyspaces["x"] = keyspace;
    rows_ = std::make_unique<MemoryRows>(def);
  }

  Result<ResultSet> page(const std::string& text, std::optional<uint32_t> page_size, BytesView state,
                         Deadline deadline = {}) {
    SAGITTA_TRY(auto parsed, cql::parse(text));
    SAGITTA_TRY(plan_, plan::bind(schema_, "x", parsed));
    plan::EvalContext eval;
    eval.random = &random_;
    const auto& select = std::get<std::shared_ptr<const plan::SelectPlan>>(plan_->body);
    SAGITTA_TRY(auto bound, plan::bind_values(select, eval, page_size));
    return run(*rows_, {bound, eval, {deadline, nullptr}, clock_, page_size, state, 99});
  }
  std::vector<std::string> show(const std::string& text, std::optional<uint32_t> page_size = {}) {
    std::vector<std::string> lines;
    Bytes state;
    for (;;) {
      auto result = page(text, page_size, state);
      if (!result) {
        ADD_FAILURE() << text << ": " << result.error().to_string();
        return lines;
      }
      EXPECT_LE(result->row_count, page_size.value_or(UINT32_MAX));
      add_lines(*result, lines);
      if (result->paging_state.empty()) return lines;
      state = result->paging_state;
    }
  }
  void add_lines(const ResultSet& result, std::vector<std::string>& lines) {
    const auto& select = std::get<std::shared_ptr<const plan::SelectPlan>>(plan_->body);
    ByteReader in(result.cells);
    for (uint32_t r = 0; r < result.row_count; ++r) {
      std::string line;
      for (const auto& one : select->result_columns) {
        const auto length = in.big<int32_t>();
        const Value value = *length < 0 ? Value() : Value(Bytes(*in.take(static_cast<size_t>(*length))));
        line += (line.empty() ? "" : "|") + types::to_literal(*one.type, to_view(value));
      }
      lines.push_back(std::move(line));
    }
    EXPECT_TRUE(in.empty());
  }

  schema::Schema schema_;
  std::unique_ptr<MemoryRows> rows_;
  plan::PlanPtr plan_;
  ManualClock clock_{1'000'000};
  SeededRandom random_{1};
};

}  // namespace sagitta::exec
