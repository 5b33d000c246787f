/// One run of the benchmark: the server, its clients, the bare engine, and what was measured of
/// each.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sagitta/base/metrics.h"
#include "sagitta/load/loops.h"
#include "sagitta/load/server_process.h"

#include "data.h"
#include "engine.h"
#include "measured.h"
#include "options.h"
#include "tables.h"

namespace sagitta::cql_bench {

/// A workload at a depth: "ann", 16.
using Point = std::pair<std::string, uint32_t>;

/// In this depth rows are counted until they are linked and flushed.
inline constexpr uint32_t kIngestDepth = 64;

class Trial {
 public:
  /// Makes the data, starts a server on `folder`, and fills a table and the bare engine with all
  /// rows.
  static Result<std::unique_ptr<Trial>> begin(const BenchCqlOptions& options, const std::string& folder);

  /// Measures every point once, then the bare engine: one round.
  Status round(const std::vector<Point>& points);
  /// One-row writes, syncs of as many bytes, and empty requests, in turns.
  Status synced_writes();

  const Data& data() const { return data_; }
  const load::ServerProcess& server() const { return *server_; }
  Measured at(const std::string& workload, uint32_t depth) const;
  /// Medians, for each query and each row.
  double engine_search_us() const;
  double engine_insert_us() const;
  double server_recall() const { return server_recall_; }
  double engine_recall() const { return engine_->recall(); }
  double rows_tested() const { return rows_tested_; }
  uint64_t failed() const { return failed_; }
  const std::optional<Error>& first_error() const { return first_error_; }
  const load::Histogram& written() const { return written_; }
  const load::Histogram& synced() const { return synced_; }
  const load::Histogram& emptied() const { return emptied_; }

 private:
  explicit Trial(const BenchCqlOptions& options) : options_(options) {}
  Status start(const std::string& folder);
  Status fill();
  std::unique_ptr<load::Workload> workload_of(const std::string& name) const;
  Result<Measured> measure(const Point& point);
  Result<Measured> measure_ingest(const Point& point, bool indexed);
  load::LoopResult run(load::Workload& workload, const load::LoopOptions& loop);
  Status measure_engine();

  const BenchCqlOptions options_;
  std::string folder_;
  Data data_;
  MetricsRegistry metrics_;
  std::unique_ptr<load::ServerProcess> server_;
  std::unique_ptr<async::Runtime> runtime_;  // stops before the server
  std::vector<load::ClientPtr> clients_;
  Statements statements_;
  std::optional<Engine> engine_;
  std::map<Point, std::vector<Measured>> measured_;
  std::vector<double> engine_search_us_, engine_insert_us_;
  double server_recall_ = 0, rows_tested_ = 0;
  uint64_t tables_ = 0, failed_ = 0;
  std::optional<Error> first_error_;
  load::Histogram written_, synced_, emptied_;
};

/// The workloads that there are.
const std::vector<std::string>& workload_names();

}  // namespace sagitta::cql_bench
