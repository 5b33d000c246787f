/// Rows and indexes, compared.
#include "sagitta/index/index_check.h"

#include <fmt/format.h>

#include <algorithm>

#include "sagitta/rows/posting.h"
#include "sagitta/rows/row_keys.h"
#include "sagitta/types/value.h"

namespace sagitta::index {
namespace {

using rows::LiveRow;

constexpr size_t kFaultsShown = 10;
/// A row that has changed since the view is looked at so often.
constexpr int kTries = 50;

void note(IndexCheck& check, const char* what, BytesView row_key) {
  if (check.faults.size() < kFaultsShown) check.faults.push_back(fmt::format("{}: row {}", what, to_hex(row_key)));
}

/// The terms of a live row, each once.
std::vector<Bytes> terms_of(const TermMaker& terms, const schema::ColumnDef& column, const LiveRow& row) {
  const ValueView value = row.value(column);
  if (!value) return {};
  std::vector<Bytes> found;
  const auto add = [&](Bytes term) {
    if (!term.empty()) found.push_back(std::move(term));
  };
  if (terms.part() == Part::kWhole) {
    add(terms.of(*value));
    return found;
  }
  const auto elements = types::unpack_elements(*column.type, *value);
  if (!elements) return {};
  const bool is_map = column.type->kind() == types::Kind::kMap;
  for (size_t i = 0; i < elements->size(); i += is_map ? 2 : 1) {
    const Bytes& first = (*elements)[i];
    if (terms.part() == Part::kEntries) {
      add(terms.of_entry(first, (*elements)[i + 1]));
    } else {
      add(terms.of(is_map && terms.part() == Part::kValues ? (*elements)[i + 1] : first));
    }
  }
  std::ranges::sort(found);
  const auto [end, last] = std::ranges::unique(found);
  found.erase(end, last);
  return found;
}

/// Whether the column has its values in rows of this kind: key parts in both.
bool concerns(const schema::ColumnDef& column, const LiveRow& row) {
  if (column.kind == schema::ColumnKind::kPartitionKey) return true;
  return row.is_static == (column.kind == schema::ColumnKind::kStatic);
}

Result<bool> has_posting(const rows::ReadView& view, uint32_t index_id, const Bytes& term, BytesView row_key) {
  const Bytes from = rows::posting_prefix(index_id, term) + Bytes(row_key);
  rows::PostingCursor cursor = view.postings(from, types::after_prefix(from));
  return cursor.first();
}

Status look_for_rows(const rows::ReadView& view, const schema::TableDef& table, const Definition& definition,
                     IndexCheck& check) {
  const schema::ColumnDef& column = definition.column();
  const Bytes prefix = rows::posting_prefix(definition.def().id);
  // A deletion under way hides rows before it comes to them and to their postings; the drop of a
  // column takes rows that lived by it alone, whose key stays posted until they are written.
  const bool deletes_rows = view.deletes_rows_of(table) || (column.is_key() && !table.dropped_columns.empty());
  rows::PostingCursor cursor = view.postings(prefix, types::after_prefix(prefix));
  SAGITTA_TRY(bool more, cursor.first());
  while (more) {
    const rows::Posting& posting = cursor.posting();
    ++check.entries;
    SAGITTA_TRY(const auto row, view.get_by_key(table, posting.row_key));
    const auto terms = row ? terms_of(*definition.terms(), column, *row) : std::vector<Bytes>();
    if (!std::ranges::binary_search(terms, posting.term) && !(deletes_rows && !row)) {
      ++check.stray;
      note(check, "stray", posting.row_key);
    }
    SAGITTA_TRY(more, cursor.next());
  }
  return {};
}

}  // namespace

Status check_postings(const rows::ReadView& view, const schema::TableDef& table, const Definition& definition,
                      IndexCheck& check) {
  const schema::ColumnDef& column = definition.column();
  const auto cursor = view.scan_tokens(table);
  for (;;) {
    SAGITTA_TRY(const bool more, cursor->next());
    if (!more) break;
    ++check.rows;
    if (!concerns(column, cursor->row())) continue;
    for (const Bytes& term : terms_of(*definition.terms(), column, cursor->row())) {
      ++check.expected;
      SAGITTA_TRY(const bool found, has_posting(view, definition.def().id, term, cursor->row_key()));
      if (found) continue;
      ++check.missing;
      note(check, "missing", cursor->row_key());
    }
  }
  return look_for_rows(view, table, definition, check);
}

namespace {

/// Whether index and rows agree about the row, as they are at one moment.
Result<bool> agrees(const ViewNow& now, const schema::TableDef& table, const Reader& index, BytesView row_key) {
  const uint32_t column = index.definition()->column().id;
  for (int i = 0; i < kTries; ++i) {
    const auto number = index.rows()->find(row_key);
    const bool has = number && index.has(*number);
    SAGITTA_TRY(const auto row, now().get_by_key(table, row_key));
    const rows::LiveCell* cell = row ? row->find(column) : nullptr;
    const bool wants = cell != nullptr && index.definition()->refuse(cell->value).empty();
    if (has || !wants) return true;  // what has expired goes with a later record
  }
  return false;
}

}  // namespace

Status check_reader(const ViewNow& now, const schema::TableDef& table, const Reader& index, IndexCheck& check) {
  const rows::ReadView view = now();
  const uint32_t column = index.definition()->column().id;
  const auto cursor = view.scan_tokens(table);
  for (;;) {
    SAGITTA_TRY(const bool more, cursor->next());
    if (!more) return {};
    ++check.rows;
    const rows::LiveCell* cell = cursor->row().is_static ? nullptr : cursor->row().find(column);
    if (cell == nullptr || !index.definition()->refuse(cell->value).empty()) continue;
    ++check.expected;
    SAGITTA_TRY(const bool found, agrees(now, table, index, cursor->row_key()));
    if (found) continue;
    ++check.missing;
    note(check, "missing", cursor->row_key());
  }
}

}  // namespace sagitta::index
