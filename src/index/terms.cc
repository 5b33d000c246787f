/// Terms of cells.
#include "sagitta/index/terms.h"

#include <algorithm>

#include "sagitta/types/value.h"

namespace sagitta::index {
namespace {

using types::DataType;
using types::DataTypePtr;
using types::Kind;

/// What a term is made of.
DataTypePtr type_of(const DataType& column, const DataTypePtr& whole, Part part) {
  switch (part) {
    case Part::kWhole: return whole;
    case Part::kKeys:
    case Part::kEntries: return column.key();
    case Part::kValues: break;
  }
  return column.kind() == Kind::kMap ? column.mapped() : column.element();
}

bool is_text(const DataType& type) {
  return type.kind() == Kind::kText || type.kind() == Kind::kAscii || type.kind() == Kind::kBlob;
}

/// Values that are equal may differ in bytes.
bool has_decimal(const DataType& type) {
  if (type.kind() == Kind::kDecimal) return true;
  return std::ranges::any_of(type.parameters(), [](const DataTypePtr& part) { return has_decimal(*part); });
}

}  // namespace

Part part_of(const schema::IndexDef& def) {
  if (def.target.starts_with("keys(")) return Part::kKeys;
  if (def.target.starts_with("values(")) return Part::kValues;
  return def.target.starts_with("entries(") ? Part::kEntries : Part::kWhole;
}

TermMaker::TermMaker(const schema::ColumnDef& column, Part part, const text::Folding& folding)
    : type_(type_of(*column.type, column.type, part)),
      mapped_(part == Part::kEntries ? column.type->mapped() : nullptr),
      column_(column.type->kind()),
      is_multi_cell_(column.type->is_multi_cell()),
      part_(part),
      folding_(folding) {}

Bytes TermMaker::of(BytesView value) const {
  if (value.empty() && !is_text(*type_)) return {};
  Bytes term;
  if (folding_.is_identity()) {
    types::append_ordered(*type_, value, false, term);
  } else {
    types::append_ordered(*type_, folding_.fold(value), false, term);
  }
  if (term.size() > kTermBytesMax) term.resize(kTermBytesMax);
  return term;
}

Bytes TermMaker::of_entry(BytesView key, BytesView value) const {
  if (value.empty() && !is_text(*mapped_)) return {};
  Bytes term;
  types::append_ordered(*type_, key, false, term);
  types::append_ordered(*mapped_, value, false, term);
  if (term.size() > kTermBytesMax) term.resize(kTermBytesMax);
  return term;
}

void TermMaker::of_cell(BytesView path, BytesView value,
                        const std::function<void(const Bytes& term, BytesView path)>& each) const {
  const auto give = [&](const Bytes& term, BytesView own_path = {}) {
    if (!term.empty()) each(term, own_path);
  };
  // Two cells of a row may have one term where it does not tell all of the value.
  const auto give_part = [&](const Bytes& term) {
    const bool may_be_of_several = !folding_.is_identity() || term.size() == kTermBytesMax || has_decimal(*type_) ||
                                   (mapped_ != nullptr && has_decimal(*mapped_));
    give(term, may_be_of_several ? path : BytesView());
  };
  if (!is_multi_cell_) return give(of(value));
  switch (part_) {
    case Part::kWhole: return;
    case Part::kKeys: return give_part(of(path));
    case Part::kEntries: return give_part(of_entry(path, value));
    case Part::kValues: break;
  }
  if (column_ == Kind::kSet) return give_part(of(path));
  give(of(value), path);
}

types::Interval TermMaker::between(const Bytes& lower, bool lower_inclusive, const Bytes& upper, bool upper_inclusive) {
  const auto is_cut_off = [](const Bytes& term) { return term.size() == kTermBytesMax; };
  return types::interval_between({lower, lower_inclusive || is_cut_off(lower)},
                                 {upper, upper_inclusive || is_cut_off(upper)});
}

}  // namespace sagitta::index
