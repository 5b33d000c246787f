/// Random operations on each store and on std::map, compared all the way. SAGITTA_SEED=n replays a
/// run.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <vector>

#include "sagitta/base/memory_file.h"
#include "sagitta/kv/store.h"

namespace sagitta::kv {
namespace {

using Model = std::array<std::map<Bytes, Bytes>, kFamilyCount>;

class ModelRun {
 public:
  ModelRun(uint64_t seed, bool rocks) : random_(seed), rocks_(rocks) { reopen(); }

  void step() {
    switch (random_.below(10)) {
      case 0: return take_snapshot();
      case 1: return drop_snapshot();
      case 2: return flush();
      case 3:
      case 4: return check_iterator();
      case 5: return check_get();
      default: return write();
    }
  }
  void check_all() {
    for (size_t f = 0; f < kFamilyCount; ++f) {
      auto it = store_->iterate(static_cast<Family>(f), "", "", ReadMode::kBlocking);
      it->seek_to_first();
      for (const auto& [key, value] : model_[f]) {
        ASSERT_TRUE(it->valid());
        ASSERT_EQ(it->key(), key);
        ASSERT_EQ(it->value(), value);
        it->next();
      }
      ASSERT_FALSE(it->valid());
      ASSERT_TRUE(it->status());
    }
  }
  void reopen() {
    views_.clear();
    if (!rocks_) {
      if (store_ == nullptr) store_ = make_memory_store();
      return;
    }
    if (store_ != nullptr) {
      ASSERT_TRUE(store_->flush());
    }
    store_.reset();
    const RocksOptions options{.block_cache_bytes = 1 << 20, .memtable_bytes = 1 << 18, .background_threads = 1};
    auto opened = open_rocks_store(share_rocks(*files_, options, budget_).value(), "/db");
    ASSERT_TRUE(opened) << opened.error().to_string();
    store_ = *std::move(opened);
  }

 private:
  struct View {
    SnapshotPtr snapshot;
    Model model;
  };

  Bytes random_key() {
    Bytes key(random_.below(4), '\0');
    for (char& c : key)
      c = "\0\x01"
          "ab\xff"[random_.below(5)];
    return key;
  }
  Family random_family() { return static_cast<Family>(random_.below(kFamilyCount)); }

  /// Some steps, of which some are taken back; between them the batch is read.
  void write() {
    const auto batch = store_->make_batch();
    for (uint64_t steps = 1 + random_.below(4); steps > 0; --steps) {
      const Model before = model_;
      batch->mark();
      for (uint64_t n = random_.below(6); n > 0; --n) change(*batch);
      if (random_.below(3) == 0) check_batch(*batch);
      if (random_.below(4) != 0) continue;
      batch->rollback();
      model_ = before;
      if (random_.below(3) == 0) check_batch(*batch);
    }
    ASSERT_TRUE(store_->write(*batch));
  }
  void change(Batch& batch) {
    const Family family = random_family();
    auto& map = model_[static_cast<size_t>(family)];
    Bytes key = random_key();
    if (const uint64_t kind = random_.below(8); kind == 0) {
      const Bytes to = random_key();
      batch.remove_range(family, key, to);
      if (key < to) map.erase(map.lower_bound(key), map.lower_bound(to));
    } else if (kind <= 2) {
      batch.remove(family, key);
      map.erase(key);
    } else {
      const Bytes value = std::to_string(random_.next()) + Bytes(random_.below(300), 'v');
      batch.put(family, key, value);
      map[key] = value;
    }
  }
  void check_batch(const Batch& batch) {
    const auto& rows = model_[static_cast<size_t>(Family::kRows)];
    const Bytes key = random_key(), from = random_key(), to = random_key();
    const auto expected = rows.find(key);
    ASSERT_EQ(batch.row(key).value(), expected == rows.end() ? std::nullopt : std::optional(expected->second));
    std::vector<Bytes> keys;
    for (const auto& [row, value] : rows) {
      if (row >= from && (to.empty() || row < to)) keys.push_back(row);
    }
    ASSERT_EQ(batch.row_keys(from, to).value(), keys);
    // The other way, up to some entry.
    size_t left = 1 + random_.below(4);
    ASSERT_TRUE(batch.visit_rows(from, to, Direction::kBackward, [&](BytesView row, BytesView value) {
      EXPECT_FALSE(keys.empty());
      if (keys.empty()) return false;
      EXPECT_EQ(row, keys.back());
      EXPECT_EQ(value, rows.at(keys.back()));
      keys.pop_back();
      return --left > 0;
    }));
    EXPECT_TRUE(left == 0 || keys.empty());
  }
  void take_snapshot() {
    if (views_.size() < 4) views_.push_back({store_->snapshot(), model_});
  }
  void drop_snapshot() {
    if (!views_.empty()) views_.erase(views_.begin() + static_cast<ptrdiff_t>(random_.below(views_.size())));
  }
  void flush() { ASSERT_TRUE(store_->flush()); }
  View pick_view() {
    const uint64_t n = random_.below(views_.size() + 1);
    return n < views_.size() ? views_[n] : View{nullptr, model_};
  }

  void check_get() {
    const View view = pick_view();
    const Family family = random_family();
    const Bytes key = random_key();
    const auto& map = view.model[static_cast<size_t>(family)];
    const auto expected = map.find(key);
    const auto found = store_->get(family, key, ReadMode::kBlocking, view.snapshot.get());
    ASSERT_TRUE(found);
    ASSERT_EQ(*found, expected == map.end() ? std::nullopt : std::optional(expected->second));
  }

  void check_iterator() {
    const View view = pick_view();
    const Family family = random_family();
    const Bytes from = random_key(), to = random_key();
    std::vector<std::pair<Bytes, Bytes>> range;
    for (const auto& entry : view.model[static_cast<size_t>(family)]) {
      if (entry.first >= from && (to.empty() || entry.first < to)) range.emplace_back(entry);
    }
    const auto it = store_->iterate(family, from, to, ReadMode::kBlocking, view.snapshot);
    // A place among the range; -1 or its size is nowhere.
    ptrdiff_t at = -1;
    const auto end = static_cast<ptrdiff_t>(range.size());
    for (int move = 0; move < 20; ++move) {
      const uint64_t how = random_.below(at >= 0 && at < end ? 8 : 4);
      at = how < 4 ? seek(*it, range, how) : at + (how < 6 ? 1 : -1);
      if (how >= 4) how < 6 ? it->next() : it->prev();
      ASSERT_EQ(it->valid(), at >= 0 && at < end);
      ASSERT_TRUE(it->status());
      if (it->valid()) {
        ASSERT_EQ(it->key(), range[static_cast<size_t>(at)].first);
        ASSERT_EQ(it->value(), range[static_cast<size_t>(at)].second);
      }
    }
  }

  ptrdiff_t seek(Iterator& it, const std::vector<std::pair<Bytes, Bytes>>& range, uint64_t how) {
    const Bytes key = random_key();
    const auto below = std::ranges::count_if(range, [&](const auto& entry) { return entry.first < key; });
    const auto not_above = std::ranges::count_if(range, [&](const auto& entry) { return entry.first <= key; });
    if (how == 0) {
      it.seek_to_first();
      return 0;
    }
    if (how == 1) {
      it.seek_to_last();
      return static_cast<ptrdiff_t>(range.size()) - 1;
    }
    if (how == 2) {
      it.seek(key);
      return below;
    }
    it.seek_for_prev(key);
    return not_above - 1;
  }

  SeededRandom random_;
  const bool rocks_;
  std::unique_ptr<MemoryFileSystem> files_ = MemoryFileSystem::make();
  MemoryBudget budget_{"kv", size_t{64} << 20};
  std::unique_ptr<Store> store_;
  Model model_;
  std::vector<View> views_;
};

class KvModel : public testing::TestWithParam<bool> {};

TEST_P(KvModel, AgreesWithAMap) {
  const char* chosen = std::getenv("SAGITTA_SEED");
  const uint64_t first = chosen != nullptr ? std::strtoull(chosen, nullptr, 10) : 1;
  for (uint64_t seed = first; seed < first + 5; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    ModelRun run(seed, GetParam());
    for (int i = 0; i < 3000 && !testing::Test::HasFatalFailure(); ++i) {
      run.step();
      if (i % 500 == 499) run.reopen();
      if (i % 500 == 499) run.check_all();
    }
    if (HasFatalFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Both, KvModel, testing::Values(false, true),
                         [](const auto& param) { return param.param ? "Rocks" : "Memory"; });

}  // namespace
}  // namespace sagitta::kv
