/// Which types may follow one another under the name of one column.
#include <algorithm>
#include <span>

#include "sagitta/types/data_type.h"

namespace sagitta::types {
namespace {

bool is_tuple_like(const DataType& type) { return type.kind() == Kind::kTuple || type.kind() == Kind::kUdt; }

/// Natives whose every value has one length: blob does not take over from them, as in Cassandra.
bool has_fixed_length(const DataType& type) {
  switch (type.kind()) {
    case Kind::kBigint:
    case Kind::kBoolean:
    case Kind::kCounter:
    case Kind::kDouble:
    case Kind::kFloat:
    case Kind::kInt:
    case Kind::kTimestamp:
    case Kind::kTimeuuid:
    case Kind::kUuid: return true;
    case Kind::kVector: return has_fixed_length(*type.element());
    default: return false;
  }
}

/// Beside an equal kind.
bool native_may_hold(const DataType& now, const DataType& before) {
  switch (now.kind()) {
    case Kind::kBlob: return !before.is_multi_cell() && !has_fixed_length(before);
    case Kind::kText: return before.kind() == Kind::kAscii;
    case Kind::kUuid: return before.kind() == Kind::kTimeuuid;
    case Kind::kBigint: return before.kind() == Kind::kTimestamp;
    case Kind::kTimestamp: return before.kind() == Kind::kBigint;
    default: return false;
  }
}

/// Map keys and elements of sets are stored in their order, which a UUID does not share with a
/// timeuuid.
bool same_order_too(const DataType& now, const DataType& before) {
  const bool reorders = now.kind() == Kind::kUuid && before.kind() == Kind::kTimeuuid;
  return !reorders && may_hold_values_of(now, before);
}

}  // namespace

bool may_hold_values_of(const DataType& now, const DataType& before) {
  const auto& ours = now.parameters();
  const auto& theirs = before.parameters();
  if (is_tuple_like(now) && is_tuple_like(before)) {
    if (now.is_multi_cell() != before.is_multi_cell() || ours.size() < theirs.size()) return false;
    return std::ranges::equal(theirs, std::span(ours).first(theirs.size()),
                              [](const auto& old, const auto& field) { return may_hold_values_of(*field, *old); });
  }
  if (now.kind() != before.kind()) return native_may_hold(now, before);
  switch (now.kind()) {
    case Kind::kList: return now.is_frozen() == before.is_frozen() && may_hold_values_of(*ours[0], *theirs[0]);
    case Kind::kSet: return now.is_frozen() == before.is_frozen() && same_order_too(*ours[0], *theirs[0]);
    case Kind::kMap:
      return now.is_frozen() == before.is_frozen() && same_order_too(*ours[0], *theirs[0]) &&
             may_hold_values_of(*ours[1], *theirs[1]);
    case Kind::kVector: return now == before;
    default: return true;
  }
}

}  // namespace sagitta::types
