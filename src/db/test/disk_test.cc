/// Disks that fail or hang under the log: what clients and /readyz are told.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "harness.h"

namespace sagitta::db::test {
namespace {

using testing::HasSubstr;

/// Where syncs wait while it is shut.
class SyncGate {
 public:
  void shut(bool is_shut) {
    std::lock_guard lock(mutex_);
    shut_ = is_shut;
    changed_.notify_all();
  }
  void pass() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !shut_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool shut_ = false;
};

class HangingFile final : public AppendFile {
 public:
  HangingFile(std::unique_ptr<AppendFile> file, SyncGate& gate) : file_(std::move(file)), gate_(gate) {}
  Status append(BytesView bytes) override { return file_->append(bytes); }
  Status sync() override {
    gate_.pass();
    return file_->sync();
  }
  Status reserve(uint64_t bytes) override { return file_->reserve(bytes); }
  Status close() override { return file_->close(); }
  uint64_t size() const override { return file_->size(); }

 private:
  std::unique_ptr<AppendFile> file_;
  SyncGate& gate_;
};

class HangingDisk final : public FileSystem {
 public:
  explicit HangingDisk(FileSystem& files) : files_(files) {}
  Result<std::unique_ptr<AppendFile>> open_append(const std::string& path, OpenMode mode) override {
    SAGITTA_TRY(auto file, files_.open_append(path, mode));
    return std::make_unique<HangingFile>(std::move(file), gate);
  }
  Result<std::unique_ptr<RandomFile>> open_random(const std::string& path) override { return files_.open_random(path); }
  Status rename(const std::string& from, const std::string& to) override { return files_.rename(from, to); }
  Status link(const std::string& from, const std::string& to) override { return files_.link(from, to); }
  Status remove(const std::string& path) override { return files_.remove(path); }
  Status truncate(const std::string& path, uint64_t size) override { return files_.truncate(path, size); }
  Status make_directories(const std::string& path) override { return files_.make_directories(path); }
  Status remove_directory(const std::string& path) override { return files_.remove_directory(path); }
  Result<std::vector<std::string>> list(const std::string& path) override { return files_.list(path); }
  Status sync_directory(const std::string& path) override { return files_.sync_directory(path); }
  Result<bool> exists(const std::string& path) override { return files_.exists(path); }
  Result<bool> is_directory(const std::string& path) override { return files_.is_directory(path); }
  Result<uint64_t> file_size(const std::string& path) override { return files_.file_size(path); }
  Result<int64_t> modified_us(const std::string& path) override { return files_.modified_us(path); }
  Result<uint64_t> free_bytes(const std::string& path) override { return files_.free_bytes(path); }
  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override { return files_.lock(path); }

  SyncGate gate;

 private:
  FileSystem& files_;
};

class DiskTest : public testing::Test {
 protected:
  DiskTest() {
    auto opened = Database::open({.data_dir = "/data", .memory_store = true},
                                 {disk_, machine_.clock, machine_.random, machine_.metrics, machine_.workers});
    EXPECT_TRUE(opened) << opened.error().to_string();
    database_ = *std::move(opened);
    for (const char* text :
         {"CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
          "CREATE TABLE ks.t (k int PRIMARY KEY)"}) {
      const auto answer = ask(*database_, text);
      EXPECT_TRUE(answer) << answer.error().to_string();
    }
  }

  Machine machine_{1};
  HangingDisk disk_{*machine_.files};
  std::unique_ptr<Database> database_;
};

TEST_F(DiskTest, AFailedAppendMakesTheDatabaseNotReadyAndSaysWhy) {
  EXPECT_TRUE(database_->ready());
  machine_.files->fail_sync(1);
  ASSERT_FALSE(ask(*database_, "INSERT INTO ks.t (k) VALUES (1)"));
  EXPECT_FALSE(database_->ready());
  EXPECT_THAT(database_->state()["log"], HasSubstr("takes no writes until a restart: Io"));
  EXPECT_TRUE(ask(*database_, "SELECT * FROM ks.t"));
}

TEST_F(DiskTest, AWriteOnADiskThatHangsTimesOutAtItsDeadlineWithAnOpenOutcome) {
  disk_.gate.shut(true);
  RequestOptions options;
  options.deadline = Deadline::in_us(machine_.clock, 1'000'000);
  std::promise<Result<Answer>> done;
  auto answered = done.get_future();
  database_->query("INSERT INTO ks.t (k) VALUES (1)", options,
                   [&](Result<Answer> answer) { done.set_value(std::move(answer)); });
  EXPECT_EQ(answered.wait_for(std::chrono::milliseconds(150)), std::future_status::timeout);
  machine_.clock.advance_us(1'000'000);
  const bool in_time = answered.wait_for(std::chrono::seconds(5)) == std::future_status::ready;
  disk_.gate.shut(false);
  EXPECT_TRUE(in_time);
  EXPECT_THAT(outcome(answered.get()), HasSubstr("WriteTimeout"));
  // It did take effect, as the next write finds.
  ASSERT_TRUE(ask(*database_, "INSERT INTO ks.t (k) VALUES (2)"));
  EXPECT_EQ(select(*database_, "SELECT * FROM ks.t").size(), 2U);
}

}  // namespace
}  // namespace sagitta::db::test
