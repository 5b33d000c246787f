/// Which relations say where rows are, and which way leads to them.
#include "access.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sagitta/plan/way.h"

namespace sagitta::plan {
namespace {

constexpr std::string_view kNeedsFiltering =
    "Cannot execute this query as it might involve data filtering and thus may have unpredictable performance. If you "
    "want to execute this query despite the performance unpredictability, use ALLOW FILTERING";

bool concerns(const Relation& relation, schema::ColumnKind kind) {
  return !relation.on_token && relation.columns[0]->kind == kind;
}

std::vector<Relation> take_tokens(std::vector<Relation>& relations) {
  std::vector<Relation> tokens;
  std::ranges::copy_if(relations, std::back_inserter(tokens), &Relation::on_token);
  std::erase_if(relations, [](const Relation& r) { return r.on_token; });
  return tokens;
}

/// The relations on the partition key if they name partitions; none, and `relations` as it was, if
/// they do not.
std::vector<Relation> take_partition(const schema::TableDef& table, std::vector<Relation>& relations) {
  std::vector<size_t> places;
  for (ColumnPtr key : partition_columns(table)) {
    auto found =
        std::ranges::find_if(relations, [key](const Relation& r) { return r.columns[0] == key && r.is_equality(); });
    if (found == relations.end()) return {};
    places.push_back(static_cast<size_t>(found - relations.begin()));
  }
  std::vector<Relation> partition;
  for (size_t place : places) partition.push_back(relations[place]);
  std::erase_if(relations, [](const Relation& r) { return concerns(r, schema::ColumnKind::kPartitionKey); });
  return partition;
}

bool begins_at(const Relation& relation, const std::vector<ColumnPtr>& keys, size_t position) {
  if (relation.map_key || position + relation.columns.size() > keys.size()) return false;
  return std::equal(relation.columns.begin(), relation.columns.end(),
                    keys.begin() + static_cast<std::ptrdiff_t>(position));
}

bool same_direction(const Relation& relation) {
  return std::ranges::all_of(relation.columns,
                             [&](ColumnPtr column) { return column->descending == relation.columns[0]->descending; });
}

/// A slice can be a range of the storage order only if no other relation gives the same end.
bool can_join(const Relation& slice, const std::vector<Relation>& slices) {
  const auto lower = [](const Relation& r) { return r.op == Operator::kGt || r.op == Operator::kGe; };
  return same_direction(slice) && std::ranges::none_of(slices, [&](const Relation& other) {
           return lower(other) == lower(slice) || other.columns[0]->descending != slice.columns[0]->descending;
         });
}

Status check_partition_relations(const std::vector<Relation>& relations, bool has_tokens) {
  for (const Relation& relation : relations) {
    if (!concerns(relation, schema::ColumnKind::kPartitionKey)) continue;
    if (has_tokens) {
      return fail(ErrorCode::kInvalid,
                  fmt::format("Columns \"{}\" cannot be restricted by both a normal relation and a token relation",
                              relation.columns[0]->name));
    }
    if (relation.is_slice()) {
      return fail(ErrorCode::kInvalid,
                  "Only EQ and IN relation are supported on the partition key (unless you use "
                  "the token() function or allow filtering)");
    }
  }
  return {};
}

/// Without ALLOW FILTERING: every relation must have found its place in the key.
Status check_needs_no_filtering(const schema::TableDef& table, const AccessPath& path) {
  SAGITTA_CHECK(check_partition_relations(path.filters, !path.tokens.empty()));
  const bool whole_partition = !path.partition.empty();
  if (whole_partition) {
    auto gap = std::ranges::find_if(path.filters, [](const Relation& r) {
      return concerns(r, schema::ColumnKind::kClustering) && !r.map_key && r.op != Operator::kContains &&
             r.op != Operator::kContainsKey && same_direction(r);
    });
    if (gap != path.filters.end()) return clustering_gap(table, *gap, path.clustering);
  }
  // A tuple slice over columns of both directions is no range of the storage order, but reads no
  // more than its prefix.
  const bool filters = std::ranges::any_of(path.filters, [&](const Relation& r) {
    return !(whole_partition && r.columns.size() > 1 && !same_direction(r));
  });
  if (filters || (!whole_partition && !path.clustering.empty())) {
    return fail(ErrorCode::kInvalid, std::string(kNeedsFiltering));
  }
  return {};
}

void move_all(std::vector<Relation>& from, std::vector<Relation>& to) {
  std::ranges::move(from, std::back_inserter(to));
  from.clear();
}

}  // namespace

ClusteringRestrictions take_clustering(const schema::TableDef& table, std::vector<Relation>& relations) {
  const auto keys = clustering_columns(table);
  ClusteringRestrictions taken;
  size_t position = 0;
  const auto take_equality = [&] {
    auto found = std::ranges::find_if(
        relations, [&](const Relation& r) { return r.is_equality() && begins_at(r, keys, position); });
    if (found == relations.end()) return false;
    position += found->columns.size();
    taken.equalities.push_back(std::move(*found));
    relations.erase(found);
    return true;
  };
  while (take_equality()) {
  }
  for (size_t i = 0; i < relations.size();) {
    const Relation& relation = relations[i];
    if (relation.is_slice() && begins_at(relation, keys, position) && can_join(relation, taken.slices)) {
      taken.slices.push_back(std::move(relations[i]));
      relations.erase(relations.begin() + static_cast<std::ptrdiff_t>(i));
    } else {
      ++i;
    }
  }
  return taken;
}

std::unexpected<Error> clustering_gap(const schema::TableDef& table, const Relation& left_over,
                                      const ClusteringRestrictions& taken) {
  const auto keys = clustering_columns(table);
  const std::string& name = left_over.columns[0]->name;
  for (size_t i = taken.prefix_length(); i < keys.size() && keys[i] != left_over.columns[0]; ++i) {
    if (!taken.slices.empty()) {
      return fail(ErrorCode::kInvalid, fmt::format("Clustering column \"{}\" cannot be restricted (preceding column "
                                                   "\"{}\" is restricted by a non-EQ relation)",
                                                   name, taken.slices[0].columns[0]->name));
    }
    return fail(
        ErrorCode::kInvalid,
        fmt::format("PRIMARY KEY column \"{}\" cannot be restricted as preceding column \"{}\" is not restricted", name,
                    keys[i]->name));
  }
  return fail(ErrorCode::kInvalid,
              fmt::format("More than one restriction was found for the {} bound on {}",
                          left_over.op == Operator::kGt || left_over.op == Operator::kGe ? "start" : "end", name));
}

Result<AccessPath> choose_access(const schema::TableDef& table, std::vector<Relation> relations,
                                 const AccessRules& rules) {
  AccessPath path;
  path.tokens = take_tokens(relations);
  if (rules.is_virtual) {
    path.filters = std::move(relations);
    return path;
  }
  if (path.tokens.empty()) path.partition = take_partition(table, relations);
  if (!rules.filters_everything || !path.partition.empty()) path.clustering = take_clustering(table, relations);
  move_all(relations, path.filters);
  if (!rules.allow_filtering && !rules.filters_everything) SAGITTA_CHECK(check_needs_no_filtering(table, path));
  return path;
}

// ---- the way of a bound select ----

namespace {

bool names_partitions(const BoundSelect& select) {
  return select.partitions || select.tokens.start != INT64_MIN || select.tokens.end != INT64_MAX;
}

bool is_everything(const std::vector<ClusteringRange>& ranges) {
  return ranges.size() == 1 && ranges[0].is_everything();
}

/// The newest of the indexes that covers the probe.
index::ReaderPtr covering(const AnnQuery& ann, uint64_t limit, const index::IndexSet& indexes) {
  for (auto definition = ann.indexes.rbegin(); definition != ann.indexes.rend(); ++definition) {
    const index::ReaderPtr* found = indexes.find((*definition)->def().id);
    if (found == nullptr || (*found)->state() != index::Reader::State::kServing) continue;
    if ((*found)->covers(ann.probe(limit))) return *found;
  }
  return nullptr;
}

/// Empty when none of the indexes is for want of memory of no use.
std::string warning_of_full(const AnnQuery& ann, const index::IndexSet& indexes) {
  for (const index::DefinitionPtr& definition : ann.indexes) {
    const index::ReaderPtr* found = indexes.find(definition->def().id);
    if (found == nullptr || (*found)->state() != index::Reader::State::kFull) continue;
    return fmt::format("Index {} does not fit into memory: the query reads all rows", definition->def().name);
  }
  return {};
}

}  // namespace

// A partition is read whole: it is little beside a search that passes it alone.
Way choose_way(const BoundSelect& select, const index::IndexSet& indexes) {
  Way way{.kind = select.partitions ? Way::Kind::kPartitions : Way::Kind::kTokens,
          .filters = !select.filters.empty() || !is_everything(select.clustering)};
  if (!select.ann || names_partitions(select)) return way;
  way.index = covering(*select.ann, *select.limit, indexes);
  if (way.index != nullptr) {
    way.kind = Way::Kind::kIndex;
  } else {
    way.warning = warning_of_full(*select.ann, indexes);
  }
  return way;
}

std::string Way::describe(const BoundSelect& select) const {
  const char* how = filters ? ", filtered" : "";
  switch (kind) {
    case Kind::kPartitions: return fmt::format("{} partitions{}", select.partitions->size(), how);
    case Kind::kIndex: return fmt::format("index {}{}", index->def().name, how);
    case Kind::kTokens: break;
  }
  const bool all = select.tokens.start == INT64_MIN && select.tokens.end == INT64_MAX;
  return fmt::format("{} partitions{}", all ? "all" : "a range of", how);
}

}  // namespace sagitta::plan
