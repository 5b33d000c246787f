#include "engine.h"

#include <ctime>

#include "sagitta/load/server_process.h"

namespace sagitta::cql_bench {
namespace {

int64_t thread_cpu_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

Result<Engine> Engine::make(const Data& data, const BenchCqlOptions& options) {
  const auto profile = ann::parse_profile(options.profile);
  if (!profile) return fail(ErrorCode::kInvalid, "no profile '" + options.profile + "'");
  SAGITTA_TRY(auto subject,
              bench::Subject::make(
                  {.dim = data.dim(), .metric = data.metric, .profile = *profile, .expansion_search = options.beam}));
  return Engine(data, options, std::move(subject));
}

Result<int64_t> Engine::insert(uint64_t rows) {
  const bench::Floats base = data_->rows.view();
  subject_->reserve(rows);
  const int64_t before = load::own_cpu_ns();
  for (uint32_t row = 0; row < rows; ++row) SAGITTA_CHECK(subject_->insert(row, base.row(row)));
  subject_->settle(1);
  return load::own_cpu_ns() - before;
}

int64_t Engine::search_all() {
  const bench::Floats queries = data_->queries.view();
  bench::SubjectSearcher searcher(*subject_, {});
  std::vector<uint32_t> ids(k_);
  recall_ = 0;
  int64_t cpu_ns = 0;
  for (uint64_t i = 0; i < queries.count; ++i) {
    const int64_t before = thread_cpu_ns();
    const size_t found = searcher.search(queries.row(i), beam_, ids);
    cpu_ns += thread_cpu_ns() - before;
    recall_ += recall_of(*data_, i, std::span(ids).first(found)) / static_cast<double>(queries.count);
  }
  return cpu_ns;
}

}  // namespace sagitta::cql_bench
