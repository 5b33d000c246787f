/// Opens, stops and counts over all partitions; chooses among them.
#include "partitions.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "sagitta/base/assert.h"
#include "sagitta/log/local_log.h"
#include "sagitta/types/token.h"

#include "open_log.h"

namespace sagitta::db {
namespace {

constexpr uint64_t kFlushBytesMin = uint64_t{4} << 20;
constexpr size_t kLanesMax = 8;

}  // namespace

Partitions::Partitions(const Options& options, const Environment& environment, Budgets& budgets)
    : options_(options), env_(environment), budgets_(budgets), meta_(environment, partitions_) {}

Status Partitions::open(const DataDirectory& directory) {
  partitions_.resize(directory.format.partitions);
  SAGITTA_CHECK(open_log(directory));
  SAGITTA_CHECK(meta_.open(directory));
  SAGITTA_CHECK(share_rocks());
  indexes_ = std::make_unique<index::SharedIndexes>(
      index::SharedIndexes::Environment{env_.workers, budgets_.fresh_lists, env_.metrics, env_.clock},
      index::SnapshotPlace{&env_.files, directory.index_path(), options_.index_changes_min}, log_->partitions());
  for (size_t i = 0; i < partitions_.size(); ++i) {
    partitions_[i].number = static_cast<log::Partition>(i);
    SAGITTA_CHECK(open(directory, partitions_[i]));
  }
  lanes_->start();
  return meta_.bring_up();
}

/// What is flushed together, and kept in the log until then, is the partitions' together.
replica::Options Partitions::replica_options() const {
  replica::Options options{.sweeps = {.at_once = options_.rows_deleted_at_once}};
  options.flush_bytes =
      std::max<uint64_t>(options.flush_bytes / std::max<size_t>(partitions_.size(), 1), kFlushBytesMin);
  return options;
}

size_t Partitions::lane_count(size_t partitions) const {
  const size_t wanted = options_.lanes > 0 ? options_.lanes : std::thread::hardware_concurrency() / 2;
  return std::clamp<size_t>(wanted, 1, std::min<size_t>(partitions, kLanesMax));
}

Status Partitions::open_log(const DataDirectory& directory) {
  log::LocalOptions log;
  log.directory = directory.log_path();
  log.partitions = static_cast<log::Partition>(directory.format.partitions);
  log.segment_bytes = options_.log_segment_bytes;
  SAGITTA_TRY(log_, sagitta::db::open_log(env_, LogRole::kData, log));
  SAGITTA_ASSERT(log_->partitions() == directory.format.partitions);
  lanes_ = std::make_unique<replica::Lanes>(replica::Lanes::Environment{*log_, env_.clock, env_.workers, env_.loops},
                                            replica_options(), lane_count(directory.format.partitions));
  return {};
}

Status Partitions::open(const DataDirectory& directory, Partition& partition) {
  SAGITTA_CHECK(open_store(directory, partition));
  replica::Options options = replica_options();
  uint64_t replayed = 0;
  options.on_replay = [&](const replica::ReplayProgress& progress) {
    replayed = progress.applied;
    if (options_.on_replay) options_.on_replay(replayed_ + progress.applied, replayed_ + progress.all);
  };
  SAGITTA_TRY(partition.replica, replica::Replica::open({*partition.store,
                                                         *log_,
                                                         env_.clock,
                                                         env_.metrics,
                                                         env_.workers,
                                                         budgets_.fresh_lists,
                                                         partition.horizon.get(),
                                                         {},
                                                         partition.number,
                                                         indexes_.get(),
                                                         meta_.source()},
                                                        std::move(options), lanes_.get()));
  replayed_ += replayed;
  return {};
}

Status Partitions::share_rocks() {
  if (options_.memory_store || env_.storage != nullptr) return {};
  const kv::RocksOptions stores{.stores = partitions_.size(),
                                .block_cache_bytes = options_.budgets.block_cache_bytes * 3 / 4,
                                .memtable_bytes = options_.budgets.block_cache_bytes / 8};
  SAGITTA_TRY(rocks_, kv::share_rocks(env_.files, stores, budgets_.block_cache));
  return {};
}

Status Partitions::open_store(const DataDirectory& directory, Partition& partition) const {
  const auto filters = [horizon = partition.horizon] { return horizon->filter(); };
  if (env_.storage != nullptr) {
    SAGITTA_TRY(partition.store, env_.storage->open_store(partition.number, filters));
    return {};
  }
  if (options_.memory_store) {
    partition.store = kv::make_memory_store(filters);
    return {};
  }
  SAGITTA_TRY(partition.store, kv::open_rocks_store(rocks_, directory.store_path(partition.number), filters));
  return {};
}

Status Partitions::stop() {
  if (lanes_ != nullptr) lanes_->begin_stop();
  if (log_ != nullptr) log_->stop();
  meta_.stop();
  if (lanes_ != nullptr) lanes_->stop();
  // Before the replicas: a flush may wait behind a build for a worker.
  if (indexes_ != nullptr) indexes_->stop(!first_halted());
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
  indexes_.reset();
  lanes_.reset();
  meta_.close();
  log_.reset();
  partitions_.clear();
  rocks_.reset();
}

const Partition& Partitions::of_key(BytesView partition_key) const {
  if (partitions_.size() == 1) return partitions_.front();
  return partitions_[types::partition_of(types::token_of(partition_key), partitions_.size())];
}

const Partition* Partitions::of_write(std::span<const rows::Mutation> mutations) const {
  const Partition* first = &of_key(mutations.front().partition_key);
  const auto is_elsewhere = [&](const rows::Mutation& mutation) { return &of_key(mutation.partition_key) != first; };
  return std::ranges::any_of(mutations, is_elsewhere) ? nullptr : first;
}

std::vector<Partitions::Piece> Partitions::split(std::vector<rows::Mutation> mutations) const {
  std::map<log::Partition, Piece> pieces;
  for (rows::Mutation& mutation : mutations) {
    const Partition& partition = of_key(mutation.partition_key);
    Piece& piece = pieces[partition.number];
    piece.partition = &partition;
    piece.mutations.push_back(std::move(mutation));
  }
  std::vector<Piece> all;
  for (auto& [number, piece] : pieces) all.push_back(std::move(piece));
  return all;
}

int64_t Partitions::log_clock_us() const {
  int64_t newest_us = meta_.log_clock_us();
  for (const Partition& partition : partitions_) newest_us = std::max(newest_us, partition.replica->log_clock_us());
  return newest_us;
}

std::optional<Error> Partitions::halted() const {
  auto halted = first_halted();
  return halted ? halted : meta_.halted();
}

std::optional<Error> Partitions::first_halted() const {
  for (const Partition& partition : partitions_) {
    auto halted = partition.replica == nullptr ? std::nullopt : partition.replica->halted();
    if (halted) return halted;
  }
  return std::nullopt;
}

std::optional<kv::RocksShared::CacheUse> Partitions::block_cache() const {
  if (rocks_ == nullptr) return std::nullopt;
  return rocks_->block_cache();
}

Partitions::IndexCount Partitions::count_indexes() const {
  IndexCount count;
  const auto set = indexes();
  count.all = set->indexes.size();
  for (const auto& [id, index] : set->indexes) {
    count.building += index->state() == index::Reader::State::kBuilding;
    count.full += index->state() == index::Reader::State::kFull;
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
