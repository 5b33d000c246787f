/// What a process sees of the logs and stores, and what becomes of that when it dies.
#include "simulated_storage.h"

#include <map>

#include "sagitta/base/random.h"

namespace sagitta::db::test {
namespace {

log::SimFaults draw_faults(Random& random) {
  const auto rarely = [&random](uint32_t rate) { return random.below(3) == 0 ? rate : 0; };
  return {.fail_one_in = rarely(40),
          .lose_answer_one_in = rarely(25),
          .duplicate_one_in = rarely(10),
          .skip_one_in = rarely(8)};
}

std::unique_ptr<log::SimLog> make_log(const Clock& clock, Random& random, LogRole role) {
  log::SimOptions options{.seed = random.next(), .faults = {}, .is_stepped = true};
  const size_t partitions = role == LogRole::kData ? kSimulatedPartitions : 1;
  for (size_t i = 0; i < partitions; ++i) options.faults.push_back(draw_faults(random));
  // A batch that comes again after its first record was trimmed is another batch to who replays it.
  if (role == LogRole::kBatches) options.faults[0].duplicate_one_in = 0;
  return log::make_sim_log(clock, options);
}

}  // namespace

/// A log as one process sees it.
class SimulatedStorage::Handle final : public log::Log {
 public:
  Handle(SimulatedStorage& storage, LogRole role) : storage_(storage), role_(role), log_(storage.log(role)) {
    storage_.handles_.push_back(this);
  }
  ~Handle() override {
    stop();
    std::erase(storage_.handles_, this);
  }

  log::Partition partitions() const override { return log_.partitions(); }
  void append(log::Partition partition, log::Record record, log::AppendDone done) override {
    if (state_->stopped) return done(fail(ErrorCode::kUnavailable, "log: stopped"));
    storage_.spoil(role_, partition, record);
    if (storage_.canary_ == Canary::kDecidedTwice && record.kind == log::RecordKind::kConditional) {
      log::Record again = record;
      again.request_id = Uuid::from_name(record.request_id.bytes());
      log_.append(partition, std::move(again), [](const Result<log::Offset>&) {});
    }
    const uint64_t number = state_->next++;
    state_->waiting.emplace(number, std::move(done));
    log_.append(partition, std::move(record),
                [state = state_, number](Result<log::Offset> appended) { state->answer(number, std::move(appended)); });
  }
  Result<std::vector<log::Entry>> read(log::Partition partition, log::Offset from, size_t max_bytes, int64_t) override {
    if (state_->stopped) return fail(ErrorCode::kUnavailable, "log: stopped");
    return log_.read(partition, from, max_bytes, 0);
  }
  std::unique_ptr<log::Feed> feed() override { return log_.feed(); }
  log::Bounds bounds(log::Partition partition) const override { return log_.bounds(partition); }
  Status trim(log::Partition partition, log::Offset before) override {
    return state_->stopped ? fail(ErrorCode::kUnavailable, "log: stopped") : log_.trim(partition, before);
  }
  void stop() override {
    if (state_->stopped) return;
    state_->stopped = true;
    for (log::Partition p = 0; p < log_.partitions(); ++p) {
      while (log_.settle(p)) {
      }
    }
  }
  /// The process is dead: nobody waits for its appends any more.
  void cut() {
    state_->stopped = true;
    while (!state_->waiting.empty())
      state_->answer(state_->waiting.begin()->first, fail(ErrorCode::kWriteTimeout, "log: cut off"));
  }

 private:
  /// Outlives the handle, with appends that are under way.
  struct State {
    bool stopped = false;
    uint64_t next = 0;
    std::map<uint64_t, log::AppendDone> waiting;

    void answer(uint64_t number, Result<log::Offset> appended) {
      auto waiter = waiting.extract(number);
      if (!waiter.empty()) waiter.mapped()(std::move(appended));
    }
  };

  SimulatedStorage& storage_;
  const LogRole role_;
  log::SimLog& log_;
  const std::shared_ptr<State> state_ = std::make_shared<State>();
};

/// A store that falls back to what it had flushed when its process dies.
class SimulatedStorage::FallingStore final : public kv::Store {
 public:
  FallingStore(SimulatedStorage& storage, log::Partition partition, kv::CompactionFilterSource filters)
      : storage_(storage), partition_(partition), store_(kv::make_memory_store(std::move(filters))) {
    const auto batch = store_->make_batch();
    for (uint8_t family = 0; family < kv::kFamilyCount; ++family) {
      for (const auto& [key, value] : storage_.flushed_[partition][family])
        batch->put(static_cast<kv::Family>(family), key, value);
    }
    (void)store_->write(*batch);
    storage_.stores_[partition] = this;
  }
  ~FallingStore() override {
    if (storage_.stores_[partition_] == this) storage_.stores_[partition_] = nullptr;
  }

  std::unique_ptr<kv::Batch> make_batch() override { return store_->make_batch(); }
  Status write(kv::Batch& batch) override { return store_->write(batch); }
  kv::SnapshotPtr snapshot() override { return store_->snapshot(); }
  Result<std::optional<Bytes>> get(kv::Family family, BytesView key, kv::ReadMode mode,
                                   const kv::Snapshot* snapshot) override {
    return store_->get(family, key, mode, snapshot);
  }
  std::unique_ptr<kv::Iterator> iterate(kv::Family family, BytesView from, BytesView to, kv::ReadMode mode,
                                        kv::SnapshotPtr snapshot) override {
    return store_->iterate(family, from, to, mode, std::move(snapshot));
  }
  uint64_t estimate_bytes(kv::Family family, BytesView from, BytesView to) const override {
    return store_->estimate_bytes(family, from, to);
  }
  Status flush() override {
    if (is_dead_) return fail(ErrorCode::kIo, "the process is dead");
    for (uint8_t family = 0; family < kv::kFamilyCount; ++family) {
      Entries& entries = storage_.flushed_[partition_][family];
      entries.clear();
      const auto it = store_->iterate(static_cast<kv::Family>(family), {}, {}, kv::ReadMode::kBlocking);
      for (it->seek_to_first(); it->valid(); it->next()) entries.emplace_back(it->key(), it->value());
    }
    return {};
  }
  Status compact() override { return store_->compact(); }
  void kill() { is_dead_ = true; }

 private:
  SimulatedStorage& storage_;
  const log::Partition partition_;
  const std::unique_ptr<kv::Store> store_;
  bool is_dead_ = false;
};

SimulatedStorage::SimulatedStorage(const Clock& clock, uint64_t seed, Canary canary) : canary_(canary) {
  SeededRandom random(seed);
  for (const LogRole role : {LogRole::kData, LogRole::kMeta, LogRole::kBatches})
    logs_[static_cast<size_t>(role)] = make_log(clock, random, role);
}

Result<std::unique_ptr<log::Log>> SimulatedStorage::open_log(LogRole role) {
  if (role == LogRole::kData) is_starting_ = true;
  return std::unique_ptr<log::Log>(std::make_unique<Handle>(*this, role));
}

Result<std::unique_ptr<kv::Store>> SimulatedStorage::open_store(log::Partition partition,
                                                                kv::CompactionFilterSource filters) {
  return std::unique_ptr<kv::Store>(std::make_unique<FallingStore>(*this, partition, std::move(filters)));
}

bool SimulatedStorage::settle(size_t stream) {
  if (stream < kSimulatedPartitions) return log(LogRole::kData).settle(static_cast<log::Partition>(stream));
  return log(stream == kSimulatedPartitions ? LogRole::kMeta : LogRole::kBatches).settle(0);
}

void SimulatedStorage::crash(const std::function<uint64_t(uint64_t bound)>& draw) {
  for (FallingStore* store : stores_) {
    if (store != nullptr) store->kill();
  }
  for (Handle* handle : handles_) handle->cut();
  for (size_t stream = 0; stream < kStreams; ++stream) {
    for (uint64_t kept = draw(4); kept > 0 && settle(stream); --kept) {
    }
  }
  for (const auto& log : logs_) {
    for (log::Partition p = 0; p < log->partitions(); ++p) log->lose(p);
  }
}

void SimulatedStorage::compact(log::Partition partition) {
  if (stores_[partition] != nullptr) (void)stores_[partition]->compact();
}

/// What the canaries do.
void SimulatedStorage::spoil(LogRole role, log::Partition partition, log::Record& record) {
  if (role != LogRole::kData) return;
  if (canary_ == Canary::kPieceNotReplayed && is_starting_ && record.kind == log::RecordKind::kMutation) {
    record.kind = log::RecordKind::kBarrier;
    record.payload.clear();
  }
  if (canary_ == Canary::kCrossingSkipped && record.kind == log::RecordKind::kBarrier && partition == 2)
    record.schema_version = 0;
}

}  // namespace sagitta::db::test
