/// What all kinds of index have in common.
#include "sagitta/index/index.h"

#include "sagitta/index/index_files.h"
#include "sagitta/types/token.h"

namespace sagitta::index {

/// It is in snapshots: docs/formats/vector-index.md.
uint64_t fingerprint(const rows::LiveCell& cell) {
  constexpr uint64_t kOddFactor = 0x9e3779b97f4a7c15U;
  return static_cast<uint64_t>(types::token_of(cell.value)) ^ (static_cast<uint64_t>(cell.expires_s) * kOddFactor);
}

std::string Definition::refuse(BytesView) const { return {}; }

std::unique_ptr<Scorer> Definition::scorer(const Probe&) const { return nullptr; }

std::string_view Definition::score_function() const { return {}; }

Result<std::shared_ptr<Index>> Definition::make(const schema::TableDefPtr&, const Surroundings&) const {
  return fail(ErrorCode::kServer, "index " + def_.name + " is not kept in memory");
}

Result<std::shared_ptr<const void>> Reader::reserve(size_t, size_t) const { return nullptr; }

Status Index::clear(log::Partition partition) {
  if (rows()->partitions() == 1) {
    clear();
    return {};
  }
  for (const RowNumber row : rows()->rows_of(partition)) {
    SAGITTA_CHECK(update({.row = row, .key = rows()->key(row)}));
  }
  return {};
}

void Index::expired(int64_t, size_t, std::vector<RowNumber>&) const {}

Status Index::save(const IndexFiles&, const SnapshotHeader&, const std::atomic<bool>&) const {
  return fail(ErrorCode::kUnavailable, "index " + def().name + " is not kept in files");
}

Result<Positions> Index::load(const IndexFiles&, const Positions&) {
  return fail(ErrorCode::kNotFound, "index " + def().name + " is not kept in files");
}

}  // namespace sagitta::index
