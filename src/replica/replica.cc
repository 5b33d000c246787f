#include "sagitta/replica/replica.h"

#include "sagitta/base/logging.h"

#include "lane.h"
#include "partition_replica.h"

namespace sagitta::replica {
namespace {

/// A partition, and the lane that applies it: one of others, or its own.
class LogReplica final : public Replica {
 public:
  LogReplica(const Environment& environment, const Options& options, Lanes* lanes)
      : env_(environment),
        options_(options),
        partition_(environment, options),
        own_lanes_(lanes != nullptr ? nullptr : make_lanes(environment, options)),
        lane_((lanes != nullptr ? lanes : own_lanes_.get())->of(environment.partition)) {}
  ~LogReplica() override { (void)stop(); }

  Status start() {
    SAGITTA_CHECK(partition_.load());
    loaded_ = true;
    const log::Offset first = applied();
    SAGITTA_CHECK(lane_.add(partition_, options_.on_replay));
    log_info("replica started", {{"partition", env_.partition},
                                 {"replayed", applied() - first},
                                 {"offset", applied()},
                                 {"schema_version", schema()->version}});
    if (own_lanes_ != nullptr) own_lanes_->start();
    return {};
  }

  void submit(log::Record record, ApplyDone done) override { partition_.submit(std::move(record), std::move(done)); }
  schema::SchemaPtr schema() const override { return partition_.schema(); }
  index::IndexSetPtr indexes() const override { return partition_.indexes(); }
  rows::ReadView read_view(int64_t now_s, kv::ReadMode mode) const override {
    return partition_.read_view(now_s, mode);
  }
  std::shared_ptr<void> on_schema_change(std::function<void(const schema::SchemaOutcome&)> listener) override {
    return partition_.on_schema_change(std::move(listener));
  }
  std::optional<Error> halted() const override { return partition_.halted(); }
  log::Offset applied() const override { return partition_.position(); }
  int64_t log_clock_us() const override { return partition_.log_clock_us(); }
  int64_t server_clock_us() const override { return partition_.server_clock_us(); }
  bool indexes_ready() const override { return partition_.indexes_ready(); }
  Status flush() override { return partition_.flush(); }

  void begin_stop() override { lane_.begin_stop(); }
  Status stop() override {
    if (stopped_.exchange(true)) return {};
    lane_.stop();
    partition_.stop_indexes(!halted());  // first: a flush may wait behind a build for a worker
    lane_.wait_for_flush(partition_);
    partition_.halt(Error(ErrorCode::kUnavailable, "the server is stopping"));
    return loaded_ ? env_.store.flush() : Status();
  }

 private:
  static std::unique_ptr<Lanes> make_lanes(const Environment& environment, const Options& options) {
    return std::make_unique<Lanes>(Lanes::Environment{environment.log, environment.clock, environment.workers}, options,
                                   1);
  }

  const Environment env_;
  const Options options_;
  PartitionReplica partition_;
  const std::unique_ptr<Lanes> own_lanes_;
  Lane& lane_;
  bool loaded_ = false;
  std::atomic<bool> stopped_{false};
};

}  // namespace

Result<std::unique_ptr<Replica>> Replica::open(Environment environment, Options options, Lanes* lanes) {
  auto replica = std::make_unique<LogReplica>(environment, options, lanes);
  SAGITTA_CHECK(replica->start());
  return std::unique_ptr<Replica>(std::move(replica));
}

}  // namespace sagitta::replica
