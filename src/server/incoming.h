/// What comes in on a CQL connection: frames, and the charge for those that are not whole.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "sagitta/base/budget.h"
#include "sagitta/base/executor.h"
#include "sagitta/wire/frame.h"

#include "cql_session.h"

namespace sagitta::server {

/// Not thread-safe.
class Incoming {
 public:
  /// Both must outlive it. Large pieces of memory are freed by `workers`: giving many pages back to
  /// the system takes long.
  Incoming(MemoryBudget& budget, Executor& workers) : budget_(budget), workers_(workers) {}
  ~Incoming() { budget_.release(charged_); }
  Incoming(const Incoming&) = delete;
  Incoming& operator=(const Incoming&) = delete;

  wire::FrameDecoder& frames() { return frames_; }
  /// As FrameDecoder::next().
  std::expected<std::optional<wire::Frame>, wire::FrameError> next() {
    auto next = frames_.next();
    if (next && *next) release_down_to(frames_.buffered());
    return next;
  }
  /// Charges for what has come of a frame that is not whole. When there is no memory for it, it is
  /// given up: what is to be answered.
  std::optional<wire::FrameError> charge_rest() {
    const Status charged = charge(frames_.buffered());
    if (charged) return std::nullopt;
    auto pieces = frames_.take_large();
    wire::FrameError refused = frames_.give_up(charged.error());
    free_elsewhere(std::move(pieces));
    // Of a segment that is not whole nothing can be given up.
    if (!charge(frames_.buffered())) refused.fatal = true;
    return refused;
  }
  void clear() {
    free_elsewhere(frames_.take_large());
    frames_ = wire::FrameDecoder();
    release_down_to(0);
  }

 private:
  /// Charges `bytes` in place of what was charged; on an error it stays as it was.
  Status charge(size_t bytes) {
    release_down_to(bytes);
    if (bytes <= kUnchargedBytes || bytes == charged_) return {};
    SAGITTA_CHECK(budget_.charge(bytes - charged_));
    charged_ = bytes;
    return {};
  }
  void release_down_to(size_t bytes) {
    if (bytes <= kUnchargedBytes) bytes = 0;
    if (bytes >= charged_) return;
    budget_.release(charged_ - bytes);
    charged_ = bytes;
  }
  void free_elsewhere(std::vector<Bytes> pieces) {
    if (pieces.empty()) return;
    workers_.post([pieces = std::move(pieces)]() mutable { pieces.clear(); });
  }

  MemoryBudget& budget_;
  Executor& workers_;
  wire::FrameDecoder frames_;
  size_t charged_ = 0;
};

}  // namespace sagitta::server
