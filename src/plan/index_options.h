/// The options of a vector index: ScyllaDB's and Cassandra's flat names, and USearch's, nested or not. All spellings of
/// one thing become one stored option, so that the rest of the engine knows one name and one form of each.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sagitta/base/result.h"
#include "sagitta/types/data_type.h"

namespace sagitta::plan {

/// One option as written: its own name, without the names of the maps around it.
struct IndexOption {
  std::string name;
  std::string value;
};

/// The index that the options are for.
struct IndexTarget {
  std::string index;
  std::string column;
  const types::DataType& type;
  /// Refuse in Cassandra's words (the SAI classes) rather than in ScyllaDB's.
  bool storage_attached = false;
};

struct IndexOptions {
  std::map<std::string, std::string> stored;
  /// One for each option that is stored but does nothing yet.
  std::vector<std::string> warnings;
};

/// kInvalid for a bad value, for two spellings that contradict each other, and for a dimension that is not the
/// column's; kConfig (Cassandra's classes) or kInvalid for a name that is not known.
Result<IndexOptions> check_index_options(std::span<const IndexOption> written, const IndexTarget& target);

}  // namespace sagitta::plan
