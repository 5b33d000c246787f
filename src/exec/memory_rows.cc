#include "sagitta/exec/memory_rows.h"

#include <algorithm>

#include "sagitta/types/token.h"
#include "sagitta/types/value.h"

namespace sagitta::exec {

class MemoryRows::Stored final : public Row {
 public:
  Stored(RowKey key, std::map<uint32_t, Bytes> values) : key_(std::move(key)), values_(std::move(values)) {}
  const RowKey& key() const override { return key_; }
  ValueView column(const schema::ColumnDef& column) const override {
    auto it = values_.find(column.id);
    return it == values_.end() ? ValueView() : ValueView(it->second);
  }
  std::vector<plan::Written> written(const schema::ColumnDef& column) const override {
    if (!values_.contains(column.id)) return {};
    return {{.at_us = 0, .ttl_s = {}}};
  }

 private:
  RowKey key_;
  std::map<uint32_t, Bytes> values_;
};

class MemoryRows::Stream final : public RowStream {
 public:
  explicit Stream(std::vector<const Stored*> rows) : rows_(std::move(rows)) {}
  Result<const Row*> next() override { return next_ < rows_.size() ? rows_[next_++] : nullptr; }
  void skip_partition() override {
    const Bytes& partition = rows_[next_ - 1]->key().partition;
    while (next_ < rows_.size() && rows_[next_]->key().partition == partition) ++next_;
  }

 private:
  std::vector<const Stored*> rows_;
  size_t next_ = 0;
};

MemoryRows::MemoryRows(schema::TableDefPtr table) : table_(std::move(table)) {}
MemoryRows::~MemoryRows() = default;

void MemoryRows::add(const std::map<std::string, Value, std::less<>>& values) {
  std::map<uint32_t, Bytes> by_id;
  std::vector<Bytes> partition, clustering;
  for (const auto& column : table_->columns) {
    auto it = values.find(column.name);
    if (it == values.end() || !it->second) continue;
    if (column.kind == schema::ColumnKind::kPartitionKey) partition.push_back(*it->second);
    if (column.kind == schema::ColumnKind::kClustering) clustering.push_back(*it->second);
    by_id.emplace(column.id, *it->second);
  }
  const Bytes key = types::pack_partition_key(partition);
  Position position{types::token_of(key), key, rows::encode_clustering(*table_, clustering)};
  rows_.insert_or_assign(std::move(position),
                         std::make_unique<Stored>(RowKey{key, std::move(clustering)}, std::move(by_id)));
}

Result<std::unique_ptr<RowStream>> MemoryRows::open(const ReadRange& range) const {
  const auto intervals = intervals_of(*table_, range.clustering);
  std::vector<std::pair<const Position*, const Stored*>> found;
  for (const auto& [position, row] : rows_) {
    const auto& [token, partition, ordered] = position;
    if (range.partition ? partition != *range.partition : (token < range.tokens.start || token > range.tokens.end))
      continue;
    if (types::contains(intervals, ordered)) found.emplace_back(&position, row.get());
  }
  if (range.reversed) std::ranges::reverse(found);
  if (range.after) {
    const auto& after = *range.after;
    const Position last{types::token_of(after.partition), after.partition,
                        after.clustering ? rows::encode_clustering(*table_, *after.clustering) : Bytes()};
    std::erase_if(found, [&](const auto& one) { return range.reversed ? *one.first >= last : *one.first <= last; });
  }
  std::vector<const Stored*> rows;
  for (const auto& one : found) rows.push_back(one.second);
  return std::make_unique<Stream>(std::move(rows));
}

}  // namespace sagitta::exec
