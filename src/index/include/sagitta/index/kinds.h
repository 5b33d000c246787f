/// The kinds of index that there are. Those of the product register themselves here; a test adds
/// its own.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "sagitta/index/index.h"

namespace sagitta::index {

/// Adds a kind for good. Before the first statement; the name is new.
void add_kind(std::unique_ptr<const Kind> kind);

/// Null when there is none of that name.
const Kind* find_kind(std::string_view name);
/// The kind that USING `class_name` means for the column. Null when nobody claims it.
const Kind* find_kind(const Target& target);

/// The index with its options parsed; null when this program does not know its kind, or its column
/// is gone.
DefinitionPtr define(const schema::TableDef& table, const schema::IndexDef& def);
/// Those of the column, oldest first.
std::vector<DefinitionPtr> definitions_on(const schema::TableDef& table, const schema::ColumnDef& column);

}  // namespace sagitta::index
