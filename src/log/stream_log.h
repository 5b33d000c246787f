/// A log that is made of streams, one a partition, and the feeds over them.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "sagitta/base/assert.h"

#include "stream.h"

namespace sagitta::log {

/// A feed over `streams`, which are numbered as they stand. `feeds` is told when the log stops; it
/// and the streams must outlive the feed.
std::unique_ptr<Feed> make_feed(std::vector<Stream*> streams, Followers& feeds);

/// The error of one partition of a log: names it, and says what to do about damage.
std::unexpected<Error> fail_in(Partition partition, const Error& error);

/// Implements `Interface`, which is a Log, by streams of type `S`.
template <class Interface, class S>
class StreamLog : public Interface {
 public:
  ~StreamLog() override { StreamLog::stop(); }

  /// The next partition, before anything else is called.
  void add(std::unique_ptr<S> stream) {
    SAGITTA_ASSERT(stream->number() == streams_.size());
    streams_.push_back(std::move(stream));
  }

  Partition partitions() const override { return static_cast<Partition>(streams_.size()); }
  void append(Partition partition, Record record, AppendDone done) override {
    stream(partition).append(std::move(record), std::move(done));
  }
  Result<std::vector<Entry>> read(Partition partition, Offset from, size_t max_bytes, int64_t wait_us) override {
    const bool runs = stream(partition).wait_for(from, wait_us);
    auto entries = stream(partition).read(from, max_bytes);
    if (!runs && entries && entries->empty()) return fail(ErrorCode::kUnavailable, "log: stopped");
    return entries;
  }
  std::unique_ptr<Feed> feed() override {
    std::vector<Stream*> streams;
    for (const auto& each : streams_) streams.push_back(each.get());
    return make_feed(std::move(streams), feeds_);
  }
  Bounds bounds(Partition partition) const override { return stream(partition).bounds(); }
  Status trim(Partition partition, Offset before) override { return stream(partition).trim(before); }
  void stop() override {
    for (const auto& each : streams_) each->begin_stop();
    feeds_.stop();
    for (const auto& each : streams_) each->stop();
  }

 protected:
  S& stream(Partition partition) const {
    SAGITTA_ASSERT(partition < streams_.size());
    return *streams_[partition];
  }

 private:
  std::vector<std::unique_ptr<S>> streams_;
  Followers feeds_;
};

}  // namespace sagitta::log
