/// Whether indexes are equal to their rows: each row is looked for in the index, and each entry of
/// the index in the rows. Beside reads and writes.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "sagitta/index/postings.h"
#include "sagitta/rows/read_view.h"

namespace sagitta::index {

/// What was found of one index.
struct IndexCheck {
  std::string keyspace, table, index;
  uint64_t rows = 0;      ///< that were looked at
  uint64_t expected = 0;  ///< entries that they should have
  uint64_t entries = 0;   ///< that the index has
  uint64_t missing = 0;   ///< a row has it, the index not
  uint64_t stray = 0;     ///< the index has it, no row does
  /// Why it was not looked at; empty: it was.
  std::string skipped;
  /// The first faults, for a person.
  std::vector<std::string> faults;

  bool is_equal() const { return missing == 0 && stray == 0; }
};

/// Adds what one log partition has. The view is of its moment; nobody need wait. Errors are the
/// view's.
Status check_postings(const rows::ReadView& view, const schema::TableDef& table, const Definition& definition,
                      IndexCheck& check);

/// As it is now: an index that is kept in memory may be newer than a view.
using ViewNow = std::function<rows::ReadView()>;
/// The same of an index that is kept in memory. A row that changes meanwhile is looked at again.
Status check_reader(const ViewNow& now, const schema::TableDef& table, const Reader& index, IndexCheck& check);

}  // namespace sagitta::index
