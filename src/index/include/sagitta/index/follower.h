/// The indexes of a tablet follow its rows: what a record changes is in the journal and in the row
/// maps with the record's batch, and in the serving indexes once that is written.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <vector>

#include "sagitta/index/builder.h"
#include "sagitta/index/indexes.h"
#include "sagitta/index/journal.h"
#include "sagitta/index/row_maps.h"
#include "sagitta/index/saver.h"
#include "sagitta/rows/read_view.h"

namespace sagitta::index {

/// The applier calls it; `published` and `ready` may be called from any thread.
class Follower {
 public:
  /// All must outlive it.
  struct Environment {
    kv::Store& store;
    Executor& workers;
    MemoryBudget& memory;
    MetricsRegistry& metrics;
    const Clock& clock;
    /// The rows as they are now, without what has expired by `now_s`; at 0 nothing has.
    std::function<rows::ReadView(int64_t now_s)> view;
  };
  Follower(const Environment& environment, const SnapshotPlace& place);

  /// Begins to make the indexes of `schema`. The rows in the store are those of all records before
  /// `next`. kCorruption, kIo.
  Status start(const schema::SchemaPtr& schema, log::Offset next);

  // ---- a record, in its batch ----

  void begin_record(log::Offset offset, kv::Batch& batch);
  /// A row as the record leaves it; nothing: it is gone.
  void change_row(const schema::TableDef& table, BytesView row_key, std::optional<rows::LiveRow> now, kv::Batch& batch);
  void truncate(const schema::TableDef& table, kv::Batch& batch);
  Status change_schema(const schema::Schema& before, const schema::SchemaPtr& after, kv::Batch& batch);
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
  IndexSetPtr published() const { return indexes_.published(); }
  /// No index is building, or waits to be built.
  bool ready() const { return !waits_to_build_ && builder_.idle(); }
  /// Ends builds and saves; then, nobody applying any more, saves what changed if `save`.
  void stop(bool save);

 private:
  /// A row of an indexed table as the batch leaves it.
  struct Update {
    uint32_t table_id = 0;
    Bytes row_key;
    std::optional<rows::LiveRow> now;  ///< with a value that an index names
    RowNumber row = kNoRow;
    bool reserved = false;  ///< whoever wrote it has seen to its room
  };
  /// An index that is to be built once the rows are ready for it.
  struct Waiting {
    IndexPtr index;
    log::Offset needs = 0;  ///< records before this are in the rows
  };

  void bound_journal(const Index& index);
  void take_expired(int64_t log_s);
  void keep_last_updates();
  bool clear_truncated();
  void show(const Update& update);
  void update_serving(const IndexPtr& index, const Update& update);
  void adopt();
  bool begin_build(const Waiting& waiting);

  const Environment env_;
  IndexJournal journal_;
  CommitPoint commit_;
  RowMaps row_maps_;
  Indexes indexes_;
  Saver saver_;
  Builder builder_;
  schema::SchemaPtr schema_;
  std::vector<Waiting> to_build_;
  std::vector<IndexPtr> to_save_;
  std::atomic<bool> waits_to_build_{false};

  // What the records do once their batch is written.
  log::Offset offset_ = 0;  ///< of the last
  std::vector<Update> updates_;
  size_t updates_before_ = 0;  ///< the last record
  std::vector<IndexPtr> truncated_;
  schema::SchemaPtr next_schema_;
  bool schema_changed_ = false;
  bool replaying_ = false;    ///< nobody has reserved room for what is replayed
  int64_t expired_at_s_ = 0;  ///< when expired values were last looked for
};

}  // namespace sagitta::index
