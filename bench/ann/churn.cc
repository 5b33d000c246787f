#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>

#include "sagitta/base/random.h"

#include "options.h"

namespace sagitta::bench {
namespace {

constexpr size_t kRows = 100'000;
/// Half a percentage point of recall is not seen with a thousand.
constexpr size_t kQueries = 4000;
constexpr uint32_t kK = 10;
constexpr double kBeamRecall = 0.95;
constexpr double kPart = 0.02;        ///< deleted, and inserted, in a generation
constexpr double kRefillPart = 0.90;  ///< deleted, and then inserted again
/// How far clusters have moved when drift ends.
constexpr float kMovedMax = 1.0F;
/// What two builds of the same rows differ by.
constexpr double kNoise = 0.0005;
/// Generations between two lines.
constexpr unsigned kLines = 4;

/// An index whose rows come and go: rows [0, next) of `base` have been inserted, those in `live`
/// are.
class Churned {
 public:
  Churned(std::unique_ptr<Subject> subject, Floats base, uint64_t seed)
      : subject_(std::move(subject)), base_(base), random_(std::make_unique<SeededRandom>(seed)) {
    subject_->reserve(base.count);
  }

  Status insert(size_t count, unsigned threads) {
    std::vector<uint32_t> rows(count);
    std::iota(rows.begin(), rows.end(), next_);
    next_ += static_cast<uint32_t>(count);
    live_.insert(live_.end(), rows.begin(), rows.end());
    return subject_->insert_all(base_, rows, threads);
  }
  /// These rows only, in a new index.
  Status adopt(const std::vector<uint32_t>& rows, unsigned threads) {
    live_ = rows;
    SAGITTA_CHECK(subject_->insert_all(base_, rows, threads));
    subject_->settle(threads);
    return {};
  }
  Status erase(size_t count) {
    for (size_t i = 0; i < count; ++i) {
      std::swap(live_[random_->below(live_.size())], live_.back());
      if (!subject_->erase(live_.back())) return fail(ErrorCode::kServer, "a live row could not be erased");
      live_.pop_back();
    }
    return {};
  }
  Subject& subject() { return *subject_; }
  const std::vector<uint32_t>& live() const { return live_; }

 private:
  std::unique_ptr<Subject> subject_;
  Floats base_;
  std::unique_ptr<SeededRandom> random_;
  std::vector<uint32_t> live_;
  uint32_t next_ = 0;
};

struct Scenario {
  std::string_view name;
  unsigned generations = 0;
  double part = kPart;
  bool drifts = false;
  double must = 0.005, goal = 0;  ///< recall below that of a fresh build, at most
};

struct Data {
  ann::IndexOptions index;
  Matrix base, queries;
  size_t rows = 0;
};

Data make_data(const Scenario& scenario, const Options& options, const Generator& generator,
               const ann::IndexOptions& index) {
  Data data{.index = index, .rows = or_default(options.rows, kRows)};
  const auto turnover = static_cast<size_t>(scenario.part * static_cast<double>(data.rows));
  const size_t queries = or_default(options.queries, kQueries);
  data.base = generator.rows(0, data.rows, options.threads);
  data.queries = {{}, generator.dim()};
  for (unsigned g = 0; g < scenario.generations; ++g) {
    const float moved =
        scenario.drifts ? kMovedMax * static_cast<float>(g + 1) / static_cast<float>(scenario.generations) : 0;
    const Matrix rows = generator.rows(data.rows + g * turnover, turnover, options.threads, moved);
    data.base.values.insert(data.base.values.end(), rows.values.begin(), rows.values.end());
    // Queries follow the rows, so that every age of them is asked for.
    const size_t part = queries * (g + 1) / scenario.generations - queries * g / scenario.generations;
    const Matrix asked = generator.rows((uint64_t{1} << 40) + g * queries, part, options.threads, moved);
    data.queries.values.insert(data.queries.values.end(), asked.values.begin(), asked.values.end());
  }
  return data;
}

BeamResult measure(Churned& churned, const Data& data, uint32_t beam, unsigned threads) {
  const Truth truth =
      exact_neighbours(data.index.metric, data.base.view(), data.queries.view(), kK, threads, churned.live());
  SubjectSearcher searcher(churned.subject(), {});
  return measure_beam(searcher, data.queries.view(), truth.view(), kK, beam);
}

void print_line(std::string_view name, const std::string& when, const BeamResult& r, Subject& subject) {
  const ann::Index& index = subject.index();
  fmt::print("{:8}{:14}{:>9}{:>7}{:>9.4f}{:>10.1f}{:>10.1f}{:>9.1f}\n", name, when, index.counts().live, r.beam,
             r.recall, r.expanded, r.p50_us, static_cast<double>(index.memory().total_bytes()) / (1 << 20));
  std::fflush(stdout);
}

/// An index of the rows that are live now, built anew.
Result<Churned> build_fresh(const Data& data, const std::vector<uint32_t>& live, const Options& options) {
  SAGITTA_TRY(auto subject, Subject::make(data.index));
  Churned fresh(std::move(subject), data.base.view(), options.seed);
  SAGITTA_CHECK(fresh.adopt(live, options.threads));
  return fresh;
}

Status generation(Churned& churned, const Data& data, const Scenario& scenario, unsigned threads) {
  const auto count = static_cast<size_t>(scenario.part * static_cast<double>(data.rows));
  SAGITTA_CHECK(churned.erase(count));
  SAGITTA_CHECK(churned.insert(count, threads));
  churned.subject().settle(threads);
  return {};
}

void compare(const Scenario& scenario, const BeamResult& churned, const BeamResult& fresh) {
  const double lost = fresh.recall - churned.recall;
  const double more = churned.expanded / std::max(fresh.expanded, 1e-9) - 1;
  fmt::print("{:8}recall below fresh {:+.2f} pp  <= {:.2f} <= {:.2f}  {}\n", scenario.name, lost * 100,
             scenario.must * 100, scenario.goal * 100,
             judge(lost, scenario.must, scenario.goal + kNoise, Better::kLower));
  if (fresh.expanded == 0) return;
  fmt::print("{:8}expansions         {:+.1f} %   <= 5.0  <= 0.0   {}\n", scenario.name, more * 100,
             judge(more, 0.05, 0.005, Better::kLower));
}

Status run(const Scenario& scenario, const Options& options, const Generator& generator,
           const ann::IndexOptions& index) {
  const Data data = make_data(scenario, options, generator, index);
  SAGITTA_TRY(auto subject, Subject::make(index));
  Churned churned(std::move(subject), data.base.view(), options.seed);
  SAGITTA_CHECK(churned.insert(data.rows, options.threads));
  churned.subject().settle(options.threads);
  const Truth truth =
      exact_neighbours(index.metric, data.base.view(), data.queries.view(), kK, options.threads, churned.live());
  SAGITTA_TRY(const BeamResult first,
              beam_for(churned.subject(), options, data.queries.view(), truth.view(), kBeamRecall));
  print_line(scenario.name, "begin", first, churned.subject());
  const unsigned every = std::max(1U, scenario.generations / kLines);
  for (unsigned g = 1; g <= scenario.generations; ++g) {
    SAGITTA_CHECK(generation(churned, data, scenario, options.threads));
    if (g % every != 0) continue;
    print_line(scenario.name, fmt::format("generation {}", g), measure(churned, data, first.beam, options.threads),
               churned.subject());
  }
  SAGITTA_CHECK(churned.subject().index().check());
  SAGITTA_TRY(Churned fresh, build_fresh(data, churned.live(), options));
  const BeamResult fresh_result = measure(fresh, data, first.beam, options.threads);
  print_line(scenario.name, "fresh build", fresh_result, fresh.subject());
  compare(scenario, measure(churned, data, first.beam, options.threads), fresh_result);
  return {};
}

}  // namespace

Status churn_grid(const Options& options) {
  SAGITTA_TRY(const auto generator, make_generator(options.set, options.seed));
  SAGITTA_TRY(const ann::IndexOptions index, index_options(options, *generator, 0));
  fmt::print("{}: {:.0f} % deleted and as many inserted in a generation; one beam\n", options.set, kPart * 100);
  fmt::print("{:8}{:14}{:>9}{:>7}{:>9}{:>10}{:>10}{:>9}\n", "", "", "rows", "beam", "recall", "expanded", "p50 us",
             "MiB");
  const std::array scenarios{
      Scenario{.name = "steady", .generations = options.generations},
      Scenario{.name = "drift", .generations = options.generations, .drifts = true, .must = 0.01, .goal = 0.005},
      Scenario{.name = "refill", .generations = 1, .part = kRefillPart, .must = 0.01, .goal = 0.005}};
  for (const Scenario& scenario : scenarios) SAGITTA_CHECK(run(scenario, options, *generator, index));
  return {};
}

}  // namespace sagitta::bench
