/// What a batch does to the keys of one family: its reads see it, and the store gets it in order of
/// keys, in which a skip list takes them at a fraction of the cost.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <memory_resource>
#include <optional>
#include <utility>
#include <vector>

#include "sagitta/kv/store.h"

namespace sagitta::kv {

/// Not thread-safe.
class PendingKeys {
 public:
  /// The new value; nothing: the key is removed.
  using Change = std::optional<BytesView>;
  using Changes = std::pmr::map<BytesView, Change>;

  PendingKeys() = default;
  PendingKeys(const PendingKeys&) = delete;
  PendingKeys& operator=(const PendingKeys&) = delete;

  void put(BytesView key, BytesView value) { set(key, copy(value)); }
  void remove(BytesView key) { set(key, std::nullopt); }
  /// All keys in [from, to) go. Those of the store are the caller's to remove, ahead of `changes`.
  void remove_range(BytesView from, BytesView to);

  /// Null: the batch leaves the key alone.
  const Change* find(BytesView key) const;
  /// Calls `visit` with the entries of [from, to) after the batch. `stored` walks those of the
  /// store, and of no other range.
  Status visit(Iterator& stored, BytesView from, BytesView to, Direction direction, const EntryVisitor& visit) const;
  /// Key by key, ascending; without what remove_range did to keys of the store.
  const Changes& changes() const { return *changes_; }
  size_t size_bytes() const { return size_bytes_; }

  void mark();
  /// Undoes what was done since the mark, or all.
  void rollback();
  void clear();

 private:
  void set(BytesView key, Change change);
  BytesView copy(BytesView bytes);
  void fit_buffer();
  Status visit_forward(Iterator& stored, Changes::const_iterator own, Changes::const_iterator end,
                       const EntryVisitor& visit) const;
  Status visit_backward(Iterator& stored, Changes::const_iterator begin, Changes::const_iterator own,
                        const EntryVisitor& visit) const;
  bool is_in_removed_range(BytesView key) const;

  /// Of `buffer_`, which is kept from batch to batch and grows with them, so that most allocate
  /// nothing.
  static constexpr size_t kBufferBytesMin = size_t{16} << 10, kBufferBytesMax = size_t{128} << 10;
  size_t buffer_bytes_ = kBufferBytesMin;
  std::unique_ptr<std::byte[]> buffer_ = std::make_unique_for_overwrite<std::byte[]>(kBufferBytesMin);
  /// Holds nodes, keys and values of `changes_`, until `clear`.
  std::optional<std::pmr::monotonic_buffer_resource> memory_{std::in_place, buffer_.get(), kBufferBytesMin};
  std::optional<Changes> changes_{std::in_place, &*memory_};
  /// The changes win over them.
  std::vector<std::pair<Bytes, Bytes>> removed_ranges_;
  size_t size_bytes_ = 0;
  /// Of each change since the mark, oldest first: its key, and what the batch did to it before, if
  /// anything.
  std::vector<std::pair<Changes::iterator, std::optional<Change>>> undo_;
  size_t marked_ranges_ = 0;
};

}  // namespace sagitta::kv
