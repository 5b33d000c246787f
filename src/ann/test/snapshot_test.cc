// Snapshots: what is saved is loaded, and every damage is named.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <random>
#include <thread>

#include "sagitta/ann/index.h"
#include "sagitta/base/bytes.h"
#include "sagitta/base/checksum.h"
#include "sagitta/base/memory_file.h"

namespace sagitta::ann {
namespace {

using Vector = std::vector<float>;

Vector any_vector(uint32_t dim, std::mt19937_64& random) {
  std::normal_distribution<float> normal;
  Vector v(dim);
  for (float& x : v) x = normal(random);
  return v;
}

std::vector<Slot> fill(Index& index, size_t count, std::mt19937_64& random) {
  std::vector<Slot> slots;
  for (size_t i = 0; i < count; ++i) slots.push_back(index.insert(any_vector(index.options().dim, random)).value());
  return slots;
}

std::vector<Candidate> answer(const Index& index, const Vector& query, uint32_t k = 20) {
  return index.search(query, {.k = k, .beam_width = 200}).value().candidates;
}

void expect_same_answers(const Index& a, const Index& b, std::mt19937_64& random) {
  for (int i = 0; i < 20; ++i) {
    const Vector query = any_vector(a.options().dim, random);
    const auto expected = answer(a, query), got = answer(b, query);
    ASSERT_EQ(got.size(), expected.size());
    for (size_t n = 0; n < got.size(); ++n) {
      ASSERT_EQ(got[n].slot, expected[n].slot);
      ASSERT_EQ(got[n].distance, expected[n].distance);
    }
  }
}

void expect_sound(Index& index) {
  index.settle();
  const Status checked = index.check();
  EXPECT_TRUE(checked) << checked.error().to_string();
}

class SnapshotTest : public testing::Test {
 protected:
  Status save(const Index& index, BytesView tag = {}) { return index.save(*files_, "/s/x", tag); }
  Result<std::unique_ptr<Index>> load(const IndexOptions& options, Bytes* tag = nullptr) {
    return Index::load(*files_, "/s/x", options, tag);
  }
  void SetUp() override { ASSERT_TRUE(files_->make_directories("/s")); }

  const std::unique_ptr<MemoryFileSystem> files_ = MemoryFileSystem::make();
  std::mt19937_64 random_{11};
};

class SnapshotRoundTrip : public SnapshotTest,
                          public testing::WithParamInterface<std::tuple<Metric, Level, Profile, size_t>> {};

std::string name_of(const testing::TestParamInfo<SnapshotRoundTrip::ParamType>& info) {
  const auto& [metric, level, profile, count] = info.param;
  return fmt::format("{}_{}_{}_{}", to_string(metric), to_string(level), to_string(profile), count);
}

INSTANTIATE_TEST_SUITE_P(All, SnapshotRoundTrip,
                         testing::Combine(testing::Values(Metric::kCosine, Metric::kL2, Metric::kDot),
                                          testing::Values(Level::kF32, Level::kF16, Level::kBf16, Level::kI8),
                                          testing::Values(Profile::kCompact), testing::Values(0, 1, 200, 3000)),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Fast, SnapshotRoundTrip,
                         testing::Combine(testing::Values(Metric::kCosine, Metric::kL2, Metric::kDot),
                                          testing::Values(Level::kF32, Level::kI8), testing::Values(Profile::kFast),
                                          testing::Values(0, 200, 3000)),
                         name_of);

TEST_P(SnapshotRoundTrip, AnswersAreTheSame) {
  const auto [metric, level, profile, count] = GetParam();
  const IndexOptions options{.dim = 20, .metric = metric, .level = level, .profile = profile, .link_threads = 0};
  const auto index = Index::make(options).value();
  const std::vector<Slot> slots = fill(*index, count, random_);
  for (size_t i = 0; i < count; i += 7) ASSERT_TRUE(index->erase(slots[i]));
  ASSERT_TRUE(save(*index, "a tag"));
  Bytes tag;
  const auto loaded = load(options, &tag);
  ASSERT_TRUE(loaded) << loaded.error().to_string();
  EXPECT_EQ(tag, "a tag");
  EXPECT_EQ((*loaded)->counts().live, index->counts().live);
  EXPECT_EQ((*loaded)->counts().fresh, index->counts().fresh);
  for (Slot slot : slots) ASSERT_EQ((*loaded)->is_live(slot), index->is_live(slot));
  expect_same_answers(*index, **loaded, random_);
  ASSERT_TRUE((*loaded)->check());
  fill(**loaded, 500, random_);
  expect_sound(**loaded);
}

TEST_F(SnapshotTest, ALoadedIndexGrowsSavesAndLoadsAgain) {
  const IndexOptions options{.dim = 8, .link_threads = 0};
  auto index = Index::make(options).value();
  size_t live = 0;
  for (int generation = 0; generation < 6; ++generation) {
    const std::vector<Slot> slots = fill(*index, 700, random_);
    for (size_t i = 0; i < slots.size(); i += 3) ASSERT_TRUE(index->erase(slots[i]));
    live += 700 - 234;
    ASSERT_TRUE(save(*index));
    index = load(options).value();
    ASSERT_EQ(index->counts().live, live);
    expect_sound(*index);
  }
}

TEST_F(SnapshotTest, ExpiriesAreKept) {
  const IndexOptions options{.dim = 2, .metric = Metric::kL2};
  const auto index = Index::make(options).value();
  (void)index->insert(Vector{1, 2}, Expiry{50}).value();
  ASSERT_TRUE(save(*index));
  const auto loaded = load(options).value();
  EXPECT_EQ(loaded->search(Vector{1, 2}, {.now_us = 49})->candidates.size(), 1U);
  EXPECT_EQ(loaded->search(Vector{1, 2}, {.now_us = 50})->candidates.size(), 0U);
}

TEST_F(SnapshotTest, OtherOptionsAreRefused) {
  const IndexOptions options{.dim = 64};
  const auto index = Index::make(options).value();
  fill(*index, 10, random_);
  ASSERT_TRUE(save(*index));
  EXPECT_EQ(load({.dim = 63}).error().code(), ErrorCode::kInvalid);
  EXPECT_EQ(load({.dim = 64, .metric = Metric::kL2}).error().code(), ErrorCode::kInvalid);
  EXPECT_EQ(load({.dim = 64, .level = Level::kI8}).error().code(), ErrorCode::kInvalid);
  EXPECT_EQ(load({.dim = 64, .connections = 17}).error().code(), ErrorCode::kInvalid);
  EXPECT_EQ(load({.dim = 64, .profile = Profile::kFast}).error().code(), ErrorCode::kInvalid);
  EXPECT_EQ(Index::load(*files_, "/s/none", options).error().code(), ErrorCode::kNotFound);
  EXPECT_TRUE(load(options));
}

TEST_F(SnapshotTest, TheBudgetIsChargedAndItsCeilingKept) {
  IndexOptions options{.dim = 16};
  const auto index = Index::make(options).value();
  fill(*index, 2000, random_);
  ASSERT_TRUE(save(*index));
  MemoryBudget small("small", 100'000), large("large", 10'000'000);
  options.budget = &small;
  EXPECT_EQ(load(options).error().code(), ErrorCode::kOverloaded);
  EXPECT_EQ(small.used_bytes(), 0U);
  options.budget = &large;
  const auto loaded = load(options).value();
  EXPECT_EQ(large.used_bytes(), loaded->memory().total_bytes());
}

TEST_F(SnapshotTest, AFlippedBitAnywhereIsNamed) {
  const IndexOptions options{.dim = 4, .connections = 4, .link_threads = 0};
  const auto index = Index::make(options).value();
  fill(*index, 300, random_);
  index->settle();
  ASSERT_TRUE(save(*index));
  const uint64_t size = files_->file_size("/s/x").value();
  for (uint64_t byte = 0; byte < size; ++byte) {
    const uint64_t bit = byte * 8 + random_() % 8;
    ASSERT_TRUE(files_->flip_bit("/s/x", bit));
    const auto loaded = load(options);
    ASSERT_FALSE(loaded) << "bit " << bit;
    ASSERT_EQ(loaded.error().code(), ErrorCode::kCorruption) << loaded.error().to_string();
    ASSERT_TRUE(files_->flip_bit("/s/x", bit));
  }
  ASSERT_TRUE(load(options));
  ASSERT_TRUE(files_->flip_bit("/s/x", 4096 * 8 * 3));
  EXPECT_EQ(load(options).error().message(),
            "/s/x: block 0 at byte 0, from states of slots 0 to 299 on, fails its checksum");
}

TEST_F(SnapshotTest, ATruncatedFileIsRefused) {
  const IndexOptions options{.dim = 4};
  const auto index = Index::make(options).value();
  fill(*index, 100, random_);
  ASSERT_TRUE(save(*index));
  for (uint64_t size = files_->file_size("/s/x").value(); size-- > 0;) {
    ASSERT_TRUE(files_->truncate("/s/x", size));
    ASSERT_EQ(load(options).error().code(), ErrorCode::kCorruption) << size;
  }
}

/// The file of an empty index has no parts: only the footer, its length (4), checksum (4), version
/// (4) and magic (8).
Bytes sealed(Bytes footer, uint32_t version) {
  Bytes length, checksum, end;
  put_big<uint32_t>(length, static_cast<uint32_t>(footer.size()));
  put_big<uint32_t>(end, version);
  end += "SAGITANN";
  put_big<uint32_t>(checksum, crc32c(end, crc32c(length, crc32c(footer))));
  return footer + length + checksum + end;
}

TEST_F(SnapshotTest, ANewerVersionIsRefusedAsSuch) {
  const IndexOptions options{.dim = 4};
  ASSERT_TRUE(save(*Index::make(options).value()));
  Bytes content = read_file(*files_, "/s/x").value();
  const Bytes footer = content.substr(0, content.size() - 20);
  ASSERT_EQ(sealed(footer, 3), content);
  content[content.size() - 9] = 4;
  ASSERT_TRUE(write_file_atomically(*files_, "/s/x", content));
  EXPECT_EQ(load(options).error().code(), ErrorCode::kCorruption);
  for (const uint32_t version : {0U, 4U}) {
    ASSERT_TRUE(write_file_atomically(*files_, "/s/x", sealed(footer, version)));
    EXPECT_EQ(load(options).error().code(), ErrorCode::kFormat);
  }
}

TEST_F(SnapshotTest, VersionOneKnewNoFineCodes) {
  constexpr size_t kFineBytesAt = 22;
  const auto save_as_one = [this](const IndexOptions& options) {
    ASSERT_TRUE(save(*Index::make(options).value(), "a tag"));
    Bytes footer = read_file(*files_, "/s/x").value();
    footer.resize(footer.size() - 20);
    ASSERT_TRUE(write_file_atomically(*files_, "/s/x", sealed(footer.erase(kFineBytesAt, 4), 1)));
  };
  save_as_one({.dim = 512});
  Bytes tag;
  EXPECT_TRUE(load({.dim = 512}, &tag));
  EXPECT_EQ(tag, "a tag");
  save_as_one({.dim = 512, .profile = Profile::kFast});
  EXPECT_EQ(load({.dim = 512, .profile = Profile::kFast}).error().code(), ErrorCode::kInvalid);
}

TEST_F(SnapshotTest, VersionTwoKnewNoNeighboursByProduct) {
  const IndexOptions options{.dim = 4, .metric = Metric::kDot, .link_threads = 0};
  const auto index = Index::make(options).value();
  fill(*index, 600, random_);
  index->settle();
  ASSERT_TRUE(save(*index));
  Bytes content = read_file(*files_, "/s/x").value();
  const size_t tail = content.size() - 20, length = get_big<uint32_t>(content.data() + tail);
  Bytes footer = content.substr(tail - length, length);
  constexpr size_t kNeighboursAt = 32 + 4 + 4 * 4;
  ASSERT_EQ(footer[kNeighboursAt], 1) << "by product";
  footer.erase(kNeighboursAt, 1);
  ASSERT_TRUE(write_file_atomically(*files_, "/s/x", content.substr(0, tail - length) + sealed(footer, 2)));
  const auto loaded = load(options);
  ASSERT_TRUE(loaded) << loaded.error().to_string();
  expect_same_answers(*index, **loaded, random_);
  fill(**loaded, 300, random_);
  expect_sound(**loaded);
}

TEST_F(SnapshotTest, FineCodesComeBack) {
  for (const Metric metric : {Metric::kCosine, Metric::kL2, Metric::kDot}) {
    const IndexOptions options{.dim = 515, .metric = metric, .profile = Profile::kFast, .link_threads = 0};
    const auto index = Index::make(options).value();
    fill(*index, 1200, random_);
    ASSERT_GT(index->memory().fine_bytes, 0U);
    ASSERT_TRUE(save(*index));
    const auto loaded = load(options);
    ASSERT_TRUE(loaded) << loaded.error().to_string();
    EXPECT_EQ((*loaded)->memory().fine_bytes, index->memory().fine_bytes);
    expect_same_answers(*index, **loaded, random_);
    for (int i = 0; i < 20; ++i) {
      const Vector query = any_vector(options.dim, random_);
      const SearchStats before = index->search(query, {})->stats, after = (*loaded)->search(query, {})->stats;
      EXPECT_GT(before.refined, before.rescored);
      EXPECT_EQ(after.refined, before.refined);
      EXPECT_EQ(after.rescored, before.rescored);
    }
    fill(**loaded, 300, random_);
    expect_sound(**loaded);
  }
}

TEST_F(SnapshotTest, AFullDiskAndACancelledSaveLeaveTheOldFile) {
  const IndexOptions options{.dim = 4};
  const auto index = Index::make(options).value();
  fill(*index, 10, random_);
  ASSERT_TRUE(save(*index, "old"));
  fill(*index, 100, random_);
  files_->limit_bytes(files_->file_size("/s/x").value() + 5000);
  EXPECT_EQ(save(*index, "new").error().code(), ErrorCode::kNoSpace);
  files_->limit_bytes(UINT64_MAX);
  const std::atomic<bool> cancelled{true};
  EXPECT_EQ(index->save(*files_, "/s/x", "new", &cancelled).error().code(), ErrorCode::kUnavailable);
  EXPECT_EQ(files_->list("/s").value(), std::vector<std::string>{"x"});
  Bytes tag;
  EXPECT_EQ(load(options, &tag).value()->counts().live, 10U);
  EXPECT_EQ(tag, "old");
}

TEST_F(SnapshotTest, ASaveCancelledUnderWayLeavesTheOldFileAndNoOther) {
  constexpr int kRounds = 20;
  const IndexOptions options{.dim = 1000, .metric = Metric::kL2, .connections = 4, .expansion_add = 4};
  const auto index = Index::make(options).value();
  fill(*index, 3000, random_);
  Bytes held = "none";
  ASSERT_TRUE(save(*index, held));
  int given_up = 0;
  for (int round = 0; round < kRounds; ++round) {
    std::atomic<bool> cancelled{false}, ended{false};
    Status saved;
    {
      const uint64_t from = (random_() % 10) << 20;
      const std::jthread canceller([&] {
        while (!ended && files_->file_size("/s/x.tmp").value_or(0) <= from) std::this_thread::yield();
        cancelled = true;
      });
      saved = index->save(*files_, "/s/x", std::to_string(round), &cancelled);
      ended = true;
    }
    if (saved) {
      held = std::to_string(round);
    } else {
      ASSERT_EQ(saved.error().code(), ErrorCode::kUnavailable) << saved.error().to_string();
      ++given_up;
    }
    ASSERT_EQ(files_->list("/s").value(), std::vector<std::string>{"x"});
    Bytes tag;
    ASSERT_EQ(load(options, &tag).value()->counts().live, 3000U);
    ASSERT_EQ(tag, held);
  }
  EXPECT_GT(given_up, 0);
}

TEST_F(SnapshotTest, AfterACrashTheOldOrTheNewOneOpens) {
  const IndexOptions options{.dim = 6, .link_threads = 0};
  const auto index = Index::make(options).value();
  SeededRandom faults(5);
  Bytes newest = "0";
  ASSERT_TRUE(save(*index, newest));
  int old_ones = 0, new_ones = 0;
  for (int crash = 1; crash <= 200; ++crash) {
    fill(*index, 5, random_);
    const Bytes tag = std::to_string(crash);
    files_->stop_after(faults.below(8));
    (void)save(*index, tag);
    files_->crash(faults, {.tear = faults.below(2) == 0, .garble = faults.below(2) == 0});
    Bytes found;
    const auto loaded = load(options, &found);
    ASSERT_TRUE(loaded) << loaded.error().to_string();
    ASSERT_TRUE(found == tag || found == newest) << found;
    ASSERT_EQ((*loaded)->counts().live, 5 * std::stoul(found));
    ++(found == tag ? new_ones : old_ones);
    newest = found;
  }
  EXPECT_GT(old_ones, 20);
  EXPECT_GT(new_ones, 20);
}

class SnapshotBesideWriters : public SnapshotTest, public testing::WithParamInterface<Profile> {};
INSTANTIATE_TEST_SUITE_P(Profiles, SnapshotBesideWriters, testing::Values(Profile::kCompact, Profile::kFast),
                         [](const auto& profile) { return std::string(to_string(profile.param)); });

TEST_P(SnapshotBesideWriters, HoldsWhatWasThereThroughout) {
  const IndexOptions options{.dim = 12, .metric = Metric::kL2, .profile = GetParam()};
  const auto index = Index::make(options).value();
  std::vector<std::pair<Slot, Vector>> kept;
  for (int i = 0; i < 600; ++i) {
    Vector v = any_vector(12, random_);
    const Slot slot = index->insert(v).value();
    kept.emplace_back(slot, std::move(v));
  }
  std::atomic<bool> stop{false};
  std::vector<std::jthread> writers;
  for (uint64_t seed = 0; seed < 2; ++seed) {
    writers.emplace_back([&, seed] {
      std::mt19937_64 random(seed);
      std::vector<Slot> own;
      while (!stop) {
        own.push_back(index->insert(any_vector(12, random)).value());
        if (own.size() < 100) continue;
        index->erase(own[own.size() - 100]);
      }
    });
  }
  for (int round = 0; round < 4; ++round) {
    ASSERT_TRUE(save(*index));
    const auto loaded = load(options).value();
    for (const auto& [slot, vector] : kept) {
      float distance = 0;
      ASSERT_TRUE(loaded->score(vector, std::span(&slot, 1), std::span(&distance, 1)));
      ASSERT_EQ(distance, 0);
      ASSERT_EQ(answer(*loaded, vector, 1).front().slot, slot);
    }
    expect_sound(*loaded);
  }
  stop = true;
}

// SAGITTA_SNAPSHOT_VECTORS=500000 measures on real files; otherwise a small file shows that mapping
// works.
TEST(SnapshotFile, OpensByMemoryMap) {
  const char* given = std::getenv("SAGITTA_SNAPSHOT_VECTORS");
  const size_t count = given != nullptr ? std::strtoull(given, nullptr, 10) : 3000;
  const auto files = make_real_file_system();
  const std::string path =
      (std::filesystem::temp_directory_path() / fmt::format("sagitta_{}.ann", ::getpid())).string();
  const IndexOptions options{.dim = 128, .expansion_add = given != nullptr ? 8U : 128U, .link_threads = 2};
  std::mt19937_64 random(3);
  auto seconds = [began = std::chrono::steady_clock::now()]() mutable {
    const auto before = std::exchange(began, std::chrono::steady_clock::now());
    return std::chrono::duration<double>(began - before).count();
  };
  const auto index = Index::make(options).value();
  fill(*index, count, random);
  index->settle();
  std::cout << fmt::format("{} vectors built in {:.2f} s", count, seconds());
  ASSERT_TRUE(index->save(*files, path));
  std::cout << fmt::format(", saved in {:.2f} s, {} MB", seconds(), files->file_size(path).value() >> 20);
  const auto loaded = Index::load(*files, path, options);
  const Vector query = any_vector(128, random);
  ASSERT_TRUE(loaded) << loaded.error().to_string();
  EXPECT_EQ(answer(**loaded, query).size(), 20U);
  std::cout << fmt::format(", loaded and answering in {:.3f} s\n", seconds());
  std::filesystem::remove(path);
  expect_same_answers(*index, **loaded, random);
}

}  // namespace
}  // namespace sagitta::ann
