/// What a batch does to the keys of Family::kRows, so that its reads see it.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "sagitta/kv/store.h"

namespace sagitta::kv {

/// Not thread-safe.
class PendingRows {
 public:
  /// Where the batch keeps the new value; nothing: the key is removed.
  struct Place {
    size_t at, size;
  };
  using Change = std::optional<Place>;

  void set(BytesView key, Change change);
  /// All keys in [from, to) go; those of the store need not be told one by one.
  void remove_range(BytesView from, BytesView to);
  /// Null: the batch leaves the key alone.
  const Change* find(BytesView key) const;
  /// Calls `visit` with the entries of [from, to) after the batch. `stored` walks those of the store, and of no other
  /// range; `value` reads what the batch keeps.
  Status visit(Iterator& stored, BytesView from, BytesView to, Direction direction,
               const std::function<BytesView(Place)>& value, const EntryVisitor& visit) const;
  /// The keys of [from, to) that the batch has put.
  std::vector<Bytes> put_between(BytesView from, BytesView to) const;

  /// Forgets how to undo what was before.
  void mark();
  /// Undoes what was set since the mark.
  void rollback();
  void clear();

 private:
  using Changes = std::map<Bytes, Change, std::less<>>;

  using ReadValue = std::function<BytesView(Place)>;

  Status visit_forward(Iterator& stored, Changes::const_iterator own, Changes::const_iterator end,
                       const ReadValue& value, const EntryVisitor& visit) const;
  Status visit_backward(Iterator& stored, Changes::const_iterator begin, Changes::const_iterator own,
                        const ReadValue& value, const EntryVisitor& visit) const;
  bool is_in_removed_range(BytesView key) const;

  /// Win over the ranges.
  Changes changes_;
  std::vector<std::pair<Bytes, Bytes>> removed_ranges_;
  size_t marked_ranges_ = 0;
  /// Of each change since the mark, oldest first: its key, and what the batch did to it before, if anything.
  std::vector<std::pair<Changes::iterator, std::optional<Change>>> undo_;
};

}  // namespace sagitta::kv
