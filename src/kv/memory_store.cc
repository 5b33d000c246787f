#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <vector>

#include "sagitta/base/assert.h"
#include "sagitta/kv/store.h"

#include "pending_keys.h"

namespace sagitta::kv {
namespace {

/// A value from `sequence` on; nothing for a removal.
struct Version {
  uint64_t sequence;
  std::optional<Bytes> value;
};
/// Oldest version first; never empty.
using Versions = std::vector<Version>;
using FamilyMap = std::map<Bytes, Versions, std::less<>>;

const std::optional<Bytes>* visible(const Versions& versions, uint64_t sequence) {
  for (auto it = versions.rbegin(); it != versions.rend(); ++it) {
    if (it->sequence <= sequence) return &it->value;
  }
  return nullptr;
}

struct State {
  mutable std::shared_mutex mutex;
  std::array<FamilyMap, kFamilyCount> families;
  uint64_t sequence = 0;
  std::multiset<uint64_t> snapshots;

  FamilyMap& family(Family f) { return families[static_cast<size_t>(f)]; }
  const FamilyMap& family(Family f) const { return families[static_cast<size_t>(f)]; }
  uint64_t oldest_visible() const { return snapshots.empty() ? sequence : std::min(sequence, *snapshots.begin()); }

  /// Adds a version, and drops those that no snapshot can see. Returns false if nothing is left of
  /// the key.
  bool add(Versions& versions, std::optional<Bytes> value) {
    SAGITTA_ASSERT(versions.empty() || versions.back().sequence <= sequence);
    if (!versions.empty() && versions.back().sequence == sequence) versions.pop_back();
    versions.push_back({sequence, std::move(value)});
    const uint64_t oldest = oldest_visible();
    auto first_needed = versions.end();
    do {
      --first_needed;
    } while (first_needed != versions.begin() && first_needed->sequence > oldest);
    versions.erase(versions.begin(), first_needed);
    return versions.size() > 1 || versions.front().value.has_value();
  }
};

class MemorySnapshot final : public Snapshot {
 public:
  explicit MemorySnapshot(std::shared_ptr<State> state) : state_(std::move(state)) {
    std::unique_lock lock(state_->mutex);
    sequence_ = state_->sequence;
    state_->snapshots.insert(sequence_);
  }
  ~MemorySnapshot() override {
    std::unique_lock lock(state_->mutex);
    state_->snapshots.erase(state_->snapshots.find(sequence_));
  }
  uint64_t sequence() const { return sequence_; }

 private:
  const std::shared_ptr<State> state_;
  uint64_t sequence_;
};

class MemoryBatch final : public Batch {
 public:
  struct Operation {
    enum class Kind { kPut, kRemove, kRemoveRange } kind;
    Family family;
    Bytes key;
    /// The value of kPut, the end of kRemoveRange.
    Bytes operand;
  };

  /// `store` must outlive it.
  explicit MemoryBatch(Store& store) : store_(store) {}

  void put(Family family, BytesView key, BytesView value) override {
    if (family == Family::kRows) return rows_.put(key, value);
    add(Operation::Kind::kPut, family, key, value);
  }
  void remove(Family family, BytesView key) override {
    if (family == Family::kRows) return rows_.remove(key);
    add(Operation::Kind::kRemove, family, key, {});
  }
  void remove_range(Family family, BytesView from, BytesView to) override {
    if (from >= to) return;
    add(Operation::Kind::kRemoveRange, family, from, to);
    if (family == Family::kRows) rows_.remove_range(from, to);
  }
  Result<std::optional<Bytes>> row(BytesView key) const override {
    const PendingKeys::Change* own = rows_.find(key);
    if (own == nullptr) return store_.get(Family::kRows, key, ReadMode::kBlocking);
    return *own ? std::optional(Bytes(**own)) : std::nullopt;
  }
  Status visit_rows(BytesView from, BytesView to, Direction direction, const EntryVisitor& visit) const override {
    const auto stored = store_.iterate(Family::kRows, from, to, ReadMode::kBlocking);
    return rows_.visit(*stored, from, to, direction, visit);
  }
  void mark() override {
    rows_.mark();
    marked_ = operations_.size();
    marked_bytes_ = size_bytes_;
  }
  void rollback() override {
    rows_.rollback();
    SAGITTA_ASSERT(marked_ <= operations_.size() && marked_bytes_ <= size_bytes_);
    operations_.erase(operations_.begin() + static_cast<std::ptrdiff_t>(marked_), operations_.end());
    size_bytes_ = marked_bytes_;
  }
  size_t size_bytes() const override { return size_bytes_ + rows_.size_bytes(); }
  void clear() override {
    rows_.clear();
    operations_.clear();
    size_bytes_ = marked_ = marked_bytes_ = 0;
  }
  /// To be done first; then come the changes of rows.
  const std::vector<Operation>& operations() const { return operations_; }
  const PendingKeys& rows() const { return rows_; }

 private:
  void add(Operation::Kind kind, Family family, BytesView key, BytesView operand) {
    operations_.push_back({kind, family, Bytes(key), Bytes(operand)});
    size_bytes_ += key.size() + operand.size() + 8;
  }

  Store& store_;
  PendingKeys rows_;
  std::vector<Operation> operations_;
  size_t size_bytes_ = 0;
  size_t marked_ = 0, marked_bytes_ = 0;
};

class MemoryIterator final : public Iterator {
 public:
  MemoryIterator(std::shared_ptr<State> state, std::shared_ptr<const MemorySnapshot> snapshot, Family family,
                 BytesView from, BytesView to)
      : state_(std::move(state)), snapshot_(std::move(snapshot)), map_(state_->family(family)), from_(from), to_(to) {}

  void seek_to_first() override { seek(from_); }
  void seek_to_last() override {
    settle_backward([this] { return upper_end(); });
  }
  void seek(BytesView key) override {
    const BytesView start = std::max(key, BytesView(from_));
    settle_forward([&] { return map_.lower_bound(start); });
  }
  void seek_for_prev(BytesView key) override {
    settle_backward([&] { return to_.empty() || key < to_ ? map_.upper_bound(key) : upper_end(); });
  }
  void next() override {
    settle_forward([this] { return map_.upper_bound(key_); });
  }
  void prev() override {
    settle_backward([this] { return map_.lower_bound(key_); });
  }
  bool valid() const override { return valid_; }
  BytesView key() const override { return key_; }
  BytesView value() const override { return value_; }
  Status status() const override { return {}; }

 private:
  using Place = FamilyMap::const_iterator;

  Place upper_end() const { return to_.empty() ? map_.end() : map_.lower_bound(to_); }
  bool stand_on(Place place) {
    const std::optional<Bytes>* value = visible(place->second, snapshot_->sequence());
    if (value == nullptr || !value->has_value()) return false;
    key_ = place->first;
    value_ = **value;
    return valid_ = true;
  }
  template <class Start>
  void settle_forward(Start start) {
    std::shared_lock lock(state_->mutex);
    valid_ = false;
    for (Place place = start(); place != map_.end() && (to_.empty() || place->first < to_); ++place) {
      if (stand_on(place)) return;
    }
  }
  /// Goes to the last visible entry before start().
  template <class Start>
  void settle_backward(Start start) {
    std::shared_lock lock(state_->mutex);
    valid_ = false;
    for (Place place = start(); place != map_.begin();) {
      --place;
      if (place->first < from_) return;
      if (stand_on(place)) return;
    }
  }

  const std::shared_ptr<State> state_;
  const std::shared_ptr<const MemorySnapshot> snapshot_;
  const FamilyMap& map_;
  const Bytes from_, to_;
  bool valid_ = false;
  Bytes key_, value_;
};

class MemoryStore final : public Store {
 public:
  explicit MemoryStore(CompactionFilterSource filters) : filters_(std::move(filters)) {}

  std::unique_ptr<Batch> make_batch() override { return std::make_unique<MemoryBatch>(*this); }
  Status write(Batch& batch) override {
    const auto& changes = static_cast<MemoryBatch&>(batch);
    std::unique_lock lock(state_->mutex);
    ++state_->sequence;
    for (const auto& operation : changes.operations()) apply(operation);
    for (const auto& [key, value] : changes.rows().changes()) {
      using Kind = MemoryBatch::Operation::Kind;
      apply({value ? Kind::kPut : Kind::kRemove, Family::kRows, Bytes(key), Bytes(value.value_or(BytesView()))});
    }
    return {};
  }
  SnapshotPtr snapshot() override { return std::make_shared<MemorySnapshot>(state_); }
  Result<std::optional<Bytes>> get(Family family, BytesView key, ReadMode, const Snapshot* snapshot) override {
    std::shared_lock lock(state_->mutex);
    const FamilyMap& map = state_->family(family);
    const auto it = map.find(key);
    if (it == map.end()) return std::optional<Bytes>();
    const uint64_t sequence =
        snapshot == nullptr ? state_->sequence : static_cast<const MemorySnapshot*>(snapshot)->sequence();
    const std::optional<Bytes>* value = visible(it->second, sequence);
    return value == nullptr ? std::optional<Bytes>() : *value;
  }
  std::unique_ptr<Iterator> iterate(Family family, BytesView from, BytesView to, ReadMode,
                                    SnapshotPtr snapshot) override {
    auto pinned = snapshot == nullptr ? std::make_shared<const MemorySnapshot>(state_)
                                      : std::static_pointer_cast<const MemorySnapshot>(std::move(snapshot));
    return std::make_unique<MemoryIterator>(state_, std::move(pinned), family, from, to);
  }
  uint64_t estimate_bytes(Family family, BytesView from, BytesView to) const override {
    std::shared_lock lock(state_->mutex);
    const FamilyMap& map = state_->family(family);
    uint64_t bytes = 0;
    for (auto it = map.lower_bound(from); it != map.end() && (to.empty() || it->first < to); ++it) {
      const auto& newest = it->second.back().value;
      if (newest) bytes += it->first.size() + newest->size();
    }
    return bytes;
  }
  Status flush() override { return {}; }
  Status compact() override {
    const CompactionFilter filter = filters_ ? filters_() : CompactionFilter();
    if (!filter) return {};
    std::unique_lock lock(state_->mutex);
    ++state_->sequence;
    for (const Family family : {Family::kRows, Family::kPostings}) {
      FamilyMap& map = state_->family(family);
      for (auto it = map.begin(); it != map.end();) {
        const bool stays = compact(filter, family, it->first, it->second);
        it = stays ? std::next(it) : map.erase(it);
      }
    }
    return {};
  }

 private:
  /// False if nothing is left of the key.
  bool compact(const CompactionFilter& filter, Family family, const Bytes& key, Versions& versions) {
    const std::optional<Bytes>& newest = versions.back().value;
    Bytes replacement;
    const Compaction verdict = newest ? filter(family, key, *newest, replacement) : Compaction::kKeep;
    if (verdict == Compaction::kKeep) return true;
    return state_->add(versions, verdict == Compaction::kDrop ? std::nullopt : std::optional(std::move(replacement)));
  }
  void apply(const MemoryBatch::Operation& operation) {
    using Kind = MemoryBatch::Operation::Kind;
    FamilyMap& map = state_->family(operation.family);
    if (operation.kind == Kind::kPut) {
      state_->add(map[operation.key], operation.operand);
      return;
    }
    auto it = map.lower_bound(operation.key);
    const auto covered = [&] {
      return it != map.end() &&
             (operation.kind == Kind::kRemoveRange ? it->first < operation.operand : it->first == operation.key);
    };
    while (covered()) it = state_->add(it->second, std::nullopt) ? std::next(it) : map.erase(it);
  }

  const CompactionFilterSource filters_;
  const std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace

std::unique_ptr<Store> make_memory_store(CompactionFilterSource filters) {
  return std::make_unique<MemoryStore>(std::move(filters));
}

}  // namespace sagitta::kv
