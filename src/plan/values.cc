#include "values.h"

#include <fmt/format.h>

#include <vector>

#include "sagitta/types/value.h"

namespace sagitta::plan {
namespace {

Status check_value(const MarkerInfo& marker, const Bytes& value) {
  const types::DataType& type = *marker.type;
  Status valid = types::validate(type, value);
  if (valid) return {};
  const uint32_t element_bytes = type.kind() == types::Kind::kVector ? types::fixed_element_bytes(*type.element()) : 0;
  if (element_bytes != 0 && value.size() % element_bytes == 0) {
    return fail(ErrorCode::kInvalid,
                fmt::format("Invalid vector literal for {} of type {}; expected {} elements, but given {}", marker.name,
                            type.to_cql(), type.dim(), value.size() / element_bytes));
  }
  return valid;
}

}  // namespace

Status check_marker_values(std::span<const MarkerInfo> markers, std::span<const BindValue> values) {
  if (markers.size() != values.size()) {
    return fail(ErrorCode::kInvalid,
                fmt::format("there were {} markers(?) in CQL but {} bound variables", markers.size(), values.size()));
  }
  for (size_t i = 0; i < markers.size(); ++i) {
    if (values[i].value) SAGITTA_CHECK(check_value(markers[i], *values[i].value));
  }
  return {};
}

Status check_values(const Plan& plan, std::span<const BindValue> values) {
  return check_marker_values(plan.markers, values);
}

Result<std::vector<BindValue>> arrange_named(const Plan& plan,
                                             std::span<const std::pair<std::string, BindValue>> named) {
  std::vector<BindValue> values(plan.markers.size(), BindValue::make_unset());
  for (const auto& [name, value] : named) {
    bool known = false;
    for (size_t i = 0; i < plan.markers.size(); ++i) {
      if (plan.markers[i].name != name) continue;
      values[i] = value;
      known = true;
    }
    if (!known) return fail(ErrorCode::kInvalid, fmt::format("No bind marker is named {}", name));
  }
  return values;
}

Status check_indexed(const std::vector<index::DefinitionPtr>& indexes, BytesView value) {
  for (const index::DefinitionPtr& definition : indexes) {
    const std::string refused = definition->refuse(value);
    if (!refused.empty()) return fail(ErrorCode::kInvalid, "Invalid " + refused);
  }
  return {};
}

}  // namespace sagitta::plan
