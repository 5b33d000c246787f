#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "options.h"
#include "peer.h"

namespace sagitta::bench {
namespace {

constexpr std::array kRecalls{0.90, 0.95, 0.99};
/// Sets below this dimension are held to the memory bounds of 128 dimensions, others to those of
/// 768.
constexpr uint32_t kWideDim = 256;
constexpr double kMiB = 1024 * 1024;

/// One peer over one set.
struct Run {
  std::string name;
  std::string absent;  ///< why, when it is not there or failed
  std::unique_ptr<PeerProcess> process;
  std::map<uint32_t, std::vector<BeamResult>> beams;  ///< repetitions of each

  std::vector<Point> points(double (*value)(const BeamResult&)) const {
    std::vector<Point> out;
    for (const auto& [beam, results] : beams) {
      std::vector<double> values;
      for (const BeamResult& result : results) values.push_back(value(result));
      if (!values.empty()) out.push_back({results.front().recall, median(std::move(values))});
    }
    return out;
  }
  std::optional<double> qps(double recall) const {
    return at_recall(points([](const BeamResult& r) { return r.qps; }), recall);
  }
  /// Of what is best when low, from its inverse; nothing where no inverse is known.
  std::optional<double> least(double recall, double (*inverse)(const BeamResult&)) const {
    std::vector<Point> known = points(inverse);
    std::erase_if(known, [](const Point& point) { return point.value <= 0; });
    const auto most = at_recall(known, recall);
    return most ? std::optional(1 / *most) : std::nullopt;
  }
};

double p50_rate(const BeamResult& r) { return 1 / std::max(r.p50_us, 1e-3); }
double p99_rate(const BeamResult& r) { return 1 / std::max(r.p99_us, 1e-3); }
/// 0 for a peer that does not tell.
double expanded_rate(const BeamResult& r) { return r.expanded > 0 ? 1 / r.expanded : 0; }

std::string figure(std::optional<double> value, const char* format) {
  return value ? fmt::format(fmt::runtime(format), *value) : "-";
}

void start(Run& run, const std::vector<std::string>& command, const SetFiles& set, const Options& options) {
  fmt::print(stderr, "{}: building {}\n", set.name, run.name);
  PeerOptions told{.base = set.base,
                   .queries = set.queries,
                   .truth = set.truth,
                   .metric = set.metric,
                   .beams = options.beams,
                   .threads = options.threads};
  auto started = PeerProcess::start(command, told);
  if (started) {
    run.process = *std::move(started);
  } else if (started.error().code() == ErrorCode::kNotFound) {
    run.absent = fmt::format("absent: {}", started.error().message());
  } else {
    run.absent = fmt::format("FAILED: {}", started.error().message());
  }
}

std::vector<Run> start_all(const SetFiles& set, const Options& options, const std::string& program) {
  std::vector<Run> runs;
  const auto add = [&](const std::string& name, const std::vector<std::string>& command) {
    runs.push_back({.name = name});
    start(runs.back(), command, set, options);
  };
  for (const std::string& own : options.own) add(own, {program, "peer", own});
  for (const char* peer : {"hnswlib", "usearch"}) add(peer, {program, "peer", peer});
  for (const std::string& peer : options.peers) {
    const size_t equals = peer.find('=');
    add(peer.substr(0, equals), {peer.substr(equals + 1)});
  }
  for (const char* known : {"faiss", "symqg"}) {
    if (!std::ranges::any_of(runs, [&](const Run& run) { return run.name == known; })) {
      runs.push_back({.name = known, .absent = "absent: no executable given"});
    }
  }
  return runs;
}

/// Every peer at one beam, then every peer at the next: what drifts, drifts for all.
Status measure_all(std::vector<Run>& runs, const Options& options) {
  SAGITTA_TRY(const std::vector<uint32_t> beams, parse_beams(options.beams));
  for (unsigned repetition = 0; repetition < options.repetitions; ++repetition) {
    fmt::print(stderr, "repetition {} of {}\n", repetition + 1, options.repetitions);
    for (const uint32_t beam : beams) {
      for (Run& run : runs) {
        if (run.process == nullptr) continue;
        auto result = run.process->run(beam);
        if (result) {
          run.beams[beam].push_back(*result);
        } else {
          run.absent = fmt::format("FAILED at beam {}: {}", beam, result.error().message());
          run.process.reset();
        }
      }
    }
  }
  return {};
}

/// Our own once more, with a fresh list as long as it gets.
Status measure_full(std::vector<Run>& runs, const Options& options) {
  SAGITTA_TRY(const std::vector<uint32_t> beams, parse_beams(options.beams));
  std::vector<Run> full;
  for (Run& run : runs) {
    if (run.process == nullptr || !is_own_peer(run.name)) continue;
    SAGITTA_TRY(const size_t length, run.process->fill());
    full.push_back({.name = fmt::format("{}, {} fresh", run.name, length)});
    for (unsigned repetition = 0; repetition < options.repetitions; ++repetition) {
      for (const uint32_t beam : beams) {
        SAGITTA_TRY(const BeamResult result, run.process->run(beam));
        full.back().beams[beam].push_back(result);
      }
    }
  }
  std::ranges::move(full, std::back_inserter(runs));
  return {};
}

void print_figures(const SetFiles& set, const std::vector<Run>& runs, const Options& options) {
  fmt::print("\n{}: {} x {}, {}, LID {:.1f}; {} queries, k = 10, one thread, medians of {}; built by {} threads\n",
             set.name, set.rows, set.dim, set.metric, set.lid, set.query_count, options.repetitions, options.threads);
  fmt::print("{:24}{:>9}{:>9}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}{:>9}\n", "", "build s", "MiB", "QPS@0.90", "@0.95",
             "@0.99", "p50@0.95", "p99@0.95", "exp@0.95", "recall");
  for (const Run& run : runs) {
    if (!run.absent.empty()) {
      fmt::print("{:24}{}\n", run.name, run.absent);
      continue;
    }
    double best = 0;
    for (const Point& point : run.points(p50_rate)) best = std::max(best, point.recall);
    const bool built = run.process != nullptr;
    fmt::print("{:24}{:>9}{:>9}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}{:>9.3f}\n", run.name,
               built ? fmt::format("{:.1f}", run.process->build_s()) : "",
               built ? fmt::format("{:.1f}", run.process->memory_bytes() / kMiB) : "", figure(run.qps(0.90), "{:.0f}"),
               figure(run.qps(0.95), "{:.0f}"), figure(run.qps(0.99), "{:.0f}"),
               figure(run.least(0.95, p50_rate), "{:.1f}"), figure(run.least(0.95, p99_rate), "{:.1f}"),
               figure(run.least(0.95, expanded_rate), "{:.1f}"), best);
  }
}

/// Ratios against the bounds that ours is held to, a line each.
class Judge {
 public:
  Judge(const std::vector<Run>& runs, std::string set) : runs_(runs), set_(std::move(set)) {
    fmt::print("\n{:36}{:>8}{:>9}{:>9}\n", "ratio ours / peer, " + set_, "", "must", "goal");
  }

  void queries(const std::string& own, const std::string& peer, double must, double goal) const {
    for (const double recall : kRecalls) {
      const Run* ours = find(own);
      const Run* theirs = find(peer);
      if (ours == nullptr) continue;
      line(fmt::format("{} QPS@{:.2f} / {}", own, recall, peer),
           ratio(ours->qps(recall), theirs, [&](const Run& run) { return run.qps(recall); }), theirs, must, goal,
           Better::kHigher);
    }
  }
  void memory(const std::string& own, const std::string& peer, double must, double goal) const {
    process_ratio(own, peer, "memory", must, goal, [](const PeerProcess& p) { return p.memory_bytes(); });
  }
  void build(const std::string& own, const std::string& peer, double must, double goal) const {
    process_ratio(own, peer, "build", must, goal, [](const PeerProcess& p) { return p.build_s(); });
  }

 private:
  const Run* find(const std::string& name) const {
    const auto found = std::ranges::find(runs_, name, &Run::name);
    return found == runs_.end() || !found->absent.empty() ? nullptr : &*found;
  }

  template <class Value>
  static std::optional<double> ratio(std::optional<double> ours, const Run* theirs, Value value) {
    const std::optional<double> other = theirs == nullptr ? std::nullopt : value(*theirs);
    return ours && other && *other > 0 ? std::optional(*ours / *other) : std::nullopt;
  }

  void process_ratio(const std::string& own, const std::string& peer, const char* what, double must, double goal,
                     double (*value)(const PeerProcess&)) const {
    const Run* ours = find(own);
    const Run* theirs = find(peer);
    if (ours == nullptr) return;
    line(fmt::format("{} {} / {}", own, what, peer),
         ratio(value(*ours->process), theirs, [&](const Run& run) { return std::optional(value(*run.process)); }),
         theirs, must, goal, Better::kLower);
  }

  static void line(const std::string& what, std::optional<double> value, const Run* theirs, double must, double goal,
                   Better better) {
    const char* sign = better == Better::kHigher ? ">=" : "<=";
    const std::string_view verdict = theirs == nullptr ? "absent" : value ? judge(*value, must, goal, better) : "-";
    fmt::print("{:36}{:>8}{:>3} {:5.2f}{:>3} {:5.2f}  {}\n", what, figure(value, "{:.2f}"), sign, must, sign, goal,
               verdict);
  }

  const std::vector<Run>& runs_;
  const std::string set_;
};

void print_ratios(const SetFiles& set, const std::vector<Run>& runs) {
  const bool wide = set.dim >= kWideDim;
  const Judge judge(runs, set.name);
  judge.queries("fast", "symqg", 1.0, 1.3);
  judge.memory("fast", "symqg", 1.0, 1.0);
  judge.queries("compact", "symqg", 0.7, 1.0);
  judge.queries("compact", "hnswlib", 2, 3);
  judge.queries("compact", "usearch", 4, 8);
  judge.memory("compact", "hnswlib", 1.15, 1.0);
  judge.build("compact", "hnswlib", 1.0 / 2, 1.0 / 3);
  judge.build("fast", "hnswlib", 1.0 / 2, 1.0 / 3);
  judge.memory("i8", "hnswlib", wide ? 0.40 : 0.45, wide ? 0.30 : 0.36);
  const auto i8 = std::ranges::find(runs, std::string("i8"), &Run::name);
  if (i8 != runs.end() && i8->absent.empty()) {
    fmt::print("{:36}{:>8}\n", "i8 reaches recall 0.95", i8->qps(0.95) ? "yes" : "MISSED");
  }
}

/// Ours must work, whatever the speed.
Status check_own(const std::vector<Run>& runs) {
  for (const Run& run : runs) {
    if (!is_own_peer(run.name)) continue;
    if (!run.absent.empty()) return fail(ErrorCode::kServer, fmt::format("{}: {}", run.name, run.absent));
    if (!run.qps(0.90)) return fail(ErrorCode::kServer, fmt::format("{} never reaches a recall of 0.90", run.name));
  }
  return {};
}

Status compare_on(const SetFiles& set, const Options& options, const std::string& program) {
  std::vector<Run> runs = start_all(set, options, program);
  SAGITTA_CHECK(measure_all(runs, options));
  SAGITTA_CHECK(measure_full(runs, options));
  print_figures(set, runs, options);
  print_ratios(set, runs);
  std::fflush(stdout);
  return check_own(runs);
}

}  // namespace

Status compare(const Options& options, const std::string& program) {
  for (const std::string& name : options.sets) {
    SAGITTA_TRY(const SetFiles set, prepare_set(name, options));
    SAGITTA_CHECK(compare_on(set, options, program));
  }
  if (options.set_folder.empty()) return {};
  SAGITTA_TRY(const SetFiles set, convert_set(options));
  return compare_on(set, options, program);
}

}  // namespace sagitta::bench
