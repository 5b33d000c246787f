/// Points in time of several types, in milliseconds since the epoch.
#pragma once

#include "sagitta/base/bytes.h"
#include "sagitta/types/data_type.h"

namespace sagitta::plan {

constexpr int64_t kMsPerDay = 86'400'000;

/// The largest integer that is not above a / b, for a positive b.
constexpr int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

/// Of a timeuuid, timestamp or date.
int64_t instant_ms(const types::DataType& type, const Bytes& bytes);
/// Whether there is a date of that moment.
bool is_date(int64_t ms);
/// The date of a moment; days past a date's range wrap.
Bytes date_of_ms(int64_t ms);

}  // namespace sagitta::plan
