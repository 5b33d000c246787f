// A store in RocksDB: batches, snapshots, iterators, flushes.
#include <fmt/format.h>
#include <rocksdb/compaction_filter.h>
#include <rocksdb/db.h>
#include <rocksdb/options.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/write_batch.h>

#include <array>
#include <span>
#include <vector>

#include "sagitta/base/advice.h"
#include "sagitta/kv/store.h"

#include "pending_keys.h"
#include "rocks_shared.h"

namespace sagitta::kv {
namespace {

/// On disk; in the order of Family. RocksDB insists that one is called "default".
constexpr std::array<const char*, kFamilyCount> kFamilyNames = {"default",  "rows",        "journal",
                                                                "requests", "row_numbers", "postings"};

/// Those that the compaction filter is for.
constexpr std::array kFiltered = {Family::kRows, Family::kPostings};

/// A file of theirs that no write has led to merge goes through the compaction filter when it is
/// this old.
constexpr uint64_t kRewriteAfterS = 24 * 3600;

rocksdb::Slice to_slice(BytesView bytes) { return {bytes.data(), bytes.size()}; }
BytesView to_bytes(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

Status to_status(const rocksdb::Status& status, const std::string& directory) {
  if (status.ok()) return {};
  if (status.IsCorruption()) {
    return fail(ErrorCode::kCorruption, fmt::format("store {}: {}; {}", directory, status.ToString(), kDamageAdvice));
  }
  ErrorCode code = ErrorCode::kServer;
  if (status.IsIOError()) code = ErrorCode::kIo;
  if (status.IsNoSpace()) code = ErrorCode::kNoSpace;
  if (status.IsBusy()) code = ErrorCode::kLocked;
  if (status.IsIncomplete()) code = ErrorCode::kWouldBlock;
  return fail(code, "kv: " + status.ToString());
}

class RocksFilter final : public rocksdb::CompactionFilter {
 public:
  RocksFilter(Family family, kv::CompactionFilter filter) : family_(family), filter_(std::move(filter)) {}
  const char* Name() const override { return "sagitta.rows"; }
  Decision FilterV2(int, const rocksdb::Slice& key, ValueType type, const rocksdb::Slice& value, Bytes* replacement,
                    Bytes*) const override {
    if (type != ValueType::kValue) return Decision::kKeep;
    switch (filter_(family_, to_bytes(key), to_bytes(value), *replacement)) {
      case Compaction::kKeep: return Decision::kKeep;
      case Compaction::kDrop: return Decision::kRemove;
      case Compaction::kReplace: return Decision::kChangeValue;
    }
    return Decision::kKeep;
  }

 private:
  const Family family_;
  const kv::CompactionFilter filter_;
};

class RocksFilterFactory final : public rocksdb::CompactionFilterFactory {
 public:
  RocksFilterFactory(Family family, CompactionFilterSource source) : family_(family), source_(std::move(source)) {}
  const char* Name() const override { return "sagitta.rows"; }
  std::unique_ptr<rocksdb::CompactionFilter> CreateCompactionFilter(
      const rocksdb::CompactionFilter::Context&) override {
    auto filter = source_();
    return filter ? std::make_unique<RocksFilter>(family_, std::move(filter)) : nullptr;
  }

 private:
  const Family family_;
  const CompactionFilterSource source_;
};

/// The open database and what must outlive it; snapshots and iterators share it.
struct Core {
  const std::shared_ptr<RocksProcess> shared;
  const std::string directory;
  std::unique_ptr<rocksdb::DB> db;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;

  Core(std::shared_ptr<RocksProcess> process, std::string path)
      : shared(std::move(process)), directory(std::move(path)) {}
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;
  ~Core() {
    shared->leave(db.get());
    for (auto* handle : handles) (void)db->DestroyColumnFamilyHandle(handle);
  }
  rocksdb::ColumnFamilyHandle* handle(Family family) const { return handles[static_cast<size_t>(family)]; }
  Status checked(const rocksdb::Status& status) const { return to_status(status, directory); }
};
using CorePtr = std::shared_ptr<Core>;

class RocksSnapshot final : public Snapshot {
 public:
  explicit RocksSnapshot(CorePtr core) : core_(std::move(core)), snapshot_(core_->db->GetSnapshot()) {}
  ~RocksSnapshot() override { core_->db->ReleaseSnapshot(snapshot_); }
  const rocksdb::Snapshot* get() const { return snapshot_; }

 private:
  const CorePtr core_;
  const rocksdb::Snapshot* const snapshot_;
};

rocksdb::ReadOptions read_options(ReadMode mode, const Snapshot* snapshot) {
  rocksdb::ReadOptions options;
  if (mode == ReadMode::kCacheOnly) options.read_tier = rocksdb::kBlockCacheTier;
  if (snapshot != nullptr) options.snapshot = static_cast<const RocksSnapshot*>(snapshot)->get();
  return options;
}

Result<std::optional<Bytes>> read(const Core& core, Family family, BytesView key, const rocksdb::ReadOptions& options) {
  Bytes value;
  const auto status = core.db->Get(options, core.handle(family), to_slice(key), &value);
  if (status.IsNotFound()) return std::optional<Bytes>();
  SAGITTA_CHECK(core.checked(status));
  return std::optional<Bytes>(std::move(value));
}

class RocksIterator final : public Iterator {
 public:
  RocksIterator(CorePtr core, SnapshotPtr snapshot, Family family, BytesView from, BytesView to, ReadMode mode)
      : core_(std::move(core)),
        snapshot_(std::move(snapshot)),
        from_(from),
        to_(to.empty() ? to : std::max(from, to)),
        from_slice_(to_slice(from_)),
        to_slice_(to_slice(to_)) {
    rocksdb::ReadOptions options = read_options(mode, snapshot_.get());
    if (!from_.empty()) options.iterate_lower_bound = &from_slice_;
    if (!to_.empty()) options.iterate_upper_bound = &to_slice_;
    iterator_.reset(core_->db->NewIterator(options, core_->handle(family)));
  }

  void seek_to_first() override { iterator_->SeekToFirst(); }
  void seek_to_last() override { iterator_->SeekToLast(); }
  void seek(BytesView key) override { iterator_->Seek(to_slice(key)); }
  void seek_for_prev(BytesView key) override {
    if (!to_.empty() && key >= to_) return seek_to_last();
    iterator_->SeekForPrev(to_slice(key));
  }
  void next() override { iterator_->Next(); }
  void prev() override { iterator_->Prev(); }
  bool valid() const override { return iterator_->Valid() && iterator_->status().ok(); }
  BytesView key() const override { return to_bytes(iterator_->key()); }
  BytesView value() const override { return to_bytes(iterator_->value()); }
  Status status() const override { return core_->checked(iterator_->status()); }

 private:
  const CorePtr core_;
  const SnapshotPtr snapshot_;
  const Bytes from_, to_;
  const rocksdb::Slice from_slice_, to_slice_;
  std::unique_ptr<rocksdb::Iterator> iterator_;
};

class RocksBatch final : public Batch {
 public:
  explicit RocksBatch(CorePtr core) : core_(std::move(core)) {}
  void put(Family family, BytesView key, BytesView value) override {
    if (PendingKeys* keys = pending(family)) return keys->put(key, value);
    keep(batch_.Put(core_->handle(family), to_slice(key), to_slice(value)));
  }
  void remove(Family family, BytesView key) override {
    if (PendingKeys* keys = pending(family)) return keys->remove(key);
    keep(batch_.Delete(core_->handle(family), to_slice(key)));
  }
  void remove_range(Family family, BytesView from, BytesView to) override {
    // RocksDB fails the whole write for a range that ends before it begins.
    if (from >= to) return;
    if (PendingKeys* keys = pending(family)) {
      keys->remove_range(from, to);
      return remove_each(family, from, to);
    }
    keep(batch_.DeleteRange(core_->handle(family), to_slice(from), to_slice(to)));
  }
  Result<std::optional<Bytes>> row(BytesView key) const override {
    const PendingKeys::Change* own = rows_.find(key);
    if (own == nullptr) return read(*core_, Family::kRows, key, read_options(ReadMode::kBlocking, nullptr));
    return *own ? std::optional(Bytes(**own)) : std::nullopt;
  }
  Status visit_rows(BytesView from, BytesView to, Direction direction, const EntryVisitor& visit) const override {
    RocksIterator stored(core_, nullptr, Family::kRows, from, to, ReadMode::kBlocking);
    return rows_.visit(stored, from, to, direction, visit);
  }
  void mark() override {
    rows_.mark();
    requests_.mark();
    (void)batch_.PopSavePoint();
    batch_.SetSavePoint();
  }
  void rollback() override {
    rows_.rollback();
    requests_.rollback();
    if (!batch_.RollbackToSavePoint().ok()) batch_.Clear();  // there was no mark
    batch_.SetSavePoint();
  }
  size_t size_bytes() const override { return batch_.GetDataSize() + rows_.size_bytes() + requests_.size_bytes(); }
  void clear() override {
    rows_.clear();
    requests_.clear();
    batch_.Clear();
    status_ = rocksdb::Status::OK();
  }
  /// The batch is to be cleared then.
  Status write() {
    add_pending(Family::kRows, rows_);
    add_pending(Family::kRequests, requests_);
    SAGITTA_CHECK(core_->checked(status_));
    rocksdb::WriteOptions options;
    options.disableWAL = true;
    return core_->checked(core_->db->Write(options, &batch_));
  }

 private:
  /// Of families whose keys come in any order, and reach RocksDB in their own; null for others.
  PendingKeys* pending(Family family) {
    if (family == Family::kRows) return &rows_;
    return family == Family::kRequests ? &requests_ : nullptr;
  }
  void keep(const rocksdb::Status& status) {
    if (status_.ok()) status_ = status;
  }
  /// RocksDB 7.8 loses keys beyond a range deletion when it walks backwards, and rows are read
  /// backwards: so each key of the store goes by itself.
  void remove_each(Family family, BytesView from, BytesView to) {
    auto* handle = core_->handle(family);
    const rocksdb::Slice end = to_slice(to);
    rocksdb::ReadOptions options;
    options.iterate_upper_bound = &end;
    options.fill_cache = false;
    const std::unique_ptr<rocksdb::Iterator> stored(core_->db->NewIterator(options, handle));
    for (stored->Seek(to_slice(from)); stored->Valid(); stored->Next()) keep(batch_.Delete(handle, stored->key()));
    keep(stored->status());
  }
  void add_pending(Family family, const PendingKeys& keys) {
    auto* handle = core_->handle(family);
    for (const auto& [key, value] : keys.changes()) {
      keep(value ? batch_.Put(handle, to_slice(key), to_slice(*value)) : batch_.Delete(handle, to_slice(key)));
    }
  }

  const CorePtr core_;
  rocksdb::WriteBatch batch_;
  PendingKeys rows_, requests_;
  /// The first refusal; write() reports it.
  rocksdb::Status status_;
};

class RocksStore final : public Store {
 public:
  explicit RocksStore(CorePtr core) : core_(std::move(core)) {}

  std::unique_ptr<Batch> make_batch() override { return std::make_unique<RocksBatch>(core_); }
  Status write(Batch& batch) override {
    SAGITTA_CHECK(static_cast<RocksBatch&>(batch).write());
    core_->shared->make_room();
    return {};
  }
  SnapshotPtr snapshot() override { return std::make_shared<RocksSnapshot>(core_); }
  Result<std::optional<Bytes>> get(Family family, BytesView key, ReadMode mode, const Snapshot* snapshot) override {
    return read(*core_, family, key, read_options(mode, snapshot));
  }
  std::unique_ptr<Iterator> iterate(Family family, BytesView from, BytesView to, ReadMode mode,
                                    SnapshotPtr snapshot) override {
    return std::make_unique<RocksIterator>(core_, std::move(snapshot), family, from, to, mode);
  }
  uint64_t estimate_bytes(Family family, BytesView from, BytesView to) const override {
    // Any key is less than one that goes on like this.
    static const Bytes kEnd(64, '\xff');
    const rocksdb::Range range(to_slice(from), to.empty() ? to_slice(kEnd) : to_slice(to));
    rocksdb::SizeApproximationOptions options;
    options.include_memtables = true;
    uint64_t bytes = 0;
    const auto status = core_->db->GetApproximateSizes(options, core_->handle(family), &range, 1, &bytes);
    return status.ok() ? bytes : 0;
  }
  Status flush() override { return core_->checked(core_->db->Flush(rocksdb::FlushOptions(), core_->handles)); }
  Status compact() override {
    rocksdb::CompactRangeOptions options;
    options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForceOptimized;
    for (const Family family : kFiltered) {
      SAGITTA_CHECK(core_->checked(core_->db->CompactRange(options, core_->handle(family), nullptr, nullptr)));
    }
    return {};
  }

 private:
  const CorePtr core_;
};

/// In the order of Family.
std::vector<rocksdb::ColumnFamilyDescriptor> families_of(const RocksProcess& shared, CompactionFilterSource filters) {
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  for (const char* name : kFamilyNames) families.emplace_back(name, shared.family_options());
  // Their keys come in order: each is looked for from where the one before it went. RocksDB 7.8 has
  // one hint for keys and range deletions and must not get both, so these families have no range
  // deletions.
  for (const Family sorted : {Family::kRows, Family::kRequests}) {
    families[static_cast<size_t>(sorted)].options.memtable_insert_with_hint_prefix_extractor.reset(
        rocksdb::NewFixedPrefixTransform(0));
  }
  for (const Family family : filters ? std::span(kFiltered) : std::span<const Family>()) {
    rocksdb::ColumnFamilyOptions& options = families[static_cast<size_t>(family)].options;
    options.compaction_filter_factory = std::make_shared<RocksFilterFactory>(family, filters);
    options.periodic_compaction_seconds = kRewriteAfterS;
  }
  return families;
}

}  // namespace

Result<std::unique_ptr<Store>> open_rocks_store(const RocksSharedPtr& shared, const std::string& directory,
                                                CompactionFilterSource filters) {
  auto core = std::make_shared<Core>(std::static_pointer_cast<RocksProcess>(shared), directory);
  SAGITTA_CHECK(core->shared->files().make_directories(directory));
  rocksdb::DB* db = nullptr;
  const auto opened = rocksdb::DB::Open(core->shared->database_options(), directory,
                                        families_of(*core->shared, std::move(filters)), &core->handles, &db);
  core->db.reset(db);
  SAGITTA_CHECK(core->checked(opened));
  core->shared->join({core->db.get(), &core->handles});
  return std::make_unique<RocksStore>(std::move(core));
}

}  // namespace sagitta::kv
