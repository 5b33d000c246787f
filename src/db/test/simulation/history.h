/// What clients asked and were told, and which rows can come of it.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sagitta/log/record.h"

namespace sagitta::db::test {

/// A moment: each submission, answer and start of a read has its own.
using Moment = uint64_t;
inline constexpr Moment kNever = std::numeric_limits<Moment>::max();
/// What a row is written by: an operation's number, from 1 on.
using OperationId = int64_t;
using Key = int32_t;

/// What a client knows of its operation.
enum class Told : uint8_t {
  kNothing,  ///< not yet
  kDone,
  kRefused,   ///< it did nothing, and will not
  kOpen,      ///< it may have been done, or be done yet
  kPromised,  ///< it will be done, by the next start at the latest
};

/// What an operation does to a key.
struct Effect {
  Key key = 0;
  bool deletes = false;
  /// The log partition of the key.
  log::Partition partition = 0;
  /// Of the first answer that showed it.
  Moment seen = kNever;
};

/// Of a table: rows written, or all of them removed.
struct Operation {
  enum class Kind : uint8_t { kWrite, kLoggedBatch, kUnloggedBatch, kTruncate };

  OperationId id = 0;
  Kind kind = Kind::kWrite;
  std::string table, text;
  std::vector<Effect> effects;
  /// Where the client says so; else the order is the log's.
  std::optional<int64_t> timestamp_us;
  /// The number of the column that the rows have besides; 0: none.
  int extra_column = 0;
  Moment submitted = 0, answered = kNever;
  Told told = Told::kNothing;
};

/// What is found at a key: who wrote the row, if there is one.
using Found = std::optional<OperationId>;

/// The operations since the last moment when nothing was under way, and the rows there were then.
///
/// A fault is told in words; no words: what was found can be.
class History {
 public:
  Operation& add(Operation operation);
  Operation& operation(OperationId id) { return operations_.at(id); }
  const std::map<OperationId, Operation>& operations() const { return operations_; }

  /// A key in an answer to a read.
  std::string read(const std::string& table, Key key, const Found& found, Moment began, Moment answered);
  /// All keys of a table while nothing is under way and no operation is promised: batches are
  /// whole. What was found is what there is from now on.
  std::string settle(const std::string& table, const std::map<Key, OperationId>& found, Key keys);
  /// Nothing is left to be decided; after `settle` of each table.
  void forget() { operations_.clear(); }

 private:
  bool removes(const Operation& truncation, const Operation& operation, Moment at) const;
  bool may_be_removed(const Operation& operation) const;
  bool must_be_done(const Operation& operation, const Effect& effect, Moment at) const;
  bool may_be_done(const Operation& operation, Moment at) const;
  bool beats(const Operation& winner, const Operation& loser) const;
  bool can_be(const std::string& table, Key key, const Found& found, Moment at) const;
  bool can_be_written_by(OperationId id, const std::string& table, Key key, Moment at) const;
  bool can_be_before(const std::string& table, Key key, Moment at) const;
  bool can_be_none(const std::string& table, Key key, Moment at) const;
  /// Some write or deletion of the key must be done that stands against `operation` (null: against
  /// what was before).
  bool is_beaten(const Operation* operation, const std::string& table, Key key, Moment at, bool by_rows_only) const;
  std::string check_whole(const Operation& batch, const std::map<Key, OperationId>& found) const;
  std::string check_truncations(const std::string& table, const std::map<Key, OperationId>& found);
  bool has_truncation(const std::string& table) const;

  std::map<OperationId, Operation> operations_;
  std::map<std::string, std::map<Key, OperationId>> before_;  ///< by table
};

}  // namespace sagitta::db::test
