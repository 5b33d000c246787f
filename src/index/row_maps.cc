/// Row maps in the store, and the tables whose rows get their numbers late.
#include "sagitta/index/row_maps.h"

#include <algorithm>
#include <set>

#include "sagitta/base/logging.h"
#include "sagitta/index/indexes.h"
#include "sagitta/index/progress.h"
#include "sagitta/types/ordered_bytes.h"

namespace sagitta::index {
namespace {

using kv::Family;
using kv::ReadMode;

constexpr std::string_view kStatePrefix = "index.numbered.";
/// Rows that a step looks at.
constexpr size_t kRowsPerStep = 1024;

Bytes table_key(uint32_t table_id) {
  Bytes key;
  put_big<uint32_t>(key, table_id);
  return key;
}

Bytes number_key(uint32_t table_id, RowNumber row) {
  Bytes key = table_key(table_id);
  put_big<uint32_t>(key, static_cast<uint32_t>(row));
  return key;
}

Bytes state_key(uint32_t table_id) { return Bytes(kStatePrefix) + table_key(table_id); }

void remove_map(uint32_t table_id, kv::Batch& batch) {
  batch.remove_range(Family::kRowNumbers, table_key(table_id), types::after_prefix(table_key(table_id)));
}

/// Whether there is an index on a column that had none.
bool is_wider(const TableIndexes& before, const TableIndexes& after) {
  return !std::ranges::all_of(after.columns, [&](uint32_t column) {
    return std::ranges::find(before.columns, column) != before.columns.end();
  });
}

}  // namespace

RowMaps::Numbered RowMaps::begin(uint32_t table_id) const { return {.map = shared_.join(table_id, partition_)}; }

// ---- in the store ----

Status RowMaps::load(const schema::Schema& schema) {
  for (const auto& [id, indexes] : indexed_tables(schema)) {
    Numbered& table = tables_[id] = begin(id);
    SAGITTA_CHECK(read_state(id, table));
    const Status loaded = load_map(id, table);
    if (loaded) continue;
    table.full = loaded.error().code() == ErrorCode::kOverloaded;
    if (!table.full && loaded.error().code() != ErrorCode::kAlreadyExists) return loaded;
    log_warn("row numbers are forgotten, the rows of the table get new ones",
             {{"table", id}, {"partition", partition_}, {"error", loaded.error().to_string()}});
    SAGITTA_CHECK(begin_again(id, table));
  }
  report();
  return {};
}

/// A row that lacked its number, and a number that was given twice, would stay so.
Status RowMaps::begin_again(uint32_t table_id, Numbered& table) {
  table.map->clear(partition_);
  table.complete = false;
  table.from.clear();
  const auto batch = store_.make_batch();
  remove_map(table_id, *batch);
  put_state(table_id, table, *batch);
  return store_.write(*batch);
}

/// To those who wait for every partition.
void RowMaps::report() {
  for (const auto& [id, table] : tables_) shared_.set_complete(id, partition_, table.complete);
  changed_ = false;
}

Status RowMaps::read_state(uint32_t table_id, Numbered& table) {
  SAGITTA_TRY(const auto stored, store_.get(Family::kMeta, state_key(table_id), ReadMode::kBlocking));
  if (!stored) return {};
  const auto progress = Progress::decode(*stored);
  if (!progress) return fail(ErrorCode::kCorruption, "how far the rows of a table are numbered cannot be read");
  table.complete = progress->complete;
  table.from = progress->from;
  return {};
}

Status RowMaps::load_map(uint32_t table_id, Numbered& table) {
  const Bytes from = table_key(table_id);
  const auto entries = store_.iterate(Family::kRowNumbers, from, types::after_prefix(from), ReadMode::kBlocking);
  for (entries->seek_to_first(); entries->valid(); entries->next()) {
    if (entries->key().size() != 2 * sizeof(uint32_t))
      return fail(ErrorCode::kCorruption, "a row number cannot be read");
    const auto row = static_cast<RowNumber>(get_big<uint32_t>(entries->key().data() + sizeof(uint32_t)));
    SAGITTA_CHECK(table.map->restore(partition_, row, entries->value()));
  }
  SAGITTA_CHECK(entries->status());
  table.map->restored(partition_);
  return {};
}

void RowMaps::put_state(uint32_t table_id, const Numbered& table, kv::Batch& batch) {
  changed_ = true;
  batch.put(Family::kMeta, state_key(table_id), Progress{table.complete, table.from}.encode());
}

// ---- records ----

Status RowMaps::change_schema(const schema::Schema& before, const schema::Schema& after, const rows::ReadView& rows,
                              kv::Batch& batch) {
  const auto had = indexed_tables(before), has = indexed_tables(after);
  for (const auto& [id, table] : tables_) {
    if (has.contains(id)) continue;
    remove_map(id, batch);
    batch.remove(Family::kMeta, state_key(id));
    dropped_.push_back(id);
  }
  for (const auto& [id, indexes] : has) {
    if (tables_.contains(id)) {
      if (is_wider(had.at(id), indexes)) widened_.push_back(id);
      continue;
    }
    Numbered& table = begun_[id] = begin(id);
    SAGITTA_CHECK(number_some(id, table, *after.find_table(id), rows, batch));
  }
  for (const uint32_t id : widened_) put_state(id, {}, batch);
  return {};
}

void RowMaps::truncate(uint32_t table_id, kv::Batch& batch) {
  if (!tables_.contains(table_id)) return;
  remove_map(table_id, batch);
  put_state(table_id, {.complete = true}, batch);
  truncated_.push_back(table_id);
}

void RowMaps::take_back() {
  for (const auto& [id, table] : begun_) shared_.leave(id, partition_);
  truncated_.clear();
  begun_.clear();
  dropped_.clear();
  widened_.clear();
}

void RowMaps::committed() {
  for (const uint32_t id : std::exchange(truncated_, {})) {
    Numbered& table = tables_.at(id);
    table.map->clear(partition_);
    table.complete = true;
    table.full = false;
  }
  for (const uint32_t id : std::exchange(dropped_, {})) {
    tables_.erase(id);
    shared_.leave(id, partition_);
  }
  tables_.merge(std::exchange(begun_, {}));
  for (const uint32_t id : std::exchange(widened_, {})) {
    Numbered& table = tables_.at(id);
    table.complete = false;
    table.from.clear();
  }
  if (changed_) report();
}

// ---- numbers ----

Result<RowNumber> RowMaps::add(uint32_t table_id, BytesView row_key, bool reserved, kv::Batch& batch) {
  return add(table_id, tables_.at(table_id), row_key, reserved, batch);
}

Result<RowNumber> RowMaps::add(uint32_t table_id, Numbered& table, BytesView row_key, bool reserved, kv::Batch& batch) {
  if (const auto known = table.map->find(row_key)) return *known;
  const auto row = table.map->add(partition_, row_key, reserved);
  if (row) {
    batch.put(Family::kRowNumbers, number_key(table_id, *row), row_key);
    return row;
  }
  table.complete = false;
  table.full = true;
  table.from.clear();
  put_state(table_id, table, batch);
  return row;
}

void RowMaps::remove(uint32_t table_id, RowNumber row, kv::Batch& batch) {
  batch.remove(Family::kRowNumbers, number_key(table_id, row));
}

void RowMaps::release(uint32_t table_id, RowNumber row) { tables_.at(table_id).map->remove(row); }

bool RowMaps::is_numbering() const {
  return std::ranges::any_of(tables_, [](const auto& one) { return !one.second.complete && !one.second.full; });
}

Status RowMaps::number_some(const schema::Schema& schema, const rows::ReadView& rows, kv::Batch& batch) {
  const auto found =
      std::ranges::find_if(tables_, [](const auto& one) { return !one.second.complete && !one.second.full; });
  if (found == tables_.end()) return {};
  return number_some(found->first, found->second, *schema.find_table(found->first), rows, batch);
}

Status RowMaps::number_some(uint32_t table_id, Numbered& table, const schema::TableDef& def, const rows::ReadView& rows,
                            kv::Batch& batch) {
  const std::vector<uint32_t> columns = indexes_in_memory(def).columns;
  const auto is_indexed = [&](const rows::LiveRow& row) {
    return std::ranges::any_of(columns, [&](uint32_t column) { return row.find(column) != nullptr; });
  };
  const auto cursor = rows.scan_tokens(def, INT64_MIN, INT64_MAX, table.from);
  bool more = true;
  for (size_t looked_at = 0; looked_at < kRowsPerStep; ++looked_at) {
    SAGITTA_TRY(more, cursor->next());
    if (!more) break;
    if (cursor->row().is_static) continue;
    table.from = cursor->row_key();
    if (is_indexed(cursor->row()) && !add(table_id, table, cursor->row_key(), false, batch)) return {};
  }
  table.complete = !more;
  put_state(table_id, table, batch);
  return {};
}

RowMapPtr RowMaps::find(uint32_t table_id) const {
  const auto found = tables_.find(table_id);
  return found == tables_.end() ? nullptr : found->second.map;
}

}  // namespace sagitta::index
