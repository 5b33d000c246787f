/// Row numbers, journal and snapshot of an index as the program wrote them before log partitions
/// shared one (test/data/index_v2, commit 056b4a3): they open, and are written in the same way.
#include <fstream>
#include <sstream>

#include "sagitta/base/logging.h"
#include "sagitta/base/memory_file.h"
#include "sagitta/testing/index_search.h"

#include "fixture.h"

namespace sagitta::tablet {
namespace {

using types::DataType;
using types::Kind;

Bytes from_hex(std::string_view hex) {
  Bytes bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

std::string content_of(const std::string& name) {
  std::ifstream in(std::string(SAGITTA_SOURCE_DIR) + "/test/data/index_v2/" + name, std::ios::binary);
  EXPECT_TRUE(in) << name;
  std::ostringstream content;
  content << in.rdbuf();
  return content.str();
}

/// A table of 40 rows and some more: rows 5 to 8 were deleted, row 50 has no vector that can be
/// indexed; then the index was saved; then rows 10 to 13 changed, 20 and 21 were deleted, and 60 to
/// 62 came.
class KeptIndexTest : public TableFixture {
 protected:
  KeptIndexTest() {
    set_log_level("error");
    create({column("p", native(Kind::kInt), schema::ColumnKind::kPartitionKey),
            column("v", DataType::vector(native(Kind::kFloat), 2))});
    const schema::IndexDef index{
        .name = "i", .class_name = "vector_index", .options = {{"similarity_function", "euclidean"}}};
    change(schema::CreateIndex{.keyspace = "k", .table = "t", .column = "v", .index = index});
    EXPECT_TRUE(files_->make_directories("/index"));
    for (const std::string name : {"1.rows", "1-1.vectors"}) {
      EXPECT_TRUE(write_file_atomically(*files_, "/index/" + name, content_of(name)));
    }
    fill_store();
    restart();
  }
  ~KeptIndexTest() override { kept_->stop(); }

  void fill_store() {
    const auto batch = kept_store_->make_batch();
    std::istringstream lines(content_of("store.txt"));
    int family = 0;
    for (std::string key, value; lines >> family >> key >> value;) {
      batch->put(static_cast<kv::Family>(family), from_hex(key), value == "-" ? Bytes() : from_hex(value));
    }
    EXPECT_TRUE(kept_store_->write(*batch));
  }
  void restart() {
    if (kept_ != nullptr) kept_->stop(true);
    kept_ = std::make_unique<SoleSpace>(*kept_store_, workers_, vectors_, metrics_, clock_,
                                        index::SnapshotPlace{files_.get(), "/index"});
    ASSERT_TRUE(kept_->start(schema_, kKeptOffset));
  }
  std::map<Bytes, Bytes> numbers() const {
    std::map<Bytes, Bytes> all;
    const auto it = kept_store_->iterate(kv::Family::kRowNumbers, {}, {}, kv::ReadMode::kBlocking);
    for (it->seek_to_first(); it->valid(); it->next()) all[Bytes(it->key())] = Bytes(it->value());
    return all;
  }
  std::map<Bytes, uint64_t> found() const {
    std::map<Bytes, uint64_t> prints;
    const auto set = kept_->indexes();
    const auto hits =
        index::find_nearest(*set->indexes.begin()->second, std::vector{1.0F, 0.0F}, 1000, kStartS, nullptr, {});
    EXPECT_TRUE(hits);
    for (const auto& hit : *hits) prints[hit.row_key] = hit.fingerprint;
    return prints;
  }
  std::map<Bytes, uint64_t> rows() const {
    std::map<Bytes, uint64_t> prints;
    const rows::ReadView view = kept_->view(kStartS, kv::ReadMode::kBlocking);
    const auto cursor = view.scan_tokens(*table());
    while (*cursor->next()) {
      const rows::LiveCell* cell = cursor->row().find(id("v"));
      if (cell == nullptr || !definition()->refuse(cell->value).empty()) continue;
      prints[Bytes(cursor->row_key())] = index::fingerprint(*cell);
    }
    return prints;
  }
  index::DefinitionPtr definition() const { return kept_->indexes()->indexes.begin()->second->definition(); }
  double loaded() { return metrics_.counter("sagitta_index_snapshot_total", "", {{"result", "loaded"}}).value(); }

  static constexpr log::Offset kKeptOffset = 57;

  const std::unique_ptr<MemoryFileSystem> files_ = MemoryFileSystem::make();
  const std::unique_ptr<kv::Store> kept_store_ = kv::make_memory_store();
  std::unique_ptr<SoleSpace> kept_;
};

TEST_F(KeptIndexTest, OpensAndIsWrittenAsBefore) {
  EXPECT_EQ(loaded(), 1);
  EXPECT_TRUE(kept_->ready());
  EXPECT_EQ(rows().size(), 37U);
  EXPECT_EQ(found(), rows());
  const std::map<Bytes, Bytes> before = numbers();
  EXPECT_EQ(before.size(), 38U);
  restart();
  EXPECT_EQ(numbers(), before);
  EXPECT_EQ(loaded(), 2);
  EXPECT_EQ(found(), rows());
  // The header of the new snapshot is of the version of the old one.
  const auto saved = read_file(*files_, "/index/1.rows");
  ASSERT_TRUE(saved);
  EXPECT_EQ(BytesView(*saved).substr(8, 13), BytesView(content_of("1.rows")).substr(8, 13));
}

}  // namespace
}  // namespace sagitta::tablet
