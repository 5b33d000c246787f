// Random operations on an index and on its twin. SAGITTA_SEED=… replays a run, SAGITTA_OPERATIONS=…
// makes it longer.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <iostream>
#include <set>

#include "sagitta/base/memory_file.h"

#include "world.h"

namespace sagitta::ann {
namespace {

/// Below what many seeds give (0.944 … 1; 0.89 … 1 for dot products of unclustered vectors), far
/// above what a broken walk gives.
double recall_min(Metric metric) { return metric == Metric::kDot ? 0.82 : 0.92; }

struct Shape {
  Metric metric = Metric::kL2;
  Level level = Level::kF32;
  Profile profile = Profile::kCompact;
  uint32_t dim = 1;
  size_t vectors = 0;  ///< about this many live
};

class Model {
 public:
  Model(const Shape& shape, uint64_t seed)
      : shape_(shape),
        dim_(shape.dim),
        random_(seed),
        twin_(shape.metric),
        saved_(twin_),
        options_({.dim = shape.dim,
                  .metric = shape.metric,
                  .level = shape.level,
                  .profile = shape.profile,
                  .connections = 8,
                  .expansion_add = 48,
                  .expansion_search = 64,
                  .link_threads = 0,
                  .budget = &budget_}),
        index_(Index::make(options_).value()) {
    EXPECT_TRUE(files_->make_directories("/m"));
    save();
  }

  void step() {
    if (twin_.size() < shape_.vectors / 2) {
      while (twin_.size() < shape_.vectors) insert();
      index_->settle();
    }
    const bool many = twin_.size() > shape_.vectors;
    const uint64_t dice = random_() % 1000;
    if (dice < (many ? 250U : 350U)) return insert();
    if (dice < 550) return erase();
    if (dice < 700) return replace();
    if (dice < 750) return set_expiry();
    if (dice < 850) return search();
    if (dice < 870) return drain();
    if (dice < 890) return drain_beside_writes();
    if (dice < 976) return score();
    if (dice < 982) return save();
    if (dice < 986) return reopen();
    if (dice < 990) return index_->settle();
    verify();
    if (random_() % 60 == 0) clear();
  }
  void verify() {
    const Status status = index_->check();
    ASSERT_TRUE(status) << status.error().to_string();
    ASSERT_EQ(index_->counts().live, twin_.size());
    ASSERT_EQ(index_->memory().total_bytes(), budget_.used_bytes());
  }
  /// The part of the true neighbours that all answers together found.
  double recall() const { return expected_ == 0 ? 1 : static_cast<double>(hits_) / static_cast<double>(expected_); }
  size_t walks() const { return walks_; }
  size_t reopened() const { return reopened_; }

 private:
  // Few distinct values, so that ties and duplicates are common; half floats can hold them.
  Floats any_vector() {
    Floats v(dim_);
    for (float& x : v) x = static_cast<float>(static_cast<int>(random_() % 9) - 4);
    v[random_() % dim_] = 1.5F;
    return v;
  }
  Expiry any_expiry() { return random_() % 4 == 0 ? Expiry{static_cast<int64_t>(random_() % 100)} : Expiry::kNever; }
  int64_t any_now() { return static_cast<int64_t>(random_() % 100); }
  // Mostly a live slot, sometimes any number.
  Slot any_slot() {
    if (twin_.size() == 0 || random_() % 8 == 0)
      return Slot{static_cast<uint32_t>(random_() % (2 * shape_.vectors + 100))};
    return twin_.nth(random_() % twin_.size());
  }
  // How far rounding, or the estimate by a code, may move a distance.
  double tolerance(Slot slot, const Floats& query) const {
    if (shape_.level == Level::kF32) return 1e-4;
    const double scale = shape_.metric == Metric::kCosine ? 1 : length(query) * length(query) + squares(slot);
    return scale * (shape_.level == Level::kI8 ? 0.1 : 0.01);
  }
  static double length(const Floats& v) {
    double sum = 0;
    for (float x : v) sum += double{x} * double{x};
    return std::sqrt(sum);
  }
  double squares(Slot slot) const { return length(twin_.vector(slot)) * length(twin_.vector(slot)); }

  void insert() {
    const auto vector = any_vector();
    const Expiry expiry = any_expiry();
    const Slot slot = index_->insert(vector, expiry).value();
    ASSERT_FALSE(twin_.contains(slot)) << "a live slot was given out again";
    twin_.insert(slot, vector, expiry);
  }
  void erase() {
    const Slot slot = any_slot();
    ASSERT_EQ(index_->erase(slot), twin_.erase(slot));
  }
  void replace() {
    const Slot old = any_slot();
    const auto vector = any_vector();
    const Slot slot = index_->replace(old, vector).value();
    ASSERT_FALSE(twin_.erase(old) && slot == old);
    ASSERT_FALSE(twin_.contains(slot));
    twin_.insert(slot, vector, Expiry::kNever);
  }
  void set_expiry() {
    const Slot slot = any_slot();
    const Expiry expiry = any_expiry();
    ASSERT_EQ(index_->set_expiry(slot, expiry), twin_.set_expiry(slot, expiry));
  }
  void clear() {
    index_->clear();
    twin_.clear();
  }

  void save() {
    tag_ = std::to_string(random_());
    ASSERT_TRUE(index_->save(*files_, "/m/index", tag_));
    saved_ = twin_;
  }
  // As after a crash: changes after the last snapshot never happened.
  void reopen() {
    Bytes tag;
    auto loaded = Index::load(*files_, "/m/index", options_, &tag);
    ASSERT_TRUE(loaded) << loaded.error().to_string();
    ASSERT_EQ(tag, tag_);
    index_ = *std::move(loaded);
    twin_ = saved_;
    ++reopened_;
    verify();
    for (size_t i = 0; i < twin_.size(); ++i) ASSERT_TRUE(index_->is_live(twin_.nth(i)));
  }

  struct Filtering {
    SearchParams params;
    SlotBitmap bitmap;
    uint64_t modulus = 1;
    bool use_bitmap = false;
    bool passes(Slot slot) const {
      const auto at = static_cast<uint64_t>(slot);
      return at % modulus == 0 && (!use_bitmap || at % 3 != 0);
    }
  };
  void make_filter(Filtering& f) {
    f.params.k = static_cast<uint32_t>(1 + random_() % (random_() % 4 == 0 ? 200 : 20));
    f.params.now_us = any_now();
    f.modulus = std::array{1u, 1u, 2u, 10u, 200u}[random_() % 5];
    f.use_bitmap = random_() % 2 == 0;
    for (uint32_t at = 0; at < 10 * shape_.vectors + 1000 && f.use_bitmap; ++at) {
      if (at % 3 != 0) f.bitmap.set(Slot{at});
    }
    if (f.use_bitmap) f.params.filter.bitmap = &f.bitmap;
    if (f.modulus > 1) {
      f.params.filter.predicate = [&f](Slot slot) { return f.passes(slot) ? Verdict::kAccept : Verdict::kReject; };
      if (random_() % 2 == 0) f.params.filter.selectivity = 1.0 / static_cast<double>(f.modulus);
    }
    if (shape_.level != Level::kI8) return;
    f.params.oversampling = 4;
    f.params.full_vector = [this](Slot slot, std::span<float> out) {
      if (!twin_.contains(slot)) return false;
      std::ranges::copy(twin_.vector(slot), out.begin());
      return true;
    };
  }

  // The answer must be true, with distinct candidates and the twin's distances.
  void compare(const std::vector<Candidate>& got, const Filtering& f, const Floats& query) {
    std::set<Slot> seen;
    for (const Candidate& c : got) {
      ASSERT_TRUE(f.passes(c.slot));
      ASSERT_TRUE(seen.insert(c.slot).second) << "a slot was given twice";
      if (!twin_.contains(c.slot)) continue;
      const double tolerated = f.params.full_vector ? 1e-4 : tolerance(c.slot, query);
      ASSERT_NEAR(c.distance, twin_.distance(c.slot, query), tolerated);
    }
  }
  void search() {
    Filtering f;
    make_filter(f);
    const auto query = any_vector();
    const auto expected = twin_.search(query, f.params.now_us, [&](Slot s) { return f.passes(s); });
    const SearchAnswer answer = index_->search(query, f.params).value();
    ASSERT_EQ(answer.candidates.size(), std::min<size_t>(f.params.k, expected.size()));
    compare(answer.candidates, f, query);
    walks_ += answer.stats.path == Path::kGraph ? 1 : 0;
    expected_ += answer.candidates.size();
    for (const Candidate& c : answer.candidates) {
      ASSERT_TRUE(twin_.contains(c.slot));
      const double slack = shape_.level == Level::kF32 || shape_.level == Level::kI8 ? 1e-4 : 1e-3;
      const double worst = expected[answer.candidates.size() - 1];
      if (twin_.distance(c.slot, query) <= worst + slack * (1 + std::fabs(worst))) ++hits_;
    }
    for (size_t i = 1; i < answer.candidates.size(); ++i)
      ASSERT_LE(answer.candidates[i - 1].distance, answer.candidates[i].distance);
  }
  // Everything comes, and only once.
  void drain() {
    Filtering f;
    make_filter(f);
    const auto query = any_vector();
    const auto expected = twin_.search(query, f.params.now_us, [&](Slot s) { return f.passes(s); });
    Cursor cursor = index_->open(query, f.params).value();
    std::vector<Candidate> got;
    for (size_t count = 1; cursor.next(count, got) == count;) count = 1 + random_() % 150;
    ASSERT_EQ(got.size(), expected.size());
    for (const Candidate& c : got) ASSERT_TRUE(twin_.contains(c.slot));
    compare(got, f, query);
    ASSERT_EQ(cursor.stats().ended, Ended::kNot);
  }
  // What lived from the first call to the last comes once, whatever else changes.
  void drain_beside_writes() {
    Filtering f;
    make_filter(f);
    const auto query = any_vector();
    std::set<Slot> there;
    for (size_t i = 0; i < twin_.size(); ++i) {
      if (f.passes(twin_.nth(i))) there.insert(twin_.nth(i));
    }
    f.params.now_us = INT64_MIN;
    Cursor cursor = index_->open(query, f.params).value();
    std::vector<Candidate> got;
    for (size_t count = 1; cursor.next(count, got) == count;) {
      count = 1 + random_() % 300;
      for (uint64_t i = random_() % 4; i > 0; --i) {
        const Slot gone = any_slot();
        ASSERT_EQ(index_->erase(gone), twin_.erase(gone));
        there.erase(gone);
        insert();
      }
    }
    compare(got, f, query);
    for (const Candidate& c : got) there.erase(c.slot);
    ASSERT_TRUE(there.empty()) << there.size() << " were not given";
  }
  void score() {
    const auto query = any_vector();
    const std::vector<Slot> slots{any_slot(), any_slot(), any_slot()};
    Floats distances(slots.size());
    ASSERT_TRUE(index_->score(query, slots, distances));
    for (size_t i = 0; i < slots.size(); ++i) {
      if (twin_.contains(slots[i])) {
        ASSERT_NEAR(distances[i], twin_.distance(slots[i], query), tolerance(slots[i], query));
      } else {
        ASSERT_TRUE(std::isinf(distances[i]));
      }
    }
  }

  const Shape shape_;
  const uint32_t dim_;
  size_t hits_ = 0, expected_ = 0, walks_ = 0, reopened_ = 0;
  std::mt19937_64 random_;
  BruteForce twin_, saved_;
  MemoryBudget budget_{"index", size_t{64} << 20};
  const IndexOptions options_;
  const std::unique_ptr<MemoryFileSystem> files_ = MemoryFileSystem::make();
  Bytes tag_;
  std::unique_ptr<Index> index_;
};

struct Sizes {
  uint32_t dim;
  size_t vectors;
  uint64_t operations;
};
constexpr std::array kSizes{Sizes{1, 10, 7000}, Sizes{7, 400, 7000}, Sizes{33, 3500, 3000}};
constexpr Metric kMetrics[] = {Metric::kCosine, Metric::kL2, Metric::kDot};
constexpr Level kLevels[] = {Level::kF32, Level::kF16, Level::kBf16, Level::kI8};
static_assert(std::size(kMetrics) * std::size(kLevels) *
                      (kSizes[0].operations + kSizes[1].operations + kSizes[2].operations) >=
                  200'000,
              "what a whole run promises");

class IndexModel : public testing::TestWithParam<std::tuple<Metric, Level, Sizes, Profile>> {};

std::string name_of(const testing::TestParamInfo<IndexModel::ParamType>& info) {
  const auto& [metric, level, sizes, profile] = info.param;
  return fmt::format("{}_{}_{}", to_string(metric), to_string(level), sizes.dim);
}

INSTANTIATE_TEST_SUITE_P(All, IndexModel,
                         testing::Combine(testing::ValuesIn(kMetrics), testing::ValuesIn(kLevels),
                                          testing::ValuesIn(kSizes), testing::Values(Profile::kCompact)),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Fast, IndexModel,
                         testing::Combine(testing::Values(Metric::kCosine, Metric::kL2),
                                          testing::Values(Level::kF32, Level::kI8), testing::ValuesIn(kSizes),
                                          testing::Values(Profile::kFast)),
                         name_of);

/// Dimensions with fine codes.
INSTANTIATE_TEST_SUITE_P(Fine, IndexModel,
                         testing::Combine(testing::ValuesIn(kMetrics), testing::Values(Level::kF32, Level::kBf16),
                                          testing::Values(Sizes{520, 700, 1500}), testing::Values(Profile::kFast)),
                         name_of);

TEST_P(IndexModel, AnswersAsTheTwin) {
  const uint64_t seed = from_environment("SAGITTA_SEED", std::random_device{}());
  RecordProperty("seed", std::to_string(seed));
  std::cout << "SAGITTA_SEED=" << seed << "\n";
  const auto& [metric, level, sizes, profile] = GetParam();
  const uint64_t operations = from_environment("SAGITTA_OPERATIONS", sizes.operations);
  Model model({.metric = metric, .level = level, .profile = profile, .dim = sizes.dim, .vectors = sizes.vectors}, seed);
  for (uint64_t i = 0; i < operations; ++i) {
    model.step();
    if (HasFatalFailure()) FAIL() << "operation " << i << " of SAGITTA_SEED=" << seed;
  }
  model.verify();
  EXPECT_TRUE(operations < 3000 || model.reopened() > 0);
  EXPECT_TRUE(sizes.vectors < 3000 || model.walks() > operations / 100) << "the graph was hardly asked";
  EXPECT_GE(model.recall(), recall_min(metric));
}

}  // namespace
}  // namespace sagitta::ann
