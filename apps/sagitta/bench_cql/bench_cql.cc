/// `sagitta bench cql`: reads the points that are asked for, runs the rounds, and shows the
/// figures.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <thread>

#include "folder.h"
#include "options.h"
#include "trial.h"

namespace sagitta {
namespace cql_bench {
namespace {

constexpr uint32_t kDepthMax = 32'768;
constexpr uint32_t kQueryDepth = 16;

Result<std::vector<uint32_t>> depths_in(const std::string& text) {
  std::vector<uint32_t> depths;
  for (const std::string& word : split(text)) {
    uint32_t depth = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), depth);
    if (error != std::errc() || end != word.data() + word.size() || depth < 1 || depth > kDepthMax) {
      return fail(ErrorCode::kInvalid, fmt::format("depth '{}': want numbers from 1 to {}", word, kDepthMax));
    }
    depths.push_back(depth);
  }
  return depths;
}

/// Depth by depth, so that what belongs together is measured together.
Result<std::vector<Point>> points_of(const BenchCqlOptions& options) {
  SAGITTA_TRY(const auto depths, depths_in(options.depths));
  SAGITTA_TRY(const auto workloads, known_words(options.workloads, "workload", workload_names()));
  std::vector<Point> points;
  const auto add = [&](const std::string& workload, uint32_t depth) {
    if (std::ranges::find(points, Point(workload, depth)) == points.end()) points.emplace_back(workload, depth);
  };
  for (const uint32_t depth : depths) {
    for (const std::string& workload : workloads) add(workload, depth);
  }
  if (!options.figures) return points;
  for (const uint32_t depth : {uint32_t{1}, kQueryDepth}) {
    for (const char* workload : {"empty", "ann", "ann_star"}) add(workload, depth);
  }
  add("filtered", kQueryDepth);
  add("ingest", kIngestDepth);
  add("ingest_plain", kIngestDepth);
  return points;
}

void print_setting(const Trial& trial, const BenchCqlOptions& options) {
  const Data& data = trial.data();
  fmt::print("processor: {}, {} of them\n", processor_name(), std::thread::hardware_concurrency());
  fmt::print("set: {}, {} x {}, {}, profile {}, level f32, beam {}, k {}\n", data.name, data.count(), data.dim(),
             options.set == "clustered128" ? "l2" : "cosine", options.profile, options.beam, options.k);
  fmt::print("load: {}, {} connection{}, {} s a point, medians of {} rounds in turns\n",
             options.rate > 0 ? fmt::format("open loop, {} a second", options.rate) : "closed loop",
             options.connections, options.connections == 1 ? "" : "s", options.seconds, options.rounds);
  fmt::print("cache: {} MiB of vectors, all rows were written in this run and fit the block cache\n",
             data.rows.values.size() * sizeof(float) >> 20);
  fmt::print("recall: server {:.4f}, engine {:.4f}; server's peak memory {} MiB\n\n", trial.server_recall(),
             trial.engine_recall(), trial.server().peak_resident_bytes() >> 20);
}

void print_table(const Trial& trial, const std::vector<Point>& points) {
  fmt::print("{:14s}{:>6s}{:>12s}{:>10s}{:>10s}{:>10s}{:>12s}{:>12s}{:>10s}\n", "workload", "depth", "a second",
             "p50 us", "p99 us", "p99.9 us", "CPU us/op", "engine us", "ratio");
  for (const auto& [workload, depth] : points) {
    const Measured m = trial.at(workload, depth);
    fmt::print("{:14s}{:6d}{:12.0f}{:10.0f}{:10.0f}{:10.0f}{:12.1f}", workload, depth, m.rate, m.p50_us, m.p99_us,
               m.p999_us, m.cpu_us);
    const bool searches = workload == "ann" || workload == "ann_star";
    if (searches || workload == "ingest") {
      const double engine_us = searches ? trial.engine_search_us() : trial.engine_insert_us();
      fmt::print("{:12.1f}{:10.2f}", engine_us, m.cpu_us / engine_us);
    }
    fmt::print("\n");
  }
}

void print_query_figures(const Trial& trial) {
  fmt::print("\na query: server CPU minus that of an empty request, against the bare engine\n");
  const double engine_us = trial.engine_search_us();
  for (const uint32_t depth : {uint32_t{1}, kQueryDepth}) {
    const double empty_us = trial.at("empty", depth).cpu_us;
    for (const auto& [workload, shown] : {std::pair("ann", "SELECT id"), std::pair("ann_star", "SELECT *")}) {
      const double cpu_us = trial.at(workload, depth).cpu_us;
      fmt::print("  depth {:2d}, {:9s}  ({:.1f} - {:.1f}) / {:.1f} us = {:.2f}\n", depth, shown, cpu_us, empty_us,
                 engine_us, (cpu_us - empty_us) / engine_us);
    }
  }
  const double filtered_us = trial.at("filtered", kQueryDepth).cpu_us - trial.at("empty", kQueryDepth).cpu_us;
  fmt::print("  filter on a column without an index, 1 % pass: {:.0f} rows tested a query, {:.0f} a CPU ms\n",
             trial.rows_tested(), trial.rows_tested() / filtered_us * 1e3);
}

void print_row_figures(const Trial& trial) {
  const double indexed_us = trial.at("ingest", kIngestDepth).cpu_us;
  const double plain_us = trial.at("ingest_plain", kIngestDepth).cpu_us;
  const double engine_us = trial.engine_insert_us();
  fmt::print("\na row, {} in flight: server CPU until linked and at rest, a fresh table each\n", kIngestDepth);
  fmt::print("  (indexed - engine) / without an index = ({:.1f} - {:.1f}) / {:.1f} us = {:.2f}\n", indexed_us,
             engine_us, plain_us, (indexed_us - engine_us) / plain_us);
  fmt::print("  indexed / engine = {:.1f} / {:.1f} us = {:.2f}\n", indexed_us, engine_us, indexed_us / engine_us);
  const auto p50_us = [](const load::Histogram& h) { return static_cast<double>(h.percentile_ns(0.5)) / 1e3; };
  const double written = p50_us(trial.written()), synced = p50_us(trial.synced()), empty = p50_us(trial.emptied());
  fmt::print(
      "\na synced write of one row, p50: {:.0f} us / (fdatasync {:.0f} us + 3 x empty round trip {:.0f} us) = "
      "{:.2f}\n",
      written, synced, empty, written / (synced + 3 * empty));
}

Status run(const BenchCqlOptions& options) {
  SAGITTA_TRY(const auto points, points_of(options));
  SAGITTA_TRY(const Folder folder, Folder::make(options.work));
  fmt::print(stderr, "filling a server and an engine with {} rows of {}\n", options.rows, options.set);
  SAGITTA_TRY(const auto trial, Trial::begin(options, folder.path()));
  for (uint32_t round = 0; round < options.rounds; ++round) {
    fmt::print(stderr, "round {} of {}\n", round + 1, options.rounds);
    SAGITTA_CHECK(trial->round(points));
    if (options.figures) SAGITTA_CHECK(trial->synced_writes());
  }
  print_setting(*trial, options);
  print_table(*trial, points);
  if (options.figures) {
    print_query_figures(*trial);
    print_row_figures(*trial);
  }
  fmt::print("\nrequests that failed: {}\n", trial->failed());
  if (trial->first_error()) return std::unexpected(*trial->first_error());
  return {};
}

}  // namespace
}  // namespace cql_bench

int bench_cql(const BenchCqlOptions& options) {
  const Status done = cql_bench::run(options);
  if (done) return 0;
  fmt::print(stderr, "sagitta bench cql: {}\n", done.error().message());
  return 1;
}

}  // namespace sagitta
