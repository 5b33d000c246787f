#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <numeric>
#include <thread>

#include "sagitta/base/random.h"

#include "options.h"

namespace sagitta::bench {
namespace {

constexpr size_t kRows = 500'000;
constexpr size_t kQueries = 2000;
constexpr uint32_t kK = 10;
constexpr double kBeamRecall = 0.95;
/// Rows that the writer has besides those in the index.
constexpr double kSpareRows = 0.25;
constexpr double kSeconds = 3;
constexpr double kSmokeSeconds = 0.2;

struct Bench {
  Subject& subject;
  Floats base, queries;
  uint32_t beam = 0;
  double seconds = kSeconds;
};

/// Asks queries for some seconds from one processor; returns their latencies.
std::vector<double> ask(const Bench& bench, unsigned processor) {
  pin_to(processor);
  SubjectSearcher searcher(bench.subject, {});
  std::vector<uint32_t> ids(kK);
  for (size_t i = 0; i < 100; ++i) searcher.search(bench.queries.row(i % bench.queries.count), bench.beam, ids);
  std::vector<double> micros;
  const Stopwatch watch;
  double before = 0;
  for (size_t i = 0; before < bench.seconds; ++i) {
    searcher.search(bench.queries.row(i % bench.queries.count), bench.beam, ids);
    const double after = watch.seconds();
    micros.push_back((after - before) * 1e6);
    before = after;
  }
  return micros;
}

double qps(const Bench& bench, const std::vector<unsigned>& cpus, unsigned threads) {
  std::vector<double> each(threads);
  {
    std::vector<std::jthread> askers;
    for (unsigned i = 0; i < threads; ++i) {
      askers.emplace_back([&, i] { each[i] = static_cast<double>(ask(bench, cpus[i]).size()) / bench.seconds; });
    }
  }
  return std::accumulate(each.begin(), each.end(), 0.0);
}

struct Writes {
  size_t inserts = 0, replaces = 0, erases = 0, refused = 0;
  size_t total() const { return inserts + replaces + erases; }
};

/// Inserts, replaces and erases as fast as it goes, keeping the number of rows about the same.
class Writer {
 public:
  Writer(const Bench& bench, size_t rows, uint64_t seed) : bench_(bench), random_(seed) {
    live_.resize(rows);
    std::iota(live_.begin(), live_.end(), 0U);
    spare_.resize(bench.base.count - rows);
    std::iota(spare_.begin(), spare_.end(), static_cast<uint32_t>(rows));
  }

  Writes run(unsigned processor, const std::atomic<bool>& stop) {
    pin_to(processor);
    Writes writes;
    while (!stop) step(writes);
    return writes;
  }

 private:
  void step(Writes& writes) {
    switch (random_.below(4)) {
      case 0: return insert(writes);
      case 1: return erase(writes);
      default: return replace(writes);
    }
  }
  void insert(Writes& writes) {
    if (spare_.empty()) return;
    const uint32_t row = spare_.back();
    if (!bench_.subject.insert(row, bench_.base.row(row))) return void(++writes.refused);
    spare_.pop_back();
    live_.push_back(row);
    ++writes.inserts;
  }
  void erase(Writes& writes) {
    if (live_.empty()) return;
    std::swap(live_[random_.below(live_.size())], live_.back());
    bench_.subject.erase(live_.back());
    spare_.push_back(live_.back());
    std::swap(spare_[random_.below(spare_.size())], spare_.back());
    live_.pop_back();
    ++writes.erases;
  }
  /// By the vector of another row: a replacement moves.
  void replace(Writes& writes) {
    if (live_.empty()) return;
    const uint32_t row = live_[random_.below(live_.size())];
    if (!bench_.subject.replace(row, bench_.base.row(random_.below(bench_.base.count)))) return void(++writes.refused);
    ++writes.replaces;
  }

  const Bench& bench_;
  SeededRandom random_;
  std::vector<uint32_t> live_, spare_;
};

void print_two_threads(const Bench& bench, const std::vector<unsigned>& cpus, unsigned repetitions) {
  std::vector<double> one, two;
  for (unsigned i = 0; i < repetitions; ++i) {
    one.push_back(qps(bench, cpus, 1));
    two.push_back(qps(bench, cpus, 2));
  }
  const double ratio = median(two) / median(one);
  fmt::print("QPS: one thread {:.0f}, two {:.0f}; ratio {:.2f}  >= 1.85 >= 1.95  {}\n", median(one), median(two), ratio,
             judge(ratio, 1.85, 1.95, Better::kHigher));
}

void print_while_writing(const Bench& bench, size_t rows, const std::vector<unsigned>& cpus, const Options& options) {
  Writer writer(bench, rows, options.seed);
  std::vector<double> idle_p50, idle_p99, busy_p50, busy_p99;
  Writes writes;
  const auto measure = [&](std::vector<double>& p50, std::vector<double>& p99) {
    std::vector<double> micros;
    std::jthread([&] { micros = ask(bench, cpus[0]); }).join();
    p50.push_back(percentile(micros, 0.5));
    p99.push_back(percentile(micros, 0.99));
  };
  for (unsigned i = 0; i < options.repetitions; ++i) {
    bench.subject.settle(options.threads);
    measure(idle_p50, idle_p99);
    std::atomic<bool> stop{false};
    Writes round;
    std::jthread thread([&] { round = writer.run(cpus[1], stop); });
    measure(busy_p50, busy_p99);
    stop = true;
    thread.join();
    writes = {writes.inserts + round.inserts, writes.replaces + round.replaces, writes.erases + round.erases,
              writes.refused + round.refused};
  }
  const double ratio = median(busy_p99) / median(idle_p99);
  const double seconds = bench.seconds * options.repetitions;
  fmt::print(
      "search beside a writer: p50 {:.1f} us (idle {:.1f}), p99 {:.1f} us (idle {:.1f}); p99 ratio {:.2f}  <= "
      "1.50 <= 1.20  {}\n",
      median(busy_p50), median(idle_p50), median(busy_p99), median(idle_p99), ratio,
      judge(ratio, 1.5, 1.2, Better::kLower));
  fmt::print("writes: {:.0f} a second ({} inserts, {} replaces, {} erases; {} refused)\n",
             static_cast<double>(writes.total()) / seconds, writes.inserts, writes.replaces, writes.erases,
             writes.refused);
}

}  // namespace

Status concurrency_grid(const Options& options) {
  const std::vector<unsigned> cpus = processors();
  if (cpus.size() < 2) return fail(ErrorCode::kInvalid, "concurrency needs two processors");
  SAGITTA_TRY(const auto generator, make_generator(options.set, options.seed));
  const size_t rows = or_default(options.rows, kRows);
  const auto spare = static_cast<size_t>(kSpareRows * static_cast<double>(rows));
  const Matrix base = generator->rows(0, rows + spare, options.threads);
  const Matrix queries = generator->queries(or_default(options.queries, kQueries), options.threads);
  SAGITTA_TRY(const ann::IndexOptions index, index_options(options, *generator, 1));
  pin_to(cpus[1]);  // the index's own thread stays beside the writer
  SAGITTA_TRY(const auto subject, Subject::make(index));
  pin_to(cpus);
  subject->reserve(rows + spare);
  std::vector<uint32_t> first(rows);
  std::iota(first.begin(), first.end(), 0U);
  SAGITTA_CHECK(subject->insert_all(base.view(), first, options.threads));
  subject->settle(options.threads);
  const Truth truth =
      exact_neighbours(generator->metric(), base.view().first(rows), queries.view(), kK, options.threads);
  SAGITTA_TRY(const BeamResult at, beam_for(*subject, options, queries.view(), truth.view(), kBeamRecall));
  const Bench bench{.subject = *subject,
                    .base = base.view(),
                    .queries = queries.view(),
                    .beam = at.beam,
                    .seconds = options.smoke ? kSmokeSeconds : kSeconds};
  fmt::print("{}: {} rows, beam {}, recall {:.3f}\n", options.set, rows, at.beam, at.recall);
  print_two_threads(bench, cpus, options.repetitions);
  print_while_writing(bench, rows, cpus, options);
  subject->settle(options.threads);
  return subject->index().check();
}

}  // namespace sagitta::bench
