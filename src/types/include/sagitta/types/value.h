/// Operations on serialised values. Everywhere in the engine a value is its CQL wire bytes; its
/// type says how to read them.
#pragma once

#include <compare>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "sagitta/types/data_type.h"

namespace sagitta::types {

/// kInvalid when `bytes` is no value of `type`; the text names the type and the number ("Invalid
/// vector literal ..." for a vector of the wrong length is the binder's; here: "expected 4 bytes
/// for int, but got 3").
Status validate(const DataType& type, BytesView bytes);

/// Cassandra's order of two valid values of one type.
std::strong_ordering compare(const DataType& type, BytesView a, BytesView b);

/// The value as a CQL literal ('text', 0x00ff, [1, 2], {a: 1}), as cqlsh would accept it back.
std::string to_literal(const DataType& type, ValueView value);

/// A native value as CAST(x AS text) gives it.
std::string to_text(const DataType& type, BytesView value);

/// The value as JSON, in Cassandra's form.
std::string to_json(const DataType& type, ValueView value);

/// A row, or anything else with named values, as a JSON object in Cassandra's form: a name that has
/// capitals stands in quotes of its own inside the JSON string ("\"Big\"").
class JsonObject {
 public:
  void add(std::string_view name, const DataType& type, ValueView value);
  std::string text() && { return std::move(text_) + "}"; }

 private:
  std::string text_ = "{";
};

/// Bytes whose memcmp order is the order of the values (reversed when `descending`),
/// self-delimiting, so that the encodings of several components can be concatenated into one
/// ordered key. Invertible; a null or absent component is never encoded here. Values that compare
/// equal encode alike, so what is read back is equal to the value but may differ in bytes (decimal
/// 1.50 is 1.5 then).
void append_ordered(const DataType& type, BytesView value, bool descending, Bytes& out);
/// Reads back one component. kCorruption when the bytes are none.
Result<Bytes> take_ordered(const DataType& type, bool descending, ByteReader& in);

// Scalars to bytes and back. The readers want bytes that `validate` accepts.
Bytes from_bool(bool v);
Bytes from_int8(int8_t v);
Bytes from_int16(int16_t v);
Bytes from_int32(int32_t v);
Bytes from_int64(int64_t v);
Bytes from_float(float v);
Bytes from_double(double v);
/// Minimal two's complement, big-endian, of a decimal integer text "-123"; nothing if it is not
/// one.
std::optional<Bytes> varint_from_text(std::string_view text);
std::string varint_to_text(BytesView bytes);
std::optional<Bytes> decimal_from_text(std::string_view text);
bool to_bool(BytesView bytes);
int8_t to_int8(BytesView bytes);
int16_t to_int16(BytesView bytes);
int32_t to_int32(BytesView bytes);
int64_t to_int64(BytesView bytes);
float to_float(BytesView bytes);
double to_double(BytesView bytes);

/// A vector<float, n> from host floats, and back (n × 4 big-endian bytes; `out` has room for dim
/// floats).
Bytes from_floats(std::span<const float> floats);
void to_floats(BytesView bytes, std::span<float> out);

/// Parses the text form of a native scalar as it stands in a CQL string or bare literal (dates,
/// times, timestamps, inet, uuid, numbers, durations, blobs 0x..); kInvalid with the text and the
/// type when it is none.
Result<Bytes> from_text(const DataType& type, std::string_view text);

// Collections, tuples and UDTs: [int count] ([int length] bytes)*; tuples and UDTs: ([int length]
// bytes)*, length -1 = null.
Bytes pack_list(std::span<const Bytes> elements);
/// A list that no client can write: of some elements there are none.
Bytes pack_nullable_list(std::span<const Value> elements);
Bytes pack_map(std::span<const std::pair<Bytes, Bytes>> entries);
/// Of a list, set or map: the elements as `unpack_elements` gives them.
Bytes pack_elements(const DataType& type, std::span<const Bytes> elements);
Bytes pack_tuple(std::span<const Value> fields);
/// A vector of any element type: fixed-size elements back to back, others each with an unsigned
/// vint length before it.
Bytes pack_vector(const DataType& type, std::span<const Bytes> elements);
/// The elements of a list, set (value), map (key, value, key, value ...), vector; kInvalid when the
/// bytes do not hold them.
Result<std::vector<Bytes>> unpack_elements(const DataType& type, BytesView bytes);
/// The fields of a tuple or UDT; missing trailing fields are null.
Result<std::vector<Value>> unpack_tuple(const DataType& type, BytesView bytes);
/// A set or map with its elements in the order of the element or key type and without duplicates
/// (of equal keys the later wins); other types unchanged. `bytes` must be valid.
Bytes normalise(const DataType& type, BytesView bytes);

/// Byte length of each element of a vector when fixed by its type (bool 1, int and float 4, bigint,
/// double and timestamp 8, uuid and timeuuid 16, vectors of those), else 0. Everything else travels
/// with a length.
uint32_t fixed_element_bytes(const DataType& type);

}  // namespace sagitta::types
