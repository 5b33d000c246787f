/// `sagitta bench ann`: the vector index alone, on any files.
#pragma once

#include <cstdint>
#include <string>

#include "sagitta/bench/subject.h"

namespace sagitta {

struct BenchAnnOptions {
  std::string base, queries, truth;
  std::string metric;
  std::string level = "f32";
  std::string profile = "compact";
  std::string beams = bench::kDefaultBeams;
  uint32_t k = 10;
  unsigned threads = 1;
  unsigned query_threads = 1;
  float oversampling = 0;  ///< 0: no rescoring
};

/// Builds an index from the base file and prints a line of JSON for each beam width. Returns the
/// exit status; what is wrong with a file or an option is one line on stderr.
int bench_ann(const BenchAnnOptions& options);

}  // namespace sagitta
