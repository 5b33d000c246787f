/// The Database behind the interface: puts the stages of a request together.
///
///   admit → bind → authorise → complete → append | read → answer
///
/// Each stage is a class of its own. A request goes from one to the next on whatever thread is at
/// hand: its caller's, a worker's, the completer's, the applier's.
#pragma once

#include <memory>
#include <mutex>

#include "sagitta/db/database.h"

#include "admission.h"
#include "authorisation.h"
#include "binder.h"
#include "clients.h"
#include "completion.h"
#include "data_directory.h"
#include "partitions.h"
#include "reader.h"
#include "request.h"
#include "schemas.h"
#include "traces.h"
#include "write_deadlines.h"
#include "writer.h"

namespace sagitta::db {

class Engine final : public Database {
 public:
  Engine(Options options, Environment environment, DataDirectory directory);
  ~Engine() override;
  /// Opens the partitions.
  Status start();

  bool ready() const override;
  Status stop() override;
  Result<PreparedPtr> prepare(std::string_view text, std::string_view keyspace, const Identity& who) override;
  void query(std::string text, RequestOptions options, Done done) override;
  void execute(BytesView prepared_id, RequestOptions options, Done done) override;
  void batch(BatchKind kind, std::vector<BatchItem> items, RequestOptions options, Done done) override;
  ClientPtr connect(std::string address, uint16_t port) override { return clients_.connect(std::move(address), port); }
  Status check_keyspace(std::string_view keyspace) const override;
  std::shared_ptr<void> on_schema_change(std::function<void(const SchemaChangeEvent&)> listener) override;
  Budgets& budgets() override { return budgets_; }
  const Uuid& host_id() const override { return directory_.format.host_id; }
  std::map<std::string, std::string> state() const override;
  Result<std::vector<index::IndexCheck>> verify() const override;

 private:
  Status begin_timeuuids();
  // The way of a request behind its admission; each part answers on failure.
  void run_bound(const RequestPtr& request, Result<StatementPtr> bound);
  void run_batch(const RequestPtr& request, BatchKind kind, std::vector<BatchItem> items);
  /// Each statement bound, authorised, and with its values.
  Result<std::vector<plan::BatchEntry>> bind_batch(Request& request, std::vector<BatchItem> items);
  /// Does a part of the request here, as long as that is little work (kWouldBlock), else on a
  /// worker, without a meter.
  template <class Part>
  void carry(const RequestPtr& request, Part part);
  Status run(const RequestPtr& request, WorkMeter* meter);
  Status run_write(const RequestPtr& request, WorkMeter* meter);
  void write(const RequestPtr& request, plan::Write write);

  const Options options_;
  const Environment env_;
  Budgets budgets_;
  DataDirectory directory_;
  TimeUuidSource timeuuids_;
  TraceRing traces_;
  Partitions partitions_;
  Schemas schemas_;
  Clients clients_;
  SlowQueries slow_queries_;
  Admission admission_;
  Binder binder_;
  Authorisation authorisation_;
  Reader reader_;
  std::mutex stop_mutex_;
  bool stopped_ = false;
  /// Behind what the requests use: its loop ends first.
  WriteDeadlines deadlines_;
  LoggedBatches batches_;
  Writer writer_;
  Completion completion_;
};

}  // namespace sagitta::db
