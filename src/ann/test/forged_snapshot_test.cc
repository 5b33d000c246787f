// Snapshot files with right checksums around links that no index writes: loading and upkeep survive
// them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>

#include "sagitta/ann/index.h"
#include "sagitta/base/bytes.h"
#include "sagitta/base/checksum.h"
#include "sagitta/base/memory_file.h"

#include "snapshot_file.h"

namespace sagitta::ann {
namespace {

constexpr uint32_t kCopyMark = 1U << 31;

void put_at(Bytes& file, size_t at, uint32_t value) {
  Bytes bytes;
  put_big<uint32_t>(bytes, value);
  file.replace(at, bytes.size(), bytes);
}

class ForgedSnapshot : public testing::TestWithParam<Profile> {
 protected:
  void insert(uint32_t count) {
    std::normal_distribution<float> normal;
    std::vector<float> vector(options_.dim);
    for (uint32_t i = 0; i < count; ++i) {
      for (float& x : vector) x = normal(random_);
      ASSERT_TRUE(index_->insert(vector));
    }
  }
  void save() {
    ASSERT_TRUE(index_->save(*files_, "/x"));
    const SnapshotSource source = read_snapshot(*files_, "/x").value();
    links_ = *std::ranges::find(source.parts, PartKind::kLinks, &Part::kind);
    footer_at_ = SnapshotLayout(source.footer.shape, source.footer.end).bytes;
    file_.resize(files_->file_size("/x").value());
    ASSERT_EQ(source.file->read(0, file_.size(), file_.data()).value(), file_.size());
    ASSERT_LE(footer_at_, size_t{1} << 20) << "one block, one checksum";
  }
  /// The beginning of a slot's record.
  void forge(uint32_t slot, const std::vector<uint32_t>& links) {
    const size_t record_bytes = links_.bytes / (links_.end - links_.begin);
    std::memcpy(file_.data() + links_.offset + slot * record_bytes, links.data(), links.size() * sizeof(uint32_t));
  }
  /// The block's checksum is the footer's last number; the footer's own is in the tail of 20 bytes.
  std::unique_ptr<Index> load() {
    const size_t tail = file_.size() - 20;
    put_at(file_, tail - 4, crc32c(BytesView(file_).substr(0, footer_at_)));
    const uint32_t checksum = crc32c(BytesView(file_).substr(footer_at_, tail + 4 - footer_at_));
    put_at(file_, tail + 4, crc32c(BytesView(file_).substr(tail + 8), checksum));
    EXPECT_TRUE(write_file_atomically(*files_, "/x", file_));
    return Index::load(*files_, "/x", options_).value();
  }

  std::mt19937_64 random_{1};
  const IndexOptions options_{
      .dim = 4, .metric = Metric::kL2, .profile = GetParam(), .connections = 4, .link_threads = 0};
  const std::unique_ptr<Index> index_ = Index::make(options_).value();
  const std::shared_ptr<MemoryFileSystem> files_ = MemoryFileSystem::make();
  Bytes file_;
  Part links_;
  size_t footer_at_ = 0;
};

INSTANTIATE_TEST_SUITE_P(Profiles, ForgedSnapshot, testing::Values(Profile::kCompact, Profile::kFast));

TEST_P(ForgedSnapshot, ASlotThatIsNotLinkedHasNoLinks) {
  insert(300);
  index_->settle();
  insert(100);
  save();
  for (uint32_t slot = 300; slot < 400; ++slot) forge(slot, {1, 2, 3, 4, 5, 6, 7 | kCopyMark});
  const auto loaded = load();
  loaded->settle();
  EXPECT_TRUE(loaded->check());
}

// Who inherits the links may be among them more than once.
TEST_P(ForgedSnapshot, AnHeirDoesNotLinkToItself) {
  const std::vector<float> copied(options_.dim, 0.25F);
  insert(300);
  const Slot leader = index_->insert(copied).value();
  index_->settle();
  const Slot follower = index_->insert(copied).value();
  index_->settle();
  save();
  const auto heir = static_cast<uint32_t>(follower);
  forge(static_cast<uint32_t>(leader), {heir, 2, heir, 3, heir, heir | kCopyMark});
  const auto loaded = load();
  loaded->erase(leader);
  loaded->settle();
  const SearchAnswer found = loaded->search(copied, {.k = 1}).value();
  ASSERT_EQ(found.candidates.size(), 1U);
  EXPECT_EQ(found.candidates[0].slot, follower);
}

}  // namespace
}  // namespace sagitta::ann
