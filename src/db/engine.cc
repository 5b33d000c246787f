#include "engine.h"

#include <fmt/format.h>

#include <algorithm>

#include "sagitta/base/logging.h"
#include "sagitta/log/local_log.h"

#include "system_tables.h"

namespace sagitta::db {
namespace {

constexpr int64_t kDrainSeconds = 10;
/// How far the timeuuids of an earlier process may have run ahead of the log's clock.
constexpr int64_t kTimeuuidGapUs = 1000;
constexpr std::string_view kAnnHelp = "ANN queries, by how they were answered";

Gauge& work_gauge(MetricsRegistry& metrics, const char* thread) {
  return metrics.gauge("sagitta_read_work_max", "The most units of work that a read did in one go, by thread",
                       {{"thread", thread}});
}

Status no_such_keyspace(std::string_view keyspace) {
  return fail(ErrorCode::kInvalid, fmt::format("Keyspace '{}' does not exist", keyspace));
}

/// The values of a request in marker order; what binds them checks them.
Result<std::vector<plan::BindValue>> arrange(const plan::Plan& plan, std::vector<BoundValue> given) {
  const bool named = !given.empty() && !given.front().name.empty();
  std::vector<plan::BindValue> values;
  if (named) {
    std::vector<std::pair<std::string, plan::BindValue>> pairs;
    for (auto& one : given) pairs.emplace_back(std::move(one.name), plan::BindValue{std::move(one.value), one.unset});
    SAGITTA_TRY(values, plan::arrange_named(plan, pairs));
  } else {
    for (auto& one : given) values.push_back({std::move(one.value), one.unset});
  }
  return values;
}

Error unprepared(BytesView id) {
  return {ErrorCode::kUnprepared,
          fmt::format("Prepared query with ID {} not found (either the query was not prepared on this host "
                      "(maybe the host has been restarted?) or you have prepared too many queries and it "
                      "has been evicted from the internal cache)",
                      to_hex(id).substr(2)),
          std::string(id)};
}

Status check_writable(const BoundStatement& statement) {
  const std::string& keyspace = statement.plan->keyspace;
  if (!is_system_keyspace(keyspace)) return {};
  return fail(ErrorCode::kUnauthorized, fmt::format("{} keyspace is not user-modifiable.", keyspace));
}

}  // namespace

Budgets::Budgets(const BudgetOptions& options)
    : root("root", options.root_bytes),
      sessions("sessions", options.sessions_bytes, &root),
      frames("frames", options.frames_bytes, &root),
      prepared("prepared", options.prepared_bytes, &root),
      fresh_lists("fresh_lists", options.fresh_lists_bytes, &root),
      block_cache("block_cache", options.block_cache_bytes, &root) {}

Result<std::unique_ptr<Database>> Database::open(Options options, Environment environment) {
  SAGITTA_TRY(DataDirectory directory, open_data_directory(environment.files, options.data_dir, environment.random));
  auto engine = std::make_unique<Engine>(std::move(options), environment, std::move(directory));
  SAGITTA_CHECK(engine->start());
  return std::unique_ptr<Database>(std::move(engine));
}

Engine::Engine(Options options, Environment environment, DataDirectory directory)
    : options_(std::move(options)),
      env_(environment),
      budgets_(options_.budgets),
      directory_(std::move(directory)),
      timeuuids_(env_.clock, env_.random),
      traces_(env_.clock, timeuuids_),
      prepared_(budgets_.prepared, env_.metrics),
      ann_exact_(env_.metrics.counter("sagitta_ann_queries_total", std::string(kAnnHelp), {{"path", "exact"}})),
      ann_graph_(env_.metrics.counter("sagitta_ann_queries_total", std::string(kAnnHelp), {{"path", "graph"}})),
      ann_nodes_(
          env_.metrics.counter("sagitta_ann_nodes_visited_total", "Graph nodes whose links ANN queries followed")),
      blocked_reads_(env_.metrics.counter("sagitta_reads_blocked_total",
                                          "Reads that did not find everything in memory and went to a worker")),
      wide_reads_(env_.metrics.counter("sagitta_reads_wide_total", "Reads of many rows, done in slices on workers")),
      caller_work_(work_gauge(env_.metrics, "session")),
      slice_work_(work_gauge(env_.metrics, "worker")),
      write_deadlines_(env_.clock) {}

Engine::~Engine() {
  if (auto stopped = stop(); !stopped) log_error("stopping failed", {{"error", stopped.error().to_string()}});
}

Status Engine::start() {
  const auto filters = [horizon = horizon_] { return horizon->filter(); };
  if (options_.memory_store) {
    store_ = kv::make_memory_store(filters);
  } else {
    kv::RocksOptions store;
    store.directory = directory_.store_path();
    store.block_cache_bytes = options_.budgets.block_cache_bytes * 3 / 4;
    store.memtable_bytes = options_.budgets.block_cache_bytes / 8;
    SAGITTA_TRY(store_, kv::open_rocks_store(env_.files, store, budgets_.block_cache, filters));
  }
  log::LocalOptions log;
  log.directory = directory_.log_path();
  log.segment_bytes = options_.log_segment_bytes;
  SAGITTA_TRY(log_, log::open_local_log(env_.files, env_.clock, env_.metrics, log));
  replica::Options replica{.sweeps = {.at_once = options_.rows_deleted_at_once}};
  if (options_.on_replay) {
    replica.on_replay = [this](const replica::ReplayProgress& p) { options_.on_replay(p.applied, p.all); };
  }
  SAGITTA_TRY(replica_, replica::Replica::open({*store_,
                                                *log_,
                                                env_.clock,
                                                env_.metrics,
                                                env_.workers,
                                                budgets_.fresh_lists,
                                                horizon_.get(),
                                                {&env_.files, directory_.index_path(), options_.index_changes_min}},
                                               std::move(replica)));
  timeuuids_.start_at(replica_->log_clock_us() + kTimeuuidGapUs);
  return {};
}

bool Engine::ready() const { return replica_->indexes_ready() && !replica_->halted() && !log_failure(); }

Status Engine::stop() {
  std::lock_guard lock(stop_mutex_);
  if (std::exchange(stopped_, true)) return {};
  gate_.close();
  const bool drained = gate_.wait_empty(kDrainSeconds);
  Status status;
  if (replica_ != nullptr) status = replica_->stop();
  if (log_ != nullptr) log_->stop();
  // Requests that were too slow have been failed by the replica, or are reads that end by themselves.
  while (!drained && !gate_.wait_empty(kDrainSeconds)) log_warn("waiting for requests to end");
  replica_.reset();
  log_.reset();
  store_.reset();
  directory_.lock.reset();
  return status;
}

Engine::Schemas Engine::schemas() const {
  schema::SchemaPtr stored = replica_->schema();
  std::lock_guard lock(schemas_mutex_);
  if (schemas_ == nullptr || schemas_->stored != stored) {
    // Two threads may come with different versions; the newer one stays.
    auto pair = std::make_shared<const SchemaPair>(SchemaPair{stored, with_system_keyspaces(*stored)});
    if (schemas_ != nullptr && schemas_->stored->version > stored->version) return pair;
    schemas_ = std::move(pair);
  }
  return schemas_;
}

RequestPtr Engine::admit(RequestOptions options, Done done, std::string_view kind, std::string_view text) {
  if (!gate_.enter()) {
    done(fail(ErrorCode::kUnavailable, "the database is stopping"));
    return nullptr;
  }
  auto request = std::make_shared<Request>(*this, std::move(options), std::move(done));
  if (request->options.tracing) {
    std::map<std::string, std::string> parameters = {
        {"query", std::string(text)},
        {"consistency_level", std::string(to_string(request->options.consistency))},
        {"page_size", fmt::format("{}", request->options.page_size)}};
    request->trace = traces_.begin(request->options.client_address, std::string(kind), std::move(parameters));
  }
  return request;
}

Result<PreparedPtr> Engine::prepare(std::string_view text, std::string_view keyspace) {
  if (!gate_.enter()) return fail(ErrorCode::kUnavailable, "the database is stopping");
  auto prepared = [&]() -> Result<PreparedPtr> {
    const Schemas schemas = this->schemas();
    SAGITTA_TRY(StatementPtr statement, bind_statement(*schemas->full, text, keyspace));
    const StatementPtr known = prepared_.find(statement->id);
    if (known != nullptr && known->plan->schema_version == schemas->full->version) return PreparedPtr(known);
    if (known != nullptr) {
      SAGITTA_TRY(statement, bind_statement(*schemas->full, text, keyspace, known.get()));
    }
    SAGITTA_CHECK(prepared_.put(statement));
    return PreparedPtr(statement);
  }();
  gate_.leave();
  return prepared;
}

Result<StatementPtr> Engine::find_prepared(BytesView id, const schema::Schema& schema) {
  StatementPtr statement = prepared_.find(id);
  if (statement == nullptr) return std::unexpected(unprepared(id));
  if (statement->plan->schema_version == schema.version) return statement;
  auto bound = bind_statement(schema, statement->text, statement->keyspace, statement.get());
  // Another id: whoever holds this one binds values of types that the markers no longer have. One that cannot be bound
  // is asked for again too, and its client told why.
  if (!bound || (*bound)->id != id) {
    prepared_.remove(id);
    return std::unexpected(unprepared(id));
  }
  SAGITTA_CHECK(prepared_.put(*bound));
  return bound;
}

template <class Part>
void Engine::carry(const RequestPtr& request, Part part) {
  WorkMeter meter(options_.work.caller);
  const Status done = part(&meter);
  if (done) return;
  if (done.error().code() != ErrorCode::kWouldBlock) return request->finish(fail(done));
  env_.workers.post([request, part] {
    if (const Status again = part(nullptr); !again) request->finish(fail(again));
  });
}

void Engine::run_bound(const RequestPtr& request, Result<StatementPtr> statement) {
  if (!statement) return request->finish(fail(statement));
  request->statement = *std::move(statement);
  auto values = arrange(*request->statement->plan, std::exchange(request->options.values, {}));
  if (!values) return request->finish(fail(values));
  request->values = *std::move(values);
  carry(request, [this, request](WorkMeter* meter) { return run(request, meter); });
}

void Engine::query(std::string text, RequestOptions options, Done done) {
  auto request = admit(std::move(options), std::move(done), "Execute CQL3 query", text);
  if (request == nullptr) return;
  const bool is_long = text.size() > kCallerTextBytes;
  auto work = [this, request, text = std::move(text)] {
    run_bound(request, bind_statement(*schemas()->full, text, request->options.keyspace));
  };
  is_long ? env_.workers.post(std::move(work)) : work();
}

void Engine::execute(BytesView prepared_id, RequestOptions options, Done done) {
  const StatementPtr known = prepared_.find(prepared_id);
  auto request = admit(std::move(options), std::move(done), "Execute CQL3 prepared query", known ? known->text : "");
  if (request == nullptr) return;
  if (known == nullptr || known->text.size() <= kCallerTextBytes) {
    return run_bound(request, find_prepared(prepared_id, *schemas()->full));
  }
  // Its literals are evaluated each time, and after a change of the schema it is parsed again.
  env_.workers.post(
      [this, request, id = Bytes(prepared_id)] { run_bound(request, find_prepared(id, *schemas()->full)); });
}

Result<std::vector<plan::BatchEntry>> Engine::bind_batch(const Request& request, std::vector<BatchItem> items) {
  const Schemas schemas = this->schemas();
  std::vector<plan::BatchEntry> entries;
  for (BatchItem& item : items) {
    auto statement = item.prepared_id.empty() ? bind_statement(*schemas->full, item.text, request.options.keyspace)
                                              : find_prepared(item.prepared_id, *schemas->full);
    if (!statement) return fail(statement);
    SAGITTA_CHECK(check_writable(**statement));
    SAGITTA_TRY(auto values, arrange(*(*statement)->plan, std::move(item.values)));
    entries.push_back({(*statement)->plan, std::move(values)});
  }
  return entries;
}

void Engine::run_batch(const RequestPtr& request, BatchKind kind, std::vector<BatchItem> items) {
  auto bound = bind_batch(*request, std::move(items));
  if (!bound) return request->finish(fail(bound));
  const bool many_keys =
      std::ranges::any_of(*bound, [](const auto& entry) { return plan::names_many_keys(*entry.plan); });
  auto write = [this, request, kind, entries = *std::move(bound)]() mutable {
    const Status written = [&]() -> Status {
      SAGITTA_TRY(auto mutations, plan::make_batch(kind, entries, request->eval(nullptr)));
      return run_write(request, mutations);
    }();
    if (!written) request->finish(fail(written));
  };
  many_keys ? env_.workers.post(std::move(write)) : write();
}

void Engine::batch(BatchKind kind, std::vector<BatchItem> items, RequestOptions options, Done done) {
  auto request = admit(std::move(options), std::move(done), "Execute batch of CQL3 queries", "");
  if (request == nullptr) return;
  size_t text_bytes = 0;
  for (const BatchItem& item : items) text_bytes += item.text.size();
  if (items.size() <= kCallerBatchItems && text_bytes <= kCallerTextBytes) {
    return run_batch(request, kind, std::move(items));
  }
  env_.workers.post(
      [this, request, kind, items = std::move(items)]() mutable { run_batch(request, kind, std::move(items)); });
}

Status Engine::check_keyspace(std::string_view keyspace) const {
  if (schemas()->full->find_keyspace(keyspace) == nullptr) return no_such_keyspace(keyspace);
  return {};
}

std::shared_ptr<void> Engine::on_schema_change(std::function<void(const SchemaChangeEvent&)> listener) {
  return replica_->on_schema_change([listener = std::move(listener)](const schema::SchemaOutcome& outcome) {
    if (!outcome.changed) return;
    const auto& event = outcome.event;
    listener({event.change, event.target, event.keyspace, event.name, {}});
  });
}

std::map<std::string, std::string> Engine::state() const {
  size_t tables = 0;
  const schema::SchemaPtr schema = replica_->schema();
  for (const auto& [name, keyspace] : schema->keyspaces) tables += keyspace->tables.size();
  size_t building = 0;
  const auto indexes = replica_->vector_indexes();
  for (const auto& [id, index] : indexes->indexes) building += index->state() == index::VectorIndex::State::kBuilding;
  std::map<std::string, std::string> state = {{"applied", fmt::format("{}", replica_->applied())},
                                              {"tables", fmt::format("{}", tables)},
                                              {"prepared", fmt::format("{}", prepared_.size())},
                                              {"indexes", fmt::format("{}", indexes->indexes.size())},
                                              {"indexes_building", fmt::format("{}", building)}};
  if (auto halted = replica_->halted()) state["halted"] = halted->to_string();
  if (auto failure = log_failure()) state["log"] = "takes no writes until a restart: " + failure->to_string();
  return state;
}

Status Engine::run(const RequestPtr& request, WorkMeter* meter) {
  const plan::Plan& plan = *request->statement->plan;
  if (const auto* select = std::get_if<std::shared_ptr<const plan::SelectPlan>>(&plan.body)) {
    return run_select(request, *select, meter);
  }
  if (const auto* use = std::get_if<plan::UsePlan>(&plan.body)) {
    SAGITTA_CHECK(plan::check_values(plan, request->values));
    SAGITTA_CHECK(check_keyspace(use->keyspace));
    request->finish(Answer{SetKeyspace{use->keyspace}, {}, {}});
    return {};
  }
  SAGITTA_CHECK(check_writable(*request->statement));
  const bool changes_schema = std::holds_alternative<plan::SchemaPlan>(plan.body);
  const auto* truncate = std::get_if<plan::TruncatePlan>(&plan.body);
  if (changes_schema || truncate != nullptr) {
    SAGITTA_CHECK(plan::check_values(plan, request->values));
    return changes_schema ? run_schema(request) : run_truncate(request, *truncate);
  }
  // Many keys are put together here as far as that is little work: then again, from the same values.
  const bool may_yield = meter != nullptr && plan::names_many_keys(plan);
  plan::EvalContext eval = request->eval(may_yield ? meter : nullptr);
  if (!may_yield) eval.takeable = request->values;
  SAGITTA_TRY(auto mutations, plan::make_mutations(plan, eval));
  return run_write(request, mutations);
}

}  // namespace sagitta::db
