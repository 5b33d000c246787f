/// What a measurement of a server gave, and the words of a command line and a page that every
/// benchmark of a server needs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sagitta/base/result.h"
#include "sagitta/load/loops.h"

namespace sagitta::cql_bench {

/// What one measurement gave, or the medians of several.
struct Measured {
  double rate = 0;  ///< answers a second
  double p50_us = 0, p99_us = 0, p999_us = 0;
  double cpu_us = 0;  ///< of the server, for each answer
  uint64_t failed = 0;
};

/// The server took `cpu_ns` for these answers.
Measured measured_of(const load::LoopResult& result, int64_t cpu_ns);
/// Each field by itself; `failed` is the sum.
Measured medians(const std::vector<Measured>& all);

/// The words of "a,b,c". kInvalid naming the first that is not among `known`; `what` is what each
/// of them is.
Result<std::vector<std::string>> known_words(std::string_view text, std::string_view what,
                                             const std::vector<std::string>& known);
/// The parts of "a,b,c".
std::vector<std::string> split(std::string_view text);
/// As the operating system names it.
std::string processor_name();

}  // namespace sagitta::cql_bench
