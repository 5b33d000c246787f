#include "sagitta/rows/row.h"

#include <algorithm>

namespace sagitta::rows {

const LiveCell* LiveRow::find(uint32_t column_id) const {
  const auto found = std::ranges::lower_bound(cells, column_id, {}, &LiveCell::column_id);
  return found == cells.end() || found->column_id != column_id ? nullptr : &*found;
}

ValueView LiveRow::value(const schema::ColumnDef& column) const {
  switch (column.kind) {
    case schema::ColumnKind::kPartitionKey: return BytesView(partition->components[column.position]);
    case schema::ColumnKind::kClustering:
      return column.position < clustering.size() ? ValueView(clustering[column.position]) : std::nullopt;
    default: break;
  }
  const LiveCell* cell = find(column.id);
  return cell == nullptr ? std::nullopt : ValueView(cell->value);
}

}  // namespace sagitta::rows
