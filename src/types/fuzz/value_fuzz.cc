/// Arbitrary bytes as a value of a type that they name: what validates can be written as text and
/// as a key, and the key reads back as an equal value; as a key they are refused or read as a valid
/// value; as text and as JSON they are refused or valid.
#include <cstdlib>

#include "sagitta/types/json.h"
#include "sagitta/types/value.h"

namespace {

using namespace sagitta;
using namespace sagitta::types;

void require(bool holds) {
  if (!holds) std::abort();
}

void check_value(const DataType& type, BytesView bytes) {
  if (!validate(type, bytes)) return;
  to_literal(type, bytes);
  to_json(type, bytes);
  require(compare(type, bytes, bytes) == 0);
  require(validate(type, normalise(type, bytes)).has_value());
  for (const bool descending : {false, true}) {
    Bytes key;
    append_ordered(type, bytes, descending, key);
    ByteReader in(key);
    const auto back = take_ordered(type, descending, in);
    require(back && in.empty() && compare(type, *back, bytes) == 0);
  }
}

void check_key(const DataType& type, BytesView bytes, bool descending) {
  ByteReader in(bytes);
  if (const auto value = take_ordered(type, descending, in)) require(validate(type, *value).has_value());
}

void check_json(const DataType& type, BytesView text) {
  const auto json = parse_json(text);
  if (!json) return;
  const auto value = from_json(type, *json);
  if (value && *value) require(validate(type, **value).has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ByteReader in(BytesView(reinterpret_cast<const char*>(data), size));
  const auto type = DataType::decode(in);
  if (!type) return 0;
  check_value(**type, in.rest());
  check_key(**type, in.rest(), size % 2 == 1);
  if (const auto parsed = from_text(**type, in.rest())) require(validate(**type, *parsed).has_value());
  check_json(**type, in.rest());
  return 0;
}
