/// What one searcher does at one beam width.
#include "sagitta/bench/measure.h"

#include <malloc.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <string_view>
#include <unordered_map>

namespace sagitta::bench {
namespace {

/// Queries before the clock starts: they warm the caches that another process has used meanwhile.
constexpr size_t kWarmQueries = 200;

}  // namespace

Equals::Equals(Floats base) {
  std::unordered_map<std::string_view, uint32_t> known;
  known.reserve(base.count);
  first_.resize(base.count);
  for (uint32_t row = 0; row < base.count; ++row) {
    const auto values = std::as_bytes(base.row(row));
    const std::string_view bytes(reinterpret_cast<const char*>(values.data()), values.size());
    first_[row] = known.emplace(bytes, row).first->second;
  }
  if (known.size() == base.count) first_ = {};
}

double recall_of(std::span<const uint32_t> truth, std::span<const uint32_t> found, uint32_t k, const Equals& equals) {
  const auto wanted = truth.first(std::min<size_t>(k, truth.size()));
  if (wanted.empty()) return 1;
  std::vector<uint32_t> left;
  for (const uint32_t id : found) left.push_back(equals.first(id));
  size_t hits = 0;
  for (const uint32_t id : wanted) {
    const auto hit = std::ranges::find(left, equals.first(id));
    if (hit == left.end()) continue;
    left.erase(hit);
    ++hits;
  }
  return static_cast<double>(hits) / static_cast<double>(wanted.size());
}

BeamResult measure_beam(Searcher& searcher, Floats queries, Ids truth, uint32_t k, uint32_t beam,
                        const Equals& equals) {
  std::vector<uint32_t> found(queries.count * k);
  std::vector<size_t> counts(queries.count);
  std::vector<double> micros(queries.count);
  for (size_t i = 0; i < std::min(kWarmQueries, queries.count); ++i) {
    searcher.search(queries.row(queries.count - 1 - i), beam, {found.data(), k});
  }
  searcher.take_work();
  const Stopwatch whole;
  double before = 0;
  for (size_t i = 0; i < queries.count; ++i) {
    counts[i] = searcher.search(queries.row(i), beam, {found.data() + i * k, k});
    const double after = whole.seconds();
    micros[i] = (after - before) * 1e6;
    before = after;
  }
  const auto count = static_cast<double>(queries.count);
  BeamResult result{.beam = beam, .qps = count / before};
  const Work work = searcher.take_work();
  result.expanded = static_cast<double>(work.expanded) / count;
  result.distances = static_cast<double>(work.distances) / count;
  for (size_t i = 0; i < queries.count; ++i) {
    result.recall += recall_of(truth.row(i), {found.data() + i * k, counts[i]}, k, equals) / count;
  }
  result.p50_us = percentile(micros, 0.5);
  result.p99_us = percentile(micros, 0.99);
  return result;
}

double percentile(std::vector<double>& values, double part) {
  if (values.empty()) return 0;
  const auto at = std::min(values.size() - 1, static_cast<size_t>(part * static_cast<double>(values.size())));
  std::ranges::nth_element(values, values.begin() + static_cast<std::ptrdiff_t>(at));
  return values[at];
}

std::vector<Point> pareto_front(std::vector<Point> points) {
  std::ranges::sort(points, [](const Point& a, const Point& b) {
    return a.recall != b.recall ? a.recall > b.recall : a.value > b.value;
  });
  std::vector<Point> front;
  for (const Point& point : points) {
    if (front.empty() || point.value > front.back().value) front.push_back(point);
  }
  std::ranges::reverse(front);
  return front;
}

std::optional<double> at_recall(const std::vector<Point>& points, double recall) {
  const std::vector<Point> front = pareto_front(points);
  const auto above = std::ranges::find_if(front, [recall](const Point& p) { return p.recall >= recall; });
  if (above == front.end()) return std::nullopt;
  if (above == front.begin()) return above->value;
  const Point& below = *(above - 1);
  const double part = (recall - below.recall) / (above->recall - below.recall);
  return std::exp(std::log(below.value) * (1 - part) + std::log(above->value) * part);
}

std::vector<unsigned> processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  ::sched_getaffinity(0, sizeof set, &set);
  std::vector<unsigned> out;
  for (unsigned i = 0; i < CPU_SETSIZE; ++i) {
    if (CPU_ISSET(i, &set)) out.push_back(i);
  }
  return out;
}

void pin_to(const std::vector<unsigned>& processors) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const unsigned processor : processors) CPU_SET(processor, &set);
  ::sched_setaffinity(0, sizeof set, &set);
}

void pin_to(unsigned processor) { pin_to(std::vector{processor}); }

size_t resident_bytes() {
  ::malloc_trim(0);
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen("/proc/self/statm", "r"), std::fclose);
  size_t all = 0, resident = 0;
  if (file == nullptr || std::fscanf(file.get(), "%zu %zu", &all, &resident) != 2) return 0;
  return resident * static_cast<size_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace sagitta::bench
