#include "instants.h"

#include "sagitta/base/uuid.h"
#include "sagitta/types/value.h"

namespace sagitta::plan {
namespace {

using types::Kind;

constexpr int64_t kUsPerMs = 1000;
/// A CQL date counts days from here, so that 1970-01-01 is in the middle of the unsigned range.
constexpr int64_t kDateEpoch = int64_t{1} << 31;

int64_t timeuuid_ms(const Bytes& bytes) {
  auto uuid = Uuid::from_bytes(bytes);
  return uuid ? floor_div(timeuuid_us(*uuid), kUsPerMs) : 0;
}

}  // namespace

int64_t instant_ms(const types::DataType& type, const Bytes& bytes) {
  switch (type.kind()) {
    case Kind::kTimeuuid: return timeuuid_ms(bytes);
    case Kind::kDate: return (int64_t{get_big<uint32_t>(bytes.data())} - kDateEpoch) * kMsPerDay;
    default: return types::to_int64(bytes);
  }
}

bool is_date(int64_t ms) {
  const int64_t days = floor_div(ms, kMsPerDay);
  return days >= -kDateEpoch && days < kDateEpoch;
}

Bytes date_of_ms(int64_t ms) {
  Bytes out;
  put_big(out, static_cast<uint32_t>(floor_div(ms, kMsPerDay) + kDateEpoch));
  return out;
}

}  // namespace sagitta::plan
