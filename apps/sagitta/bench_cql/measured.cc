#include "measured.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <ranges>

#include "sagitta/bench/measure.h"

namespace sagitta::cql_bench {
namespace {

double to_us(uint64_t ns) { return static_cast<double>(ns) / 1e3; }

double median_of(const std::vector<Measured>& all, double Measured::* field) {
  std::vector<double> values;
  for (const Measured& one : all) values.push_back(one.*field);
  return bench::median(std::move(values));
}

}  // namespace

Measured measured_of(const load::LoopResult& result, int64_t cpu_ns) {
  const load::Histogram& latencies = result.latencies;
  const auto answered = static_cast<double>(std::max(result.answered, uint64_t{1}));
  return {.rate = result.rate(),
          .p50_us = to_us(latencies.percentile_ns(0.5)),
          .p99_us = to_us(latencies.percentile_ns(0.99)),
          .p999_us = to_us(latencies.percentile_ns(0.999)),
          .cpu_us = static_cast<double>(cpu_ns) / 1e3 / answered,
          .failed = result.failed};
}

Measured medians(const std::vector<Measured>& all) {
  Measured out{median_of(all, &Measured::rate),    median_of(all, &Measured::p50_us), median_of(all, &Measured::p99_us),
               median_of(all, &Measured::p999_us), median_of(all, &Measured::cpu_us), 0};
  for (const Measured& one : all) out.failed += one.failed;
  return out;
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> words;
  for (const auto part : text | std::views::split(',')) words.emplace_back(part.begin(), part.end());
  return words;
}

Result<std::vector<std::string>> known_words(std::string_view text, std::string_view what,
                                             const std::vector<std::string>& known) {
  std::vector<std::string> words = split(text);
  for (const std::string& word : words) {
    if (std::ranges::find(known, word) == known.end()) {
      return fail(ErrorCode::kInvalid, fmt::format("no {} '{}'; there are {}", what, word, fmt::join(known, ", ")));
    }
  }
  return words;
}

std::string processor_name() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "unknown";
}

}  // namespace sagitta::cql_bench
