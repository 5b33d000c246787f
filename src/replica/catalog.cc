/// Applies the meta log.
#include "sagitta/replica/catalog.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "sagitta/base/assert.h"
#include "sagitta/base/listeners.h"
#include "sagitta/base/logging.h"
#include "sagitta/replica/records.h"

#include "halted.h"
#include "uuid_hash.h"
#include "waiters.h"

namespace sagitta::replica {
namespace {

constexpr size_t kReadBytes = size_t{4} << 20;
constexpr int64_t kReadWaitUs = 100'000;
/// How long the id of a request is remembered on the log's clock, as replicas do.
constexpr int64_t kRequestMemoryUs = 600'000'000;

class LogCatalog final : public Catalog {
 public:
  LogCatalog(log::Log& log, Loops& loops) : log_(log), loops_(loops) {}
  ~LogCatalog() override { stop(); }

  Status start() {
    const log::Bounds bounds = log_.bounds(0);
    if (bounds.begin != 0)
      return fail(ErrorCode::kCorruption, fmt::format("the meta log begins at {}, not at 0", bounds.begin));
    while (position_ < bounds.end) SAGITTA_CHECK(step(0));
    log_info("schema known", {{"version", schema()->version}, {"records", position_}});
    loop_ = loops_.start([this](int64_t wait_us) { return turn(wait_us); });
    return {};
  }

  void submit(log::Record record, ApplyDone done) override;
  schema::SchemaPtr schema() const override {
    std::lock_guard lock(mutex_);
    return schema_;
  }
  Result<log::RecordPtr> change(uint64_t version) const override;
  std::shared_ptr<void> on_schema_change(std::function<void(const schema::SchemaOutcome&)> listener) override {
    return listeners_.add(std::move(listener));
  }
  std::optional<Error> halted() const override {
    std::lock_guard lock(mutex_);
    return halted_;
  }
  int64_t log_clock_us() const override { return log_clock_us_; }
  void begin_stop() override { stopping_ = true; }
  void stop() override {
    begin_stop();
    loop_.reset();
    halt(Error(ErrorCode::kUnavailable, "the server is stopping"));
  }

 private:
  /// What became of a request.
  using Outcome = Result<ApplyResult>;

  bool turn(int64_t wait_us);
  Status step(int64_t wait_us);
  Status apply(const log::Entry& entry);
  Outcome outcome_of(const log::Entry& entry);
  Result<schema::SchemaOutcome> change(const log::Record& record) const;
  void remember(const log::Record& record, const Outcome& outcome);
  void halt(const Error& error);

  log::Log& log_;
  Loops& loops_;
  Waiters waiters_;
  Listeners<schema::SchemaOutcome> listeners_;
  std::atomic<bool> stopping_{false};

  // Of whoever applies.
  log::Offset position_ = 0;
  std::atomic<int64_t> log_clock_us_{INT64_MIN};
  std::unordered_map<Uuid, Outcome, UuidHash> remembered_;
  std::deque<std::pair<int64_t, Uuid>> remembered_until_;

  mutable std::mutex mutex_;  ///< guards what follows; whoever applies alone writes the first two
  schema::SchemaPtr schema_ = std::make_shared<const schema::Schema>();
  std::vector<log::RecordPtr> changes_;  ///< of version i + 1
  std::optional<Error> halted_;

  std::unique_ptr<Loop> loop_;
};

/// Errors of the record itself; others mean that the log cannot be understood.
bool is_outcome(ErrorCode code) { return code != ErrorCode::kCorruption && code != ErrorCode::kFormat; }

bool LogCatalog::turn(int64_t wait_us) {
  if (stopping_ || halted()) return false;
  const Status stepped = step(std::min(wait_us, kReadWaitUs));
  if (stepped || stopping_) return true;
  halt(stepped.error());
  log_error("schema changes halted", {{"offset", position_}, {"error", stepped.error().to_string()}});
  return false;
}

Status LogCatalog::step(int64_t wait_us) {
  SAGITTA_TRY(const std::vector<log::Entry> entries, log_.read(0, position_, kReadBytes, wait_us));
  for (const log::Entry& entry : entries) SAGITTA_CHECK(apply(entry));
  return {};
}

Status LogCatalog::apply(const log::Entry& entry) {
  log_clock_us_ = std::max<int64_t>(log_clock_us_, entry.record->log_time_us);
  const Outcome outcome = outcome_of(entry);
  if (!outcome && !is_outcome(outcome.error().code())) return fail(outcome);
  const bool is_new = outcome && outcome->schema && outcome->schema->schema != schema_;
  if (is_new) {
    std::lock_guard lock(mutex_);
    schema_ = outcome->schema->schema;
    changes_.push_back(entry.record);
  }
  position_ = entry.offset + 1;
  remember(*entry.record, outcome);
  if (is_new && outcome->schema->changed) listeners_.call(*outcome->schema);
  waiters_.complete(entry.record->request_id, outcome);
  return {};
}

LogCatalog::Outcome LogCatalog::outcome_of(const log::Entry& entry) {
  const log::Record& record = *entry.record;
  if (record.not_after_us != 0 && log_clock_us_ > record.not_after_us) {
    return fail(ErrorCode::kWriteTimeout, "the change reached the log after its deadline and was dropped");
  }
  ApplyResult result{.offset = entry.offset, .log_time_us = log_clock_us_};
  if (const auto known = remembered_.find(record.request_id); known != remembered_.end()) {
    if (!known->second) return known->second;
    result = *known->second;
    result.schema->schema = schema_;
    return result;
  }
  SAGITTA_TRY(result.schema, change(record));
  return result;
}

Result<schema::SchemaOutcome> LogCatalog::change(const log::Record& record) const {
  if (record.kind == log::RecordKind::kSchema) {
    SAGITTA_TRY(const auto change, schema::decode_schema_change(record.payload));
    return schema::apply(schema_, change);
  }
  if (record.kind != log::RecordKind::kTruncate) {
    return fail(ErrorCode::kCorruption,
                fmt::format("a record of kind {} is none of the meta log", static_cast<int>(record.kind)));
  }
  SAGITTA_TRY(const uint32_t table_id, decode_truncate(record.payload));
  if (schema_->find_table(table_id) == nullptr) return fail(ErrorCode::kInvalid, "the table was dropped meanwhile");
  return schema::SchemaOutcome{.schema = schema::next_version(*schema_)};
}

void LogCatalog::remember(const log::Record& record, const Outcome& outcome) {
  for (; !remembered_until_.empty() && remembered_until_.front().first < log_clock_us_; remembered_until_.pop_front()) {
    remembered_.erase(remembered_until_.front().second);
  }
  if (!remembered_.try_emplace(record.request_id, outcome).second) return;
  remembered_until_.emplace_back(log_clock_us_ + kRequestMemoryUs, record.request_id);
}

void LogCatalog::submit(log::Record record, ApplyDone done) {
  if (const auto error = halted()) return done(std::unexpected(*error));
  const Uuid id = record.request_id;
  SAGITTA_ASSERT(!id.is_nil());
  if (!waiters_.add(id, std::move(done))) return;
  log_.append(0, std::move(record), [this, id](Result<log::Offset> appended) {
    if (!appended) return waiters_.complete(id, std::unexpected(appended.error()));
    if (const auto error = halted()) waiters_.complete(id, std::unexpected(open_outcome(*error)));
  });
}

Result<log::RecordPtr> LogCatalog::change(uint64_t version) const {
  std::lock_guard lock(mutex_);
  if (version > 0 && version <= changes_.size()) return changes_[version - 1];
  return fail(ErrorCode::kCorruption,
              fmt::format("version {} of the schema is needed, but the meta log ends at {}", version, changes_.size()));
}

void LogCatalog::halt(const Error& error) {
  {
    std::lock_guard lock(mutex_);
    if (!halted_) halted_ = halted_by(error);
  }
  waiters_.fail_all(open_outcome(*halted()));
}

}  // namespace

Result<std::unique_ptr<Catalog>> Catalog::open(log::Log& log, Loops& loops) {
  auto catalog = std::make_unique<LogCatalog>(log, loops);
  SAGITTA_CHECK(catalog->start());
  return std::unique_ptr<Catalog>(std::move(catalog));
}

}  // namespace sagitta::replica
