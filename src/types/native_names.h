/// The native types by their names in CQL and in Cassandra's marshal package.
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

#include "sagitta/types/data_type.h"

namespace sagitta::types {

struct NativeName {
  Kind kind;
  std::string_view cql;
  std::string_view marshal;  ///< without the package
};

inline constexpr std::array kNatives = {
    NativeName{Kind::kAscii, "ascii", "AsciiType"},
    NativeName{Kind::kBigint, "bigint", "LongType"},
    NativeName{Kind::kBlob, "blob", "BytesType"},
    NativeName{Kind::kBoolean, "boolean", "BooleanType"},
    NativeName{Kind::kCounter, "counter", "CounterColumnType"},
    NativeName{Kind::kDecimal, "decimal", "DecimalType"},
    NativeName{Kind::kDouble, "double", "DoubleType"},
    NativeName{Kind::kFloat, "float", "FloatType"},
    NativeName{Kind::kInt, "int", "Int32Type"},
    NativeName{Kind::kTimestamp, "timestamp", "TimestampType"},
    NativeName{Kind::kUuid, "uuid", "UUIDType"},
    NativeName{Kind::kText, "text", "UTF8Type"},
    NativeName{Kind::kVarint, "varint", "IntegerType"},
    NativeName{Kind::kTimeuuid, "timeuuid", "TimeUUIDType"},
    NativeName{Kind::kInet, "inet", "InetAddressType"},
    NativeName{Kind::kDate, "date", "SimpleDateType"},
    NativeName{Kind::kTime, "time", "TimeType"},
    NativeName{Kind::kSmallint, "smallint", "ShortType"},
    NativeName{Kind::kTinyint, "tinyint", "ByteType"},
    NativeName{Kind::kDuration, "duration", "DurationType"},
};

inline constexpr std::string_view kMarshalPackage = "org.apache.cassandra.db.marshal.";

/// Null when `kind` is no native.
inline const NativeName* find_native(Kind kind) {
  const auto found = std::ranges::find(kNatives, kind, &NativeName::kind);
  return found == kNatives.end() ? nullptr : &*found;
}
/// By the name of its marshal class without the package; null when there is none.
inline const NativeName* find_native_class(std::string_view marshal) {
  const auto found = std::ranges::find(kNatives, marshal, &NativeName::marshal);
  return found == kNatives.end() ? nullptr : &*found;
}

}  // namespace sagitta::types
