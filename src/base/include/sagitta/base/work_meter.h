/// How much a request may do before it is others' turn. It is counted in work and not in time, so
/// that the same request is left at the same place on every machine.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sagitta {

/// Prices of work, in units of about a nanosecond of a processor at 2.5 GHz.
namespace work {

/// Finding a key in the store; beginning a range.
inline constexpr uint64_t kGet = 5'000, kSeek = 6'000;
/// An entry that is found or come upon, beside its bytes.
inline constexpr uint64_t kEntry = 700;
/// A value of a key that a statement names: evaluated, brought into order, put together with
/// others.
inline constexpr uint64_t kKeyValue = 500;
/// A restriction tried on a row, and each value that it compares with.
inline constexpr uint64_t kComparison = 30;
/// A selected expression evaluated.
inline constexpr uint64_t kExpression = 100;

/// Bytes decoded, or encoded into an answer.
constexpr uint64_t bytes(size_t count) { return count / 2; }
/// A distance between vectors, or between a vector's code and a query.
constexpr uint64_t distance(size_t dim) { return 50 + dim / 8; }

}  // namespace work

/// What a read came upon.
struct RowsRead {
  uint64_t live = 0;        ///< rows
  uint64_t tombstones = 0;  ///< cells, and rows of which nothing else is left
};

/// Adds up the work of one request. Not thread-safe.
class WorkMeter {
 public:
  explicit WorkMeter(uint64_t allowed) : allowed_(allowed) {}

  void add(uint64_t units) { used_ += units; }
  /// The request is to be left at the next place where it can be taken up again.
  bool spent() const { return used_ >= allowed_; }
  /// Since the last refill.
  uint64_t used() const { return used_; }
  /// Since the request, or what reads its rows anew, began.
  RowsRead& rows() { return rows_; }
  uint64_t left() const { return spent() ? 0 : allowed_ - used_; }
  void refill(uint64_t allowed) {
    allowed_ = allowed;
    used_ = 0;
  }

 private:
  uint64_t allowed_;
  uint64_t used_ = 0;
  RowsRead rows_;
};

}  // namespace sagitta
