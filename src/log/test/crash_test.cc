// A log whose power is cut again and again.
#include <array>
#include <cstdlib>

#include "log_fixture.h"

namespace sagitta::log {
namespace {

uint64_t chosen_seed(uint64_t otherwise) {
  const char* chosen = std::getenv("SAGITTA_SEED");
  return chosen != nullptr ? std::strtoull(chosen, nullptr, 10) : otherwise;
}

/// Cuts the power at a random call, again and again. What was acknowledged is there, in order; of
/// the rest, a prefix.
class CrashRun {
 public:
  /// Without reserved room, with room that groups outgrow, and with more than they need.
  explicit CrashRun(uint64_t seed) : random_(seed) {
    options_.reserve_bytes = std::array<size_t, 3>{0, 4000, size_t{1} << 20}[seed % 3];
  }

  void round() {
    if (random_.below(3) == 0) files_->stop_after(random_.below(60));
    if (auto log = open_local_log(*files_, clock_, metrics_, options_)) {
      check(**log);
      if (!testing::Test::HasFatalFailure()) write(**log);
      files_->crash(random_, {.tear = random_.below(4) != 0, .garble = random_.below(2) == 0});
    } else {
      ASSERT_EQ(log.error().code(), ErrorCode::kIo) << log.error().to_string();
      files_->crash(random_, {.tear = true, .garble = true});
    }
  }
  Offset acknowledged() const { return acknowledged_; }
  std::string torn_tails() { return metrics_.render(); }

 private:
  void check(Log& log) {
    ASSERT_GE(log.bounds(0).end, acknowledged_);
    ASSERT_LE(log.bounds(0).end, sent_.size());
    auto payloads = read_all(log, log.bounds(0).begin, 4000);
    if (!payloads && payloads.error().code() == ErrorCode::kIo) return;
    ASSERT_TRUE(payloads) << payloads.error().to_string();
    for (size_t i = 0; i < payloads->size(); ++i) ASSERT_EQ((*payloads)[i], sent_[log.bounds(0).begin + i]) << i;
    // What was found is served, and so must never go away again.
    acknowledged_ = log.bounds(0).end;
    sent_.resize(acknowledged_);
  }
  void write(Log& log) {
    std::vector<std::future<Result<Offset>>> answers;
    const uint64_t count = 1 + random_.below(60);
    for (uint64_t i = 0; i < count; ++i) {
      sent_.push_back(std::to_string(random_.next()) + Bytes(random_.below(200), 'p'));
      answers.push_back(append_later(log, sent_.back()));
      if (random_.below(3) == 0) answers.back().wait();
      if (random_.below(30) == 0) (void)log.trim(0, random_.below(acknowledged_ + 1));
    }
    if (random_.below(2) == 0) files_->crash(random_, {.tear = true, .garble = true});
    bool failed = false;
    for (auto& answer : answers) {
      const auto offset = answer.get();
      ASSERT_FALSE(failed && offset) << "a success after a failure";
      failed |= !offset;
      if (offset) {
        ASSERT_EQ(*offset, acknowledged_++);
      }
    }
  }

  SeededRandom random_;
  std::unique_ptr<MemoryFileSystem> files_ = MemoryFileSystem::make();
  ManualClock clock_{1};
  MetricsRegistry metrics_;
  LocalOptions options_{.directory = "/log", .segment_bytes = 3000, .queue_bytes_max = 1 << 20, .tail_bytes = 2000};
  std::vector<Bytes> sent_;
  Offset acknowledged_ = 0;
};

TEST(LocalLogCrash, AcknowledgedRecordsSurviveAndTheRestIsAPrefix) {
  const uint64_t first = chosen_seed(1);
  Offset acknowledged = 0;
  for (uint64_t seed = first; seed < first + 20; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    CrashRun run(seed);
    for (int i = 0; i < 20; ++i) {
      SCOPED_TRACE(testing::Message() << "round " << i);
      run.round();
      if (testing::Test::HasFatalFailure()) return;
    }
    acknowledged += run.acknowledged();
  }
  EXPECT_GT(acknowledged, 1000u);
}

}  // namespace
}  // namespace sagitta::log
