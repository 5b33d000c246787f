/// The embedded database: statements in, answers out, no sockets. It owns the data directory and
/// everything below it (log, store, replica, vector indexes), the prepared statements, the memory
/// budgets and the system tables.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sagitta/base/result.h"
#include "sagitta/base/uuid.h"
#include "sagitta/db/answer.h"
#include "sagitta/db/options.h"
#include "sagitta/db/request.h"
#include "sagitta/index/index_check.h"

namespace sagitta::db {

/// Thread-safe: any thread may call anything. Requests never wait for a disk on the caller's
/// thread, and do little work there: a read is tried from memory, and goes to `workers` when
/// something is missing or it reads much.
class Database {
 public:
  /// Opens or creates the data directory, then replays what the log has beyond the store. Blocks.
  /// One-line errors: kLocked (another process holds it), kFormat (written by a newer version),
  /// kCorruption, kIo, kNoSpace.
  static Result<std::unique_ptr<Database>> open(Options options, Environment environment);
  virtual ~Database() = default;

  /// True once everything in the log is applied and indexes that existed at start are serving;
  /// false again when writes can no longer be made durable or applied (`state` then says why).
  virtual bool ready() const = 0;
  /// Refuses new requests with kUnavailable, finishes those under way, flushes, closes. Idempotent;
  /// the destructor calls it.
  virtual Status stop() = 0;

  /// Binds the statement; the same text in the same keyspace gives the same id while its markers
  /// keep their types. kUnauthorized when `who` may not run it. Does not block.
  virtual Result<PreparedPtr> prepare(std::string_view text, std::string_view keyspace, const Identity& who = {}) = 0;
  virtual void query(std::string text, RequestOptions options, Done done) = 0;
  /// kUnprepared (subject = id) when the id is not known, or no longer: also when the schema gave
  /// other types to its markers. A statement whose schema changed in any other way is bound again;
  /// its answer then carries metadata with a new id.
  virtual void execute(BytesView prepared_id, RequestOptions options, Done done) = 0;
  /// All items as one log record. `options.values` is not used.
  virtual void batch(BatchKind kind, std::vector<BatchItem> items, RequestOptions options, Done done) = 0;
  /// A connection that requests will come by (RequestOptions::client).
  virtual ClientPtr connect(std::string address, uint16_t port) = 0;
  /// Whether USE may name it; kInvalid "Keyspace 'x' does not exist" otherwise.
  virtual Status check_keyspace(std::string_view keyspace) const = 0;

  /// Called after each schema change is applied, also for changes of other sessions, from the
  /// applier's thread; must not block. Destroy the handle to stop; no call is under way when its
  /// destructor returns.
  [[nodiscard]] virtual std::shared_ptr<void> on_schema_change(
      std::function<void(const SchemaChangeEvent&)> listener) = 0;

  virtual Budgets& budgets() = 0;
  virtual const Uuid& host_id() const = 0;
  /// Numbers of one line each for /readyz and start-up messages: log offset applied, tables,
  /// indexes building.
  virtual std::map<std::string, std::string> state() const = 0;
  /// Compares every index with its rows, beside reads and writes. Blocks for as long as reading all
  /// of them takes. kCorruption, kIo.
  virtual Result<std::vector<index::IndexCheck>> verify() const = 0;
};

/// What clients see as release_version.
inline constexpr std::string_view kReleaseVersion = "5.0.0";
inline constexpr std::string_view kCqlVersion = "3.4.7";

}  // namespace sagitta::db
