/// The schema of a node: of its one log partition as that has it, or of several from a log of its
/// own.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "sagitta/db/options.h"
#include "sagitta/log/log.h"
#include "sagitta/replica/catalog.h"
#include "sagitta/replica/replica.h"

#include "data_directory.h"

namespace sagitta::db {

struct Partition;

/// Thread-safe between `open` and `close`.
///
/// With several partitions a change is a record of the meta log first. Each partition takes it on
/// when it meets a record that was written with it, so a barrier in each makes all of them do so.
class Meta {
 public:
  /// All must outlive it.
  Meta(const Environment& environment, const std::vector<Partition>& partitions)
      : env_(environment), partitions_(partitions) {}
  Meta(const Meta&) = delete;
  Meta& operator=(const Meta&) = delete;

  /// Before the partitions, if there are several. Blocks.
  Status open(const DataDirectory& directory);
  /// Where partitions learn of changes; null when they are in their own log.
  const replica::SchemaSource* source() const { return catalog_.get(); }
  /// Behind the partitions: each gets a first record if it has none, and what it has not met yet of
  /// the changes. Blocks.
  Status bring_up();

  schema::SchemaPtr schema() const;
  /// See Replica::on_schema_change.
  [[nodiscard]] std::shared_ptr<void> on_schema_change(
      std::function<void(const schema::SchemaOutcome&)> listener) const;
  /// A record of kind kSchema or kTruncate: `done` comes once every partition has taken it on.
  /// Errors as Replica::submit; for what is not in effect everywhere yet, and will be, kTruncate
  /// (a truncation) or kWriteTimeout, or what the disk said.
  void submit(log::Record record, replica::ApplyDone done);
  /// Before a proposed change goes into the log: its place among writes that the server stamps.
  void stamp(schema::SchemaChange& change) const;
  /// As Catalog::log_clock_us; INT64_MIN where the schema is in the partition's own log.
  int64_t log_clock_us() const { return catalog_ == nullptr ? INT64_MIN : catalog_->log_clock_us(); }
  std::optional<Error> halted() const { return catalog_ == nullptr ? std::nullopt : catalog_->halted(); }

  void stop();
  /// Nobody uses it any more.
  void close();

 private:
  /// All partitions take on what there is up to this version.
  void cross(uint64_t version, const std::function<void(Status)>& done) const;

  const Environment& env_;
  const std::vector<Partition>& partitions_;
  std::unique_ptr<log::Log> log_;
  std::unique_ptr<replica::Catalog> catalog_;
};

}  // namespace sagitta::db
