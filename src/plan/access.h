/// How the rows of a SELECT are found: which relations name partitions, tokens or clustering
/// ranges, and which are left to test row by row.
#pragma once

#include <vector>

#include "sagitta/index/index.h"

#include "binder.h"
#include "restrictions.h"

namespace sagitta::plan {

/// `allow_filtering`: rows may be tested by LIKE, as ScyllaDB has it.
Result<std::vector<Relation>> bind_relations(Binder& binder, const schema::TableDef& table,
                                             const std::vector<cql::Relation>& where, bool allow_filtering = false);

/// A filter that an index which is kept in the store answers.
struct IndexedFilter {
  size_t place = 0;  ///< in AccessPath::filters
  index::DefinitionPtr definition;
  /// CQL gives it such rows without ALLOW FILTERING, and compares texts as the index does;
  /// otherwise the index only narrows what is read.
  bool answers = false;
};

struct AccessPath {
  /// One relation a component of the partition key, in its order; or none.
  std::vector<Relation> partition;
  std::vector<Relation> tokens;
  ClusteringRestrictions clustering;
  std::vector<Relation> filters;
  std::vector<IndexedFilter> indexed;

  /// An index answers a restriction.
  bool uses_index() const;
};

struct AccessRules {
  /// ALLOW FILTERING was given.
  bool allow_filtering = false;
  /// Rows come from an index or from memory: any relation may be a filter, and what does not name a
  /// partition must be one.
  bool filters_everything = false;
  /// Rows of a virtual table: even the partition key is a filter.
  bool is_virtual = false;
};

/// kInvalid with Cassandra's text for relations that would need ALLOW FILTERING.
Result<AccessPath> choose_access(const schema::TableDef& table, std::vector<Relation> relations,
                                 const AccessRules& rules);

/// Moves what restricts a prefix of the clustering key out of `relations`, which keeps the rest.
ClusteringRestrictions take_clustering(const schema::TableDef& table, std::vector<Relation>& relations);

/// The error for a clustering relation that `take_clustering` left behind.
std::unexpected<Error> clustering_gap(const schema::TableDef& table, const Relation& left_over,
                                      const ClusteringRestrictions& taken);

}  // namespace sagitta::plan
