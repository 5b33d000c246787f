/// The log: one ordered, durable stream of records per log partition. The log is the database; everything else is
/// derived from it. LocalLog keeps it in segment files here, SimLog in memory with faults; a Kafka one has the same
/// interface.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sagitta/base/bytes.h"
#include "sagitta/base/clock.h"
#include "sagitta/base/file.h"
#include "sagitta/base/metrics.h"
#include "sagitta/base/random.h"
#include "sagitta/base/result.h"
#include "sagitta/base/uuid.h"

namespace sagitta::log {

/// The place of a record in its partition: 0, 1, 2, …
using Offset = uint64_t;
inline constexpr Offset kNoOffset = UINT64_MAX;

/// What a record asks the replica to do. The numbers are the format's (docs/formats/log.md); a replica that meets a
/// kind it does not know halts rather than skip it.
enum class RecordKind : uint8_t {
  kMutation = 1,  ///< a batch of row changes of one or more tables, applied as one
  kSchema = 2,    ///< a schema change
  kTruncate = 3,  ///< all rows of one table go
  kBarrier = 4,   ///< nothing changes; whoever waits for it has seen everything before it
  kTick = 5,      ///< nothing changes but the log clock
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
  /// When it was appended, microseconds since the epoch; the replica's log clock is the running maximum. Set by
  /// `append`.
  int64_t log_time_us = 0;
  Bytes payload;
};

struct Entry {
  Offset offset;
  Record record;
};

/// Called once, when the record is durable (or will never be: then with the error), from a thread of the log; after
/// stop() from within `append`. Must not block.
using AppendDone = std::function<void(Result<Offset>)>;

/// Thread-safe.
class Log {
 public:
  virtual ~Log() = default;
  /// Queues the record. Records of one thread keep their order. `done` gets kOverloaded past the queue's limit,
  /// kInvalid for a payload above limits::kRecordBytesMax, kNoSpace or kIo when it could not be made durable: from then
  /// on every append fails until the log is opened anew, because what reached the disk is not known.
  virtual void append(Record record, AppendDone done) = 0;
  /// Durable records from `from` on, in order, up to about `max_bytes` but at least one; blocks up to `wait_us` while
  /// there is none, then returns an empty list. kCorruption when a record in the middle is damaged, kNotFound when
  /// `from` was trimmed.
  virtual Result<std::vector<Entry>> read(Offset from, size_t max_bytes, int64_t wait_us) = 0;
  /// The offset the next record will get after all durable ones; a replica that has applied everything below it is up
  /// to date.
  virtual Offset end() const = 0;
  /// The oldest offset that can be read.
  virtual Offset begin() const = 0;
  /// Records below `before` will not be read again; frees what whole segments they fill.
  virtual Status trim(Offset before) = 0;
  /// Fails waiting readers with kUnavailable, refuses new appends, makes queued ones durable, joins threads.
  /// Idempotent.
  virtual void stop() = 0;
};

struct LocalOptions {
  std::string directory;
  size_t segment_bytes = size_t{64} << 20;
  size_t queue_bytes_max = size_t{64} << 20;
  /// Recent records kept in memory for readers, so that the applier reads no disk.
  size_t tail_bytes = size_t{32} << 20;
};

/// Opens or creates a log of segment files. A torn tail (a last record cut short by a crash) is cut off and counted;
/// damage before the tail is kCorruption naming file and position. `files`, `clock` and `metrics` must outlive it.
Result<std::unique_ptr<Log>> open_local_log(FileSystem& files, const Clock& clock, MetricsRegistry& metrics,
                                            const LocalOptions& options);

/// Appends the bytes of one record as the format has them, checksum included. `group_first` is the offset of the first
/// record that is written and synced together with this one.
void encode_record(const Record& record, Offset offset, Offset group_first, Bytes& out);
inline void encode_record(const Record& record, Offset offset, Bytes& out) {
  encode_record(record, offset, offset, out);
}
/// The record that `bytes` are, all of them. kCorruption, or kFormat for a newer version or an unknown kind.
Result<Entry> decode_record(BytesView bytes);

}  // namespace sagitta::log
