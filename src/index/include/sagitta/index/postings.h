/// Indexes that are kept in the store: their postings change in the batch of the row. A follower
/// keeps those of a log partition; queries see `PostingIndex`, one for all partitions of a process.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <shared_mutex>
#include <span>
#include <vector>

#include "sagitta/index/index.h"
#include "sagitta/index/progress.h"
#include "sagitta/index/terms.h"
#include "sagitta/kv/store.h"
#include "sagitta/rows/cell_observer.h"

namespace sagitta::index {

/// How far the partitions are with the indexes. Thread-safe.
class SharedPostings {
 public:
  explicit SharedPostings(log::Partition partitions) : stores_(partitions) {}
  log::Partition partitions() const { return static_cast<log::Partition>(stores_.size()); }

  /// The store lives until `leave`.
  void join(log::Partition partition, const kv::Store& store);
  void leave(log::Partition partition);
  /// The share of its rows that the partition has the postings of; 1: of all.
  void set_progress(uint32_t index_id, log::Partition partition, double share);
  void forget(uint32_t index_id, log::Partition partition);

  /// In every partition.
  bool is_complete(uint32_t index_id) const;
  /// The share of the rows of all partitions, about.
  double progress(uint32_t index_id) const;
  /// Whether a partition has one that is not complete.
  bool is_building() const;
  /// About how many bytes the postings of the terms have.
  uint64_t estimate_bytes(uint32_t index_id, std::span<const types::Interval> terms) const;

 private:
  mutable std::shared_mutex mutex_;
  std::vector<const kv::Store*> stores_;
  std::map<uint32_t, std::map<log::Partition, double>> progress_;
};

/// An index of the schema whose postings are in the store, as queries see it. Thread-safe.
class PostingIndex {
 public:
  PostingIndex(DefinitionPtr definition, const SharedPostings& shared)
      : definition_(std::move(definition)), shared_(shared) {}

  const DefinitionPtr& definition() const { return definition_; }
  const schema::IndexDef& def() const { return definition_->def(); }
  /// Every row that has a term has its posting.
  bool serves() const { return shared_.is_complete(def().id); }
  /// Of the rows, about the share that has its postings; 1 once it serves.
  double progress() const { return shared_.progress(def().id); }
  /// Bytes of its postings in files, about.
  uint64_t bytes() const;
  /// Of the rows that have a term, about the share that has one of these; 0 to 1.
  double share(std::span<const types::Interval> terms) const;
  /// About how many rows have one of the terms.
  uint64_t rows(std::span<const types::Interval> terms) const;

 private:
  const DefinitionPtr definition_;
  const SharedPostings& shared_;
};

/// The postings of one log partition. The applier's.
class PostingFollower final : public rows::CellObserver {
 public:
  /// All must outlive it.
  PostingFollower(kv::Store& store, SharedPostings& shared, log::Partition partition);
  ~PostingFollower() override;
  PostingFollower(const PostingFollower&) = delete;
  PostingFollower& operator=(const PostingFollower&) = delete;

  /// kCorruption, kIo.
  Status start(const schema::Schema& schema);

  // ---- a record, in its batch ----

  void begin_record(kv::Batch& batch);
  bool wants(const schema::TableDef& table) const override;
  void begin_row(const schema::TableDef& table, BytesView row_key) override;
  void was(uint32_t column_id, BytesView path, const rows::Cell& cell) override;
  void is(uint32_t column_id, BytesView path, const rows::Cell& cell) override;
  void existed(std::optional<int64_t> expires_s) override;
  void exists(int64_t expires_s) override;
  void end_row() override;
  void truncate(const schema::TableDef& table);
  /// Postings of indexes that are gone go; those of new ones are to be built.
  void change_schema(const schema::Schema& after);

  /// An index whose rows have no postings yet, from where on.
  struct Unbuilt {
    uint32_t index_id = 0;
    uint32_t table_id = 0;
    Bytes from;
  };
  /// The first, if there is one.
  std::optional<Unbuilt> unbuilt() const;
  /// The rows up to this key were shown; empty: all of them.
  void built(uint32_t index_id, Bytes up_to);

  /// Forgets the record.
  void take_back();
  /// The batch is written.
  void committed();

 private:
  /// An index of a table.
  struct Kept {
    uint32_t id = 0;
    const schema::ColumnDef* column = nullptr;
    TermMakerPtr terms;
  };
  /// A table with such indexes.
  struct Table {
    schema::TableDefPtr def;
    std::vector<Kept> indexes;
  };
  struct Building {
    uint32_t table_id = 0;
    Progress progress = {};
  };
  struct State {
    std::map<uint32_t, Table> tables;
    std::map<uint32_t, Building> indexes;  ///< by id
  };
  /// Of postings, with their values; an empty one is not known.
  using Keys = std::map<Bytes, Bytes>;

  void adopt(const schema::Schema& schema);
  void put_progress(uint32_t index_id);
  void add(uint32_t column_id, BytesView path, const rows::Cell& cell, Keys& keys) const;
  void add_key_parts(std::optional<int64_t> expires_s, Keys& keys) const;
  void change();

  kv::Store& store_;
  SharedPostings& shared_;
  const log::Partition partition_;
  State state_;
  std::optional<State> before_record_;
  bool changed_ = false;     ///< with the batch
  std::set<uint32_t> told_;  ///< indexes that the others know of
  kv::Batch* batch_ = nullptr;

  // The row.
  const Table* table_ = nullptr;
  Bytes row_key_;
  Keys before_, after_;
};

}  // namespace sagitta::index
