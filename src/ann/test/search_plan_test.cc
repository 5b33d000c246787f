// What a plan expects of a walk, a scan and a sift, over an index of a given size.
#include "search_plan.h"

#include <gtest/gtest.h>

#include <numeric>

namespace sagitta::ann {
namespace {

constexpr uint32_t kBeam = 100;

class SearchPlanTest : public testing::Test {
 protected:
  SearchPlanTest() {
    EXPECT_TRUE(store_.make_available(kLive, gate_));
    while (store_.end() < kLive) store_.publish(store_.take_free(), Expiry::kNever);
  }
  SearchPlan plan() const { return {store_, graph_, kBeam, params_, tester_}; }
  /// A predicate that passes one slot in `part`.
  void pass_one_in(uint32_t part) {
    params_.filter.predicate = [part](Slot slot) {
      return static_cast<uint32_t>(slot) % part == 0 ? Verdict::kAccept : Verdict::kReject;
    };
  }
  void sample() {
    std::array<uint32_t, Tester::kSampleMax> slots;
    std::iota(slots.begin(), slots.end(), 0U);
    tester_.sample(slots);
  }

  static constexpr uint32_t kLive = 100'000;
  EpochGate gate_;
  SlotStore store_{{.vector_bytes = 512, .code_bytes = 64, .links_bytes = 128}, nullptr};
  const Graph graph_{store_, 32};
  SearchParams params_;
  SearchStats stats_;
  Tester tester_{params_, stats_};
};

TEST_F(SearchPlanTest, ABeamIsAsWideAsTheCallerAsksOrK) {
  EXPECT_EQ(plan().beam_wanted(), kBeam);
  params_.beam_width = 40;
  EXPECT_EQ(plan().beam_wanted(), 40U);
  params_.k = 60;
  EXPECT_EQ(plan().beam_wanted(), 60U);
}

TEST_F(SearchPlanTest, ABeamWidensAsAFilterGetsSparse) {
  EXPECT_EQ(plan().beam_for(1), kBeam);
  EXPECT_EQ(plan().beam_for(0.01), 100 * kBeam);
  EXPECT_LE(plan().beam_for(0), 1 << 20);
  EXPECT_EQ(plan().first_beam(0.01), 2 * kBeam) << "the first walk only looks near the query";
  EXPECT_EQ(plan().first_beam(0.8), plan().beam_for(0.8));
}

TEST_F(SearchPlanTest, AScanIsCheaperThanAWalkWhereFewMatch) {
  SlotBitmap few;
  for (uint32_t slot = 0; slot < 500; ++slot) few.set(Slot{slot});
  EXPECT_EQ(plan().matches(), size_t{kLive});
  EXPECT_LT(plan().walk_cost(plan().beam_for(1)), plan().scan_cost());
  params_.filter.bitmap = &few;
  EXPECT_EQ(plan().matches(), 500U);
  EXPECT_DOUBLE_EQ(plan().part_matching(), 0.005);
  EXPECT_GT(plan().walk_cost(plan().beam_for(plan().part_matching())), plan().scan_cost());
}

// Tests cost next to nothing here: asking all pays where nearly all would be asked, and only there.
TEST_F(SearchPlanTest, SiftingPaysWhereNearlyAllAreRejected) {
  pass_one_in(100'000);
  EXPECT_FALSE(plan().sifting_pays(plan().scan_cost())) << "nothing is known of what a test costs";
  tester_.assume(1e-5);
  EXPECT_TRUE(plan().sampling_pays(plan().scan_cost()));
  sample();
  EXPECT_TRUE(plan().sifting_pays(plan().scan_cost()));
}

TEST_F(SearchPlanTest, NothingIsSampledWhereManyPass) {
  pass_one_in(2);
  tester_.assume(0.5);
  EXPECT_FALSE(plan().sampling_pays(plan().scan_cost()));
  sample();
  EXPECT_NEAR(plan().tests_in_order(), 20, 5);
  EXPECT_FALSE(plan().sifting_pays(plan().walk_cost(kBeam)));
}

}  // namespace
}  // namespace sagitta::ann
