#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>

#include "sagitta/base/assert.h"
#include "sagitta/base/random.h"
#include "sagitta/simd/kernels.h"

#include "options.h"

namespace sagitta::bench {
namespace {

constexpr size_t kRows = 500'000;
constexpr size_t kQueries = 50;
constexpr size_t kRounds = 2;
constexpr uint32_t kK = 10;
constexpr double kRecall = 0.95;
constexpr double kSlower = 1.3;  ///< times the faster of scan and walk, at most
constexpr std::array kRates{0.5, 0.1, 0.05, 0.02, 0.01, 0.005, 0.001, 0.0001, 0.0};

enum class Where : uint8_t { kNear, kFar, kScattered };
constexpr std::array<std::string_view, 3> kWhereNames{"near", "far", "scattered"};

/// A query with its filter.
struct Case {
  std::vector<uint32_t> matches;  ///< rows, ascending
  std::vector<uint32_t> nearest;  ///< of the matches, at most k
  ann::SlotBitmap bitmap;
};

struct Bench {
  Subject& subject;
  Floats base, queries;
  ann::Metric metric;
  uint32_t beam = 0;
  bool predicate = false;
  double full_scan_us = 0;
  std::vector<std::vector<uint32_t>> rankings;  ///< of all rows, for each query
};

/// The rows that pass: some of those where they should be, twice as many.
Case make_case(const Bench& bench, const std::vector<uint32_t>& ranking, Where where, double rate, Random& random) {
  const size_t rows = ranking.size();
  const size_t count = rate == 0 ? 0 : std::max<size_t>(1, static_cast<size_t>(rate * static_cast<double>(rows)));
  const size_t pool_size = where == Where::kScattered ? rows : std::min(rows, count * 2);
  const size_t pool_begin = where == Where::kFar ? rows - pool_size : 0;
  std::vector<uint32_t> places(pool_size);
  std::iota(places.begin(), places.end(), static_cast<uint32_t>(pool_begin));
  for (size_t i = 0; i < count; ++i) std::swap(places[i], places[i + random.below(pool_size - i)]);
  places.resize(count);
  std::ranges::sort(places);
  Case made;
  for (const uint32_t place : places) {
    made.matches.push_back(ranking[place]);
    made.bitmap.set(bench.subject.slot_of(ranking[place]));
  }
  made.nearest.assign(made.matches.begin(),
                      made.matches.begin() + static_cast<std::ptrdiff_t>(std::min<size_t>(kK, count)));
  std::ranges::sort(made.matches);
  return made;
}

/// What a caller without filters would do: find the matches, have the exact distance of each from
/// the index, and take the k least of them.
double scan_us(const Bench& bench, std::span<const float> query, const ann::Filter& filter) {
  const Stopwatch watch;
  std::vector<ann::Slot> slots;
  if (filter.bitmap != nullptr) {
    slots.reserve(filter.bitmap->count());
    filter.bitmap->for_each([&slots](ann::Slot slot) { slots.push_back(slot); });
  } else {
    for (uint32_t at = 0; at < bench.base.count; ++at) {
      const ann::Slot slot{at};
      if (bench.subject.index().is_live(slot) && filter.predicate(slot) == ann::Verdict::kAccept) slots.push_back(slot);
    }
  }
  std::vector<float> distances(slots.size());
  const Status scored = bench.subject.index().score(query, slots, distances);
  SAGITTA_ASSERT(scored.has_value());
  const auto least = distances.begin() + static_cast<std::ptrdiff_t>(std::min<size_t>(kK, distances.size()));
  std::ranges::partial_sort(distances, least);
  return watch.seconds() * 1e6;
}

/// The least that any exact answer costs: rows of a plain array, nothing checked, a heap of k.
double loop_us(const Bench& bench, std::span<const float> query, std::span<const uint32_t> rows) {
  const Stopwatch watch;
  const auto kernel = bench.metric == ann::Metric::kL2 ? simd::kernels().l2_f32 : simd::kernels().dot_f32;
  const float sign = bench.metric == ann::Metric::kL2 ? 1.0F : -1.0F;
  std::vector<float> heap;
  for (const uint32_t row : rows) {
    const float distance = sign * kernel(query.data(), bench.base.row(row).data(), query.size());
    if (heap.size() == kK) {
      if (distance >= heap.front()) continue;
      std::ranges::pop_heap(heap);
      heap.pop_back();
    }
    heap.push_back(distance);
    std::ranges::push_heap(heap);
  }
  return watch.seconds() * 1e6;
}

ann::Filter make_filter(const Bench& bench, const Case& asked) {
  ann::Filter filter;
  filter.selectivity = static_cast<double>(asked.matches.size()) / static_cast<double>(bench.base.count);
  if (bench.predicate) {
    filter.predicate = [&asked](ann::Slot slot) {
      return asked.bitmap.test(slot) ? ann::Verdict::kAccept : ann::Verdict::kReject;
    };
  } else {
    filter.bitmap = &asked.bitmap;
  }
  return filter;
}

struct Cell {
  std::vector<double> search_us, unfiltered_us, scan_us, loop_us;
  double recall_sum = 0;
  size_t short_answers = 0, wrong_answers = 0, walks = 0;
};

/// One filtered search, noted in the cell.
void search(Bench& bench, SubjectSearcher& searcher, const Case& asked, size_t q, Cell& cell) {
  std::array<uint32_t, kK> ids{};
  searcher.params().filter = make_filter(bench, asked);
  const Stopwatch watch;
  const size_t found = searcher.search(bench.queries.row(q), bench.beam, ids);
  cell.search_us.push_back(watch.seconds() * 1e6);
  const auto answer = std::span(ids).first(found);
  cell.recall_sum += recall_of(asked.nearest, answer, kK);
  cell.short_answers += found < asked.nearest.size();
  cell.wrong_answers +=
      std::ranges::any_of(answer, [&](uint32_t row) { return !std::ranges::binary_search(asked.matches, row); });
  cell.walks += searcher.last_stats().path == ann::Path::kGraph;
}

double unfiltered_us(Bench& bench, SubjectSearcher& searcher, size_t q) {
  std::array<uint32_t, kK> ids{};
  searcher.params().filter = {};
  const Stopwatch watch;
  searcher.search(bench.queries.row(q), bench.beam, ids);
  return watch.seconds() * 1e6;
}

/// All queries our way, without their filters, by the scan and by the bare loop, in turns: each
/// finds the caches as the others left them.
Cell run_once(Bench& bench, const std::vector<Case>& cases) {
  Cell cell;
  SubjectSearcher searcher(bench.subject, {});
  for (size_t q = 0; q < cases.size(); ++q) search(bench, searcher, cases[q], q, cell);
  for (size_t q = 0; q < cases.size(); ++q) cell.unfiltered_us.push_back(unfiltered_us(bench, searcher, q));
  for (size_t q = 0; q < cases.size(); ++q) {
    cell.scan_us.push_back(scan_us(bench, bench.queries.row(q), make_filter(bench, cases[q])));
    cell.loop_us.push_back(loop_us(bench, bench.queries.row(q), cases[q].matches));
  }
  return cell;
}

/// The last of a few rounds: before the first, all that a query touches is out of the caches for
/// whoever comes first.
Cell run(Bench& bench, const std::vector<Case>& cases) {
  Cell cell;
  for (size_t round = 0; round < kRounds; ++round) cell = run_once(bench, cases);
  return cell;
}

/// Prints one row; false when the answers are wrong, whatever their speed.
bool report(const Bench& bench, Where where, double rate, size_t matches, Cell cell) {
  const double p50 = percentile(cell.search_us, 0.5), scan = percentile(cell.scan_us, 0.5);
  const double walk = rate == 0 ? 0 : percentile(cell.unfiltered_us, 0.5) / rate;
  const double recall = cell.recall_sum / static_cast<double>(cell.search_us.size());
  const double best = std::min(scan, walk);
  const bool whole = cell.short_answers == 0 && cell.wrong_answers == 0;
  std::string_view verdict = "must";
  if (!whole || recall < kRecall || p50 > bench.full_scan_us) verdict = "MISSED";
  if (rate > 0 && p50 > kSlower * best) verdict = "MISSED";
  fmt::print("{:10}{:>8}{:>9}{:>8.3f}{:>7}{:>7}{:>7}{:>11.1f}{:>11.1f}{:>11.1f}{:>13.1f}{:>7}  {}\n",
             kWhereNames[static_cast<size_t>(where)], fmt::format("{:.2f}%", rate * 100), matches, recall,
             cell.short_answers, cell.wrong_answers, cell.walks, p50, percentile(cell.loop_us, 0.5), scan, walk,
             best > 0 ? fmt::format("{:.2f}", p50 / best) : "-", verdict);
  return whole;
}

Status print_grid(Bench& bench, uint64_t seed) {
  fmt::print("{:10}{:>8}{:>9}{:>8}{:>7}{:>7}{:>7}{:>11}{:>11}{:>11}{:>13}{:>7}  must: recall >= {}, ratio <= {}\n",
             "matches", "pass", "rows", "recall", "short", "wrong", "walks", "p50 us", "loop us", "scan us",
             "walk/rate us", "ratio", kRecall, kSlower);
  bool whole = true;
  for (const Where where : {Where::kNear, Where::kFar, Where::kScattered}) {
    for (const double rate : kRates) {
      SeededRandom random(seed);
      std::vector<Case> cases;
      for (const auto& ranking : bench.rankings) cases.push_back(make_case(bench, ranking, where, rate, random));
      whole &= report(bench, where, rate, cases.front().matches.size(), run(bench, cases));
    }
  }
  return whole ? Status{} : fail(ErrorCode::kServer, "filtered answers with rows missing, or rows that do not match");
}

}  // namespace

Status filter_grid(const Options& options) {
  SAGITTA_TRY(const auto generator, make_generator(options.set, options.seed));
  const Matrix base = generator->rows(0, or_default(options.rows, kRows), options.threads);
  const Matrix queries = generator->queries(or_default(options.queries, kQueries), options.threads);
  SAGITTA_TRY(const ann::IndexOptions index, index_options(options, *generator, 0));
  SAGITTA_TRY(const auto subject, Subject::make(index));
  SAGITTA_CHECK(subject->build(base.view(), options.threads));
  pin_to(processors().front());
  Bench bench{.subject = *subject,
              .base = base.view(),
              .queries = queries.view(),
              .metric = generator->metric(),
              .predicate = options.predicate};
  const Truth truth = exact_neighbours(bench.metric, bench.base, bench.queries, kK, 1);
  SAGITTA_TRY(const BeamResult unfiltered, beam_for(*subject, options, bench.queries, truth.view(), kRecall));
  bench.beam = unfiltered.beam;
  for (size_t q = 0; q < bench.queries.count; ++q) {
    bench.rankings.push_back(exact_neighbours(bench.metric, bench.base, {bench.queries.row(q).data(), 1, base.dim},
                                              static_cast<uint32_t>(bench.base.count), 1)
                                 .ids);
  }
  ann::SlotBitmap all;
  for (uint32_t row = 0; row < bench.base.count; ++row) all.set(subject->slot_of(row));
  std::vector<double> full;
  for (size_t i = 0; i < 5; ++i) full.push_back(scan_us(bench, bench.queries.row(0), {.bitmap = &all}));
  bench.full_scan_us = median(full);
  fmt::print("{}: {} rows, {} queries a line; unfiltered: beam {}, recall {:.3f}, p50 {:.1f} us; full scan {:.0f} us\n",
             options.set, bench.base.count, bench.queries.count, bench.beam, unfiltered.recall, unfiltered.p50_us,
             bench.full_scan_us);
  return print_grid(bench, options.seed);
}

}  // namespace sagitta::bench
