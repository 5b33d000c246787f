#include "data.h"

#include <thread>

#include "sagitta/types/value.h"

namespace sagitta::cql_bench {

Result<Data> make_data(const BenchCqlOptions& options) {
  SAGITTA_TRY(const auto generator, bench::make_generator(options.set, options.seed));
  const unsigned threads = std::max(1U, std::thread::hardware_concurrency());
  Data data{.name = options.set, .metric = generator->metric()};
  data.rows = generator->rows(0, options.rows, threads);
  data.queries = generator->queries(options.queries, threads);
  data.truth = exact_neighbours(data.metric, data.rows.view(), data.queries.view(), options.k, threads);
  data.equals = bench::Equals(data.rows.view());
  return data;
}

Bytes to_cell(std::span<const float> vector) { return types::from_floats(vector); }

Bytes to_cell(int32_t value) { return types::from_int32(value); }

double recall_of(const Data& data, uint64_t query, std::span<const uint32_t> ids) {
  return bench::recall_of(data.truth.view().row(query), ids, data.truth.k, data.equals);
}

}  // namespace sagitta::cql_bench
