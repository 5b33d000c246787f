/// The row of an INSERT JSON.
#pragma once

#include <vector>

#include "sagitta/plan/expression.h"

namespace sagitta::plan {

/// A value for each column of the table, in their order. A column that the text does not name is
/// unset with `default_unset`, and null without. kInvalid, in Cassandra's words, for what is no
/// JSON object, names no column or is no value of its column.
Result<std::vector<BindValue>> read_json_row(const schema::TableDef& table, const Value& json, bool default_unset);

}  // namespace sagitta::plan
