/// What the tests of logs share: appends and reads, and a local log in files in memory.
#pragma once

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <string>
#include <vector>

#include "sagitta/base/memory_file.h"
#include "sagitta/log/local_log.h"

#include "segment.h"

namespace sagitta::log {

inline constexpr int64_t kLongUs = 10'000'000;

inline Record record_of(Bytes payload) {
  Record record;
  record.kind = RecordKind::kMutation;
  record.payload = std::move(payload);
  return record;
}

inline std::future<Result<Offset>> append_later(Log& log, Partition partition, Bytes payload) {
  auto promise = std::make_shared<std::promise<Result<Offset>>>();
  log.append(partition, record_of(std::move(payload)),
             [promise](Result<Offset> offset) { promise->set_value(std::move(offset)); });
  return promise->get_future();
}

inline Result<Offset> append(Log& log, Partition partition, Bytes payload) {
  return append_later(log, partition, std::move(payload)).get();
}

/// All payloads from `from` on.
inline Result<std::vector<Bytes>> read_all(Log& log, Partition partition, Offset from, size_t max_bytes = 1000) {
  std::vector<Bytes> payloads;
  while (from < log.bounds(partition).end) {
    SAGITTA_TRY(const auto entries, log.read(partition, from, max_bytes, 0));
    for (const Entry& entry : entries) {
      if (entry.partition != partition) return fail(ErrorCode::kServer, "a record of another partition");
      if (entry.offset != from++) return fail(ErrorCode::kServer, "an offset is missing");
      payloads.push_back(entry.record->payload);
    }
  }
  return payloads;
}

/// A log of as many partitions as the parameter says, of which the last one is used: it must be as
/// good as the only one.
class LocalLogTest : public testing::TestWithParam<Partition> {
 protected:
  LocalLogTest() { options_.partitions = GetParam(); }

  Partition last() const { return static_cast<Partition>(options_.partitions - 1); }
  Result<std::unique_ptr<Log>> try_open() { return open_local_log(*files_, clock_, metrics_, options_); }
  void open() {
    log_.reset();
    auto opened = try_open();
    ASSERT_TRUE(opened) << opened.error().to_string();
    log_ = *std::move(opened);
  }
  Bounds bounds() const { return log_->bounds(last()); }
  std::future<Result<Offset>> append_later(Bytes payload) {
    return log::append_later(*log_, last(), std::move(payload));
  }
  Result<Offset> append(Bytes payload) { return append_later(std::move(payload)).get(); }
  Result<std::vector<Entry>> read(Offset from, int64_t wait_us = 0) { return log_->read(last(), from, 1000, wait_us); }
  void append_numbers(int from, int to) {
    for (int i = from; i < to; ++i) ASSERT_EQ(append(std::to_string(i)).value(), static_cast<Offset>(i));
  }
  void expect_numbers(Offset from, int to) {
    const auto payloads = read_all(*log_, last(), from);
    ASSERT_TRUE(payloads) << payloads.error().to_string();
    ASSERT_EQ(payloads->size(), static_cast<size_t>(to) - from);
    for (size_t i = 0; i < payloads->size(); ++i) ASSERT_EQ((*payloads)[i], std::to_string(from + i));
  }
  std::string metric(const std::string& name) {
    const std::string text = "\n" + metrics_.render();
    const size_t at = text.find("\n" + name + " ");
    return at == std::string::npos ? ""
                                   : text.substr(at + name.size() + 2, text.find('\n', at + 1) - at - name.size() - 2);
  }
  std::string folder() const { return folder_of(last()); }
  std::string folder_of(Partition partition) const { return options_.directory + "/" + std::to_string(partition); }
  std::string first_segment() const { return folder() + "/" + segment_name(0); }
  /// The file up to its last byte that is not zero; no record of these tests ends with one.
  Bytes written(const std::string& path) {
    Bytes content = read_file(*files_, path).value();
    content.resize(content.find_last_not_of('\0') + 1);
    return content;
  }
  void cut_power() {
    SeededRandom random(1);
    files_->crash(random, {.tear = false});
    log_.reset();
  }

  std::unique_ptr<MemoryFileSystem> files_ = MemoryFileSystem::make();
  ManualClock clock_{1'000};
  MetricsRegistry metrics_;
  LocalOptions options_{.directory = "/log", .segment_bytes = 1000, .queue_bytes_max = 1 << 20, .tail_bytes = 300};
  std::unique_ptr<Log> log_;
};

}  // namespace sagitta::log
