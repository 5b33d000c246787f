/// UUIDs: random (version 4) and time-based (version 1), as CQL's uuid() and now() make them, and
/// ordered ones (version 7).
#pragma once

#include <array>
#include <atomic>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>

#include "sagitta/base/bytes.h"

namespace sagitta {

class Clock;
class Random;

struct Uuid {
  std::array<uint8_t, 16> octets{};

  auto operator<=>(const Uuid&) const = default;
  Bytes bytes() const { return {reinterpret_cast<const char*>(octets.data()), octets.size()}; }
  int version() const { return octets[6] >> 4; }
  bool is_nil() const { return *this == Uuid{}; }

  static Uuid random(Random& random);
  /// Version 7: the time first, to a quarter of a microsecond, then 62 random bits. Ids of one time
  /// are near each other in an ordered store.
  static Uuid ordered(int64_t time_us, Random& random);
  /// A UUID whose octets are a hash of `text`, marked version 4: the same for the same text.
  static Uuid from_name(std::string_view text);
  /// From exactly 16 bytes; nothing for any other number.
  static std::optional<Uuid> from_bytes(BytesView bytes);
  /// From "123e4567-e89b-12d3-a456-426614174000"; nothing if it is not that.
  static std::optional<Uuid> parse(std::string_view text);
};

std::string to_string(const Uuid& uuid);

/// The microseconds since the Unix epoch inside a version-1 UUID.
int64_t timeuuid_us(const Uuid& uuid);
/// Its 60-bit time: 100 ns ticks since 1582.
uint64_t timeuuid_ticks(const Uuid& uuid);

/// Makes version-1 UUIDs that never repeat and never go back. Thread-safe.
class TimeUuidSource {
 public:
  TimeUuidSource(const Clock& clock, Random& random);
  Uuid next();
  /// None of those to come is older than this time: what an earlier process made stays behind them,
  /// even when the system's clock was set back in between.
  void start_at(int64_t time_us);

 private:
  const Clock& clock_;
  uint64_t clock_sequence_and_node_;
  std::atomic<uint64_t> last_ticks_{0};
};

}  // namespace sagitta
