/// A TableSpace over the in-memory store, or several that share their indexes, with a clock that
/// the test moves: records are applied as a replica would.
#pragma once

#include <gtest/gtest.h>

#include "sagitta/base/clock.h"
#include "sagitta/base/executor.h"
#include "sagitta/base/random.h"
#include "sagitta/base/uuid.h"
#include "sagitta/kv/store.h"
#include "sagitta/rows/purge.h"
#include "sagitta/rows/read_view.h"
#include "sagitta/schema/schema_change.h"
#include "sagitta/tablet/table_space.h"
#include "sagitta/types/token.h"
#include "sagitta/types/value.h"

#include "sole_space.h"

namespace sagitta::tablet {

inline types::DataTypePtr native(types::Kind kind) { return types::DataType::native(kind); }
inline Bytes i32(int32_t v) { return types::from_int32(v); }

inline schema::ColumnDef column(std::string name, types::DataTypePtr type,
                                schema::ColumnKind kind = schema::ColumnKind::kRegular, uint32_t position = 0,
                                bool descending = false) {
  return {
      .name = std::move(name), .type = std::move(type), .kind = kind, .position = position, .descending = descending};
}

/// The timeuuid of a statement that ran at this time.
inline Uuid statement_at(int64_t time_us) {
  const ManualClock clock(time_us);
  SeededRandom random(7);
  return TimeUuidSource(clock, random).next();
}

class TableFixture : public testing::Test {
 protected:
  static constexpr int64_t kStartS = 1'700'000'000;
  /// A log partition.
  struct Part {
    kv::Store* store;
    TableSpace* space;
  };

  /// With so many log partitions.
  explicit TableFixture(log::Partition partitions = 1) : partitions_(partitions) {
    parts_.push_back({store_.get(), &space_});
    for (log::Partition p = 1; p < partitions_; ++p) {
      more_stores_.push_back(kv::make_memory_store([horizon = horizon_] { return horizon->filter(); }));
      more_spaces_.push_back(std::make_unique<TableSpace>(*more_stores_.back(), metrics_, space_.shared(), p));
      parts_.push_back({more_stores_.back().get(), more_spaces_.back().get()});
    }
    change(schema::CreateKeyspace{.keyspace = "k"});
    for (const Part& part : parts_) EXPECT_TRUE(part.space->start(schema_, offset_));
  }
  ~TableFixture() override { space_.stop(); }

  Result<schema::SchemaOutcome> try_change(const schema::SchemaChange& wanted) {
    SAGITTA_TRY(schema::SchemaOutcome outcome, schema::apply(schema_, wanted));
    if (!outcome.changed) return outcome;
    const rows::ApplyTime when = time();
    for (const Part& part : parts_) {
      SAGITTA_CHECK(apply_to(*part.space, *part.store, when, [&](kv::Batch& batch) {
        return part.space->change_schema(*schema_, outcome.schema, batch);
      }));
    }
    schema_ = outcome.schema;
    for (const Part& part : parts_) step_to_the_end(*part.space, *part.store);
    return outcome;
  }
  void step_to_the_end(TableSpace& space) { step_to_the_end(space, *store_); }
  /// What a replica's ticks do.
  void step_to_the_end(TableSpace& space, kv::Store& store) {
    while (space.has_steps()) {
      const Status stepped =
          apply_to(space, store, time(), [&](kv::Batch& batch) { return space.step(*schema_, batch); });
      ASSERT_TRUE(stepped) << stepped.error().to_string();
    }
  }
  void change(const schema::SchemaChange& wanted) {
    const auto outcome = try_change(wanted);
    ASSERT_TRUE(outcome) << outcome.error().to_string();
  }
  void create(std::vector<schema::ColumnDef> columns, std::map<std::string, schema::OptionValue> options = {}) {
    schema::TableDef def;
    def.keyspace = "k";
    def.name = "t";
    def.columns = std::move(columns);
    def.options = std::move(options);
    change(schema::CreateTable{.table = def});
  }
  schema::TableDefPtr table() const { return schema_->find_table("k", "t"); }
  uint32_t id(std::string_view name) const { return table()->find_column(name)->id; }

  /// Through bytes, as a record would travel.
  Status write(std::vector<rows::Mutation> mutations) {
    Bytes payload;
    encode(mutations, payload);
    SAGITTA_TRY(const auto decoded, rows::decode_mutations(payload));
    return apply_to(space_, *store_, time(),
                    [&](kv::Batch& batch) { return space_.apply_mutations(*schema_, decoded, batch); });
  }
  /// A record in a batch of its own.
  template <class Change>
  static Status apply_to(TableSpace& space, kv::Store& store, rows::ApplyTime when, const Change& change) {
    const auto batch = store.make_batch();
    space.begin(when, *batch);
    if (const Status applied = change(*batch); !applied) {
      space.take_back(*batch);
      return applied;
    }
    space.finish(*batch);
    SAGITTA_CHECK(space.write(*batch));
    space.committed();
    return {};
  }
  rows::Mutation mutation(int32_t partition, int64_t timestamp_us) const {
    return {.table_id = table()->id, .partition_key = i32(partition), .timestamp_us = timestamp_us};
  }

  rows::ReadView view(int64_t now_s = kStartS) const { return space_.view(now_s, kv::ReadMode::kBlocking); }
  std::optional<rows::LiveRow> get(int32_t partition, std::vector<Bytes> clustering = {},
                                   int64_t now_s = kStartS) const {
    auto row = view(now_s).get(*table(), i32(partition), clustering);
    EXPECT_TRUE(row) << row.error().to_string();
    return row ? *row : std::nullopt;
  }
  /// The column of a row as a CQL literal; "-" when there is no row.
  std::string show(const std::optional<rows::LiveRow>& row, std::string_view name) const {
    if (!row) return "-";
    const schema::ColumnDef& def = *table()->find_column(name);
    return types::to_literal(*def.type, row->value(def));
  }
  static std::vector<rows::LiveRow> all(std::unique_ptr<rows::RowCursor> cursor) {
    std::vector<rows::LiveRow> rows;
    for (;;) {
      const auto more = cursor->next();
      EXPECT_TRUE(more);
      if (!more || !*more) return rows;
      rows.push_back(cursor->row());
    }
  }

  rows::ApplyTime time() { return {.log_time_us = log_s_ * 1'000'000, .offset = offset_++}; }

  const std::shared_ptr<rows::PurgeHorizon> horizon_ = std::make_shared<rows::PurgeHorizon>();
  const std::unique_ptr<kv::Store> store_ = kv::make_memory_store([horizon = horizon_] { return horizon->filter(); });
  InlineExecutor workers_;
  MemoryBudget vectors_{"vectors", size_t{1} << 30};
  MetricsRegistry metrics_;
  ManualClock clock_{kStartS * 1'000'000};
  const log::Partition partitions_;
  SoleSpace space_{*store_, workers_, vectors_, metrics_, clock_, {}, {}, partitions_};
  std::vector<std::unique_ptr<kv::Store>> more_stores_;
  std::vector<std::unique_ptr<TableSpace>> more_spaces_;
  std::vector<Part> parts_;
  schema::SchemaPtr schema_ = std::make_shared<const schema::Schema>();
  log::Offset offset_ = 0;
  int64_t log_s_ = kStartS;
};

}  // namespace sagitta::tablet
