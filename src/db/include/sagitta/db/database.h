/// The embedded database: statements in, answers out, no sockets. It owns the data directory and everything below it
/// (log, store, replica, vector indexes), the prepared statements, the memory budgets and the system tables.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "sagitta/base/budget.h"
#include "sagitta/base/bytes.h"
#include "sagitta/base/clock.h"
#include "sagitta/base/executor.h"
#include "sagitta/base/file.h"
#include "sagitta/base/metrics.h"
#include "sagitta/base/random.h"
#include "sagitta/base/result.h"
#include "sagitta/base/trace.h"
#include "sagitta/base/uuid.h"
#include "sagitta/types/data_type.h"
#include "sagitta/types/request.h"

namespace sagitta::db {

/// How this node describes itself in system.local and the traces.
struct NodeOptions {
  std::string cluster_name = "Sagitta";
  std::string data_center = "datacenter1";
  std::string rack = "rack1";
  /// Where clients reach it: an IPv4 or IPv6 address in text, and the CQL port.
  std::string cql_address = "127.0.0.1";
  uint16_t cql_port = 9042;
};

/// Limits of the tree root -> {sessions, frames, prepared, fresh_lists, block_cache}.
struct BudgetOptions {
  size_t root_bytes = size_t{2} << 30;
  size_t sessions_bytes = size_t{448} << 20;
  size_t frames_bytes = size_t{512} << 20;
  size_t prepared_bytes = size_t{32} << 20;
  size_t fresh_lists_bytes = size_t{1} << 30;
  size_t block_cache_bytes = size_t{384} << 20;
};

/// Work of one request in one go (base/work_meter.h).
struct WorkLimits {
  /// Of a read, or of finding the keys that a statement names, on the caller's thread: about a
  /// millisecond.
  uint64_t caller = 1'000'000;
  /// Of a read on a worker, before other reads have their turn there.
  uint64_t slice = 5'000'000;
};

struct Options {
  std::string data_dir;
  NodeOptions node;
  BudgetOptions budgets;
  WorkLimits work;
  /// Keeps rows in the in-memory twin of the store; everything is then rebuilt from the log at each start. For tests.
  bool memory_store = false;
  size_t log_segment_bytes = size_t{64} << 20;
  /// A vector index is saved in the background after so many changes, and a fifth of its vectors.
  uint64_t index_changes_min = 10'000;
  /// A statement or batch deletes so many rows at once; the others are gone too, and removed step by step.
  size_t rows_deleted_at_once = 1000;
};

/// What the database needs from outside. All must outlive it.
struct Environment {
  FileSystem& files;
  const Clock& clock;
  Random& random;
  MetricsRegistry& metrics;
  /// Threads that may wait for a disk: blocking reads, index builds, flushes.
  Executor& workers;
};

/// The budgets of the process, for those who charge them.
struct Budgets {
  explicit Budgets(const BudgetOptions& options);
  MemoryBudget root;
  MemoryBudget sessions, frames, prepared, fresh_lists, block_cache;
};

/// One bound value of a request. Unset leaves a column as it is; a null deletes it.
struct BoundValue {
  Value value;
  bool unset = false;
  /// Empty for positional values; else the marker's name as it travelled.
  std::string name;
};

using types::BatchKind;
using types::Consistency;

/// What a request brings besides its statement.
struct RequestOptions {
  /// For unqualified names: of the request, else of the session's USE. Empty = none.
  std::string keyspace = {};
  std::vector<BoundValue> values = {};
  Consistency consistency = Consistency::kOne;
  std::optional<Consistency> serial_consistency = {};
  /// Rows per page; 0 or less = all in one.
  int32_t page_size = 0;
  /// As an earlier answer gave it; empty for the first page. kProtocol when it is damaged or of another statement.
  Bytes paging_state = {};
  /// Microseconds; given by the client, it wins over the server's time.
  std::optional<int64_t> default_timestamp_us = {};
  /// Seconds since the epoch: the time that values expire by and that lifetimes begin at; the server's when absent.
  std::optional<int64_t> now_s = {};
  Deadline deadline = {};
  /// Records the request in system_traces under an id of its own (Answer::tracing_id).
  bool tracing = false;
  /// The client's address, for traces.
  std::string client_address = {};
};

struct ColumnSpec {
  std::string keyspace, table, name;
  types::DataTypePtr type;
};

/// Result columns. Shared: a prepared statement's answers all point to the same one.
struct Metadata {
  std::vector<ColumnSpec> columns;
  /// Hash of the columns; changes when they do (protocol v5).
  std::array<uint8_t, 16> id{};
};
using MetadataPtr = std::shared_ptr<const Metadata>;

/// A prepared statement, as the PREPARED answer shows it. Immutable.
struct Prepared {
  /// 16 bytes: a hash of keyspace, text and the types of the markers, the same in every process. When a marker of the
  /// text gets a type whose values have other bytes, the statement has another id.
  Bytes id;
  std::string keyspace, text;
  std::vector<ColumnSpec> markers;
  /// Marker index of each partition key component, in key order; empty when some component is no marker.
  std::vector<uint16_t> pk_indexes;
  /// No columns when the statement returns no rows.
  MetadataPtr result;
  virtual ~Prepared() = default;
};
using PreparedPtr = std::shared_ptr<const Prepared>;

struct Void {};

struct Rows {
  MetadataPtr metadata;
  uint32_t row_count = 0;
  /// Row by row, each cell [int32 length][bytes], length -1 = null: as the protocol has them.
  Bytes cells;
  /// Not empty when there are more rows.
  Bytes paging_state = {};
  /// The prepared statement had other columns before, which a client may still believe in. Clients whose protocol has
  /// ids of metadata (5 and later) can tell; the others must be given the metadata, wanted or not.
  bool columns_changed = false;
};

struct SetKeyspace {
  std::string keyspace = {};
};

struct SchemaChangeEvent {
  std::string change;  ///< CREATED, UPDATED, DROPPED
  std::string target;  ///< KEYSPACE, TABLE, TYPE, FUNCTION, AGGREGATE
  std::string keyspace = {};
  std::string name;  ///< empty for a keyspace
  std::vector<std::string> arguments;
};

struct Answer {
  std::variant<Void, Rows, SetKeyspace, SchemaChangeEvent> body;
  std::vector<std::string> warnings;
  /// Set when the request was traced, also in answers to schema changes and writes.
  std::optional<Uuid> tracing_id;
};

/// Called exactly once per request: inline, or from an applier, worker or deadline thread. Must not block. A write that
/// has no outcome at its deadline, or when the database stops, gets kWriteTimeout: it may still take effect.
using Done = std::function<void(Result<Answer>)>;

/// One statement of a BATCH request: text, or a prepared id when `prepared_id` is not empty.
struct BatchItem {
  std::string text;
  Bytes prepared_id;
  std::vector<BoundValue> values = {};
};

/// A longer text takes long to parse: query() and batch() do that on a worker, prepare() does it on
/// the caller's thread.
inline constexpr size_t kCallerTextBytes = size_t{8} << 10;

/// Thread-safe: any thread may call anything. Requests never wait for a disk on the caller's
/// thread, and do little work there: a read is tried from memory, and goes to `workers` when
/// something is missing or it reads much.
class Database {
 public:
  /// Opens or creates the data directory, then replays what the log has beyond the store. Blocks. One-line errors:
  /// kLocked (another process holds it), kFormat (written by a newer version), kCorruption, kIo, kNoSpace.
  static Result<std::unique_ptr<Database>> open(Options options, Environment environment);
  virtual ~Database() = default;

  /// True once everything in the log is applied and indexes that existed at start are serving; false again when writes
  /// can no longer be made durable or applied (`state` then says why).
  virtual bool ready() const = 0;
  /// Refuses new requests with kUnavailable, finishes those under way, flushes, closes. Idempotent; the destructor
  /// calls it.
  virtual Status stop() = 0;

  /// Binds the statement; the same text in the same keyspace gives the same id while its markers keep their types. Does
  /// not block.
  virtual Result<PreparedPtr> prepare(std::string_view text, std::string_view keyspace) = 0;
  virtual void query(std::string text, RequestOptions options, Done done) = 0;
  /// kUnprepared (subject = id) when the id is not known, or no longer: also when the schema gave other types to its
  /// markers. A statement whose schema changed in any other way is bound again; its answer then carries metadata with a
  /// new id.
  virtual void execute(BytesView prepared_id, RequestOptions options, Done done) = 0;
  /// All items as one log record. `options.values` is not used.
  virtual void batch(BatchKind kind, std::vector<BatchItem> items, RequestOptions options, Done done) = 0;
  /// Whether USE may name it; kInvalid "Keyspace 'x' does not exist" otherwise.
  virtual Status check_keyspace(std::string_view keyspace) const = 0;

  /// Called after each schema change is applied, also for changes of other sessions, from the applier's thread; must
  /// not block. Destroy the handle to stop; no call is under way when its destructor returns.
  [[nodiscard]] virtual std::shared_ptr<void> on_schema_change(
      std::function<void(const SchemaChangeEvent&)> listener) = 0;

  virtual Budgets& budgets() = 0;
  virtual const Uuid& host_id() const = 0;
  /// Numbers of one line each for /readyz and start-up messages: log offset applied, tables, indexes building.
  virtual std::map<std::string, std::string> state() const = 0;
};

/// What clients see as release_version.
inline constexpr std::string_view kReleaseVersion = "5.0.0";
inline constexpr std::string_view kCqlVersion = "3.4.7";

}  // namespace sagitta::db
