/// A record of the log, and its bytes (docs/formats/log.md).
#pragma once

#include <cstdint>
#include <memory>

#include "sagitta/base/bytes.h"
#include "sagitta/base/result.h"
#include "sagitta/base/uuid.h"

namespace sagitta::log {

/// A log is so many ordered streams, numbered from 0.
using Partition = uint16_t;

/// The place of a record in its partition. Offsets ascend; a log may leave some out.
using Offset = uint64_t;

/// What a record asks the replica to do. The numbers are the format's (docs/formats/log.md); a
/// replica that meets a kind it does not know halts rather than skip it.
enum class RecordKind : uint8_t {
  kMutation = 1,  ///< a batch of row changes of one or more tables, applied as one
  kSchema = 2,    ///< a schema change
  kTruncate = 3,  ///< all rows of one table go
  kBarrier = 4,   ///< nothing changes; whoever waits for it has seen everything before it
  kTick = 5,      ///< the log clock moves, and a deletion under way goes a step further
  // Of the batch log (db).
  kBatch = 6,      ///< a logged batch over several partitions: its mutations go into each
  kBatchDone = 8,  ///< they have done so
  /// Row changes of one partition of a table, applied as one if its rows are as they say.
  kConditional = 9,
};

/// One record, version 1 of the format.
struct Record {
  RecordKind kind = RecordKind::kBarrier;
  /// The schema version the writer had; the replica must know it before it applies the record.
  uint64_t schema_version = 0;
  /// Tells a retried append from a new one.
  Uuid request_id;
  /// Applied only if the log clock has not passed this, microseconds since the epoch; 0 = no limit.
  int64_t not_after_us = 0;
  /// When it was appended, microseconds since the epoch; the replica's log clock is the running
  /// maximum. Set by `append`.
  int64_t log_time_us = 0;
  Bytes payload;
};

/// Shared by the log and those who read it.
using RecordPtr = std::shared_ptr<const Record>;

/// A record in its place.
struct Entry {
  Partition partition = 0;
  Offset offset = 0;
  /// Counts the leaders that the partition has had; -1: the log keeps no count.
  int32_t epoch = -1;
  /// Never null.
  RecordPtr record = nullptr;
};

/// Appends the bytes of one record as the format has them, checksum included. `group_first` is the
/// offset of the first record that is written and synced together with this one.
void encode_record(const Record& record, Offset offset, Offset group_first, Bytes& out);
inline void encode_record(const Record& record, Offset offset, Bytes& out) {
  encode_record(record, offset, offset, out);
}
/// The record that `bytes` are, all of them; partition and epoch are the caller's to set.
/// kCorruption, or kFormat for a newer version or an unknown kind.
Result<Entry> decode_record(BytesView bytes);

}  // namespace sagitta::log
