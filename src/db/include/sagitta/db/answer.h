/// What comes back: a prepared statement, rows with their metadata, changes of the schema.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "sagitta/base/bytes.h"
#include "sagitta/base/result.h"
#include "sagitta/base/uuid.h"
#include "sagitta/types/data_type.h"

namespace sagitta::db {

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
  /// 16 bytes: a hash of keyspace, text and the types of the markers, the same in every process.
  /// When a marker of the text gets a type whose values have other bytes, the statement has another
  /// id.
  Bytes id;
  std::string keyspace, text;
  std::vector<ColumnSpec> markers;
  /// Marker index of each partition key component, in key order; empty when some component is no
  /// marker.
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
  /// The prepared statement had other columns before, which a client may still believe in. Clients
  /// whose protocol has ids of metadata (5 and later) can tell; the others must be given the
  /// metadata, wanted or not.
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

/// Called exactly once per request: inline, or from an applier, worker or deadline thread. Must not
/// block. A write that has no outcome at its deadline, or when the database stops, gets
/// kWriteTimeout: it may still take effect.
using Done = std::function<void(Result<Answer>)>;

}  // namespace sagitta::db
