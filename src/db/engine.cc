/// The way of each kind of request through the stages; start, stop, and what is said of the state.
#include "engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sagitta/base/logging.h"

#include "describe.h"
#include "verify.h"
#include "work_limits.h"

namespace sagitta::db {
namespace {

constexpr int64_t kDrainSeconds = 10;
/// How far the timeuuids of an earlier process may have run ahead of the log's clock.
constexpr int64_t kTimeuuidGapUs = 1000;

}  // namespace

Budgets::Budgets(const BudgetOptions& options)
    : root("root", options.root_bytes),
      sessions("sessions", options.sessions_bytes, &root),
      frames("frames", options.frames_bytes, &root),
      prepared("prepared", options.prepared_bytes, &root),
      fresh_lists("fresh_lists", options.fresh_lists_bytes, &root),
      block_cache("block_cache", options.block_cache_bytes, &root) {}

Result<std::unique_ptr<Database>> Database::open(Options options, Environment environment) {
  SAGITTA_TRY(DataDirectory directory,
              open_data_directory(environment.files, options.data_dir, environment.random, options.partitions));
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
      partitions_(options_, env_, budgets_),
      schemas_(partitions_),
      slow_queries_(options_.slow_query_us, env_.clock, env_.metrics),
      admission_({env_.clock, env_.random, timeuuids_}, traces_, env_.loops, slow_queries_),
      binder_(schemas_, budgets_, env_.metrics),
      authorisation_(env_.authoriser, schemas_),
      reader_(options_, env_, partitions_, schemas_,
              {options_, directory_.format.host_id, budgets_, partitions_, traces_, clients_, admission_, binder_}),
      deadlines_(env_.clock, env_.loops),
      batches_(env_, partitions_),
      writer_(env_, partitions_, schemas_, deadlines_, budgets_.fresh_lists, batches_),
      completion_(env_.completer, schemas_, deadlines_, writer_) {}

Engine::~Engine() {
  if (auto stopped = stop(); !stopped) log_error("stopping failed", {{"error", stopped.error().to_string()}});
}

Status Engine::start() {
  SAGITTA_CHECK(partitions_.open(directory_));
  if (partitions_.all().size() > 1) SAGITTA_CHECK(batches_.open(directory_));
  return begin_timeuuids();
}

// Those of earlier processes are older than the log's clock but for a little. Where the clock is
// behind that, each start goes on from where the one before it began.
Status Engine::begin_timeuuids() {
  int64_t from_us = partitions_.log_clock_us() + kTimeuuidGapUs;
  if (from_us > env_.clock.now_us()) {
    from_us = std::max(partitions_.log_clock_us(), directory_.format.timeuuids_from_us) + kTimeuuidGapUs;
    directory_.format.timeuuids_from_us = from_us;
    SAGITTA_CHECK(save_format(env_.files, directory_));
  }
  timeuuids_.start_at(from_us);
  return {};
}

bool Engine::ready() const { return partitions_.indexes_ready() && !partitions_.halted() && !writer_.log_failure(); }

Status Engine::stop() {
  std::lock_guard lock(stop_mutex_);
  if (std::exchange(stopped_, true)) return {};
  admission_.close();
  const bool drained = admission_.wait_empty(kDrainSeconds);
  Status status = partitions_.stop();
  batches_.stop();
  // Requests that were too slow have been failed by the replicas, or end by themselves: reads, and
  // writes that are being completed.
  while (!drained && !admission_.wait_empty(kDrainSeconds)) log_warn("waiting for requests to end");
  batches_.close();
  partitions_.close();
  directory_.lock.reset();
  return status;
}

Result<PreparedPtr> Engine::prepare(std::string_view text, std::string_view keyspace, const Identity& who) {
  SAGITTA_CHECK(admission_.enter());
  auto prepared = [&]() -> Result<PreparedPtr> {
    SAGITTA_TRY(StatementPtr bound, binder_.bind_to_prepare(text, keyspace));
    SAGITTA_TRY(const Permitted statement, authorisation_.permit(who, std::move(bound)));
    SAGITTA_CHECK(binder_.prepare(statement));
    return PreparedPtr(statement.share());
  }();
  admission_.leave();
  return prepared;
}

void Engine::query(std::string text, RequestOptions options, Done done) {
  const bool is_long = text.size() > kCallerTextBytes;
  auto request = admission_.admit({.words = std::move(text)}, std::move(options), std::move(done));
  if (request == nullptr) return;
  auto work = [this, request] {
    run_bound(request, binder_.bind(request->asked.words, request->options.keyspace, request->charges));
  };
  is_long ? env_.workers.post(std::move(work)) : work();
}

void Engine::execute(BytesView prepared_id, RequestOptions options, Done done) {
  const StatementPtr known = binder_.find_any(prepared_id);
  auto request =
      admission_.admit({.kind = Asked::Kind::kPrepared, .prepared = known}, std::move(options), std::move(done));
  if (request == nullptr) return;
  if (known == nullptr || known->text.size() <= kCallerTextBytes) {
    return run_bound(request, binder_.fit(known, prepared_id));
  }
  // Its literals are evaluated each time, and after a change of the schema it is parsed again.
  env_.workers.post([this, request] {
    const StatementPtr& prepared = request->asked.prepared;
    run_bound(request, binder_.fit(prepared, prepared->id));
  });
}

void Engine::batch(BatchKind kind, std::vector<BatchItem> items, RequestOptions options, Done done) {
  auto request =
      admission_.admit({.kind = Asked::Kind::kBatch, .statements = items.size()}, std::move(options), std::move(done));
  if (request == nullptr) return;
  request->note_batch(kind);
  size_t text_bytes = 0;
  for (const BatchItem& item : items) text_bytes += item.text.size();
  if (items.size() <= kCallerBatchItems && text_bytes <= kCallerTextBytes) {
    return run_batch(request, kind, std::move(items));
  }
  env_.workers.post(
      [this, request, kind, items = std::move(items)]() mutable { run_batch(request, kind, std::move(items)); });
}

void Engine::run_bound(const RequestPtr& request, Result<StatementPtr> bound) {
  const Status permitted = [&]() -> Status {
    if (!bound) return fail(bound);
    SAGITTA_TRY(request->statement, authorisation_.permit(request->options.who, *std::move(bound)));
    auto values = std::exchange(request->options.values, {});
    SAGITTA_TRY(request->values, arrange_values(*request->statement->plan, std::move(values)));
    return {};
  }();
  if (!permitted) return request->finish(fail(permitted));
  carry(request, [this, request](WorkMeter* meter) { return run(request, meter); });
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

Result<std::vector<plan::BatchEntry>> Engine::bind_batch(Request& request, std::vector<BatchItem> items) {
  // Of up to 65,535 statements, which are all there at once, short ones are not charged.
  constexpr size_t kUncharged = 512;
  std::vector<plan::BatchEntry> entries;
  for (BatchItem& item : items) {
    SAGITTA_TRY(StatementPtr bound, item.prepared_id.empty()
                                        ? binder_.bind(item.text, request.options.keyspace, request.charges, kUncharged)
                                        : binder_.find(item.prepared_id));
    SAGITTA_TRY(const Permitted statement, authorisation_.permit(request.options.who, std::move(bound)));
    SAGITTA_TRY(auto values, arrange_values(*statement->plan, std::move(item.values)));
    entries.push_back({statement->plan, std::move(values)});
  }
  return entries;
}

void Engine::run_batch(const RequestPtr& request, BatchKind kind, std::vector<BatchItem> items) {
  auto bound = bind_batch(*request, std::move(items));
  if (!bound) return request->finish(fail(bound));
  const bool many_keys =
      std::ranges::any_of(*bound, [](const auto& entry) { return plan::names_many_keys(*entry.plan); });
  auto work = [this, request, kind, entries = *std::move(bound)]() mutable {
    auto made = plan::make_batch(kind, entries, request->eval(nullptr));
    made ? write(request, *std::move(made)) : request->finish(fail(made));
  };
  many_keys ? env_.workers.post(std::move(work)) : work();
}

Status Engine::run(const RequestPtr& request, WorkMeter* meter) {
  const plan::Plan& plan = *request->statement->plan;
  SAGITTA_TRY(const auto timeout_us, plan::evaluate_timeout_us(plan, request->eval(nullptr)));
  if (timeout_us) {
    const Deadline deadline = Deadline::in_us(env_.clock, *timeout_us);
    request->options.deadline.at_us = std::min(request->options.deadline.at_us, deadline.at_us);
  }
  if (const auto* select = std::get_if<std::shared_ptr<const plan::SelectPlan>>(&plan.body)) {
    return reader_.read(request, *select, meter);
  }
  const bool is_modification = std::holds_alternative<plan::ModificationPlan>(plan.body);
  if (is_modification || std::holds_alternative<plan::BatchPlan>(plan.body)) return run_write(request, meter);
  SAGITTA_CHECK(plan::check_values(plan, request->values));
  if (const auto* use = std::get_if<plan::UsePlan>(&plan.body)) {
    SAGITTA_CHECK(check_keyspace(use->keyspace));
    request->finish(Answer{SetKeyspace{use->keyspace}, {}, {}});
    return {};
  }
  if (const auto* description = std::get_if<plan::DescribePlan>(&plan.body)) {
    // The whole schema may be long.
    if (meter != nullptr) return fail(ErrorCode::kWouldBlock, "DESCRIBE");
    SAGITTA_TRY(Rows rows, describe(*description, *schemas_.newest(), options_.node));
    rows.metadata = request->statement->result;
    request->finish(Answer{std::move(rows), {}, {}});
    return {};
  }
  if (const auto* truncate = std::get_if<plan::TruncatePlan>(&plan.body)) {
    return writer_.append_truncation(request, *truncate);
  }
  return writer_.append_schema_change(request);
}

Status Engine::run_write(const RequestPtr& request, WorkMeter* meter) {
  const plan::Plan& plan = *request->statement->plan;
  if (const auto* batch = std::get_if<plan::BatchPlan>(&plan.body)) request->note_batch(batch->kind);
  const auto* modification = std::get_if<plan::ModificationPlan>(&plan.body);
  if (modification != nullptr && modification->counter) request->write_type = WriteType::kCounter;
  // Many keys are put together here as far as that is little work: then again, from the same
  // values.
  const bool may_yield = meter != nullptr && plan::names_many_keys(plan);
  plan::EvalContext eval = request->eval(may_yield ? meter : nullptr);
  if (!may_yield) eval.takeable = request->values;
  SAGITTA_TRY(plan::Write made, plan::make_write(plan, eval));
  write(request, std::move(made));
  return {};
}

void Engine::write(const RequestPtr& request, plan::Write write) {
  if (write.mutations.empty()) return request->finish(Answer{Void{}, {}, {}});
  request->warnings = std::move(write.warnings);
  completion_.complete(request, std::move(write));
}

Status Engine::check_keyspace(std::string_view keyspace) const {
  if (schemas_.newest()->full->find_keyspace(keyspace) != nullptr) return {};
  return fail(ErrorCode::kInvalid, fmt::format("Keyspace '{}' does not exist", keyspace));
}

std::shared_ptr<void> Engine::on_schema_change(std::function<void(const SchemaChangeEvent&)> listener) {
  return partitions_.meta().on_schema_change([listener = std::move(listener)](const schema::SchemaOutcome& outcome) {
    if (!outcome.changed) return;
    const auto& event = outcome.event;
    listener({event.change, event.target, event.keyspace, event.name, {}});
  });
}

Result<std::vector<index::IndexCheck>> Engine::verify() const {
  return db::verify(partitions_, *schemas_.newest()->stored, env_.clock);
}

std::map<std::string, std::string> Engine::state() const {
  size_t tables = 0;
  const schema::SchemaPtr schema = schemas_.newest()->stored;
  for (const auto& [name, keyspace] : schema->keyspaces) tables += keyspace->tables.size();
  const auto indexes = partitions_.count_indexes();
  std::map<std::string, std::string> state = {{"applied", partitions_.offsets()},
                                              {"tables", fmt::format("{}", tables)},
                                              {"prepared", fmt::format("{}", binder_.prepared_count())},
                                              {"indexes", fmt::format("{}", indexes.all)},
                                              {"indexes_building", fmt::format("{}", indexes.building)},
                                              {"indexes_full", fmt::format("{}", indexes.full)}};
  if (auto halted = partitions_.halted()) state["halted"] = halted->to_string();
  if (auto failure = writer_.log_failure()) state["log"] = "takes no writes until a restart: " + failure->to_string();
  return state;
}

}  // namespace sagitta::db
