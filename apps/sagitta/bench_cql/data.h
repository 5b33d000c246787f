/// The rows, queries and exact neighbours that the server and the bare engine share.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "sagitta/ann/index.h"
#include "sagitta/base/result.h"
#include "sagitta/bench/dataset.h"
#include "sagitta/bench/measure.h"

#include "options.h"

namespace sagitta::cql_bench {

/// One of so many rows has tag 7: what the filtered query asks for.
inline constexpr uint64_t kTags = 100;
inline constexpr uint64_t kWantedTag = 7;

struct Data {
  std::string name;
  ann::Metric metric = ann::Metric::kCosine;
  bench::Matrix rows, queries;
  bench::Truth truth;  ///< k of each query
  bench::Equals equals;

  uint32_t dim() const { return rows.dim; }
  uint64_t count() const { return rows.values.size() / rows.dim; }
  uint64_t query_count() const { return queries.values.size() / queries.dim; }
};

/// kInvalid for a set that there is not.
Result<Data> make_data(const BenchCqlOptions& options);

/// A vector as CQL has it: floats, big-endian.
Bytes to_cell(std::span<const float> vector);
/// An int as CQL has it.
Bytes to_cell(int32_t value);
/// The part of the exact neighbours of query `query` that is in `ids`.
double recall_of(const Data& data, uint64_t query, std::span<const uint32_t> ids);

}  // namespace sagitta::cql_bench
