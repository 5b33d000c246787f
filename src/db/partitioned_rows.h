/// The rows of a table that lie in several log partitions, read as one.
#pragma once

#include <memory>
#include <vector>

#include "sagitta/exec/rows.h"

namespace sagitta::db {

class PartitionedRows final : public exec::TableRows {
 public:
  /// `parts`: the rows of the table in each log partition, null where nothing will be read. A row's
  /// token says which of them has it, so that one after the other they are in token order.
  PartitionedRows(schema::TableDefPtr table, std::vector<std::unique_ptr<exec::TableRows>> parts);

  const schema::TableDefPtr& table() const override { return table_; }
  Result<std::unique_ptr<exec::RowStream>> open(const exec::ReadRange& range) const override;

 private:
  size_t place_of(int64_t token) const;
  Result<std::unique_ptr<exec::RowStream>> open_part(size_t place, const exec::ReadRange& range) const;

  const schema::TableDefPtr table_;
  const std::vector<std::unique_ptr<exec::TableRows>> parts_;
};

}  // namespace sagitta::db
