/// Numbers of every CQL type, in the class that Java computes them in.
#pragma once

#include "sagitta/base/bytes.h"
#include "sagitta/base/result.h"
#include "sagitta/types/data_type.h"
#include "sagitta/types/decimal.h"

namespace sagitta::plan {

/// tinyint to bigint, and counter.
bool is_integer(types::Kind kind);
/// float or double.
bool is_real(types::Kind kind);
/// The two, varint and decimal.
bool is_numeric(types::Kind kind);
/// text or ascii.
bool is_text(types::Kind kind);

/// Of an integer; its bytes are not empty, here and below.
int64_t integer_of(const types::DataType& type, BytesView bytes);
/// Of any number, as near as a double comes.
double real_of(const types::DataType& type, BytesView bytes);
/// Of an integer or a varint.
types::BigInteger varint_of(const types::DataType& type, BytesView bytes);
/// Of any number. All but varints and decimals go by way of a double, as in Cassandra. kFunction
/// for what is not finite.
Result<types::Decimal> decimal_of(const types::DataType& type, BytesView bytes);

/// Bytes of an integer type; narrowing wraps, as Java's casts do.
Bytes integer_bytes(types::Kind kind, int64_t v);
/// Bytes of float or double.
Bytes real_bytes(types::Kind kind, double v);
/// What an integer type keeps of a real number. Saturating, as Java's casts are: those to less than
/// 32 bits go by way of an int, which then wraps.
int64_t saturate(double v, types::Kind to);

/// The sum and the mean of numbers of one type.
class NumberSum {
 public:
  explicit NumberSum(const types::DataType& type) : type_(type) {}
  /// kFunction for a decimal that would be too long.
  Status add(BytesView value);
  /// Wraps in its type, as Java adds; 0 of nothing.
  Result<Bytes> sum() const;
  Result<Bytes> mean() const;

 private:
  void add_real(double v);
  double real_sum() const;
  const types::DataType& type_;
  uint64_t count_ = 0;
  types::BigInteger integers_;
  types::Decimal decimals_, decimal_mean_;
  /// With what rounding took from it, and without.
  double reals_ = 0, lost_ = 0, plain_reals_ = 0;
};

}  // namespace sagitta::plan
