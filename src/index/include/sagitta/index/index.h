/// What an index is to the database around it. A kind reads what CREATE INDEX says and makes a
/// definition, a definition makes an index, and the index follows the rows of its table and answers
/// probes. `plan`, `exec`, `tablet` and `db` know these classes, and no kind by its name
/// (docs/adr/0014-kinds-of-index.md).
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "sagitta/base/budget.h"
#include "sagitta/base/clock.h"
#include "sagitta/base/result.h"
#include "sagitta/base/trace.h"
#include "sagitta/index/positions.h"
#include "sagitta/index/row_map.h"
#include "sagitta/index/terms.h"
#include "sagitta/kv/store.h"
#include "sagitta/log/record.h"
#include "sagitta/rows/row.h"
#include "sagitta/schema/schema.h"
#include "sagitta/types/ordered_bytes.h"

namespace sagitta::index {

// ---- what is asked ----

/// The rows whose vectors are nearest to this one: bytes of the column's type.
struct Nearest {
  BytesView vector;
};
/// The rows whose text has the terms of this one.
struct Terms {
  BytesView text;
};
/// The rows whose value, in its ordered form (types::append_ordered), lies in the interval.
struct Between {
  types::Interval values;
};

/// A question to the indexes of one column.
struct Probe {
  uint32_t column_id = 0;
  std::variant<Nearest, Terms, Between> what;
  /// As many hits will be asked for.
  uint64_t limit = UINT64_MAX;
};

/// Which rows may be hits; both may be given.
struct Filter {
  /// Rows outside it are none. Outlives the stream, and does not change.
  const RowSet* rows = nullptr;
  /// Whether the row passes; nothing ends the search, with the hits so far. Asked at most once a
  /// row, best rows first, perhaps for more rows than are given. Must not block for long.
  std::function<std::optional<bool>(RowNumber row, BytesView key)> passes;

  bool is_everything() const { return rows == nullptr && !passes; }
};

// ---- what is answered ----

enum class HitOrder : uint8_t { kNone, kByScore, kByValue };

/// How an index would answer a probe.
struct Cover {
  uint64_t rows = 0;  ///< hits, estimated
  uint64_t cost = 0;  ///< work of finding them, estimated (base/work_meter.h)
  HitOrder order = HitOrder::kNone;
  bool exact = false;  ///< every row that a hit names is an answer, and none is missing
};

/// A row that was found.
struct Hit {
  RowNumber row{};
  /// As CQL has it: larger is better. 0 where the kind gives none.
  float score = 0;
  /// Of the cell that was indexed (`fingerprint`): tells whether the row has changed since.
  uint64_t fingerprint = 0;
};

/// What tells whether a cell, or its expiry, has changed since it was indexed.
uint64_t fingerprint(const rows::LiveCell& cell);

/// The hits of one probe, best first, each row once. One thread at a time; must not outlive its
/// index.
class Hits {
 public:
  virtual ~Hits() = default;
  /// Appends up to `count`; fewer only when there are no more, or when the filter ended the search.
  /// kReadTimeout past the deadline, kWouldBlock past the context's distances.
  virtual Status next(size_t count, std::vector<Hit>& out) = 0;
  /// The key of a row that was given; good while this lives.
  virtual BytesView key(RowNumber row) const = 0;
  /// What was done so far.
  virtual const SearchReport& report() const = 0;
};

/// Scores rows without an index as an index of the definition would. Not thread-safe.
class Scorer {
 public:
  virtual ~Scorer() = default;
  /// Of a cell's value; nothing for one that no index would hold.
  virtual std::optional<float> score(BytesView value) = 0;
  /// Of one call, in units of base/work_meter.h.
  virtual uint64_t work() const = 0;
};

// ---- definitions and kinds ----

class Index;
class PostingIndex;

/// What an index works with; all must outlive it.
struct Surroundings {
  /// Charged for what the index keeps in memory.
  MemoryBudget& memory;
  /// Of the deadlines of searches.
  const Clock& clock;
  /// Of the index's table.
  RowMapPtr rows;
};

/// An index of the schema with its options parsed: what statements are bound with, and what makes
/// the index. Immutable, thread-safe.
class Definition : public std::enable_shared_from_this<Definition> {
 public:
  Definition(const schema::IndexDef& def, const schema::ColumnDef& column) : def_(def), column_(column) {}
  virtual ~Definition() = default;
  Definition(const Definition&) = delete;
  Definition& operator=(const Definition&) = delete;

  const schema::IndexDef& def() const { return def_; }
  const schema::ColumnDef& column() const { return column_; }

  /// Of an index that is kept in the store, as postings; null for one that is kept in memory.
  virtual TermMakerPtr terms() const { return nullptr; }
  virtual bool answers(const Probe& probe) const = 0;
  /// Why a value of the column must not be written, beginning with what it is: "vector for column
  /// v: element 3 is NaN". Empty when it may.
  virtual std::string refuse(BytesView value) const;
  /// Of a probe that it answers; null when the kind has no scores. The probe's bytes are copied.
  virtual std::unique_ptr<Scorer> scorer(const Probe& probe) const;
  /// The CQL function that gives the same scores, a literal; empty when there is none.
  virtual std::string_view score_function() const;
  /// An empty index, of a kind that is kept in memory. kOverloaded when memory is full at once.
  virtual Result<std::shared_ptr<Index>> make(const schema::TableDefPtr& table, const Surroundings& surroundings) const;

 private:
  const schema::IndexDef def_;
  const schema::ColumnDef column_;
};
using DefinitionPtr = std::shared_ptr<const Definition>;

/// One option of CREATE INDEX as written: its own name, without the names of the maps around it.
struct WrittenOption {
  std::string name;
  std::string value;
};

/// What CREATE INDEX wants an index of.
struct Target {
  std::string index;
  /// Empty: the default of CREATE INDEX.
  std::string class_name;
  const schema::ColumnDef& column;
  Part part = Part::kWhole;
};

struct CheckedOptions {
  /// In the form in which the schema keeps them: one name and one form for each thing.
  std::map<std::string, std::string> stored;
  /// For the client: options that are stored and do nothing.
  std::vector<std::string> warnings;
};

/// A kind of index. Immutable, thread-safe, lives as long as the process.
class Kind {
 public:
  virtual ~Kind() = default;
  /// What the schema stores (IndexDef::kind).
  virtual std::string_view name() const = 0;
  /// Whether USING names it so for such a column, in any case of letters.
  virtual bool claims(const Target& target) const = 0;
  /// kInvalid for a column that it cannot index.
  virtual Status check_column(const Target& target) const = 0;
  /// kInvalid or kConfig for what it does not understand.
  virtual Result<CheckedOptions> check_options(std::span<const WrittenOption> written, const Target& target) const = 0;
  /// Of options that were checked once; those that are missing or not understood have their
  /// defaults.
  virtual DefinitionPtr define(const schema::IndexDef& def, const schema::ColumnDef& column) const = 0;
};

// ---- the index ----

class IndexFiles;
struct SnapshotHeader;

/// What queries see of an index. Thread-safe: any number of searches beside one writer.
class Reader {
 public:
  enum class State : uint8_t {
    kBuilding,  ///< rows are missing yet: answer by reading rows
    kServing,
    kFull,  ///< rows are missing, for which there was no memory: answer by reading rows
  };
  struct Stats {
    uint64_t rows = 0;
    /// Rows whose value it cannot hold; null is no value.
    uint64_t refused = 0;
    uint64_t bytes = 0;
  };

  Reader(DefinitionPtr definition, RowMapPtr rows) : definition_(std::move(definition)), rows_(std::move(rows)) {}
  virtual ~Reader() = default;
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  const DefinitionPtr& definition() const { return definition_; }
  const schema::IndexDef& def() const { return definition_->def(); }
  /// The numbers of its rows.
  const RowMapPtr& rows() const { return rows_; }
  State state() const { return state_; }
  virtual Stats stats() const = 0;
  /// Nothing for a probe that it cannot answer.
  virtual std::optional<Cover> covers(const Probe& probe) const = 0;
  /// Of a probe that it covers. The probe's and the filter's references outlive the stream. It is
  /// as new as the last applied record: a hit may be newer or older than a view of the rows, as its
  /// fingerprint tells. A row that changes meanwhile is found once, as it was or as it is.
  /// kUnavailable while building.
  virtual Result<std::unique_ptr<Hits>> open(const Probe& probe, const Filter& filter, int64_t now_s,
                                             const RequestContext& context) const = 0;
  /// Keeps room for rows that are still to be written until what it returns is destroyed, which
  /// must be before the index is: `added` rows that have no value yet, and `replaced` that have
  /// one. kOverloaded names what is full, in numbers. Null when there is no need.
  virtual Result<std::shared_ptr<const void>> reserve(size_t added, size_t replaced) const;
  /// Whether the row has a value here.
  virtual bool has(RowNumber row) const = 0;

 protected:
  const DefinitionPtr definition_;
  const RowMapPtr rows_;
  std::atomic<State> state_{State::kBuilding};
};
using ReaderPtr = std::shared_ptr<const Reader>;

/// A row of the index's table as a record leaves it.
struct RowChange {
  RowNumber row{};
  BytesView key;
  /// Null: the row is gone.
  const rows::LiveRow* now = nullptr;
  /// Somebody holds a reservation for it.
  bool reserved = false;
};

/// An index as tablets drive it: appliers, or the builder before it serves. Thread-safe: writers
/// take turns.
class Index : public Reader {
 public:
  Index(DefinitionPtr definition, schema::TableDefPtr table, RowMapPtr rows)
      : Reader(std::move(definition), std::move(rows)), table_(std::move(table)) {}

  const schema::TableDefPtr& table() const { return table_; }
  void set_state(State state) { state_ = state; }

  /// Shows the row as it is from here on. kOverloaded when memory is full: the index then lacks the
  /// row, and must not serve.
  Status update(const RowChange& change) {
    std::lock_guard lock(writer_mutex_);
    ++changes_;
    return do_update(change);
  }
  void clear() {
    std::lock_guard lock(writer_mutex_);
    ++changes_;
    do_clear();
  }
  /// Without the rows of one log partition; `clear` when there is no other.
  Status clear(log::Partition partition);
  /// Calls of the two, ever.
  uint64_t changes() const { return changes_; }
  /// Appends up to `most` rows whose value has expired at `now_s`, and is still here.
  virtual void expired(int64_t now_s, size_t most, std::vector<RowNumber>& out) const;

  /// Whether it can be saved. One that cannot is built from its rows at each start.
  virtual bool has_snapshots() const { return false; }
  /// While it lives, a save may begin that has everything up to the moment of the pin. It keeps the
  /// keys of rows.
  virtual std::shared_ptr<const void> pin() const { return nullptr; }
  /// Writes what it has, while it serves and changes. A row that changes meanwhile may be in the
  /// snapshot as it was, as it is, or not at all: the journal from `header.complete_to` on tells.
  /// kUnavailable once `cancelled`; kIo, kNoSpace.
  virtual Status save(const IndexFiles& files, const SnapshotHeader& header, const std::atomic<bool>& cancelled) const;
  /// Takes a snapshot's content in place of its own, while it is being built; returns what that is
  /// complete to. kNotFound when there is none, kInvalid when it does not reach `journal_from` in
  /// every log partition, kCorruption and others name what is wrong with it. After an error nothing
  /// has changed.
  virtual Result<Positions> load(const IndexFiles& files, const Positions& journal_from);

  // Set by whoever saves.
  std::atomic<uint64_t> tried_changes{0};  ///< changes() when a save last began
  std::atomic<uint64_t> saved_changes{0};  ///< and one that succeeded
  std::atomic<bool> save_claimed{false}, save_running{false}, cancel_save{false};

 private:
  virtual Status do_update(const RowChange& change) = 0;
  virtual void do_clear() = 0;

  const schema::TableDefPtr table_;
  std::mutex writer_mutex_;
  std::atomic<uint64_t> changes_{0};
};
using IndexPtr = std::shared_ptr<Index>;

using PostingIndexes = std::map<uint32_t, std::shared_ptr<const PostingIndex>>;

/// The indexes of a process by id, at one moment. Immutable.
struct IndexSet {
  std::map<uint32_t, ReaderPtr> indexes;
  /// Those that are kept in the store.
  PostingIndexes postings;

  /// Null when there is none.
  const ReaderPtr* find(uint32_t index_id) const {
    const auto it = indexes.find(index_id);
    return it == indexes.end() ? nullptr : &it->second;
  }
};
using IndexSetPtr = std::shared_ptr<const IndexSet>;

}  // namespace sagitta::index
