/// The limits that more than one library must agree on. A limit of one library lives beside its
/// code.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sagitta::limits {

/// Cassandra's default native_transport_max_frame_size; larger frames are refused before they are
/// read.
inline constexpr size_t kFrameBytesMax = size_t{256} << 20;
/// One mutation record, and so one batch: the log refuses more.
inline constexpr size_t kRecordBytesMax = size_t{64} << 20;
/// Cassandra's limit for serialised key components.
inline constexpr size_t kKeyComponentBytesMax = 65535;
/// Dimensions of an indexable vector, as ScyllaDB.
inline constexpr uint32_t kVectorDimMax = 16000;
/// LIMIT of an ANN query, as Cassandra and ScyllaDB.
inline constexpr uint32_t kAnnLimitMax = 1000;
/// Nesting of types, literals and terms: bounds recursion.
inline constexpr uint32_t kNestingMax = 64;
/// Bind markers of a statement, as Cassandra: their number has two bytes in the protocol.
inline constexpr uint32_t kMarkersMax = 65535;
/// Columns of a table, and fields of a user type.
inline constexpr uint32_t kColumnsMax = 10000;

}  // namespace sagitta::limits
