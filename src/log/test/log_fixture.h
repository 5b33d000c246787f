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

inline std::future<Result<Offset>> append_later(Log& log, Bytes payload) {
  auto promise = std::make_shared<std::promise<Result<Offset>>>();
  log.append(0, record_of(std::move(payload)),
             [promise](Result<Offset> offset) { promise->set_value(std::move(offset)); });
  return promise->get_future();
}

inline Result<Offset> append(Log& log, Bytes payload) { return append_later(log, std::move(payload)).get(); }

/// All payloads from `from` on.
inline Result<std::vector<Bytes>> read_all(Log& log, Offset from, size_t max_bytes = 1000) {
  std::vector<Bytes> payloads;
  while (from < log.bounds(0).end) {
    SAGITTA_TRY(const auto entries, log.read(0, from, max_bytes, 0));
    for (const Entry& entry : entries) {
      if (entry.offset != from++) return fail(ErrorCode::kServer, "an offset is missing");
      payloads.push_back(entry.record->payload);
    }
  }
  return payloads;
}

class LocalLogTest : public testing::Test {
 protected:
  Result<std::unique_ptr<Log>> try_open() { return open_local_log(*files_, clock_, metrics_, options_); }
  void open() {
    log_.reset();
    auto opened = try_open();
    ASSERT_TRUE(opened) << opened.error().to_string();
    log_ = *std::move(opened);
  }
  void append_numbers(int from, int to) {
    for (int i = from; i < to; ++i) ASSERT_EQ(append(*log_, std::to_string(i)).value(), static_cast<Offset>(i));
  }
  void expect_numbers(Offset from, int to) {
    const auto payloads = read_all(*log_, from);
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
  std::string first_segment() const { return "/log/" + segment_name(0); }
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
