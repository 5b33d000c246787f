/// Rows in the stores of one log partition, and of several.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "sagitta/exec/stored_rows.h"
#include "sagitta/rows/stored_row.h"
#include "sagitta/types/token.h"
#include "sagitta/types/value.h"

namespace sagitta::exec {

inline constexpr int kKeys = 60;
inline constexpr int kRowsPerKey = 3;
inline constexpr size_t kParts = 4;

inline schema::ColumnDef column(uint32_t id, const char* name, schema::ColumnKind kind) {
  schema::ColumnDef def;
  def.id = id;
  def.name = name;
  def.type = types::DataType::native(types::Kind::kInt);
  def.kind = kind;
  return def;
}

inline schema::TableDefPtr make_table() {
  auto table = std::make_shared<schema::TableDef>();
  table->id = 7;
  table->keyspace = "ks";
  table->name = "t";
  table->columns = {column(1, "k", schema::ColumnKind::kPartitionKey), column(2, "c", schema::ColumnKind::kClustering)};
  table->finish();
  return table;
}

/// A store for each log partition, or one for all.
class Stores {
 public:
  explicit Stores(size_t count) {
    for (size_t i = 0; i < count; ++i) stores_.push_back(kv::make_memory_store());
  }

  void add(BytesView row_key, int64_t token, const Bytes& value, kv::Family family = kv::Family::kRows) {
    kv::Store& store = *stores_[types::partition_of(token, stores_.size())];
    const auto batch = store.make_batch();
    batch->put(family, row_key, value);
    ASSERT_TRUE(store.write(*batch));
  }
  StoredRows rows(const schema::TableDefPtr& table) {
    const auto open = [this](size_t partition, const Views::Manner& manner) {
      ++opened_;
      kv::Store& store = *stores_[partition];
      return rows::ReadView(store, store.snapshot(), nullptr, manner.now_s, manner.mode);
    };
    return {table, Views(stores_.size(), {}, open)};
  }
  int opened() const { return opened_; }

 private:
  std::vector<std::unique_ptr<kv::Store>> stores_;
  int opened_ = 0;
};

class StoresTest : public testing::Test {
 protected:
  StoresTest() {
    Bytes value;
    rows::StoredRow row;
    row.marker.timestamp_us = 1;
    row.encode(value);
    for (int k = 0; k < kKeys; ++k) {
      const Bytes key = types::from_int32(k);
      for (int c = 0; c < kRowsPerKey; ++c) {
        const std::vector<Bytes> clustering = {types::from_int32(c)};
        const Bytes row_key = rows::row_key(*table_, key, clustering);
        for (Stores* stores : {&one_, &several_}) stores->add(row_key, types::token_of(key), value);
      }
    }
  }

  static std::vector<RowKey> read(const TableRows& rows, const ReadRange& range, bool skip = false) {
    std::vector<RowKey> keys;
    const auto stream = rows.open(range).value();
    while (const Row* row = stream->next().value()) {
      keys.push_back(row->key());
      if (skip) stream->skip_partition();
    }
    EXPECT_EQ(stream->next().value(), nullptr);
    return keys;
  }
  std::vector<RowKey> read_one(const ReadRange& range, bool skip = false) {
    return read(one_.rows(table_), range, skip);
  }
  std::vector<RowKey> check(const ReadRange& range, bool skip = false) {
    auto keys = read(several_.rows(table_), range, skip);
    EXPECT_EQ(keys, read_one(range, skip));
    return keys;
  }

  const schema::TableDefPtr table_ = make_table();
  Stores one_{1}, several_{kParts};
  const std::vector<plan::ClusteringRange> everything_{1};
  const ReadRange scan_{.partition = {}, .tokens = {}, .clustering = everything_};
};

}  // namespace sagitta::exec
