/// Reads: first from memory on the caller's thread, then on a worker that may wait for a disk.
#include <fmt/format.h>

#include "sagitta/exec/ann.h"

#include "engine.h"
#include "system_tables.h"

namespace sagitta::db {

/// A select with its values, ready to run as often as it takes.
struct Engine::Read {
  RequestPtr request;
  plan::BoundSelect select;
  plan::EvalContext eval;
  std::optional<uint32_t> page_size;

  exec::SelectRequest to_exec(const Clock& clock) const {
    return {select,
            eval,
            request->context(),
            clock,
            page_size,
            request->options.paging_state,
            request->statement->statement_hash};
  }
  /// Reads so much that a session's core had better not.
  bool is_wide() const {
    if (select.partitions || select.ann) return false;
    // A page ends neither an aggregate nor the search for rows that pass a filter.
    return select.plan->aggregate || !select.filters.empty() || (!select.limit && !page_size);
  }
};

Status Engine::run_select(const RequestPtr& request, const std::shared_ptr<const plan::SelectPlan>& plan) {
  auto read = std::make_shared<Read>();
  read->request = request;
  read->eval = request->eval();
  if (request->options.page_size > 0) read->page_size = static_cast<uint32_t>(request->options.page_size);
  SAGITTA_TRY(read->select, plan::bind_values(plan, read->eval, read->page_size));
  const bool scans_for_ann = read->select.ann && !read->select.partitions &&
                             serving_index(*replica_->vector_indexes(), *read->select.ann) == nullptr;
  if ((read->is_wide() || scans_for_ann) && !plan->table->is_virtual) {
    env_.workers.post([this, read] { this->read(read, kv::ReadMode::kBlocking); });
  } else {
    this->read(read, kv::ReadMode::kCacheOnly);
  }
  return {};
}

void Engine::read(const ReadPtr& read, kv::ReadMode mode) {
  auto answer = read_once(*read, mode);
  if (!answer && answer.error().code() == ErrorCode::kWouldBlock && mode == kv::ReadMode::kCacheOnly) {
    blocked_reads_.add();
    read->request->context().note([] { return std::string("Not all in memory: going on on a worker"); });
    env_.workers.post([this, read] { this->read(read, kv::ReadMode::kBlocking); });
    return;
  }
  read->request->finish(std::move(answer));
}

Result<Answer> Engine::read_once(const Read& read, kv::ReadMode mode) {
  const schema::TableDefPtr& table = read.select.plan->table;
  const auto request = read.to_exec(env_.clock);
  const auto open = [&] { return exec::StoredRows(table, replica_->read_view(env_.clock.now_us() / 1'000'000, mode)); };
  exec::ResultSet result;
  if (table->is_virtual) {
    const auto rows = system_rows(table, {options_.node, directory_.format.host_id, *schemas()->full, traces_});
    SAGITTA_TRY(result, exec::run(*rows, request));
  } else if (read.select.ann) {
    const auto indexes = replica_->vector_indexes();
    exec::AnnReport report;
    const int64_t begin_us = env_.clock.steady_us();
    SAGITTA_TRY(result, exec::run_ann({open, serving_index(*indexes, *read.select.ann)}, request, report));
    (report.path == "graph" ? ann_graph_ : ann_exact_).add();
    ann_nodes_.add(static_cast<double>(report.nodes_visited));
    request.context.note([&] {
      return fmt::format("ANN path {}: {} nodes visited, {} distances, {} candidates, {} microseconds", report.path,
                         report.nodes_visited, report.distances, report.candidates, env_.clock.steady_us() - begin_us);
    });
  } else {
    SAGITTA_TRY(result, exec::run(open(), request));
  }
  Answer answer{Rows{read.request->statement->result, result.row_count, std::move(result.cells),
                     std::move(result.paging_state), read.request->statement->columns_changed},
                read.request->statement->plan->warnings,
                {}};
  answer.warnings.insert(answer.warnings.end(), read.select.warnings.begin(), read.select.warnings.end());
  return answer;
}

const index::VectorIndex* Engine::serving_index(const index::VectorIndexSet& set, const plan::AnnQuery& ann) const {
  for (auto id = ann.index_ids.rbegin(); id != ann.index_ids.rend(); ++id) {
    const auto* index = set.find(*id);
    if (index != nullptr && index->state() == index::VectorIndex::State::kServing) return index;
  }
  return nullptr;
}

}  // namespace sagitta::db
