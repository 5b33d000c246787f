/// The registry of kinds.
#include "sagitta/index/kinds.h"

#include <algorithm>
#include <mutex>
#include <shared_mutex>

#include "sagitta/base/assert.h"

#include "ordered/ordered_kind.h"
#include "vector/vector_kind.h"

namespace sagitta::index {
namespace {

struct Registry {
  Registry() {
    kinds.push_back(std::make_unique<VectorKind>());
    kinds.push_back(std::make_unique<OrderedKind>());
  }

  mutable std::shared_mutex mutex;
  std::vector<std::unique_ptr<const Kind>> kinds;
};

Registry& registry() {
  static Registry all;
  return all;
}

}  // namespace

void add_kind(std::unique_ptr<const Kind> kind) {
  SAGITTA_ASSERT(find_kind(kind->name()) == nullptr);
  std::unique_lock lock(registry().mutex);
  registry().kinds.push_back(std::move(kind));
}

const Kind* find_kind(std::string_view name) {
  std::shared_lock lock(registry().mutex);
  const auto found = std::ranges::find(registry().kinds, name, [](const auto& kind) { return kind->name(); });
  return found == registry().kinds.end() ? nullptr : found->get();
}

const Kind* find_kind(const Target& target) {
  std::shared_lock lock(registry().mutex);
  const auto found = std::ranges::find_if(registry().kinds, [&](const auto& kind) { return kind->claims(target); });
  return found == registry().kinds.end() ? nullptr : found->get();
}

DefinitionPtr define(const schema::TableDef& table, const schema::IndexDef& def) {
  const Kind* kind = find_kind(def.kind);
  const schema::ColumnDef* column = table.find_column(def.column_id);
  return kind == nullptr || column == nullptr ? nullptr : kind->define(def, *column);
}

std::vector<DefinitionPtr> definitions_on(const schema::TableDef& table, const schema::ColumnDef& column) {
  std::vector<DefinitionPtr> found;
  for (const schema::IndexDef& def : table.indexes) {
    if (def.column_id != column.id) continue;
    if (auto definition = define(table, def)) found.push_back(std::move(definition));
  }
  std::ranges::sort(found, {}, [](const DefinitionPtr& definition) { return definition->def().id; });
  return found;
}

}  // namespace sagitta::index
