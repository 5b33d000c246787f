/// `sagitta bench peer`: a server of our own and another that speaks CQL under the same load, in
/// turns.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <thread>

#include "sagitta/base/metrics.h"
#include "sagitta/bench/measure.h"

#include "folder.h"
#include "options.h"
#include "side.h"

namespace sagitta {
namespace cql_bench {
namespace {

/// What ours must reach, as operations for each second of CPU over the peer's.
const std::map<std::string, double> kWantedRatios = {
    {"read", 5}, {"write", 5}, {"index", 5}, {"lwt_insert", 10}, {"lwt_update", 10}};

/// Our own server first.
using Pair = std::array<Measured, 2>;

/// Both servers, and what was measured of them.
class Comparison {
 public:
  static Result<std::unique_ptr<Comparison>> begin(const BenchPeerOptions& options, const std::string& folder) {
    std::unique_ptr<Comparison> all(new Comparison(options));
    SAGITTA_TRY(all->workloads_, known_words(options.workloads, "workload", side_workloads()));
    SAGITTA_TRY(const auto peer, async::Endpoint::parse(options.cql));
    SAGITTA_TRY(all->server_, load::ServerProcess::start(options.server.empty() ? load::own_program() : options.server,
                                                         folder + "/data", {"--log-level", "warn"}));
    all->runtime_ = async::make_runtime(1, all->metrics_);
    SAGITTA_TRY(all->sides_[0], Side::open(*all->runtime_, all->server_->cql(), all->server_->pid(), options));
    SAGITTA_TRY(all->sides_[1], Side::open(*all->runtime_, peer, options.process, options));
    return all;
  }

  Status warm() {
    for (const auto& side : sides_) SAGITTA_CHECK(side->warm(workloads_, options_.warm));
    return {};
  }

  /// Every workload once on both, who begins in turns.
  Status round(uint32_t number) {
    for (const std::string& workload : workloads_) {
      Pair pair;
      for (const uint32_t turn : {number % 2, 1 - number % 2}) {
        SAGITTA_TRY(pair[turn], sides_[turn]->measure(workload));
      }
      measured_[workload].push_back(pair);
    }
    return {};
  }

  Status close() {
    for (const auto& side : sides_) SAGITTA_CHECK(side->close());
    return {};
  }

  const std::vector<std::string>& workloads() const { return workloads_; }
  const std::vector<Pair>& at(const std::string& workload) const { return measured_.at(workload); }
  const Side& side(size_t number) const { return *sides_[number]; }

 private:
  explicit Comparison(const BenchPeerOptions& options) : options_(options) {}

  const BenchPeerOptions options_;
  std::vector<std::string> workloads_;
  MetricsRegistry metrics_;
  std::unique_ptr<load::ServerProcess> server_;
  std::unique_ptr<async::Runtime> runtime_;  // stops before the server
  std::array<std::unique_ptr<Side>, 2> sides_;
  std::map<std::string, std::vector<Pair>> measured_;
};

void print_setting(const Comparison& all, const BenchPeerOptions& options) {
  fmt::print("processor: {}, {} of them\n", processor_name(), std::thread::hardware_concurrency());
  fmt::print("peer: {} {}\n", options.name, all.side(1).release());
  fmt::print("tables: {} rows of (id int, tag int, payload text of {} bytes), {} rows a tag\n", options.rows,
             kPayloadBytes, kRowsPerTag);
  fmt::print(
      "load: {} in flight on each of {} connection{}, {} s a point after {} s of all, medians of {} rounds in "
      "turns\n",
      options.depth, options.connections, options.connections == 1 ? "" : "s", options.seconds, options.warm,
      options.rounds);
  fmt::print("idle: ours takes {:.1f} % of a core, the peer {:.1f} %\n\n", 100 * all.side(0).idle(),
             100 * all.side(1).idle());
}

/// "6.42 (6.01 to 6.66)".
std::string shown(const std::vector<double>& ratios) {
  const auto [least, most] = std::ranges::minmax(ratios);
  return fmt::format("{:.2f} ({:.2f} to {:.2f})", bench::median(ratios), least, most);
}

std::string verdict(const std::string& workload, double ratio) {
  const auto wanted = kWantedRatios.find(workload);
  if (wanted == kWantedRatios.end()) return "";
  return fmt::format("{} {:.0f}", ratio >= wanted->second ? "at least" : "MISSED:", wanted->second);
}

void print_table(const Comparison& all) {
  fmt::print("{:14s}{:>24s}{:>28s}{:>13s}{:>24s}{:>24s}\n", "", "operations a CPU second", "", "", "answers a second",
             "p99 us");
  fmt::print("{:14s}{:>12s}{:>12s}{:>28s}{:>13s}{:>12s}{:>12s}{:>12s}{:>12s}\n", "workload", "ours", "peer", "ratio",
             "wanted", "ours", "peer", "ours", "peer");
  for (const std::string& workload : all.workloads()) {
    std::vector<Measured> ours, peers;
    std::vector<double> ratios;
    for (const auto& [our, peer] : all.at(workload)) {
      ours.push_back(our);
      peers.push_back(peer);
      ratios.push_back(peer.cpu_us / our.cpu_us);
    }
    const Measured our = medians(ours), peer = medians(peers);
    fmt::print("{:14s}{:12.0f}{:12.0f}{:>28s}{:>13s}{:12.0f}{:12.0f}{:12.0f}{:12.0f}\n", workload, 1e6 / our.cpu_us,
               1e6 / peer.cpu_us, shown(ratios), verdict(workload, bench::median(ratios)), our.rate, peer.rate,
               our.p99_us, peer.p99_us);
  }
}

Status run(const BenchPeerOptions& options) {
  SAGITTA_TRY(const Folder folder, Folder::make(options.work));
  fmt::print(stderr, "filling two servers with {} rows\n", 2 * options.rows);
  SAGITTA_TRY(const auto all, Comparison::begin(options, folder.path()));
  fmt::print(stderr, "warming each for {} s\n", options.warm);
  SAGITTA_CHECK(all->warm());
  for (uint32_t round = 0; round < options.rounds; ++round) {
    fmt::print(stderr, "round {} of {}\n", round + 1, options.rounds);
    SAGITTA_CHECK(all->round(round));
  }
  print_setting(*all, options);
  print_table(*all);
  const uint64_t failed = all->side(0).failed() + all->side(1).failed();
  const uint64_t wrong = all->side(0).wrong() + all->side(1).wrong();
  fmt::print("\nrequests that failed: {}; with an answer that is not what it should be: {}\n", failed, wrong);
  SAGITTA_CHECK(all->close());
  if (failed + wrong > 0) return fail(ErrorCode::kServer, fmt::format("{} requests went wrong", failed + wrong));
  return {};
}

}  // namespace
}  // namespace cql_bench

int bench_peer(const BenchPeerOptions& options) {
  const Status done = cql_bench::run(options);
  if (done) return 0;
  fmt::print(stderr, "sagitta bench peer: {}\n", done.error().message());
  return 1;
}

}  // namespace sagitta
