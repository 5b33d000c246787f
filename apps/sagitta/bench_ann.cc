#include "bench_ann.h"

#include <fmt/format.h>

#include <cstdio>
#include <thread>
#include <vector>

#include "sagitta/ann/index.h"
#include "sagitta/bench/matrix.h"
#include "sagitta/bench/measure.h"
#include "sagitta/bench/subject.h"

namespace sagitta {
namespace {

struct Inputs {
  bench::MatrixFile base, queries, truth;
  bench::Equals equals;
};

Status check_shapes(const BenchAnnOptions& options, const Inputs& inputs) {
  const bench::Floats base = inputs.base.floats(), queries = inputs.queries.floats();
  const bench::Ids truth = inputs.truth.ids();
  const auto wrong = [](std::string message) { return fail(ErrorCode::kInvalid, std::move(message)); };
  if (base.count == 0) return wrong(fmt::format("{}: no rows", options.base));
  if (queries.count == 0) return wrong(fmt::format("{}: no rows", options.queries));
  if (queries.dim != base.dim) {
    return wrong(fmt::format("{}: {} dimensions, but the base has {}", options.queries, queries.dim, base.dim));
  }
  if (truth.count != queries.count) {
    return wrong(fmt::format("{}: {} rows for {} queries", options.truth, truth.count, queries.count));
  }
  if (truth.dim < options.k) {
    return wrong(fmt::format("{}: {} ids a query, but k is {}", options.truth, truth.dim, options.k));
  }
  return {};
}

Result<ann::IndexOptions> index_options(const BenchAnnOptions& options, uint32_t dim) {
  const auto level = ann::parse_level(options.level);
  if (!level) return fail(ErrorCode::kInvalid, fmt::format("no level '{}'", options.level));
  const auto profile = ann::parse_profile(options.profile);
  if (!profile) return fail(ErrorCode::kInvalid, fmt::format("no profile '{}'", options.profile));
  SAGITTA_TRY(const ann::Metric metric, bench::metric_named(options.metric));
  return ann::IndexOptions{.dim = dim, .metric = metric, .level = *level, .profile = *profile, .link_threads = 0};
}

/// Each thread asks all queries. The latencies and counts are of the first; the throughput is of
/// all.
bench::BeamResult measure(bench::Subject& subject, const BenchAnnOptions& options, const Inputs& inputs,
                          uint32_t beam) {
  const std::vector<unsigned> processors = bench::processors();
  std::vector<bench::BeamResult> results(options.query_threads);
  {
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < options.query_threads; ++i) {
      threads.emplace_back([&, i] {
        bench::pin_to(processors[i % processors.size()]);
        bench::SubjectSearcher searcher(subject, rescoring_params(subject, inputs.base.floats(), options.oversampling));
        results[i] =
            measure_beam(searcher, inputs.queries.floats(), inputs.truth.ids(), options.k, beam, inputs.equals);
      });
    }
  }
  for (unsigned i = 1; i < options.query_threads; ++i) results[0].qps += results[i].qps;
  return results[0];
}

void print(const bench::BeamResult& r, double build_s, const ann::MemoryUse& memory) {
  fmt::print(
      R"({{"beam":{},"recall":{:.4f},"qps":{:.1f},"p50_us":{:.1f},"p99_us":{:.1f},"expanded":{:.1f},)"
      R"("build_s":{:.3f},"memory_bytes":{{"vectors":{},"codes":{},"fine":{},"graph":{},"slots":{},"scratch":{},)"
      R"("total":{}}}}})"
      "\n",
      r.beam, r.recall, r.qps, r.p50_us, r.p99_us, r.expanded, build_s, memory.vectors_bytes, memory.codes_bytes,
      memory.fine_bytes, memory.graph_bytes, memory.slots_bytes, memory.scratch_bytes, memory.total_bytes());
  std::fflush(stdout);
}

Status run(const BenchAnnOptions& options) {
  SAGITTA_TRY(const std::vector<uint32_t> beams, bench::parse_beams(options.beams));
  SAGITTA_TRY(auto base, bench::MatrixFile::open(options.base));
  SAGITTA_TRY(auto queries, bench::MatrixFile::open(options.queries));
  SAGITTA_TRY(auto truth, bench::MatrixFile::open(options.truth));
  bench::Equals equals(base.floats());
  const Inputs inputs{std::move(base), std::move(queries), std::move(truth), std::move(equals)};
  SAGITTA_CHECK(check_shapes(options, inputs));
  SAGITTA_TRY(const ann::IndexOptions index, index_options(options, inputs.base.floats().dim));
  SAGITTA_TRY(const auto subject, bench::Subject::make(index));
  const bench::Stopwatch watch;
  SAGITTA_CHECK(subject->build(inputs.base.floats(), options.threads));
  const double build_s = watch.seconds();
  for (const uint32_t beam : beams) {
    const bench::BeamResult result = measure(*subject, options, inputs, beam);
    print(result, build_s, subject->index().memory());
  }
  return {};
}

}  // namespace

int bench_ann(const BenchAnnOptions& options) {
  const Status done = run(options);
  if (done) return 0;
  fmt::print(stderr, "sagitta bench ann: {}\n", done.error().message());
  return 1;
}

}  // namespace sagitta
