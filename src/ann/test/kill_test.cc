// kill -9 while a process saves an index beside its writers, on a real disk: afterwards there is
// the previous save or the current one, whole. SAGITTA_SEED=… replays the moments, as far as the
// machine's timing allows. Power cuts are simulated by
// SnapshotTest.AfterACrashTheOldOrTheNewOneOpens.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <thread>

#include "world.h"

namespace sagitta::ann {
namespace {

constexpr int kRounds = kSanitized ? 10 : 100;
constexpr int64_t kLifeUsMax = 80'000;
constexpr uint32_t kDim = 32;
/// Slots below this hold the same vectors in every life.
constexpr uint32_t kStanding = 3000;
const IndexOptions kOptions{
    .dim = kDim, .metric = Metric::kL2, .connections = 8, .expansion_add = 32, .link_threads = 1};

std::vector<Floats> standing_vectors() {
  Clusters data(kDim, 50, 0.5F, 1);
  std::vector<Floats> vectors(kStanding);
  for (Floats& v : vectors) v = data.any();
  return vectors;
}

/// Inserted before save `number` begins; far from all others, and exact in floats.
Floats marker(uint64_t number) { return Floats(kDim, static_cast<float>(1000 + number)); }

bool holds(const Index& index, const Floats& vector) {
  std::vector<Slot> slots(index.counts().capacity);
  for (uint32_t i = 0; i < slots.size(); ++i) slots[i] = Slot{i};
  Floats distances(slots.size());
  EXPECT_TRUE(index.score(vector, slots, distances));
  return std::ranges::find(distances, 0.0F) != distances.end();
}

/// The process that dies: it opens what the last one left, changes it from two threads and saves it
/// repeatedly. Before and after each save it writes a byte to `report`.
class Saver {
 public:
  Saver(const std::string& path, int report) : path_(path), report_(report) {}

  [[noreturn]] void run() {
    Bytes tag;
    index_ = Index::load(*files_, path_, kOptions, &tag).value();
    for (uint32_t slot = kStanding; slot < index_->counts().capacity; ++slot) index_->erase(Slot{slot});
    const std::jthread writers[] = {std::jthread([this] { write(1); }), std::jthread([this] { write(2); })};
    for (uint64_t number = std::stoull(tag) + 1;; ++number) {
      if (!index_->insert(marker(number))) _exit(1);
      tell('b');
      if (!index_->save(*files_, path_, std::to_string(number))) _exit(2);
      tell('e');
    }
  }

 private:
  void tell(char what) {
    if (::write(report_, &what, 1) != 1) _exit(3);
  }
  void write(uint64_t seed) {
    Clusters data(kDim, 50, 0.5F, seed);
    std::vector<Slot> own;
    while (true) {
      own.push_back(index_->insert(data.any()).value());
      if (own.size() < 300) continue;
      std::swap(own[data.below(own.size())], own.back());
      index_->erase(own.back());
      own.pop_back();
    }
  }

  const std::unique_ptr<FileSystem> files_ = make_real_file_system();
  const std::string path_;
  const int report_;
  std::unique_ptr<Index> index_;
};

/// What a life reported before it ended.
struct Life {
  uint64_t begun = 0, ended = 0;  ///< saves
};

class Kill : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(folder_);
    const auto index = Index::make(kOptions).value();
    for (const Floats& v : standing_) ASSERT_TRUE(index->insert(v));
    index->settle();
    ASSERT_TRUE(index->insert(marker(0)));
    ASSERT_TRUE(index->save(*files_, path_, "0"));
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  Life live_and_die(std::chrono::microseconds life) {
    int pipe[2] = {};
    EXPECT_EQ(::pipe(pipe), 0);
    const pid_t saver = fork();
    if (saver == 0) Saver(path_, pipe[1]).run();
    close(pipe[1]);
    Life seen;
    const auto hear = [&] {
      char what = 0;
      if (read(pipe[0], &what, 1) != 1) return false;
      ++(what == 'b' ? seen.begun : seen.ended);
      return true;
    };
    EXPECT_TRUE(hear()) << "it never came to save";
    std::this_thread::sleep_for(life);
    EXPECT_EQ(::kill(saver, SIGKILL), 0);
    int status = 0;
    EXPECT_EQ(waitpid(saver, &status, 0), saver);
    EXPECT_TRUE(WIFSIGNALED(status)) << "it failed by itself: " << WEXITSTATUS(status);
    while (hear()) continue;
    close(pipe[0]);
    return seen;
  }

  /// The number of the save that the file holds.
  void expect_whole(uint64_t& number) {
    Bytes tag;
    const auto loaded = Index::load(*files_, path_, kOptions, &tag);
    ASSERT_TRUE(loaded) << loaded.error().to_string();
    Index& index = **loaded;
    number = std::stoull(tag);
    for (int settled = 0; settled < 2; ++settled) {
      const Status status = index.check();
      ASSERT_TRUE(status) << status.error().to_string();
      index.settle();
    }
    EXPECT_TRUE(holds(index, marker(number))) << "save " << number << " lost what was inserted before it";
    EXPECT_FALSE(holds(index, marker(number + 1))) << "save " << number << " has what was inserted after it";
    for (uint32_t slot = 0; slot < kStanding; ++slot) {
      const Slot slots[] = {Slot{slot}};
      float distances[1] = {1};
      ASSERT_TRUE(index.score(standing_[slot], slots, distances));
      ASSERT_EQ(distances[0], 0) << "slot " << slot << " lost its vector";
    }
  }

  const std::unique_ptr<FileSystem> files_ = make_real_file_system();
  const std::string folder_ = fmt::format("/var/tmp/sagitta_kill_{}", getpid());
  const std::string path_ = folder_ + "/index";
  const std::vector<Floats> standing_ = standing_vectors();
};

TEST_F(Kill, WhileSavingLeavesTheOldOrTheNewOne) {
  const uint64_t seed = from_environment("SAGITTA_SEED", std::random_device{}());
  std::cout << "SAGITTA_SEED=" << seed << "\n";
  std::mt19937_64 random(seed);
  std::uniform_int_distribution<int64_t> life(0, kLifeUsMax);
  int inside = 0, new_ones = 0;
  uint64_t last = 0;
  for (int round = 0; round < kRounds; ++round) {
    const Life seen = live_and_die(std::chrono::microseconds(life(random)));
    uint64_t found = 0;
    expect_whole(found);
    if (HasFailure()) FAIL() << "round " << round << " of SAGITTA_SEED=" << seed;
    ASSERT_TRUE(found == last + seen.ended || found == last + seen.begun)
        << "found save " << found << " after " << last << ", " << seen.begun << " begun, " << seen.ended << " ended";
    inside += seen.begun > seen.ended ? 1 : 0;
    new_ones += found > last + seen.ended ? 1 : 0;
    last = found;
  }
  std::cout << fmt::format("{} kills, {} of them inside a save ({} of those left the new file), {} saves\n", kRounds,
                           inside, new_ones, last);
  EXPECT_GE(inside, kRounds / 4);
}

}  // namespace
}  // namespace sagitta::ann
