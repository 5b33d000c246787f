#include "sagitta/exec/rows.h"

namespace sagitta::exec {

bool is_everything(std::span<const plan::ClusteringRange> ranges) {
  return ranges.size() == 1 && ranges[0].is_everything();
}

std::vector<types::Interval> intervals_of(const schema::TableDef& table,
                                          std::span<const plan::ClusteringRange> ranges) {
  std::vector<types::Interval> intervals;
  intervals.reserve(ranges.size());
  for (const auto& range : ranges) intervals.push_back(rows::interval_of(table, range));
  return intervals;
}

}  // namespace sagitta::exec
