/// The indexes of a process follow the rows of a log partition: what a record changes is in the
/// postings, the journal and the row maps with the record's batch, and in the serving indexes once
/// that is written.
#pragma once

#include <optional>
#include <vector>

#include "sagitta/index/postings.h"
#include "sagitta/index/row_maps.h"
#include "sagitta/index/shared_indexes.h"

namespace sagitta::index {

/// The partition's applier calls it.
class Follower {
 public:
  /// All must outlive it.
  struct Environment {
    kv::Store& store;
    SharedIndexes& shared;
    log::Partition partition;
    /// See RowSource.
    std::function<rows::ReadView(int64_t now_s)> view;
  };
  explicit Follower(const Environment& environment);
  /// Stops the shared indexes, if they are not.
  ~Follower();
  Follower(const Follower&) = delete;
  Follower& operator=(const Follower&) = delete;

  /// `schema` is the partition's; once every partition has started the indexes begin. The rows in
  /// the store are those of all records before `next`. kCorruption, kIo.
  Status start(const schema::SchemaPtr& schema, log::Offset next);

  // ---- a record, in its batch ----

  void begin_record(log::Offset offset, kv::Batch& batch);
  /// A row as the record leaves it; nothing: it is gone.
  void change_row(const schema::TableDef& table, BytesView row_key, std::optional<rows::LiveRow> now, kv::Batch& batch);
  void truncate(const schema::TableDef& table, kv::Batch& batch);
  Status change_schema(const schema::Schema& before, const schema::SchemaPtr& after, kv::Batch& batch);
  /// Hears of the cells of every row that changes.
  rows::CellObserver& cells() { return postings_; }
  PostingFollower& postings() { return postings_; }
  const PostingFollower& postings() const { return postings_; }
  /// Whether rows wait for their numbers.
  bool is_numbering() const { return row_maps_.is_numbering(); }
  Status number_some(const schema::Schema& schema, kv::Batch& batch);
  /// Forgets the record. Its part of the batch goes too.
  void take_back();

  // ---- the batch ----

  /// Takes expired values out of the indexes, now and then, and puts the row numbers that the
  /// records leave. `log_s` is the time of the last record.
  void finish(int64_t log_s, kv::Batch& batch);
  /// The batch is written: the serving indexes show it.
  void committed();
  /// Begins in the background what the records have made due.
  void begin_work();

  /// See TableSpace.
  void set_replaying(bool replaying);

 private:
  /// A row of an indexed table as the batch leaves it.
  struct Update {
    uint32_t table_id = 0;
    Bytes row_key;
    std::optional<rows::LiveRow> now;  ///< with a value that an index names
    RowNumber row = kNoRow;
    bool reserved = false;  ///< whoever wrote it has seen to its room
  };

  const TableIndexes* of_table(uint32_t table_id) const;
  const IndexMap& indexes();
  void bound_journal(uint32_t index_id);
  void take_expired(int64_t log_s);
  void take_expired(const Index& index, int64_t log_s, std::vector<Update>& updates);
  void keep_last_updates();
  bool clear_truncated();
  void show(const Update& update);
  void update_serving(const IndexPtr& index, const Update& update);

  const Environment env_;
  IndexJournal journal_;
  CommitPoint commit_;
  RowSource source_;
  RowMaps row_maps_;
  PostingFollower postings_;
  schema::SchemaPtr schema_;
  std::map<uint32_t, TableIndexes> tables_;  ///< of the schema, by table id
  std::vector<IndexPtr> to_save_;

  // What the records do once their batch is written.
  log::Offset offset_ = 0;  ///< of the last
  std::vector<Update> updates_;
  size_t updates_before_ = 0;          ///< the last record
  IndexMapPtr indexes_;                ///< as they were when the batch first asked
  std::optional<uint32_t> truncated_;  ///< a table
  schema::SchemaPtr next_schema_;
  bool schema_changed_ = false;
  bool replaying_ = false;    ///< nobody has reserved room for what is replayed
  int64_t expired_at_s_ = 0;  ///< when expired values were last looked for
};

}  // namespace sagitta::index
