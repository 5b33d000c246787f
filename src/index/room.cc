/// How many rows a write adds to the indexes, and replaces in them.
#include "sagitta/index/room.h"

#include <algorithm>

#include "sagitta/rows/read_view.h"

namespace sagitta::index {
namespace {

bool sets_value(const rows::RowMutation& row, uint32_t column_id) {
  return std::ranges::any_of(row.cells,
                             [&](const rows::CellOp& op) { return op.column_id == column_id && op.value.has_value(); });
}

/// What a write brings to one index.
struct Incoming {
  size_t added = 0, replaced = 0;
  size_t numbers = 0, key_bytes = 0;  ///< rows without a number
};

Incoming count(const Reader& index, const schema::TableDef& table, std::span<const rows::Mutation> mutations) {
  Incoming incoming;
  for (const rows::Mutation& mutation : mutations) {
    if (mutation.table_id != table.id) continue;
    for (const rows::RowMutation& row : mutation.rows) {
      if (row.is_static || !sets_value(row, index.definition()->column().id)) continue;
      const Bytes key = rows::row_key(table, mutation.partition_key, row.clustering);
      const auto number = index.rows()->find(key);
      ++(number && index.has(*number) ? incoming.replaced : incoming.added);
      if (number) continue;
      ++incoming.numbers;
      incoming.key_bytes += key.size();
    }
  }
  return incoming;
}

}  // namespace

Result<Room> Room::make(const IndexSet& indexes, const schema::Schema& schema,
                        std::span<const rows::Mutation> mutations) {
  Room room;
  for (size_t i = 0; i < mutations.size(); ++i) {
    const uint32_t table_id = mutations[i].table_id;
    const auto before = mutations.first(i);
    if (std::ranges::find(before, table_id, &rows::Mutation::table_id) != before.end()) continue;
    const schema::TableDefPtr table = schema.find_table(table_id);
    if (table == nullptr) continue;
    for (const schema::IndexDef& def : table->indexes) {
      const ReaderPtr* index = indexes.find(def.id);
      if (index == nullptr || (*index)->state() != Reader::State::kServing) continue;
      const Incoming incoming = count(**index, *table, mutations);
      if (incoming.added + incoming.replaced == 0) continue;
      SAGITTA_TRY(MemoryCharge numbers, (*index)->rows()->reserve(incoming.numbers, incoming.key_bytes));
      SAGITTA_TRY(auto values, (*index)->reserve(incoming.added, incoming.replaced));
      room.holders_.push_back(*index);
      room.numbers_.push_back(std::move(numbers));
      room.values_.push_back(std::move(values));
    }
  }
  return room;
}

}  // namespace sagitta::index
