/// A read of one partition key goes to the part that has it; a scan goes through the parts in turn.
#include "partitioned_rows.h"

#include <algorithm>
#include <span>
#include <utility>

#include "sagitta/base/assert.h"
#include "sagitta/types/token.h"

#include "partitions.h"

namespace sagitta::db {
namespace {

using Parts = std::span<const std::unique_ptr<exec::TableRows>>;

class ConcatenatedStream final : public exec::RowStream {
 public:
  ConcatenatedStream(Parts parts, exec::ReadRange range) : parts_(parts), range_(std::move(range)) {}

  Result<const exec::Row*> next() override {
    for (;;) {
      if (current_ == nullptr) {
        if (parts_.empty()) return nullptr;
        SAGITTA_TRY(current_, parts_.front()->open(range_));
      }
      SAGITTA_TRY(const exec::Row* row, current_->next());
      if (row != nullptr) return row;
      current_.reset();
      parts_ = parts_.subspan(1);
      range_.after.reset();
    }
  }
  void skip_partition() override {
    if (current_ != nullptr) current_->skip_partition();
  }

 private:
  Parts parts_;  ///< the current one and those to come
  exec::ReadRange range_;
  std::unique_ptr<exec::RowStream> current_;
};

}  // namespace

PartitionedRows::PartitionedRows(schema::TableDefPtr table, std::vector<std::unique_ptr<exec::TableRows>> parts)
    : table_(std::move(table)), parts_(std::move(parts)) {
  SAGITTA_ASSERT(!parts_.empty());
}

Result<std::unique_ptr<exec::RowStream>> PartitionedRows::open(const exec::ReadRange& range) const {
  if (parts_.size() == 1) return open_part(0, range);
  if (range.partition) return open_part(place_of(types::token_of(*range.partition)), range);
  size_t first = place_of(range.tokens.start);
  if (range.after) first = std::max(first, place_of(types::token_of(range.after->partition)));
  const size_t last = place_of(range.tokens.end);
  if (first >= last) return open_part(first, range);
  return std::make_unique<ConcatenatedStream>(Parts(parts_).subspan(first, last - first + 1), range);
}

size_t PartitionedRows::place_of(int64_t token) const { return partition_of(token, parts_.size()); }

Result<std::unique_ptr<exec::RowStream>> PartitionedRows::open_part(size_t place, const exec::ReadRange& range) const {
  SAGITTA_ASSERT(parts_[place] != nullptr);
  return parts_[place]->open(range);
}

}  // namespace sagitta::db
