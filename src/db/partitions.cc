/// Opens, stops and counts over all partitions; chooses among them.
#include "partitions.h"

#include <fmt/format.h>

#include <algorithm>

#include "sagitta/base/assert.h"
#include "sagitta/log/local_log.h"
#include "sagitta/types/token.h"

namespace sagitta::db {

size_t partition_of(int64_t token, size_t count) {
  const uint64_t place = static_cast<uint64_t>(token) ^ (uint64_t{1} << 63);  // in the ring, which begins at INT64_MIN
  __extension__ using Wide = unsigned __int128;
  return static_cast<size_t>((Wide{place} * count) >> 64);
}

Status Partitions::open(const DataDirectory& directory) {
  log::LocalOptions log;
  log.directory = directory.log_path();
  log.partitions = static_cast<log::Partition>(directory.format.partitions);
  log.segment_bytes = options_.log_segment_bytes;
  SAGITTA_TRY(log_, log::open_local_log(env_.files, env_.clock, env_.metrics, log));
  partitions_.resize(directory.format.partitions);
  SAGITTA_CHECK(share_rocks());
  for (size_t i = 0; i < partitions_.size(); ++i) {
    partitions_[i].number = static_cast<log::Partition>(i);
    SAGITTA_CHECK(open(directory, partitions_[i]));
  }
  return {};
}

Status Partitions::open(const DataDirectory& directory, Partition& partition) {
  SAGITTA_CHECK(open_store(directory, partition));
  replica::Options options{.sweeps = {.at_once = options_.rows_deleted_at_once}};
  uint64_t replayed = 0;
  options.on_replay = [&](const replica::ReplayProgress& progress) {
    replayed = progress.applied;
    if (options_.on_replay) options_.on_replay(replayed_ + progress.applied, replayed_ + progress.all);
  };
  SAGITTA_TRY(partition.replica,
              replica::Replica::open({*partition.store,
                                      *log_,
                                      env_.clock,
                                      env_.metrics,
                                      env_.workers,
                                      budgets_.fresh_lists,
                                      partition.horizon.get(),
                                      {&env_.files, directory.index_path(), options_.index_changes_min},
                                      partition.number},
                                     std::move(options)));
  replayed_ += replayed;
  return {};
}

Status Partitions::share_rocks() {
  if (options_.memory_store) return {};
  const kv::RocksOptions stores{.stores = partitions_.size(),
                                .block_cache_bytes = options_.budgets.block_cache_bytes * 3 / 4,
                                .memtable_bytes = options_.budgets.block_cache_bytes / 8};
  SAGITTA_TRY(rocks_, kv::share_rocks(env_.files, stores, budgets_.block_cache));
  return {};
}

Status Partitions::open_store(const DataDirectory& directory, Partition& partition) const {
  const auto filters = [horizon = partition.horizon] { return horizon->filter(); };
  if (options_.memory_store) {
    partition.store = kv::make_memory_store(filters);
    return {};
  }
  SAGITTA_TRY(partition.store, kv::open_rocks_store(rocks_, directory.store_path(partition.number), filters));
  return {};
}

Status Partitions::stop() {
  for (Partition& partition : partitions_) {
    if (partition.replica != nullptr) partition.replica->begin_stop();
  }
  if (log_ != nullptr) log_->stop();
  Status stopped;
  for (Partition& partition : partitions_) {
    if (partition.replica == nullptr) continue;
    const Status status = partition.replica->stop();
    if (stopped && !status) stopped = status;
  }
  return stopped;
}

void Partitions::close() {
  for (Partition& partition : partitions_) partition.replica.reset();
  log_.reset();
  partitions_.clear();
  rocks_.reset();
}

std::span<const Partition> Partitions::of_tokens(int64_t start, int64_t end) const {
  const size_t first = partition_of(start, partitions_.size());
  const size_t last = std::max(first, partition_of(end, partitions_.size()));
  return all().subspan(first, last - first + 1);
}

const Partition& Partitions::of_key(BytesView partition_key) const {
  if (partitions_.size() == 1) return partitions_.front();
  return of_tokens(types::token_of(partition_key), INT64_MIN).front();
}

const Partition& Partitions::of_write(std::span<const rows::Mutation> mutations) const {
  const Partition& first = of_key(mutations.front().partition_key);
  const auto is_elsewhere = [&](const rows::Mutation& mutation) { return &of_key(mutation.partition_key) != &first; };
  return std::ranges::any_of(mutations, is_elsewhere) ? only() : first;
}

const Partition& Partitions::only() const {
  SAGITTA_ASSERT(partitions_.size() == 1);
  return partitions_.front();
}

int64_t Partitions::log_clock_us() const {
  int64_t newest_us = INT64_MIN;
  for (const Partition& partition : partitions_) newest_us = std::max(newest_us, partition.replica->log_clock_us());
  return newest_us;
}

bool Partitions::indexes_ready() const {
  return std::ranges::all_of(partitions_, [](const Partition& p) { return p.replica->indexes_ready(); });
}

std::optional<Error> Partitions::halted() const {
  for (const Partition& partition : partitions_) {
    if (auto halted = partition.replica->halted()) return halted;
  }
  return std::nullopt;
}

Partitions::IndexCount Partitions::count_indexes() const {
  IndexCount count;
  for (const Partition& partition : partitions_) {
    const auto set = partition.replica->indexes();
    count.all += set->indexes.size();
    for (const auto& [id, index] : set->indexes) {
      count.building += index->state() == index::Reader::State::kBuilding;
      count.full += index->state() == index::Reader::State::kFull;
    }
  }
  return count;
}

std::string Partitions::offsets() const {
  std::string text;
  for (const Partition& partition : partitions_) {
    text += fmt::format("{}{}", text.empty() ? "" : " ", partition.replica->applied());
  }
  return text;
}

}  // namespace sagitta::db
