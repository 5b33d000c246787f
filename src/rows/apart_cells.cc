#include "sagitta/rows/apart_cells.h"

#include <limits>
#include <utility>

#include "sagitta/rows/row_keys.h"
#include "sagitta/types/ordered_bytes.h"

#include "stored_codec.h"

namespace sagitta::rows {
namespace {

constexpr uint8_t kPageFormat = 2;
/// A column with fewer cells is kept apart when they are as long as this: then one of them costs
/// less to change alone.
constexpr size_t kInlineBytesMax = size_t{16} << 10;

size_t size_of(const Bytes& path, const Cell& cell) { return path.size() + (cell.value ? cell.value->size() : 0); }

size_t size_of(const std::map<Bytes, Cell>& cells) {
  size_t bytes = 0;
  for (const auto& [path, cell] : cells) bytes += size_of(path, cell);
  return bytes;
}

bool is_full(size_t cells, size_t bytes) { return cells >= kPageCellsMax || bytes >= kPageCellBytesMax; }

/// Takes the first cells away, as many as a page has room for, and at most `count_max`.
CellPage take_page(std::map<Bytes, Cell>& cells, size_t count_max) {
  CellPage page;
  size_t bytes = 0;
  while (!cells.empty() && page.cells.size() < count_max && !is_full(page.cells.size(), bytes)) {
    auto first = cells.extract(cells.begin());
    bytes += size_of(first.key(), first.mapped());
    page.cells.insert(page.cells.end(), std::move(first));
  }
  return page;
}

}  // namespace

bool CellPage::purge(int64_t log_s, int64_t gc_grace_s) {
  return std::erase_if(cells, [&](const auto& entry) { return is_purgeable(entry.second, log_s, gc_grace_s); }) > 0;
}

void CellPage::encode(Bytes& out) const {
  out.push_back(static_cast<char>(kPageFormat));
  put_varint(out, epoch);
  encode_cells(cells, out);
}

Result<CellPage> CellPage::decode(BytesView bytes) {
  CellPage page;
  ByteReader in(bytes);
  const auto format = in.big<uint8_t>();
  if (format && *format > kPageFormat) return unknown_format("a page of cells", *format, kPageFormat);
  const auto epoch = in.varint();
  if (!format || *format != kPageFormat || !epoch || !decode_cells(in, page.cells) || !in.empty()) {
    return corrupt_entry();
  }
  page.epoch = *epoch;
  return page;
}

bool is_large(const std::map<Bytes, Cell>& cells) {
  return cells.size() > kPageCellsMax || (cells.size() > 1 && size_of(cells) > kInlineBytesMax);
}

Result<Bytes> cells_base(BytesView row_key, uint32_t column_id) {
  SAGITTA_TRY(const KeyParts parts, split_key(row_key));
  const bool is_static = parts.kind == EntryKind::kStatic;
  Bytes base =
      entry_key(parts.partition_prefix, is_static ? EntryKind::kStaticCells : EntryKind::kRowCells, parts.clustering);
  put_big(base, column_id);
  return base;
}

Result<std::map<Bytes, Cell>> read_apart(kv::Store& store, const Bytes& base, kv::ReadMode mode,
                                         const kv::SnapshotPtr& snapshot, const Sweeps& sweeps) {
  std::map<Bytes, Cell> cells;
  const auto pages = store.iterate(kv::Family::kRows, base, types::after_prefix(base), mode, snapshot);
  for (pages->seek_to_first(); pages->valid(); pages->next()) {
    if (!sweeps.is_empty() && sweeps.takes(pages->key(), pages->value())) continue;
    SAGITTA_TRY(CellPage page, CellPage::decode(pages->value()));
    cells.merge(page.cells);
  }
  SAGITTA_CHECK(pages->status());
  return cells;
}

Result<CellPage> ApartCells::read_page(BytesView bytes) const {
  SAGITTA_TRY(CellPage page, CellPage::decode(bytes));
  page.purge(log_s_, gc_grace_s_);
  return page;
}

Result<std::optional<Cell>> ApartCells::put(const Bytes& path, const Cell& cell) {
  SAGITTA_TRY(const auto entry, entries_.last_between(base_, base_ + path));
  CellPage page;
  if (entry) {
    SAGITTA_TRY(page, read_page(entry->value));
  }
  const auto [place, is_new] = page.cells.try_emplace(path, cell);
  std::optional<Cell> before;
  if (!is_new) before = place->second;
  if (!is_new && wins(cell, place->second)) place->second = cell;
  const bool at_end = std::next(place) == page.cells.end();
  write_pages(entry ? entry->key : base_, std::move(page.cells), at_end);
  return before;
}

/// The first page under `key`. `at_end`: the last of the cells is a new one, as when paths ascend;
/// full pages then stay full, otherwise one that is too large is halved.
void ApartCells::write_pages(Bytes key, std::map<Bytes, Cell> cells, bool at_end) {
  const size_t half = (cells.size() + 1) / 2;
  const bool too_many = cells.size() > kPageCellsMax || size_of(cells) > kPageCellBytesMax;
  const size_t count_max = too_many && !at_end ? half : std::numeric_limits<size_t>::max();
  while (!cells.empty()) {
    CellPage page = take_page(cells, count_max);
    page.epoch = entries_.sweeps().epoch(key);
    Bytes encoded;
    page.encode(encoded);
    entries_.write(key, encoded);
    if (!cells.empty()) key = base_ + cells.begin()->first;
  }
}

Status ApartCells::visit(const std::function<bool(const Bytes& path, const Cell& cell)>& each) const {
  SAGITTA_TRY(const auto keys, entries_.keys_between(base_, types::after_prefix(base_)));
  for (const Bytes& key : keys) {
    SAGITTA_TRY(const auto bytes, entries_.read(key));
    SAGITTA_TRY(const CellPage page, read_page(*bytes));
    for (const auto& [path, cell] : page.cells) {
      if (!each(path, cell)) return {};
    }
  }
  return {};
}

Result<std::map<Bytes, Cell>> ApartCells::all() const {
  std::map<Bytes, Cell> cells;
  SAGITTA_CHECK(visit([&](const Bytes& path, const Cell& cell) {
    cells.emplace_hint(cells.end(), path, cell);
    return true;
  }));
  return cells;
}

void ApartCells::write_all(const std::map<Bytes, Cell>& cells) { write_pages(base_, cells, true); }

Status ApartCells::remove_all() {
  SAGITTA_TRY(const auto keys, entries_.keys_between(base_, types::after_prefix(base_)));
  for (const Bytes& key : keys) entries_.remove(key);
  return {};
}

}  // namespace sagitta::rows
