/// A schema that a test changes: what DDL does without rows or indexes.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sagitta/schema/schema_change.h"

namespace sagitta::schema {

inline types::DataTypePtr native(types::Kind kind) { return types::DataType::native(kind); }

inline ColumnDef column(std::string name, types::DataTypePtr type, ColumnKind kind = ColumnKind::kRegular,
                        uint32_t position = 0, bool descending = false) {
  return {
      .name = std::move(name), .type = std::move(type), .kind = kind, .position = position, .descending = descending};
}

class SchemaFixture : public testing::Test {
 protected:
  SchemaFixture() { change(CreateKeyspace{.keyspace = "k"}); }

  Result<SchemaOutcome> try_change(const SchemaChange& wanted) {
    SAGITTA_TRY(SchemaOutcome outcome, schema::apply(schema_, wanted));
    schema_ = outcome.schema;
    return outcome;
  }
  void change(const SchemaChange& wanted) {
    const auto outcome = try_change(wanted);
    ASSERT_TRUE(outcome) << outcome.error().to_string();
  }
  void create(std::vector<ColumnDef> columns) {
    TableDef def;
    def.keyspace = "k";
    def.name = "t";
    def.columns = std::move(columns);
    change(CreateTable{.table = def});
  }
  TableDefPtr table() const { return schema_->find_table("k", "t"); }
  uint32_t id(std::string_view name) const { return table()->find_column(name)->id; }

  SchemaPtr schema_ = std::make_shared<const Schema>();
};

}  // namespace sagitta::schema
