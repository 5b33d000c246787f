#include <fmt/format.h>

#include <cmath>

#include "options.h"

namespace sagitta::bench {
namespace {

constexpr size_t kRowsMin = 10'000;
constexpr size_t kRowsMax = 1'000'000;
constexpr size_t kQueries = 1000;
constexpr uint32_t kK = 10;
constexpr double kRecall = 0.95;
constexpr double kMust = 3;

/// What a query costs at the recall wanted, on so many rows.
struct Cost {
  size_t rows = 0;
  double build_s = 0;
  double expanded = 0, distances = 0, bytes = 0, p50_us = 0;
};

/// Links of what is expanded, and codes (or, without codes, vectors) of what is compared.
double query_bytes(const BeamResult& r, const ann::MemoryUse& memory, size_t rows) {
  const auto per_row = [rows](size_t bytes) { return static_cast<double>(bytes) / static_cast<double>(rows); };
  const size_t compared = memory.codes_bytes > 0 ? memory.codes_bytes : memory.vectors_bytes;
  return r.expanded * per_row(memory.graph_bytes) + r.distances * per_row(compared);
}

double least_at_recall(const std::vector<BeamResult>& results, const auto& value) {
  std::vector<Point> points;
  for (const BeamResult& result : results) points.push_back({result.recall, 1 / std::max(value(result), 1e-9)});
  const auto best = at_recall(points, kRecall);
  return best ? 1 / *best : 0;
}

Result<Cost> measure(const Options& options, const ann::IndexOptions& index, Floats base, Floats queries) {
  SAGITTA_TRY(const auto subject, Subject::make(index));
  const Stopwatch watch;
  SAGITTA_CHECK(subject->build(base, options.threads));
  Cost cost{.rows = base.count, .build_s = watch.seconds()};
  const Truth truth = exact_neighbours(index.metric, base, queries, kK, options.threads);
  SAGITTA_TRY(const std::vector<uint32_t> beams, parse_beams(options.beams));
  SubjectSearcher searcher(*subject, {});
  std::vector<BeamResult> results;
  for (const uint32_t beam : beams) {
    results.push_back(measure_beam(searcher, queries, truth.view(), kK, beam));
    if (results.back().recall > kRecall) break;
  }
  const ann::MemoryUse memory = subject->index().memory();
  cost.expanded = least_at_recall(results, [](const BeamResult& r) { return r.expanded; });
  cost.distances = least_at_recall(results, [](const BeamResult& r) { return r.distances; });
  cost.bytes = least_at_recall(results, [&](const BeamResult& r) { return query_bytes(r, memory, base.count); });
  cost.p50_us = least_at_recall(results, [](const BeamResult& r) { return r.p50_us; });
  return cost;
}

}  // namespace

Status growth_grid(const Options& options) {
  SAGITTA_TRY(const auto generator, make_generator(options.set, options.seed));
  const size_t rows_max = or_default(options.rows, kRowsMax);
  const size_t rows_min = options.smoke ? rows_max / 4 : kRowsMin;
  const Matrix base = generator->rows(0, rows_max, options.threads);
  const Matrix queries = generator->queries(or_default(options.queries, kQueries), options.threads);
  SAGITTA_TRY(const ann::IndexOptions index, index_options(options, *generator, 0));
  fmt::print("{}: a query at recall {}\n{:>10}{:>10}{:>10}{:>11}{:>12}{:>10}{:>8}\n", options.set, kRecall, "rows",
             "build s", "expanded", "distances", "bytes", "p50 us", "cost");
  Cost first, last;
  for (auto rows = static_cast<double>(rows_min); rows < static_cast<double>(rows_max) * 1.01;
       rows *= std::sqrt(10.0)) {
    SAGITTA_TRY(last, measure(options, index, base.view().first(static_cast<size_t>(rows)), queries.view()));
    if (first.rows == 0) first = last;
    fmt::print("{:>10}{:>10.1f}{:>10.1f}{:>11.1f}{:>12.0f}{:>10.1f}{:>8.2f}\n", last.rows, last.build_s, last.expanded,
               last.distances, last.bytes, last.p50_us, last.bytes / std::max(first.bytes, 1.0));
    std::fflush(stdout);
  }
  const double ratio = last.bytes / std::max(first.bytes, 1.0);
  const double logarithmic = std::log(static_cast<double>(last.rows)) / std::log(static_cast<double>(first.rows));
  fmt::print("cost ratio {:.2f}  <= {:.2f} <= {:.2f} (log N)  {}\n", ratio, kMust, logarithmic,
             judge(ratio, kMust, logarithmic, Better::kLower));
  return {};
}

}  // namespace sagitta::bench
