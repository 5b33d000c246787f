// Random operations on an index and on its twin. SAGITTA_SEED=… replays a run, SAGITTA_OPERATIONS=… makes it longer.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <random>
#include <set>

#include "brute_force.h"

namespace sagitta::ann {
namespace {

/// Far below what is seen, which is above 0.995; far above what a broken walk gives.
constexpr double kRecallMin = 0.97;

uint64_t from_environment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

class Model {
 public:
  Model(Metric metric, uint32_t dim, uint64_t seed)
      : dim_(dim), random_(seed), twin_(metric), index_(Index::make({.dim = dim, .metric = metric}).value()) {}

  void step() {
    const uint64_t dice = random_() % 100;
    if (dice < 35) return insert();
    if (dice < 50) return erase();
    if (dice < 60) return replace();
    if (dice < 65) return set_expiry();
    if (dice < 80) return search();
    if (dice < 90) return walk_cursor();
    if (dice < 99) return score();
    verify();
    if (random_() % 20 == 0) clear();
  }
  void verify() {
    const Status status = index_->check();
    ASSERT_TRUE(status) << status.error().to_string();
    ASSERT_EQ(index_->counts().live, twin_.size());
  }
  /// Of all answers, the part of true neighbours that were found.
  double recall() const { return expected_ == 0 ? 1 : static_cast<double>(hits_) / static_cast<double>(expected_); }

 private:
  // Few distinct values, so that ties and duplicates are common.
  std::vector<float> any_vector() {
    std::vector<float> v(dim_);
    for (float& x : v) x = static_cast<float>(static_cast<int>(random_() % 9) - 4);
    v[random_() % dim_] = 1.5F;
    return v;
  }
  Expiry any_expiry() { return random_() % 4 == 0 ? Expiry{static_cast<int64_t>(random_() % 100)} : Expiry::kNever; }
  int64_t any_now() { return static_cast<int64_t>(random_() % 100); }
  // Mostly a live slot, sometimes any number.
  Slot any_slot() {
    if (twin_.size() == 0 || random_() % 8 == 0) return Slot{static_cast<uint32_t>(random_() % 3000)};
    return twin_.nth(random_() % twin_.size());
  }

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
    f.params.now_us = any_now();
    f.modulus = std::array{1u, 1u, 2u, 10u, 200u}[random_() % 5];
    f.use_bitmap = random_() % 2 == 0;
    for (uint32_t at = 0; at < 5000 && f.use_bitmap; ++at) {
      if (at % 3 != 0) f.bitmap.set(Slot{at});
    }
    if (f.use_bitmap) f.params.filter.bitmap = &f.bitmap;
    if (f.modulus > 1) {
      f.params.filter.predicate = [&f](Slot slot) { return f.passes(slot) ? Verdict::kAccept : Verdict::kReject; };
    }
  }

  // The answer must be true, its candidates distinct, and its distances those of the twin.
  void compare(const std::vector<Candidate>& got, const std::vector<double>& expected, const Filtering& f,
               const std::vector<float>& query, bool ordered = true) {
    std::set<Slot> seen;
    for (size_t i = 0; i < got.size(); ++i) {
      ASSERT_TRUE(twin_.contains(got[i].slot));
      ASSERT_TRUE(f.passes(got[i].slot));
      ASSERT_TRUE(seen.insert(got[i].slot).second) << "a slot was given twice";
      ASSERT_NEAR(got[i].distance, twin_.distance(got[i].slot, query), 1e-4);
      if (!ordered) continue;  // a later call may give nearer ones than an earlier: everything is there in the end
      ASSERT_GE(got[i].distance, expected[i] - 1e-4) << "rank " << i;
      if (got[i].distance <= expected[got.size() - 1] + 1e-4) ++hits_;
    }
    if (ordered) expected_ += got.size();
  }
  void search() {
    Filtering f;
    make_filter(f);
    f.params.k = static_cast<uint32_t>(1 + random_() % 200);
    const auto query = any_vector();
    const auto expected = twin_.search(query, f.params.now_us, [&](Slot s) { return f.passes(s); });
    const SearchAnswer answer = index_->search(query, f.params).value();
    ASSERT_EQ(answer.candidates.size(), std::min<size_t>(f.params.k, expected.size()));
    compare(answer.candidates, expected, f, query);
  }
  void walk_cursor() {
    Filtering f;
    make_filter(f);
    f.params.k = static_cast<uint32_t>(1 + random_() % 20);
    const auto query = any_vector();
    const auto expected = twin_.search(query, f.params.now_us, [&](Slot s) { return f.passes(s); });
    Cursor cursor = index_->open(query, f.params).value();
    std::vector<Candidate> got;
    while (true) {
      const size_t count = 1 + random_() % 150;
      if (cursor.next(count, got) < count) break;
    }
    ASSERT_EQ(got.size(), expected.size());
    compare(got, expected, f, query, false);
    ASSERT_EQ(cursor.stats().ended, Ended::kNot);
  }
  void score() {
    const auto query = any_vector();
    const std::vector<Slot> slots{any_slot(), any_slot(), any_slot()};
    std::vector<float> distances(slots.size());
    ASSERT_TRUE(index_->score(query, slots, distances));
    for (size_t i = 0; i < slots.size(); ++i) {
      if (twin_.contains(slots[i])) {
        ASSERT_NEAR(distances[i], twin_.distance(slots[i], query), 1e-4);
      } else {
        ASSERT_TRUE(std::isinf(distances[i]));
      }
    }
  }

  const uint32_t dim_;
  size_t hits_ = 0, expected_ = 0;
  std::mt19937_64 random_;
  BruteForce twin_;
  std::unique_ptr<Index> index_;
};

class IndexModel : public testing::TestWithParam<std::tuple<Metric, uint32_t>> {};

INSTANTIATE_TEST_SUITE_P(All, IndexModel,
                         testing::Combine(testing::Values(Metric::kCosine, Metric::kL2, Metric::kDot),
                                          testing::Values(1u, 7u, 33u)),
                         [](const auto& param) {
                           return std::string(to_string(std::get<0>(param.param))) +
                                  std::to_string(std::get<1>(param.param));
                         });

TEST_P(IndexModel, AnswersAsTheTwin) {
  const uint64_t seed = from_environment("SAGITTA_SEED", std::random_device{}());
  const uint64_t operations = from_environment("SAGITTA_OPERATIONS", 4000);
  RecordProperty("seed", std::to_string(seed));
  std::cout << "SAGITTA_SEED=" << seed << "\n";
  Model model(std::get<0>(GetParam()), std::get<1>(GetParam()), seed);
  for (uint64_t i = 0; i < operations; ++i) {
    model.step();
    if (HasFatalFailure()) FAIL() << "operation " << i << " of SAGITTA_SEED=" << seed;
  }
  model.verify();
  EXPECT_GE(model.recall(), kRecallMin);
}

}  // namespace
}  // namespace sagitta::ann
