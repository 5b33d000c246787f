/// How fast, how exact, how large: the measurements that every benchmark of a vector index shares,
/// so that ours and its peers are measured by the same code.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "sagitta/bench/matrix.h"

namespace sagitta::bench {

/// Seconds since it was made.
class Stopwatch {
 public:
  double seconds() const { return std::chrono::duration<double>(Clock::now() - begin_).count(); }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point begin_ = Clock::now();
};

/// What searches did inside; zeros where that is not known.
struct Work {
  uint64_t expanded = 0;   ///< graph nodes whose links were followed
  uint64_t distances = 0;  ///< distances computed
};

/// An index that answers one query per call.
class Searcher {
 public:
  virtual ~Searcher() = default;
  /// Writes the ids of the nearest rows, best first; returns how many.
  virtual size_t search(std::span<const float> query, uint32_t beam, std::span<uint32_t> ids) = 0;
  /// The work since the last call.
  virtual Work take_work() { return {}; }
};

/// One beam width, over all queries, one thread, one query per call.
struct BeamResult {
  uint32_t beam = 0;
  double recall = 0;  ///< recall@k, averaged over the queries
  double qps = 0;
  double p50_us = 0;
  double p99_us = 0;
  double expanded = 0;   ///< nodes a query
  double distances = 0;  ///< distances a query
};

/// Which rows are equal: of a vector that many rows have, any is as good an answer as another.
/// Immutable.
class Equals {
 public:
  /// All rows differ.
  Equals() = default;
  explicit Equals(Floats base);
  /// The least row with the values of this one.
  uint32_t first(uint32_t row) const { return row < first_.size() ? first_[row] : row; }

 private:
  std::vector<uint32_t> first_;  ///< empty when all differ
};

/// `truth` has a row for each query and at least k columns.
BeamResult measure_beam(Searcher& searcher, Floats queries, Ids truth, uint32_t k, uint32_t beam,
                        const Equals& equals = {});

/// The part of the first k of `truth` that is in `found`, equal rows counting for one another.
double recall_of(std::span<const uint32_t> truth, std::span<const uint32_t> found, uint32_t k,
                 const Equals& equals = {});

/// The value below which the part `part` of all values is; 0 for none. Reorders.
double percentile(std::vector<double>& values, double part);
inline double median(std::vector<double> values) { return percentile(values, 0.5); }

struct Point {
  double recall = 0;
  double value = 0;
};
/// Those points that no other beats in both recall and value, ascending by recall.
std::vector<Point> pareto_front(std::vector<Point> points);
/// The value at `recall` on the Pareto front, linear in log(value) between its neighbours; at a
/// recall below all points, that of the lowest. Nothing when no point reaches `recall`.
std::optional<double> at_recall(const std::vector<Point>& points, double recall);

/// The processors this process may use.
std::vector<unsigned> processors();
/// Binds the calling thread, and threads it starts from now on, to one processor.
void pin_to(unsigned processor);
void pin_to(const std::vector<unsigned>& processors);
/// Bytes of memory this process holds in RAM, after giving freed memory back.
size_t resident_bytes();

}  // namespace sagitta::bench
