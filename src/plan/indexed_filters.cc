/// Relations and the terms of indexes.
#include "indexed_filters.h"

#include <algorithm>

#include "sagitta/index/kinds.h"

namespace sagitta::plan {
namespace {

using index::Part;
using types::Interval;
using types::Kind;

/// The part of a column that a relation is about.
Part part_of(const Relation& relation) {
  if (relation.map_key) return Part::kEntries;
  if (relation.op == Operator::kContainsKey) return Part::kKeys;
  return relation.op == Operator::kContains ? Part::kValues : Part::kWhole;
}

bool is_one_term(Operator op) {
  return op == Operator::kEq || op == Operator::kContains || op == Operator::kContainsKey;
}

/// Storage-attached indexes answer ranges of these types, others of none (Cassandra's
/// IndexTermType).
bool has_ranges(const types::DataType& type) {
  switch (type.kind()) {
    case Kind::kText:
    case Kind::kAscii:
    case Kind::kBlob:
    case Kind::kBoolean:
    case Kind::kUuid:
    case Kind::kTuple:
    case Kind::kUdt:
    case Kind::kList:
    case Kind::kMap:
    case Kind::kSet:
    case Kind::kVector: return false;
    default: return true;
  }
}

bool answers(const index::Definition& definition, const Relation& relation) {
  if (is_one_term(relation.op)) return true;
  return relation.is_slice() && schema::is_storage_attached_class(definition.def().class_name) &&
         has_ranges(*definition.column().type);
}

/// Whether terms are in the order of the values that the relation compares.
bool narrows(const index::TermMaker& terms, const Relation& relation) {
  return terms.folding().is_identity() && (relation.is_slice() || relation.op == Operator::kIn);
}

Interval intersection(const Interval& a, const Interval& b) {
  Interval both{.from = std::max(a.from, b.from), .to = std::min(a.to, b.to)};
  if (a.to.empty() || b.to.empty()) both.to = a.to.empty() ? b.to : a.to;
  if (both.is_empty()) both = {.from = Bytes(1, '\0'), .to = Bytes(1, '\0')};
  return both;
}

/// Empty for an operand that no posting is of.
Bytes term_of(const index::TermMaker& terms, const Filter& filter, const Value& operand) {
  if (!operand) return {};
  return filter.map_key ? terms.of_entry(*filter.map_key, *operand) : terms.of(*operand);
}

Interval slice(Operator op, const Bytes& term) {
  switch (op) {
    case Operator::kLt: return index::TermMaker::between({}, true, term, false);
    case Operator::kLe: return index::TermMaker::between({}, true, term, true);
    case Operator::kGt: return index::TermMaker::between(term, false, {}, true);
    default: return index::TermMaker::between(term, true, {}, true);
  }
}

/// Nothing when some value that passes has no term.
std::optional<index::PostingProbe> probe_of(const index::Definition& definition, const Filter& filter) {
  index::PostingProbe probe{.index_id = definition.def().id, .terms = {}, .is_equality = is_one_term(filter.op)};
  for (const auto& operand : filter.operands) {
    const Bytes term = term_of(*definition.terms(), filter, operand[0]);
    if (term.empty()) return std::nullopt;
    const bool is_slice = !probe.is_equality && filter.op != Operator::kIn;
    probe.terms.push_back(is_slice ? slice(filter.op, term) : index::TermMaker::equal(term));
  }
  return probe;
}

}  // namespace

std::optional<IndexedFilter> indexed_filter(const schema::TableDef& table, const Relation& relation) {
  if (relation.columns.size() != 1 || relation.on_token || table.is_virtual) return std::nullopt;
  if (relation.op == Operator::kLike) return std::nullopt;
  std::optional<IndexedFilter> best;
  for (const index::DefinitionPtr& definition : index::definitions_on(table, *relation.columns[0])) {
    const index::TermMakerPtr terms = definition->terms();
    if (terms == nullptr || terms->part() != part_of(relation)) continue;
    if (answers(*definition, relation)) return IndexedFilter{.definition = definition, .answers = true};
    if (narrows(*terms, relation)) best = IndexedFilter{.definition = definition};
  }
  return best;
}

void fold(const index::Definition& definition, Filter& filter) {
  filter.folding = definition.terms()->folding();
  if (filter.folding.is_identity()) return;
  for (auto& operand : filter.operands) {
    if (operand[0]) operand[0] = filter.folding.fold(*operand[0]);
  }
}

std::vector<IndexProbe> make_probes(const AccessPath& path, const std::vector<Filter>& filters) {
  std::vector<IndexProbe> probes;
  for (const IndexedFilter& indexed : path.indexed) {
    auto asked = probe_of(*indexed.definition, filters[indexed.place]);
    if (!asked) continue;
    const auto same =
        std::ranges::find(probes, asked->index_id, [](const auto& probe) { return probe.asked.index_id; });
    const bool joins = same != probes.end() && !asked->is_equality && asked->terms.size() == 1 &&
                       !same->asked.is_equality && same->asked.terms.size() == 1;
    if (joins) {
      same->asked.terms[0] = intersection(same->asked.terms[0], asked->terms[0]);
    } else {
      probes.push_back({indexed.definition, *std::move(asked)});
    }
  }
  return probes;
}

}  // namespace sagitta::plan
