#include <fmt/format.h>
#include <sys/prctl.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <string>

#include "sagitta/bench/subject.h"

#include "peer.h"

namespace sagitta::bench {
namespace {

/// Full-precision candidates that level i8 rescores, times k.
constexpr float kOversampling = 3;
/// Queries before memory is read: they make the scratch that searches keep.
constexpr size_t kWarmQueries = 10;

class SagittaPeer final : public Peer {
 public:
  SagittaPeer(std::string_view variant, ann::Metric metric, const MatrixFile& file) : file_(file) {
    options_.dim = file.floats().dim;
    options_.metric = metric;
    options_.profile = variant == "fast" ? ann::Profile::kFast : ann::Profile::kCompact;
    options_.level = variant == "i8" ? ann::Level::kI8 : ann::Level::kF32;
    options_.link_threads = 0;  // the inserting threads link, so that no more than they work
  }

  Status build(Floats base, unsigned threads) override {
    SAGITTA_TRY(subject_, Subject::make(options_));
    SAGITTA_CHECK(subject_->build(base, threads));
    const float oversampling = options_.level == ann::Level::kI8 ? kOversampling : 0;
    searcher_ = std::make_unique<SubjectSearcher>(*subject_, rescoring_params(*subject_, base, oversampling));
    return {};
  }
  size_t search(std::span<const float> query, uint32_t beam, std::span<uint32_t> ids) override {
    return searcher_->search(query, beam, ids);
  }
  Work take_work() override { return searcher_->take_work(); }
  /// Full vectors are outside of RAM for us: each run maps what it reads.
  void prepare() override {
    if (options_.level == ann::Level::kI8) file_.drop_pages();
  }
  Result<size_t> fill() override {
    SAGITTA_TRY(const size_t length, subject_->fill_fresh(file_.floats()));
    file_.drop_pages();
    return length;
  }

 private:
  const MatrixFile& file_;
  ann::IndexOptions options_;
  std::unique_ptr<Subject> subject_;
  std::unique_ptr<SubjectSearcher> searcher_;
};

void say(const std::string& line) {
  fmt::print("{}\n", line);
  std::fflush(stdout);
}

struct Inputs {
  MatrixFile base, queries, truth;
  Equals equals;
};

Result<Inputs> open_inputs(const PeerOptions& options) {
  SAGITTA_TRY(auto base, MatrixFile::open(options.base));
  SAGITTA_TRY(auto queries, MatrixFile::open(options.queries));
  SAGITTA_TRY(auto truth, MatrixFile::open(options.truth));
  if (queries.floats().dim != base.floats().dim || queries.floats().count == 0 || truth.ids().dim < options.k ||
      truth.ids().count != queries.floats().count) {
    return fail(ErrorCode::kInvalid, "base, queries and truth do not belong together");
  }
  Equals equals(base.floats());
  base.drop_pages();
  return Inputs{std::move(base), std::move(queries), std::move(truth), std::move(equals)};
}

/// Builds, and reports what that cost.
Status build(Peer& peer, const Inputs& inputs, const PeerOptions& options) {
  SAGITTA_TRY(const std::vector<uint32_t> beams, parse_beams(options.beams));
  const size_t before = resident_bytes();
  const Stopwatch watch;
  SAGITTA_CHECK(peer.build(inputs.base.floats(), options.threads));
  say(fmt::format("build_s {:.3f}", watch.seconds()));
  std::vector<uint32_t> ids(options.k);
  const Floats queries = inputs.queries.floats();
  for (size_t i = 0; i < std::min(kWarmQueries, queries.count); ++i) peer.search(queries.row(i), beams.back(), ids);
  inputs.base.drop_pages();
  say(fmt::format("memory_bytes {}", std::max(resident_bytes(), before) - before));
  say("ready");
  return {};
}

Result<std::string> answer(Peer& peer, const Inputs& inputs, const PeerOptions& options, const std::string& line) {
  if (line == "fill") {
    SAGITTA_TRY(const size_t length, peer.fill());
    return fmt::format("filled {}", length);
  }
  if (!line.starts_with("run ")) return fail(ErrorCode::kProtocol, fmt::format("unknown request '{}'", line));
  SAGITTA_TRY(const std::vector<uint32_t> beam, parse_beams(line.substr(4)));
  peer.prepare();
  return format_beam_result(
      measure_beam(peer, inputs.queries.floats(), inputs.truth.ids(), options.k, beam.front(), inputs.equals));
}

Status serve(const std::string& name, const PeerOptions& options) {
  SAGITTA_TRY(const ann::Metric metric, metric_named(options.metric));
  SAGITTA_TRY(const Inputs inputs, open_inputs(options));
  const std::unique_ptr<Peer> peer = make_peer(name, metric, inputs.base);
  if (peer == nullptr) {
    say("absent its headers were not there when the benchmark was built");
    return {};
  }
  SAGITTA_CHECK(build(*peer, inputs, options));
  pin_to(processors().front());
  for (std::string line; std::getline(std::cin, line);) {
    const Result<std::string> said = answer(*peer, inputs, options, line);
    say(said ? *said : "error " + said.error().message());
  }
  return {};
}

}  // namespace

bool is_own_peer(std::string_view name) { return name == "compact" || name == "fast" || name == "i8"; }

std::unique_ptr<Peer> make_peer(std::string_view name, ann::Metric metric, const MatrixFile& base) {
  if (is_own_peer(name)) return std::make_unique<SagittaPeer>(name, metric, base);
  if (name == "hnswlib") return make_hnswlib(metric, base.floats().dim);
  if (name == "usearch") return make_usearch(metric, base.floats().dim);
  return nullptr;
}

int serve_peer(const std::string& name, const PeerOptions& options) {
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);  // a build would go on for minutes after its driver was stopped
  const Status done = serve(name, options);
  if (done) return 0;
  say("error " + done.error().message());
  return 1;
}

}  // namespace sagitta::bench
