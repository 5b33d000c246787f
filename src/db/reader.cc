/// Where a select runs, and over which rows.
#include "reader.h"

#include <fmt/format.h>

#include <algorithm>

#include "sagitta/exec/ann.h"
#include "sagitta/exec/indexed_rows.h"
#include "sagitta/types/token.h"

namespace sagitta::db {
namespace {

/// Rows that a read of all partitions may ask for to be tried on the caller's thread.
constexpr uint64_t kRowsTried = 500;
/// LIMIT of an ANN query that is tried there.
constexpr uint64_t kAnnLimitTried = 200;

/// Cassandra's default of tombstone_warn_threshold.
constexpr uint64_t kTombstonesWarn = 1000;
/// Of a statement's text in a warning.
constexpr size_t kTextShown = 1000;

constexpr std::string_view kAnnHelp = "ANN queries, by how they were answered";

Gauge& work_gauge(MetricsRegistry& metrics, const char* thread) {
  return metrics.gauge("sagitta_read_work_max", "The most units of work that a read did in one go, by thread",
                       {{"thread", thread}});
}

std::string warning_of_tombstones(std::string_view text, const plan::BoundSelect& select, const RowsRead& rows) {
  const bool one = select.partitions && select.partitions->size() == 1;
  return fmt::format("Read {} live rows and {} tombstone cells for query {}{}{} (see tombstone_warn_threshold)",
                     rows.live, rows.tombstones, text.substr(0, kTextShown), text.size() > kTextShown ? "..." : "",
                     one ? fmt::format("; token {}", types::token_of(select.partitions->front())) : "");
}

/// Other virtual tables show the whole schema, or all that is running, prepared or traced.
bool has_one_row(const schema::TableDef& table) {
  return table.keyspace == "system" && (table.name == "local" || table.name.starts_with("peers"));
}

bool is_error(const Result<Answer>& answer, ErrorCode code) { return !answer && answer.error().code() == code; }

}  // namespace

/// A select with its values, and how far it has come. One thread at a time.
struct Reader::Read {
  RequestPtr request;
  plan::BoundSelect select;
  plan::Way way;
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
  /// Reads so much that there is no use in trying it on the caller's thread.
  bool is_wide(uint64_t caller_work) const {
    if (select.plan->table->is_virtual) return !has_one_row(*select.plan->table);
    // A pattern may take long to find in one long text.
    if (std::ranges::find(select.filters, plan::Operator::kLike, &plan::Filter::op) != select.filters.end())
      return true;
    if (way.kind == plan::Way::Kind::kPostings) return select.plan->aggregate || way.rows > kRowsTried;
    if (select.partitions) return select.partitions->size() * select.clustering.size() > caller_work / work::kSeek;
    if (select.ann) return way.index == nullptr || *select.limit > kAnnLimitTried;
    // A page ends neither an aggregate nor the search for rows that pass a filter.
    if (select.plan->aggregate || !select.filters.empty()) return true;
    return std::min(select.limit.value_or(UINT64_MAX), uint64_t{page_size.value_or(UINT32_MAX)}) > kRowsTried;
  }
};

Reader::Reader(const Options& options, const Environment& environment, const Partitions& partitions,
               const Schemas& schemas, const NodeContext& node)
    : options_(options),
      env_(environment),
      partitions_(partitions),
      schemas_(schemas),
      node_(node),
      ann_exact_(env_.metrics.counter("sagitta_ann_queries_total", std::string(kAnnHelp), {{"path", "exact"}})),
      ann_graph_(env_.metrics.counter("sagitta_ann_queries_total", std::string(kAnnHelp), {{"path", "graph"}})),
      ann_nodes_(
          env_.metrics.counter("sagitta_ann_nodes_visited_total", "Graph nodes whose links ANN queries followed")),
      blocked_reads_(env_.metrics.counter("sagitta_reads_blocked_total",
                                          "Reads that did not find everything in memory and went to a worker")),
      wide_reads_(env_.metrics.counter("sagitta_reads_wide_total", "Reads of many rows, done in slices on workers")),
      abandoned_reads_(env_.metrics.counter("sagitta_reads_abandoned_total",
                                            "Reads that ended early because their client had left")),
      caller_work_(work_gauge(env_.metrics, "session")),
      slice_work_(work_gauge(env_.metrics, "worker")) {}

Status Reader::read(const RequestPtr& request, const std::shared_ptr<const plan::SelectPlan>& plan, WorkMeter* meter) {
  auto read = std::make_shared<Read>();
  read->request = request;
  read->eval = request->eval(meter);
  if (request->options.page_size > 0) read->page_size = static_cast<uint32_t>(request->options.page_size);
  SAGITTA_TRY(read->select, plan::bind_values(plan, read->eval, read->page_size));
  read->eval.meter = nullptr;
  read->way = plan::choose_way(read->select, *partitions_.indexes());
  request->context().note([&] { return "Way to the rows: " + read->way.describe(read->select); });
  read->is_wide(options_.work.caller) ? read_in_slices(read) : read_here(read);
  return {};
}

void Reader::read_here(const ReadPtr& read) {
  read->meter.refill(read->way.index != nullptr ? options_.work.caller : options_.work.caller_rows);
  auto answer = step(*read, kv::ReadMode::kCacheOnly);
  caller_work_.note(read->meter.used());
  if (!is_error(answer, ErrorCode::kWouldBlock)) return finish(*read, std::move(answer));
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

void Reader::read_in_slices(const ReadPtr& read) {
  wide_reads_.add();
  env_.workers.post_slices([this, read] { return read_slice(*read); });
}

bool Reader::read_slice(Read& read) {
  read.meter.refill(options_.work.slice);
  auto answer = step(read, kv::ReadMode::kBlocking);
  slice_work_.note(read.meter.used());
  if (is_error(answer, ErrorCode::kWouldBlock) && read.meter.spent()) return false;
  read.run.reset();
  read.rows.reset();
  finish(read, std::move(answer));
  return true;
}

void Reader::finish(Read& read, Result<Answer> answer) {
  if (is_error(answer, ErrorCode::kReadTimeout) && read.request->is_abandoned()) abandoned_reads_.add();
  read.request->finish(std::move(answer));
}

void Reader::begin(Read& read, kv::ReadMode mode) {
  const schema::TableDefPtr& table = read.select.plan->table;
  const auto request = read.to_exec(env_.clock);
  read.meter.rows() = {};
  const int64_t now_s = read.request->options.now_s.value_or(env_.clock.now_us() / 1'000'000);
  if (read.select.ann) {
    const auto open = [this, &read, mode, now_s] { return stored_rows(read, {now_s, mode}); };
    read.report = {};
    read.begin_us = env_.clock.steady_us();
    read.run = exec::start_ann({open, read.way}, request, read.report);
    return;
  }
  if (table->is_virtual) {
    read.rows = system_rows(table, {node_, *schemas_.newest()->full});
  } else if (read.way.kind == plan::Way::Kind::kPostings) {
    read.rows = std::make_unique<exec::IndexedRows>(stored_rows(read, {now_s, mode}), read.way.probes);
  } else {
    read.rows = std::make_unique<exec::StoredRows>(stored_rows(read, {now_s, mode}));
  }
  read.run = exec::start(*read.rows, request);
}

exec::StoredRows Reader::stored_rows(Read& read, const exec::Views::Manner& manner) const {
  const auto open = [this, meter = &read.meter](size_t partition, const exec::Views::Manner& how) {
    return partitions_.all()[partition].replica->read_view(how.now_s, how.mode).metered(*meter);
  };
  return {read.select.plan->table, exec::Views(partitions_.all().size(), manner, open)};
}

Result<Answer> Reader::step(Read& read, kv::ReadMode mode) {
  if (read.run == nullptr) begin(read, mode);
  SAGITTA_TRY(exec::ResultSet result, read.run->step());
  if (read.select.ann) note_ann(read);
  Answer answer{Rows{read.request->statement->result, result.row_count, std::move(result.cells),
                     std::move(result.paging_state), read.request->statement->columns_changed},
                read.request->statement->plan->warnings,
                {}};
  answer.warnings.insert(answer.warnings.end(), read.select.warnings.begin(), read.select.warnings.end());
  if (!read.way.warning.empty()) answer.warnings.push_back(read.way.warning);
  const RowsRead& rows = read.meter.rows();
  if (rows.tombstones > kTombstonesWarn) {
    answer.warnings.push_back(warning_of_tombstones(read.request->statement->text, read.select, rows));
  }
  return answer;
}

void Reader::note_ann(const Read& read) {
  const exec::AnnReport& report = read.report;
  (report.path == "graph" ? ann_graph_ : ann_exact_).add();
  ann_nodes_.add(static_cast<double>(report.nodes_visited));
  read.request->context().note([&] {
    return fmt::format("ANN path {}: {} nodes visited, {} distances, {} candidates, {} microseconds", report.path,
                       report.nodes_visited, report.distances, report.candidates,
                       env_.clock.steady_us() - read.begin_us);
  });
}

}  // namespace sagitta::db
