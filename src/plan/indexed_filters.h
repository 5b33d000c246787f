/// What indexes that are kept in the store do for a WHERE clause: which relations they answer, and
/// which terms these ask for.
#pragma once

#include <optional>
#include <vector>

#include "access.h"

namespace sagitta::plan {

/// The index that helps with the relation most; nothing when none does. Its place is the caller's.
std::optional<IndexedFilter> indexed_filter(const schema::TableDef& table, const Relation& relation);

/// Gives the filter the form in which the index compares texts.
void fold(const index::Definition& definition, Filter& filter);

/// What the filters ask of the indexes, one probe an index: of two filters on one, the terms that
/// both allow. `filters` are those of `path`, evaluated.
std::vector<IndexProbe> make_probes(const AccessPath& path, const std::vector<Filter>& filters);

}  // namespace sagitta::plan
