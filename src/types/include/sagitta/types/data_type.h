/// CQL data types. A DataType is an immutable tree, shared by pointer.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "sagitta/base/bytes.h"
#include "sagitta/base/result.h"

namespace sagitta::types {

/// The numbers of natives and collections are the option ids of the native protocol (§ data types);
/// kVector has none there: it travels as a custom type (id 0) with its marshal class.
enum class Kind : uint16_t {
  kVector = 0x0000,
  kAscii = 0x0001,
  kBigint = 0x0002,
  kBlob = 0x0003,
  kBoolean = 0x0004,
  kCounter = 0x0005,
  kDecimal = 0x0006,
  kDouble = 0x0007,
  kFloat = 0x0008,
  kInt = 0x0009,
  kTimestamp = 0x000B,
  kUuid = 0x000C,
  kText = 0x000D,  ///< also varchar
  kVarint = 0x000E,
  kTimeuuid = 0x000F,
  kInet = 0x0010,
  kDate = 0x0011,
  kTime = 0x0012,
  kSmallint = 0x0013,
  kTinyint = 0x0014,
  kDuration = 0x0015,
  kList = 0x0020,
  kMap = 0x0021,
  kSet = 0x0022,
  kUdt = 0x0030,
  kTuple = 0x0031,
};

class DataType;
using DataTypePtr = std::shared_ptr<const DataType>;

/// One node of a type tree. Immutable; share freely between threads.
class DataType {
 public:
  static DataTypePtr native(Kind kind);
  static DataTypePtr list(DataTypePtr element, bool frozen = false);
  static DataTypePtr set(DataTypePtr element, bool frozen = false);
  static DataTypePtr map(DataTypePtr key, DataTypePtr value, bool frozen = false);
  static DataTypePtr tuple(std::vector<DataTypePtr> fields);
  static DataTypePtr vector(DataTypePtr element, uint32_t dim);
  /// Its fields as they are given: those of a frozen one are frozen.
  static DataTypePtr udt(std::string keyspace, std::string name, std::vector<std::string> field_names,
                         std::vector<DataTypePtr> field_types, bool frozen = false);
  /// The same type, frozen (and, for collections and UDTs, all that is inside).
  static DataTypePtr freeze(const DataTypePtr& type);

  Kind kind() const { return kind_; }
  /// Element of list, set, vector; [key, value] of map; fields of tuple and UDT.
  const std::vector<DataTypePtr>& parameters() const { return parameters_; }
  const DataTypePtr& element() const { return parameters_[0]; }
  const DataTypePtr& key() const { return parameters_[0]; }
  const DataTypePtr& mapped() const { return parameters_[1]; }
  uint32_t dim() const { return dim_; }
  /// Of a UDT.
  const std::string& keyspace() const { return keyspace_; }
  const std::string& name() const { return name_; }
  const std::vector<std::string>& field_names() const { return field_names_; }

  bool is_collection() const { return kind_ == Kind::kList || kind_ == Kind::kSet || kind_ == Kind::kMap; }
  bool is_frozen() const { return frozen_; }
  /// Stored as one cell per element: a collection or UDT that is not frozen.
  bool is_multi_cell() const { return (is_collection() || kind_ == Kind::kUdt) && !frozen_; }
  bool is_float_vector() const { return kind_ == Kind::kVector && element()->kind() == Kind::kFloat; }

  /// As system_schema shows it: "frozen<map<int, frozen<list<text>>>>", "vector<float, 3>",
  /// "address".
  std::string to_cql() const;
  /// "org.apache.cassandra.db.marshal.VectorType(org.apache.cassandra.db.marshal.FloatType, 3)"
  std::string marshal_class() const;
  /// The [option] of result metadata: id and parameters, big-endian, as the protocol has it.
  void append_option(Bytes& out) const;
  /// Reads the [option] at the start of `in`; custom types by their marshal class, with or without
  /// its package. The protocol does not say what is frozen, except inside a marshal class.
  /// kProtocol names what is no type.
  static Result<DataTypePtr> read_option(ByteReader& in);

  /// Format of the catalog (docs/formats/catalog.md).
  void encode(Bytes& out) const;
  /// kCorruption on bytes that are no type.
  static Result<DataTypePtr> decode(ByteReader& in);

  bool operator==(const DataType& other) const;

 private:
  void freeze_parameters();
  DataType() = default;
  Kind kind_ = Kind::kBlob;
  bool frozen_ = false;
  uint32_t dim_ = 0;
  std::vector<DataTypePtr> parameters_;
  std::string keyspace_, name_;
  std::vector<std::string> field_names_;
};

/// Whether every value stored as `before` is a value of `now`, so that a dropped column may come
/// back with this type. The rules are Cassandra's: text after ascii, uuid after timeuuid, bigint
/// and timestamp after each other, blob after what has no fixed length, tuples and UDTs with more
/// fields; collections by what is inside.
bool may_hold_values_of(const DataType& now, const DataType& before);

inline bool same_type(const DataTypePtr& a, const DataTypePtr& b) { return *a == *b; }

}  // namespace sagitta::types
