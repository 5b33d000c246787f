/// The bare engine on the same vectors, in this process: what the server's figures are held
/// against.
#pragma once

#include <memory>

#include "sagitta/bench/subject.h"

#include "data.h"

namespace sagitta::cql_bench {

class Engine {
 public:
  /// The index that the server makes for such a table: the same profile, level, connections, beams
  /// and link threads.
  static Result<Engine> make(const Data& data, const BenchCqlOptions& options);

  /// Inserts the first `rows` rows one after another and waits until they are linked; CPU of this
  /// process in ns.
  Result<int64_t> insert(uint64_t rows);
  /// All queries, one by one; CPU of the thread in ns.
  int64_t search_all();
  /// Recall of the last search_all().
  double recall() const { return recall_; }

 private:
  Engine(const Data& data, const BenchCqlOptions& options, std::unique_ptr<bench::Subject> subject)
      : data_(&data), beam_(options.beam), k_(options.k), subject_(std::move(subject)) {}

  const Data* data_;
  uint32_t beam_, k_;
  std::unique_ptr<bench::Subject> subject_;
  double recall_ = 0;
};

}  // namespace sagitta::cql_bench
