/// Row keys by their terms, beside a naive twin: SAGITTA_SEED replays a run.
#include "sagitta/index/posting_keys.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <map>
#include <random>
#include <set>
#include <string>

#include "sagitta/base/work_meter.h"
#include "sagitta/kv/store.h"
#include "sagitta/rows/posting.h"

namespace sagitta::index {
namespace {

using types::Interval;

constexpr int64_t kNowS = 1000;

/// Terms and row keys are of one length, as the ordered forms of values end themselves.
Bytes wide(uint32_t number) {
  Bytes out;
  put_big(out, number);
  return out;
}

class PostingKeysTest : public testing::Test {
 protected:
  void put(uint32_t index, uint32_t term, uint32_t row, BytesView path = {}, int64_t expires_s = 0) {
    const Bytes term_bytes = wide(term), row_key = wide(row);
    const rows::Posting posting{.term = term_bytes, .row_key = row_key, .path = path, .expires_s = expires_s};
    batch_->put(kv::Family::kPostings, rows::posting_key(index, posting), rows::posting_value(posting));
    if (posting.is_live(kNowS)) rows_[{index, term}].insert(row);
  }
  rows::ReadView view() {
    EXPECT_TRUE(store_->write(*batch_));
    batch_->clear();
    return {*store_, store_->snapshot(), std::make_shared<rows::Sweeps>(), kNowS, kv::ReadMode::kBlocking};
  }
  static PostingProbe of_term(uint32_t index, uint32_t term) {
    return {.index_id = index, .terms = {{wide(term), wide(term + 1)}}, .is_equality = true};
  }
  static PostingProbe of_terms(uint32_t index, std::vector<std::pair<uint32_t, uint32_t>> ranges) {
    PostingProbe probe{.index_id = index, .terms = {}};
    for (const auto& [from, to] : ranges) probe.terms.push_back({wide(from), wide(to)});
    return probe;
  }

  /// What the twin has of a probe.
  std::set<uint32_t> rows_of(const PostingProbe& probe) const {
    std::set<uint32_t> found;
    for (const auto& [place, rows] : rows_) {
      if (place.first == probe.index_id && types::contains(probe.terms, wide(place.second)))
        found.insert(rows.begin(), rows.end());
    }
    return found;
  }
  std::set<uint32_t> rows_of(std::span<const PostingProbe> probes) const {
    std::set<uint32_t> all = rows_of(probes[0]);
    for (const PostingProbe& probe : probes.subspan(1)) {
      const auto others = rows_of(probe);
      std::erase_if(all, [&](uint32_t row) { return !others.contains(row); });
    }
    return all;
  }
  /// By seeking the key behind the last, over and over.
  static std::vector<uint32_t> walked(PostingKeys& keys) {
    std::vector<uint32_t> found;
    for (Bytes from;;) {
      const auto next = keys.seek(from);
      if (!next) ADD_FAILURE() << next.error().to_string();
      if (!next || !*next) return found;
      found.push_back(get_big<uint32_t>((*next)->data()));
      from = Bytes(**next) + '\0';
    }
  }
  void expect_all(const std::vector<PostingProbe>& probes) {
    const rows::ReadView view = this->view();
    const auto keys = open_keys(view, probes);
    const auto expected = rows_of(probes);
    EXPECT_EQ(walked(*keys), std::vector<uint32_t>(expected.begin(), expected.end()));
  }

  std::unique_ptr<kv::Store> store_ = kv::make_memory_store();
  std::unique_ptr<kv::Batch> batch_ = store_->make_batch();
  std::map<std::pair<uint32_t, uint32_t>, std::set<uint32_t>> rows_;  ///< by index and term
};

TEST_F(PostingKeysTest, OneTermHasItsRowsEachOnceInTheOrderOfKeys) {
  for (const uint32_t row : {9U, 3U, 5U}) put(1, 7, row);
  put(1, 7, 5, "path");
  put(1, 7, 5, "other");
  put(1, 6, 1);
  put(1, 8, 2);
  put(2, 7, 4);
  put(1, 7, 6, {}, kNowS);
  expect_all({of_term(1, 7)});
  expect_all({of_term(1, 9)});
  EXPECT_EQ(rows_of(of_term(1, 7)), (std::set<uint32_t>{3, 5, 9}));
}

TEST_F(PostingKeysTest, ManyTermsHaveTheirRowsInTheOrderOfKeys) {
  for (uint32_t row = 0; row < 100; ++row) put(1, (100 - row) % 10, row);
  expect_all({of_terms(1, {{2, 5}})});
  expect_all({of_terms(1, {{0, 2}, {4, 5}, {8, 100}})});
  expect_all({of_terms(1, {{50, 60}})});
}

TEST_F(PostingKeysTest, MoreRowsThanAreHeldAreAllThere) {
  constexpr auto kRows = static_cast<uint32_t>(kHeldKeys * 2 + 100);
  for (uint32_t row = 0; row < kRows; ++row) {
    put(1, (kRows - row) % 7, row);
    if (row % 3 == 0) put(1, row % 7 + 1, row);
  }
  expect_all({of_terms(1, {{0, 100}})});
  expect_all({of_terms(1, {{0, 3}, {5, 6}})});
}

/// More bytes than are held, by keys that are long and short.
TEST_F(PostingKeysTest, MoreBytesThanAreHeldAreAllThere) {
  const char* const given = std::getenv("SAGITTA_SEED");
  const uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device()();
  SCOPED_TRACE(fmt::format("SAGITTA_SEED={}", seed));
  std::mt19937_64 random(seed);
  std::set<Bytes> expected;
  for (uint32_t row = 0; row < 700; ++row) {
    const Bytes term = wide(static_cast<uint32_t>(random() % 7));
    const Bytes key = wide(row) + Bytes(random() % 8 == 0 ? random() % 60'000 : random() % 8'000, 'x');
    const rows::Posting posting{.term = term, .row_key = key, .path = {}, .expires_s = 0};
    batch_->put(kv::Family::kPostings, rows::posting_key(1, posting), rows::posting_value(posting));
    expected.insert(key);
  }
  const rows::ReadView view = this->view();
  const std::vector<PostingProbe> probes = {of_terms(1, {{0, 100}})};
  const auto keys = open_keys(view, probes);
  std::set<Bytes> found;
  for (Bytes from;;) {
    const auto next = keys->seek(from);
    ASSERT_TRUE(next);
    if (!*next) break;
    found.emplace(**next);
    from = Bytes(**next) + '\0';
  }
  EXPECT_EQ(found.size(), expected.size());
  EXPECT_TRUE(found == expected);
}

TEST_F(PostingKeysTest, AsManyRowsAsAreHeldAreAllThere) {
  for (uint32_t row = 0; row < kHeldKeys; ++row) put(1, row % 7, row);
  expect_all({of_terms(1, {{0, 100}})});
}

TEST_F(PostingKeysTest, SeveralProbesMeanTheRowsOfAll) {
  for (uint32_t row = 0; row < 500; ++row) {
    put(1, row % 2, row);
    put(2, row % 3, row);
    put(3, row % 5, row);
  }
  expect_all({of_term(1, 0), of_term(2, 0)});
  expect_all({of_term(1, 1), of_terms(2, {{0, 2}}), of_terms(3, {{1, 2}, {3, 5}})});
  expect_all({of_term(1, 0), of_term(1, 1)});
}

TEST_F(PostingKeysTest, ASeekLeavesOutWhatIsBeforeIt) {
  for (uint32_t row = 0; row < 1000; row += 10) put(1, row % 20, row);
  const rows::ReadView view = this->view();
  for (const PostingProbe& probe : {of_term(1, 0), of_terms(1, {{0, 100}})}) {
    const auto keys = open_keys(view, std::span(&probe, 1));
    EXPECT_EQ(**keys->seek(wide(5)), wide(probe.is_equality ? 20 : 10));
    EXPECT_EQ(**keys->seek(wide(5)), wide(probe.is_equality ? 20 : 10));
    EXPECT_EQ(**keys->seek(wide(500)), wide(500));
    EXPECT_EQ(*keys->seek(wide(1000)), std::nullopt);
  }
}

TEST_F(PostingKeysTest, ASpentMeterIsNoEndAndLosesNothing) {
  for (uint32_t row = 0; row < 300; ++row) put(1, row % 4, row);
  const std::vector<PostingProbe> probes = {of_terms(1, {{0, 3}})};
  const rows::ReadView whole = view();
  WorkMeter meter(0);
  const rows::ReadView metered = whole.metered(meter);
  const auto keys = open_keys(metered, probes);
  std::vector<uint32_t> found;
  size_t waits = 0;
  for (Bytes from;;) {
    const auto next = keys->seek(from);
    if (!next) {
      ASSERT_EQ(next.error().code(), ErrorCode::kWouldBlock);
      ++waits;
      meter.refill(5'000);
      continue;
    }
    if (!*next) break;
    found.push_back(get_big<uint32_t>((*next)->data()));
    from = Bytes(**next) + '\0';
  }
  const auto expected = rows_of(probes);
  EXPECT_EQ(found, std::vector<uint32_t>(expected.begin(), expected.end()));
  EXPECT_GT(waits, 0U);
}

/// Walks some probes beside the twin, with leaps of random length.
TEST_F(PostingKeysTest, AgreesWithTheTwin) {
  const char* given = std::getenv("SAGITTA_SEED");
  const uint64_t seed = given != nullptr
                            ? std::strtoull(given, nullptr, 10)
                            : static_cast<uint64_t>(std::chrono::system_clock::now().time_since_epoch().count());
  fmt::print("SAGITTA_SEED={} replays it\n", seed);
  std::mt19937_64 engine(seed);
  const auto below = [&](uint64_t bound) { return static_cast<uint32_t>(engine() % bound); };
  for (int i = 0; i < 20'000; ++i) {
    const bool has_path = below(4) == 0;
    put(1 + below(2), below(12), below(12'000), has_path ? std::to_string(i) : "", has_path ? kNowS + below(2) : 0);
  }
  const rows::ReadView view = this->view();
  for (int round = 0; round < 100; ++round) {
    std::vector<PostingProbe> probes;
    for (uint32_t left = 1 + below(3); left > 0; --left) {
      const uint32_t index = 1 + below(2), from = below(12), middle = from + 1 + below(4);
      const bool is_one = below(3) == 0;
      probes.push_back(is_one ? of_term(index, from) : of_terms(index, {{from, middle}, {middle + 1, middle + 3}}));
    }
    const auto expected = rows_of(probes);
    const auto keys = open_keys(view, probes);
    for (uint32_t from = below(1000);; from += 1 + below(round % 2 == 0 ? 3 : 3000)) {
      const auto wanted = expected.lower_bound(from);
      const auto found = keys->seek(wide(from));
      ASSERT_TRUE(found) << found.error().to_string();
      ASSERT_EQ(found->has_value(), wanted != expected.end()) << "round " << round << ", from " << from;
      if (!*found) break;
      from = get_big<uint32_t>((*found)->data());
      ASSERT_EQ(from, *wanted) << "round " << round;
    }
  }
}

}  // namespace
}  // namespace sagitta::index
