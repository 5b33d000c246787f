/// Times: of now, of uuids, and from one type to another.
#include <fmt/format.h>

#include "sagitta/base/random.h"
#include "sagitta/base/uuid.h"
#include "sagitta/types/duration.h"
#include "sagitta/types/value.h"

#include "functions.h"
#include "instants.h"

namespace sagitta::plan {
namespace {

using types::Kind;
using Arguments = std::span<const Value>;

constexpr int64_t kUsPerMs = 1000;
constexpr int64_t kNsPerUs = 1000, kNsPerMs = 1'000'000;
/// Moments nearer than that have no difference and no sum that wraps.
constexpr int64_t kMomentMax = int64_t{1} << 60;
/// 100 ns ticks between the Gregorian reform, where version-1 UUIDs begin, and 1970.
constexpr uint64_t kUuidEpochTicks = 0x01B21DD213814000;
constexpr uint64_t kTicksPerMs = 10'000;

Result<Value> no_source(std::string_view what) {
  return fail(ErrorCode::kServer, fmt::format("{} has no source of uuids", what));
}

Result<Value> call_now(const Expression&, Arguments, const EvalContext& context) {
  if (context.timeuuids == nullptr) return no_source("now()");
  return context.timeuuids->next().bytes();
}

Result<Value> call_uuid(const Expression&, Arguments, const EvalContext& context) {
  if (context.random == nullptr) return no_source("uuid()");
  return Uuid::random(*context.random).bytes();
}

Result<Value> call_current_timestamp(const Expression&, Arguments, const EvalContext& context) {
  return types::from_int64(floor_div(context.now_us, kUsPerMs));
}

Result<Value> call_current_date(const Expression&, Arguments, const EvalContext& context) {
  return date_of_ms(floor_div(context.now_us, kUsPerMs));
}

Result<Value> call_current_time(const Expression&, Arguments, const EvalContext& context) {
  const int64_t us_per_day = kMsPerDay * kUsPerMs;
  return types::from_int64((context.now_us - floor_div(context.now_us, us_per_day) * us_per_day) * kNsPerUs);
}

Result<Value> call_to_timestamp(const Expression& self, Arguments arguments, const EvalContext&) {
  return types::from_int64(instant_ms(*self.arguments[0].type, *arguments[0]));
}

Result<Value> call_to_date(const Expression& self, Arguments arguments, const EvalContext&) {
  return date_of_ms(instant_ms(*self.arguments[0].type, *arguments[0]));
}

Result<Value> timeuuid_bound(int64_t ms, uint64_t extra_ticks, char clock_and_node) {
  // Wraps for times that no uuid can hold.
  const uint64_t ticks = static_cast<uint64_t>(ms) * kTicksPerMs + kUuidEpochTicks + extra_ticks;
  Bytes out;
  put_big(out, static_cast<uint32_t>(ticks));
  put_big(out, static_cast<uint16_t>(ticks >> 32));
  put_big(out, static_cast<uint16_t>(((ticks >> 48) & 0x0fff) | 0x1000));
  out.append(8, clock_and_node);
  return out;
}

Result<Value> call_min_timeuuid(const Expression&, Arguments arguments, const EvalContext&) {
  return timeuuid_bound(types::to_int64(*arguments[0]), 0, static_cast<char>(0x80));
}

Result<Value> call_max_timeuuid(const Expression&, Arguments arguments, const EvalContext&) {
  return timeuuid_bound(types::to_int64(*arguments[0]), kTicksPerMs - 1, 0x7f);
}

/// The duration of a floor; kInvalid for one of which there can be no multiples.
Result<types::Duration> step_of(const Bytes& bytes) {
  const types::Duration step = *types::decode_duration(bytes);
  if (!step.is_negative()) return step;
  return fail(ErrorCode::kInvalid, "Negative durations are not supported by the floor function");
}

/// The start of the steps: the third argument, or the epoch.
int64_t start_of(const Expression& self, Arguments arguments) {
  return arguments.size() < 3 ? 0 : instant_ms(*self.arguments[2].type, *arguments[2]);
}

/// A step of less than a millisecond leaves the time as it is.
Result<int64_t> floor_instant(int64_t ms, const types::Duration& step, int64_t start) {
  if (step.months == 0 && step.days == 0 && step.ns < kNsPerMs) return ms;
  if (start > ms)
    return fail(ErrorCode::kInvalid, "The floor function starting time is greater than the provided time");
  if (start < -kMomentMax || ms > kMomentMax) return function_failure("floor", "The time is out of range");
  return *types::floor_ms(ms, step, start);
}

std::unexpected<Error> too_precise(const types::Duration& step, std::string_view what, std::string_view unit) {
  return fail(ErrorCode::kInvalid, fmt::format("The floor {} for the {} duration as precision is below 1 {}", what,
                                               types::duration_to_text(step), unit));
}

Result<Value> call_floor_timestamp(const Expression& self, Arguments arguments, const EvalContext&) {
  SAGITTA_TRY(const types::Duration step, step_of(*arguments[1]));
  if (step.ns % kNsPerMs != 0) return too_precise(step, "cannot be computed", "millisecond");
  const int64_t ms = instant_ms(*self.arguments[0].type, *arguments[0]);
  SAGITTA_TRY(const int64_t floor, floor_instant(ms, step, start_of(self, arguments)));
  return types::from_int64(floor);
}

Result<Value> call_floor_date(const Expression& self, Arguments arguments, const EvalContext&) {
  SAGITTA_TRY(const types::Duration step, step_of(*arguments[1]));
  if (step.ns != 0) return too_precise(step, "on date values cannot be computed", "day");
  const int64_t ms = instant_ms(*self.arguments[0].type, *arguments[0]);
  SAGITTA_TRY(const int64_t floor, floor_instant(ms, step, start_of(self, arguments)));
  return date_of_ms(floor);
}

Result<Value> call_floor_time(const Expression&, Arguments arguments, const EvalContext&) {
  SAGITTA_TRY(const types::Duration step, step_of(*arguments[1]));
  if (step.months != 0 || step.days != 0 || step.ns > kMsPerDay * kNsPerMs) {
    return fail(ErrorCode::kInvalid,
                "For time values, the floor can only be computed for durations smaller that a day");
  }
  const int64_t ns = types::to_int64(*arguments[0]);
  return types::from_int64(step.ns == 0 ? ns : ns - ns % step.ns);
}

void add_floor(Registry& registry, Kind argument, Kind start, Function::Call call) {
  registry.add_monotonic({"floor"}, {argument, Kind::kDuration}, start, call);
  registry.add_monotonic({"floor"}, {argument, Kind::kDuration, start}, start, call);
}

}  // namespace

void add_time_functions(Registry& registry) {
  registry.add({"now", "current_timeuuid", "currenttimeuuid"}, {}, Kind::kTimeuuid, call_now);
  registry.add({"uuid"}, {}, Kind::kUuid, call_uuid);
  registry.add({"current_timestamp", "currenttimestamp"}, {}, Kind::kTimestamp, call_current_timestamp);
  registry.add({"current_date", "currentdate"}, {}, Kind::kDate, call_current_date);
  registry.add({"current_time", "currenttime"}, {}, Kind::kTime, call_current_time);
  for (Kind kind : {Kind::kTimeuuid, Kind::kDate})
    registry.add_monotonic({"totimestamp", "to_timestamp"}, {kind}, Kind::kTimestamp, call_to_timestamp);
  for (Kind kind : {Kind::kTimeuuid, Kind::kTimestamp})
    registry.add_monotonic({"todate", "to_date"}, {kind}, Kind::kDate, call_to_date);
  for (Kind kind : {Kind::kTimeuuid, Kind::kTimestamp, Kind::kDate}) {
    registry.add_monotonic({"tounixtimestamp", "to_unix_timestamp"}, {kind}, Kind::kBigint, call_to_timestamp);
  }
  registry.add({"dateof"}, {Kind::kTimeuuid}, Kind::kTimestamp, call_to_timestamp);
  registry.add({"unixtimestampof"}, {Kind::kTimeuuid}, Kind::kBigint, call_to_timestamp);
  registry.add({"mintimeuuid", "min_timeuuid"}, {Kind::kTimestamp}, Kind::kTimeuuid, call_min_timeuuid);
  registry.add({"maxtimeuuid", "max_timeuuid"}, {Kind::kTimestamp}, Kind::kTimeuuid, call_max_timeuuid);
  add_floor(registry, Kind::kTimestamp, Kind::kTimestamp, call_floor_timestamp);
  add_floor(registry, Kind::kTimeuuid, Kind::kTimestamp, call_floor_timestamp);
  add_floor(registry, Kind::kDate, Kind::kDate, call_floor_date);
  registry.add_monotonic({"floor"}, {Kind::kTime, Kind::kDuration}, Kind::kTime, call_floor_time);
}

}  // namespace sagitta::plan
