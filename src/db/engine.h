/// The Database behind the interface: owns the parts, and carries each request through them.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>

#include "sagitta/db/database.h"
#include "sagitta/kv/store.h"
#include "sagitta/log/log.h"
#include "sagitta/replica/replica.h"

#include "data_directory.h"
#include "statements.h"
#include "traces.h"
#include "work_limits.h"
#include "write_deadlines.h"

namespace sagitta::db {

class Engine;

/// One request on its way. Shared by whoever still has to do something for it; the last one to let go ends it.
struct Request {
  Request(Engine& engine_in, RequestOptions options_in, Done done_in);
  ~Request();
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  /// Answers, once; later calls do nothing. Thread-safe.
  void finish(Result<Answer> answer);
  /// `meter`: see EvalContext.
  plan::EvalContext eval(WorkMeter* meter) const;
  RequestContext context() const { return {options.deadline, trace.get()}; }

  Engine& engine;
  RequestOptions options;
  Done done;
  /// What the statement's markers are given, in marker order.
  std::vector<plan::BindValue> values;
  StatementPtr statement;
  std::shared_ptr<TraceSession> trace;
  int64_t now_us = 0;
  std::atomic<bool> finished{false};
};
using RequestPtr = std::shared_ptr<Request>;

/// Counts requests under way, so that stop() can wait for them. Thread-safe.
class Gate {
 public:
  /// False once closed.
  bool enter();
  void leave();
  void close();
  /// Waits until nobody is in; false after `seconds`.
  bool wait_empty(int64_t seconds);

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  uint64_t inside_ = 0;
  bool closed_ = false;
};

/// The user's schema and the same with system keyspaces, which is what statements are bound to.
struct SchemaPair {
  schema::SchemaPtr stored, full;
};

class Engine final : public Database {
 public:
  Engine(Options options, Environment environment, DataDirectory directory);
  ~Engine() override;
  /// Opens store, log and replica.
  Status start();

  bool ready() const override;
  Status stop() override;
  Result<PreparedPtr> prepare(std::string_view text, std::string_view keyspace) override;
  void query(std::string text, RequestOptions options, Done done) override;
  void execute(BytesView prepared_id, RequestOptions options, Done done) override;
  void batch(BatchKind kind, std::vector<BatchItem> items, RequestOptions options, Done done) override;
  Status check_keyspace(std::string_view keyspace) const override;
  std::shared_ptr<void> on_schema_change(std::function<void(const SchemaChangeEvent&)> listener) override;
  Budgets& budgets() override { return budgets_; }
  const Uuid& host_id() const override { return directory_.format.host_id; }
  std::map<std::string, std::string> state() const override;

 private:
  friend struct Request;
  using Schemas = std::shared_ptr<const SchemaPair>;

  Schemas schemas() const;
  /// Null (and answered) when the database is stopping.
  RequestPtr admit(RequestOptions options, Done done, std::string_view kind, std::string_view text);
  /// A prepared statement that fits the schema of now; kUnprepared.
  Result<StatementPtr> find_prepared(BytesView id, const schema::Schema& schema);

  // The parts of a request, in the order in which they happen; each answers on failure.
  /// Does a part of the request here, as long as that is little work (kWouldBlock), else on a worker,
  /// without a meter.
  template <class Part>
  void carry(const RequestPtr& request, Part part);
  void run_bound(const RequestPtr& request, Result<StatementPtr> statement);
  void run_batch(const RequestPtr& request, BatchKind kind, std::vector<BatchItem> items);
  Result<std::vector<plan::BatchEntry>> bind_batch(const Request& request, std::vector<BatchItem> items);
  Status run(const RequestPtr& request, WorkMeter* meter);
  Status run_schema(const RequestPtr& request);
  Status run_truncate(const RequestPtr& request, const plan::TruncatePlan& plan);
  Status run_write(const RequestPtr& request, const std::vector<rows::Mutation>& mutations);
  Status run_select(const RequestPtr& request, const std::shared_ptr<const plan::SelectPlan>& plan, WorkMeter* meter);
  void submit(const RequestPtr& request, log::Record record);
  void note_log_failure(const Error& error);
  /// Why the log takes no more writes, if so: one failed append stops it until the next start.
  std::optional<Error> log_failure() const;

  struct Read;
  using ReadPtr = std::shared_ptr<Read>;
  void read_here(const ReadPtr& read);
  void read_in_slices(const ReadPtr& read);
  /// True when the read is answered.
  bool read_slice(Read& read);
  void begin(Read& read, kv::ReadMode mode);
  Result<Answer> step(Read& read, kv::ReadMode mode);
  void note_ann(const Read& read);
  index::VectorIndexPtr serving_index(const index::VectorIndexSet& set, const plan::AnnQuery& ann) const;

  const Options options_;
  const Environment env_;
  Budgets budgets_;
  DataDirectory directory_;
  TimeUuidSource timeuuids_;
  TraceRing traces_;
  PreparedCache prepared_;
  Counter& ann_exact_;
  Counter& ann_graph_;
  Counter& ann_nodes_;
  Counter& blocked_reads_;
  Counter& wide_reads_;
  WorkPeak caller_work_, slice_work_;
  const std::shared_ptr<rows::PurgeHorizon> horizon_ = std::make_shared<rows::PurgeHorizon>();
  std::unique_ptr<kv::Store> store_;
  std::unique_ptr<log::Log> log_;
  std::unique_ptr<replica::Replica> replica_;
  mutable std::mutex schemas_mutex_;
  mutable Schemas schemas_;
  mutable std::mutex log_failure_mutex_;
  std::optional<Error> log_failure_;
  Gate gate_;
  std::mutex stop_mutex_;
  bool stopped_ = false;
  /// Last, so that its thread ends before what the requests use.
  WriteDeadlines write_deadlines_;
};

}  // namespace sagitta::db
