/// Room in the indexes for a write, seen to before the write is in the log: what is admitted fits.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "sagitta/index/index.h"
#include "sagitta/rows/mutation.h"
#include "sagitta/schema/schema.h"

namespace sagitta::index {

/// Held until the write is applied. Movable, any thread.
class Room {
 public:
  /// For the rows that get a value in an indexed column. kOverloaded says what is full, in numbers.
  /// Indexes that do not serve take nothing. Any thread; takes the writers' lock of an index for a
  /// moment, and near the limit of memory waits for links to be repaired.
  static Result<Room> make(const IndexSet& indexes, const schema::Schema& schema,
                           std::span<const rows::Mutation> mutations);

 private:
  std::vector<ReaderPtr> holders_;  ///< first, for they outlive what they gave
  std::vector<MemoryCharge> numbers_;
  std::vector<std::shared_ptr<const void>> values_;
};

}  // namespace sagitta::index
