// Feeds over the streams of a log, and the errors of one of them.
#include "stream_log.h"

#include <fmt/format.h>

#include "sagitta/base/advice.h"

namespace sagitta::log {
namespace {

class StreamFeed final : public Feed {
 public:
  StreamFeed(std::vector<Stream*> streams, Followers& feeds)
      : streams_(std::move(streams)),
        feeds_(feeds),
        ready_(static_cast<Partition>(streams_.size())),
        next_(streams_.size()) {
    feeds_.add(ready_);
  }
  ~StreamFeed() override {
    for (Stream* stream : streams_) stream->followers().remove(ready_);
    feeds_.remove(ready_);
  }
  StreamFeed(const StreamFeed&) = delete;
  StreamFeed& operator=(const StreamFeed&) = delete;

  Status follow(Partition partition, Offset from) override {
    SAGITTA_ASSERT(partition < streams_.size());
    next_[partition] = from;
    streams_[partition]->followers().add(ready_);
    // There may be records already.
    ready_.mark(partition);
    return {};
  }
  void leave(Partition partition) override {
    SAGITTA_ASSERT(partition < streams_.size());
    streams_[partition]->followers().remove(ready_);
    next_[partition].reset();
  }
  Result<std::vector<Entry>> read(size_t max_bytes, int64_t wait_us) override;
  std::optional<Partition> failed() const override { return failed_; }

 private:
  const std::vector<Stream*> streams_;
  Followers& feeds_;
  ReadyList ready_;
  /// Of each partition that is followed: the offset to read from.
  std::vector<std::optional<Offset>> next_;
  std::optional<Partition> failed_;
};

Result<std::vector<Entry>> StreamFeed::read(size_t max_bytes, int64_t wait_us) {
  failed_.reset();
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::microseconds(wait_us);
  while (const auto partition = ready_.take(deadline)) {
    std::optional<Offset>& next = next_[*partition];
    if (!next) continue;
    auto entries = streams_[*partition]->read(*next, max_bytes);
    if (entries && entries->empty()) continue;
    ready_.mark(*partition);
    if (entries) {
      next = entries->back().offset + 1;
    } else {
      failed_ = partition;
    }
    return entries;
  }
  if (ready_.stopped()) return fail(ErrorCode::kUnavailable, "log: stopped");
  return std::vector<Entry>();
}

}  // namespace

std::unique_ptr<Feed> make_feed(std::vector<Stream*> streams, Followers& feeds) {
  return std::make_unique<StreamFeed>(std::move(streams), feeds);
}

std::unexpected<Error> fail_in(Partition partition, const Error& error) {
  const bool damaged = error.code() == ErrorCode::kCorruption;
  return fail(error.code(), fmt::format("log partition {}: {}{}{}", partition, error.message(), damaged ? "; " : "",
                                        damaged ? kDamageAdvice : ""));
}

}  // namespace sagitta::log
