/// Reads: from memory on the caller's thread as long as that is little work, else on workers, where
/// a read may wait for a disk, and goes on in slices
/// (docs/adr/0006-sessions-do-not-wait-for-disks.md).
#include <fmt/format.h>

#include "sagitta/exec/ann.h"

#include "engine.h"
#include "system_tables.h"
#include "work_limits.h"

namespace sagitta::db {
namespace {

/// Rows that a read of all partitions may ask for to be tried on the caller's thread.
constexpr uint64_t kRowsTried = 500;
/// LIMIT of an ANN query that is tried there.
constexpr uint64_t kAnnLimitTried = 200;

bool is_error(const Result<Answer>& answer, ErrorCode code) { return !answer && answer.error().code() == code; }

}  // namespace

/// A select with its values, and how far it has come. One thread at a time.
struct Engine::Read {
  RequestPtr request;
  plan::BoundSelect select;
  plan::EvalContext eval;
  std::optional<uint32_t> page_size;
  WorkMeter meter{0};

  // Of the run that is under way; it refers to what is above it.
  exec::AnnReport report;
  int64_t begin_us = 0;
  std::unique_ptr<exec::TableRows> rows;
  std::unique_ptr<exec::SelectRun> run;

  exec::SelectRequest to_exec(const Clock& clock) {
    return {select,
            eval,
            request->context(),
            clock,
            page_size,
            request->options.paging_state,
            request->statement->statement_hash,
            &meter};
  }
  /// Reads so much that there is no use in trying it on the caller's thread. `indexed`: there is an
  /// index for its ANN.
  bool is_wide(bool indexed, uint64_t caller_work) const {
    // Those of the node itself have a row each; the others show the whole schema, or all traces.
    if (select.plan->table->is_virtual) return select.plan->table->keyspace != "system";
    if (select.partitions) return select.partitions->size() * select.clustering.size() > caller_work / work::kSeek;
    if (select.ann) return !indexed || *select.limit > kAnnLimitTried;
    // A page ends neither an aggregate nor the search for rows that pass a filter.
    if (select.plan->aggregate || !select.filters.empty()) return true;
    return std::min(select.limit.value_or(UINT64_MAX), uint64_t{page_size.value_or(UINT32_MAX)}) > kRowsTried;
  }
};

Status Engine::run_select(const RequestPtr& request, const std::shared_ptr<const plan::SelectPlan>& plan,
                          WorkMeter* meter) {
  auto read = std::make_shared<Read>();
  read->request = request;
  read->eval = request->eval(meter);
  if (request->options.page_size > 0) read->page_size = static_cast<uint32_t>(request->options.page_size);
  SAGITTA_TRY(read->select, plan::bind_values(plan, read->eval, read->page_size));
  read->eval.meter = nullptr;
  const bool indexed = read->select.ann && serving_index(*replica_->vector_indexes(), *read->select.ann) != nullptr;
  read->is_wide(indexed, options_.work.caller) ? read_in_slices(read) : read_here(read);
  return {};
}

void Engine::read_here(const ReadPtr& read) {
  read->meter.refill(options_.work.caller);
  auto answer = step(*read, kv::ReadMode::kCacheOnly);
  caller_work_.note(read->meter.used());
  if (!is_error(answer, ErrorCode::kWouldBlock)) return read->request->finish(std::move(answer));
  read->run.reset();  // it reads from memory only
  if (read->meter.spent()) {
    read->request->context().note([] { return std::string("Reads much: going on on a worker"); });
    return read_in_slices(read);
  }
  blocked_reads_.add();
  read->request->context().note([] { return std::string("Not all in memory: going on on a worker"); });
  env_.workers.post([this, read] {
    if (!read_slice(*read)) read_in_slices(read);
  });
}

void Engine::read_in_slices(const ReadPtr& read) {
  wide_reads_.add();
  env_.workers.post_slices([this, read] { return read_slice(*read); });
}

bool Engine::read_slice(Read& read) {
  read.meter.refill(options_.work.slice);
  auto answer = step(read, kv::ReadMode::kBlocking);
  slice_work_.note(read.meter.used());
  if (is_error(answer, ErrorCode::kWouldBlock) && read.meter.spent()) return false;
  read.run.reset();
  read.rows.reset();
  read.request->finish(std::move(answer));
  return true;
}

void Engine::begin(Read& read, kv::ReadMode mode) {
  const schema::TableDefPtr& table = read.select.plan->table;
  const auto request = read.to_exec(env_.clock);
  const int64_t now_s = read.request->options.now_s.value_or(env_.clock.now_us() / 1'000'000);
  const auto open = [this, table, mode, now_s, meter = &read.meter] {
    return exec::StoredRows(table, replica_->read_view(now_s, mode).metered(*meter));
  };
  if (read.select.ann) {
    read.report = {};
    read.begin_us = env_.clock.steady_us();
    auto index = serving_index(*replica_->vector_indexes(), *read.select.ann);
    read.run = exec::start_ann({open, std::move(index)}, request, read.report);
    return;
  }
  if (table->is_virtual) {
    read.rows = system_rows(table, {options_.node, directory_.format.host_id, *schemas()->full, traces_});
  } else {
    read.rows = std::make_unique<exec::StoredRows>(open());
  }
  read.run = exec::start(*read.rows, request);
}

Result<Answer> Engine::step(Read& read, kv::ReadMode mode) {
  if (read.run == nullptr) begin(read, mode);
  SAGITTA_TRY(exec::ResultSet result, read.run->step());
  if (read.select.ann) note_ann(read);
  Answer answer{Rows{read.request->statement->result, result.row_count, std::move(result.cells),
                     std::move(result.paging_state), read.request->statement->columns_changed},
                read.request->statement->plan->warnings,
                {}};
  answer.warnings.insert(answer.warnings.end(), read.select.warnings.begin(), read.select.warnings.end());
  return answer;
}

void Engine::note_ann(const Read& read) {
  const exec::AnnReport& report = read.report;
  (report.path == "graph" ? ann_graph_ : ann_exact_).add();
  ann_nodes_.add(static_cast<double>(report.nodes_visited));
  read.request->context().note([&] {
    return fmt::format("ANN path {}: {} nodes visited, {} distances, {} candidates, {} microseconds", report.path,
                       report.nodes_visited, report.distances, report.candidates,
                       env_.clock.steady_us() - read.begin_us);
  });
}

index::VectorIndexPtr Engine::serving_index(const index::VectorIndexSet& set, const plan::AnnQuery& ann) const {
  for (auto id = ann.index_ids.rbegin(); id != ann.index_ids.rend(); ++id) {
    const auto found = set.indexes.find(*id);
    if (found == set.indexes.end()) continue;
    if (found->second->state() == index::VectorIndex::State::kServing) return found->second;
  }
  return nullptr;
}

}  // namespace sagitta::db
