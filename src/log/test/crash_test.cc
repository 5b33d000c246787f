// A log whose power is cut again and again.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

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
  CrashRun(uint64_t seed, Partition partitions) : random_(seed), streams_(partitions) {
    options_.partitions = partitions;
    options_.reserve_bytes = std::array<size_t, 3>{0, 4000, size_t{1} << 20}[seed % 3];
  }

  void round() {
    if (random_.below(3) == 0) files_->stop_after(random_.below(60));
    if (auto log = open_local_log(*files_, clock_, metrics_, options_)) {
      for (Partition partition = 0; partition < streams_.size(); ++partition) {
        ASSERT_NO_FATAL_FAILURE(check(**log, partition));
      }
      write(**log);
      files_->crash(random_, {.tear = random_.below(4) != 0, .garble = random_.below(2) == 0});
    } else {
      ASSERT_EQ(log.error().code(), ErrorCode::kIo) << log.error().to_string();
      files_->crash(random_, {.tear = true, .garble = true});
    }
  }
  /// Of the partition that has the fewest.
  Offset acknowledged() const { return std::ranges::min_element(streams_, {}, &Stream::acknowledged)->acknowledged; }

 private:
  struct Stream {
    std::vector<Bytes> sent;
    Offset acknowledged = 0;
    /// Of the appends of this round.
    std::vector<std::future<Result<Offset>>> answers;
  };

  void check(Log& log, Partition partition) {
    Stream& stream = streams_[partition];
    const Bounds bounds = log.bounds(partition);
    ASSERT_GE(bounds.end, stream.acknowledged);
    ASSERT_LE(bounds.end, stream.sent.size());
    auto payloads = read_all(log, partition, bounds.begin, 4000);
    if (!payloads && payloads.error().code() == ErrorCode::kIo) return;
    ASSERT_TRUE(payloads) << payloads.error().to_string();
    for (size_t i = 0; i < payloads->size(); ++i) ASSERT_EQ((*payloads)[i], stream.sent[bounds.begin + i]) << i;
    // What was found is served, and so must never go away again.
    stream.acknowledged = bounds.end;
    stream.sent.resize(bounds.end);
  }
  void write(Log& log) {
    const uint64_t count = 1 + random_.below(60 * streams_.size());
    for (uint64_t i = 0; i < count; ++i) {
      const auto partition = static_cast<Partition>(random_.below(streams_.size()));
      Stream& stream = streams_[partition];
      stream.sent.push_back(std::to_string(random_.next()) + Bytes(random_.below(200), 'p'));
      stream.answers.push_back(append_later(log, partition, stream.sent.back()));
      if (random_.below(3) == 0) stream.answers.back().wait();
      if (random_.below(30) == 0) (void)log.trim(partition, random_.below(stream.acknowledged + 1));
    }
    if (random_.below(2) == 0) files_->crash(random_, {.tear = true, .garble = true});
    for (Stream& stream : streams_) settle(stream);
  }
  static void settle(Stream& stream) {
    bool failed = false;
    for (auto& answer : std::exchange(stream.answers, {})) {
      const auto offset = answer.get();
      ASSERT_FALSE(failed && offset) << "a success after a failure";
      failed |= !offset;
      if (offset) {
        ASSERT_EQ(*offset, stream.acknowledged++);
      }
    }
  }

  SeededRandom random_;
  std::unique_ptr<MemoryFileSystem> files_ = MemoryFileSystem::make();
  ManualClock clock_{1};
  MetricsRegistry metrics_;
  LocalOptions options_{.directory = "/log", .segment_bytes = 3000, .queue_bytes_max = 1 << 20, .tail_bytes = 2000};
  std::vector<Stream> streams_;
};

class LocalLogCrash : public testing::TestWithParam<Partition> {};
INSTANTIATE_TEST_SUITE_P(Partitions, LocalLogCrash, testing::Values(1, 4));

TEST_P(LocalLogCrash, AcknowledgedRecordsSurviveAndTheRestIsAPrefix) {
  const uint64_t first = chosen_seed(1);
  Offset acknowledged = 0;
  for (uint64_t seed = first; seed < first + 20; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    CrashRun run(seed, GetParam());
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
