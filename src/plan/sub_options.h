/// Table options that are maps or small languages of their own: checked, and written out in full as
/// Cassandra stores them. What ScyllaDB knows beside that is let through. All are kConfig.
#pragma once

#include <string>

#include "sagitta/schema/schema.h"

namespace sagitta::plan {

Result<schema::OptionMap> complete_compaction(schema::OptionMap given);
Result<schema::OptionMap> complete_compression(schema::OptionMap given);
Result<schema::OptionMap> complete_caching(schema::OptionMap given);
/// speculative_retry or additional_write_policy.
Result<std::string> complete_speculation(std::string_view given);

}  // namespace sagitta::plan
