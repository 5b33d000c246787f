/// What an index that is kept in the store has of a row: terms, byte strings in the order of the
/// values that they stand for. A term and a row make a posting (rows/posting.h).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "sagitta/base/bytes.h"
#include "sagitta/schema/schema.h"
#include "sagitta/text/folding.h"
#include "sagitta/types/ordered_bytes.h"

namespace sagitta::index {

/// Which part of a column an index is of: the column itself, or what is in a collection.
enum class Part : uint8_t { kWhole, kKeys, kValues, kEntries };

/// As the index's target has it: "v", "full(v)", "keys(v)", "values(v)", "entries(v)".
Part part_of(const schema::IndexDef& def);

/// Longer terms are cut off there: rows are then tested by whoever finds them.
inline constexpr size_t kTermBytesMax = 1024;

/// Of one column and part. Immutable, thread-safe.
class TermMaker {
 public:
  TermMaker(const schema::ColumnDef& column, Part part, const text::Folding& folding);

  Part part() const { return part_; }
  const text::Folding& folding() const { return folding_; }

  /// Of a value of the column, or of a key or value of the collection; nothing for one that has
  /// none: empty bytes of a type that is no text.
  Bytes of(BytesView value) const;
  Bytes of_entry(BytesView key, BytesView value) const;
  /// Calls `each` with every term of a stored cell, and with what tells it from others of its row:
  /// nothing where a row has a term once at most.
  void of_cell(BytesView path, BytesView value,
               const std::function<void(const Bytes& term, BytesView path)>& each) const;

  /// The terms that are equal.
  static types::Interval equal(const Bytes& term) { return {term, types::after_prefix(term)}; }
  /// The terms from `lower` to `upper`; an empty one is no bound. They may be more than those that
  /// are asked for, by terms that were cut off.
  static types::Interval between(const Bytes& lower, bool lower_inclusive, const Bytes& upper, bool upper_inclusive);

 private:
  types::DataTypePtr type_;    ///< of what a term is made of; of entries: of their keys
  types::DataTypePtr mapped_;  ///< of entries: of their values
  types::Kind column_;
  bool is_multi_cell_;
  Part part_;
  text::Folding folding_;
};
using TermMakerPtr = std::shared_ptr<const TermMaker>;

}  // namespace sagitta::index
