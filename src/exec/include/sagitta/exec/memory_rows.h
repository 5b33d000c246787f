/// Rows held in memory: system tables, and tests of exec. They are read by the same pipeline as
/// stored rows.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "sagitta/exec/rows.h"

namespace sagitta::exec {

/// Fill with add(), then only read: reading is thread-safe.
class MemoryRows final : public TableRows {
 public:
  explicit MemoryRows(schema::TableDefPtr table);
  ~MemoryRows() override;

  /// One row: the value of each named column; key columns must be among them. Later rows replace
  /// earlier ones of the same key.
  void add(const std::map<std::string, Value, std::less<>>& values);

  const schema::TableDefPtr& table() const override { return table_; }
  Result<std::unique_ptr<RowStream>> open(const ReadRange& range) const override;

 private:
  class Stored;
  class Stream;
  /// Token, partition key, ordered clustering bytes.
  using Position = std::tuple<int64_t, Bytes, Bytes>;
  schema::TableDefPtr table_;
  std::map<Position, std::unique_ptr<Stored>> rows_;
};

}  // namespace sagitta::exec
