/// Which relations say where rows are, and which way leads to them.
#include "access.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sagitta/index/kinds.h"
#include "sagitta/index/postings.h"
#include "sagitta/plan/way.h"

#include "indexed_filters.h"

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

bool is_answered(const AccessPath& path, const Relation& filter) {
  return std::ranges::any_of(path.indexed, [&](const IndexedFilter& indexed) {
    return indexed.answers && &path.filters[indexed.place] == &filter;
  });
}

Status check_partition_relations(const AccessPath& path) {
  const bool any = std::ranges::any_of(path.filters, [&](const Relation& relation) {
    return concerns(relation, schema::ColumnKind::kPartitionKey) && !is_answered(path, relation);
  });
  return any ? fail(ErrorCode::kInvalid, std::string(kNeedsFiltering)) : Status();
}

/// Without ALLOW FILTERING: every relation must have found its place in the key.
Status check_needs_no_filtering(const schema::TableDef& table, const AccessPath& path) {
  SAGITTA_CHECK(check_partition_relations(path));
  const bool whole_partition = !path.partition.empty();
  if (!path.uses_index()) {
    auto gap = std::ranges::find_if(path.filters, [](const Relation& r) {
      return concerns(r, schema::ColumnKind::kClustering) && !r.map_key && r.op != Operator::kContains &&
             r.op != Operator::kContainsKey && same_direction(r);
    });
    if (gap != path.filters.end()) return clustering_gap(table, *gap, path.clustering);
  }
  // A tuple slice over columns of both directions is no range of the storage order, but reads no
  // more than its prefix.
  const bool filters = std::ranges::any_of(path.filters, [&](const Relation& r) {
    return !is_answered(path, r) && !(whole_partition && r.columns.size() > 1 && !same_direction(r));
  });
  if (filters || (!whole_partition && !path.clustering.empty())) {
    return fail(ErrorCode::kInvalid, std::string(kNeedsFiltering));
  }
  return {};
}

Status check_key_in(const AccessPath& path) {
  const auto is_in = [](const Relation& relation) { return relation.op == Operator::kIn; };
  if (!path.uses_index()) return {};
  if (std::ranges::none_of(path.partition, is_in) && std::ranges::none_of(path.clustering.equalities, is_in)) return {};
  return fail(ErrorCode::kInvalid,
              "Select on indexed columns and with IN clause for the PRIMARY KEY are not supported");
}

/// Relations on key columns that name no partition, and that an index answers.
std::vector<Relation> take_indexed_keys(const schema::TableDef& table, std::vector<Relation>& relations) {
  std::vector<Relation> taken;
  for (size_t i = 0; i < relations.size();) {
    const auto indexed = indexed_filter(table, relations[i]);
    if (relations[i].columns[0]->is_key() && indexed && indexed->answers) {
      taken.push_back(std::move(relations[i]));
      relations.erase(relations.begin() + static_cast<std::ptrdiff_t>(i));
    } else {
      ++i;
    }
  }
  return taken;
}

void find_indexes(const schema::TableDef& table, AccessPath& path) {
  for (size_t i = 0; i < path.filters.size(); ++i) {
    auto indexed = indexed_filter(table, path.filters[i]);
    if (!indexed) continue;
    indexed->place = i;
    path.indexed.push_back(*std::move(indexed));
  }
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

bool AccessPath::uses_index() const { return std::ranges::any_of(indexed, &IndexedFilter::answers); }

Result<AccessPath> choose_access(const schema::TableDef& table, std::vector<Relation> relations,
                                 const AccessRules& rules) {
  AccessPath path;
  path.tokens = take_tokens(relations);
  if (rules.is_virtual) {
    path.filters = std::move(relations);
    return path;
  }
  path.partition = take_partition(table, relations);
  if (path.partition.empty()) path.filters = take_indexed_keys(table, relations);
  if (!rules.filters_everything || !path.partition.empty()) path.clustering = take_clustering(table, relations);
  move_all(relations, path.filters);
  find_indexes(table, path);
  SAGITTA_CHECK(check_key_in(path));
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

/// Fractions of an index above this are found sooner by reading all rows.
constexpr double kShareMax = 0.25;
/// A further index is asked when it names at most so many times the rows of the first.
constexpr uint64_t kFurtherRows = 64;

/// The select names its rows one by one.
bool names_rows(const BoundSelect& select) {
  if (!select.partitions) return false;
  const size_t columns = select.plan->table->clustering_count;
  return std::ranges::all_of(select.clustering, [&](const ClusteringRange& range) {
    return range.start.size() == columns && range.start == range.end;
  });
}

struct Candidate {
  const IndexProbe* probe = nullptr;
  const index::PostingIndex* index = nullptr;
  uint64_t rows = 0;
};

/// Those that serve, the fewest rows first.
std::vector<Candidate> candidates(const BoundSelect& select, const index::IndexSet& indexes) {
  std::vector<Candidate> found;
  for (const IndexProbe& probe : select.probes) {
    const auto index = indexes.postings.find(probe.asked.index_id);
    if (index == indexes.postings.end() || !index->second->serves()) continue;
    // Of a partition the postings of one term are neighbours.
    if (select.partitions && !probe.asked.is_equality) continue;
    found.push_back({&probe, index->second.get(), index->second->rows(probe.asked.terms)});
  }
  std::ranges::sort(found, {}, &Candidate::rows);
  return found;
}

/// Postings of a static column name partitions, others rows: they have no keys in common.
bool names_partitions(const IndexProbe& probe) {
  return probe.definition->column().kind == schema::ColumnKind::kStatic;
}

/// The first, and those that leave few of its rows.
void take_probes(const std::vector<Candidate>& found, Way& way) {
  const Candidate& first = found.front();
  way.rows = first.rows;
  for (const Candidate& one : found) {
    const bool is_further = one.probe->asked.is_equality && one.rows <= kFurtherRows * (first.rows + 1) &&
                            names_partitions(*one.probe) == names_partitions(*first.probe);
    if (one.probe == first.probe || is_further) way.probes.push_back(*one.probe);
  }
}

/// Unless reading the rows is better.
void choose_postings(const BoundSelect& select, const index::IndexSet& indexes, Way& way) {
  if (select.probes.empty() || select.reversed || names_rows(select)) return;
  const std::vector<Candidate> found = candidates(select, indexes);
  if (found.empty()) return;
  const Candidate& first = found.front();
  if (!select.partitions && first.index->share(first.probe->asked.terms) > kShareMax) return;
  way.kind = Way::Kind::kPostings;
  take_probes(found, way);
}

/// A row that is fetched to be tested costs as much as so many postings.
constexpr double kPostingsOfAFetch = 12;

/// Postings as the filter of a search, where it would fetch more rows to test them: limit / share.
void choose_filter(const BoundSelect& select, const index::IndexSet& indexes, Way& way) {
  std::vector<Candidate> found = candidates(select, indexes);
  std::erase_if(found, [](const Candidate& one) { return names_partitions(*one.probe); });
  if (found.empty()) return;
  const double share = found.front().index->share(found.front().probe->asked.terms);
  const auto postings = static_cast<double>(found.front().rows);
  if (postings * share <= kPostingsOfAFetch * static_cast<double>(*select.limit)) take_probes(found, way);
}

// A partition is read whole: it is little beside a search that passes it alone.
Way choose_way(const BoundSelect& select, const index::IndexSet& indexes) {
  Way way{.kind = select.partitions ? Way::Kind::kPartitions : Way::Kind::kTokens,
          .filters = !select.filters.empty() || !is_everything(select.clustering)};
  if (!select.ann) {
    choose_postings(select, indexes, way);
    return way;
  }
  if (names_partitions(select)) return way;
  way.index = covering(*select.ann, *select.limit, indexes);
  if (way.index != nullptr) {
    way.kind = Way::Kind::kIndex;
    choose_filter(select, indexes, way);
  } else {
    way.warning = warning_of_full(*select.ann, indexes);
  }
  return way;
}

namespace {

std::string names_of(const std::vector<IndexProbe>& probes) {
  std::string names;
  for (const IndexProbe& probe : probes) {
    names += fmt::format("{}index {}", names.empty() ? "" : " and ", probe.definition->def().name);
  }
  return names;
}

}  // namespace

std::string Way::describe(const BoundSelect& select) const {
  const char* how = filters ? ", filtered" : "";
  switch (kind) {
    case Kind::kPartitions: return fmt::format("{} partitions{}", select.partitions->size(), how);
    case Kind::kIndex: {
      const std::string among = probes.empty() ? "" : ", among postings of " + names_of(probes);
      return fmt::format("index {}{}{}", index->def().name, among, how);
    }
    case Kind::kPostings: return fmt::format("postings of {}{}", names_of(probes), how);
    case Kind::kTokens: break;
  }
  const bool all = select.tokens.start == INT64_MIN && select.tokens.end == INT64_MAX;
  return fmt::format("{} partitions{}", all ? "all" : "a range of", how);
}

}  // namespace sagitta::plan
