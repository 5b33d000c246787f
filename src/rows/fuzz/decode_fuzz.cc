/// Arbitrary bytes to every decoder of the library: none may crash or read past its input, and what
/// one accepts it must write so that it reads back as the same bytes.
#include <cstdlib>

#include "sagitta/rows/apart_cells.h"
#include "sagitta/rows/conditional_write.h"
#include "sagitta/rows/deletions.h"
#include "sagitta/rows/mutation.h"
#include "sagitta/rows/posting.h"
#include "sagitta/rows/row_keys.h"
#include "sagitta/rows/stored_row.h"
#include "sagitta/schema/schema_change.h"

namespace {

using namespace sagitta;
using namespace sagitta::rows;

/// Encoding what was decoded is a fixed point: decode, encode, decode, encode gives the same bytes
/// twice.
template <class Decode, class Encode>
void check(BytesView bytes, Decode decode, Encode encode_value) {
  auto first = decode(bytes);
  if (!first) return;
  Bytes once, twice;
  encode_value(*first, once);
  auto second = decode(once);
  if (!second) std::abort();
  encode_value(*second, twice);
  if (once != twice) std::abort();
}

/// An entry, whose value has as many bytes as the first says. What makes its key, and what it reads
/// back as, are the same.
void check_posting(BytesView bytes) {
  if (bytes.empty()) return;
  const auto value_size = static_cast<size_t>(static_cast<uint8_t>(bytes[0]));
  if (bytes.size() <= value_size) return;
  const BytesView key = bytes.substr(1 + value_size);
  const auto first = decode_posting(key, bytes.substr(1, value_size));
  if (!first) return;
  if (posting_key(get_big<uint32_t>(key.data()), *first) != key) std::abort();
  const Bytes value = posting_value(*first);
  const auto second = decode_posting(key, value);
  if (!second || posting_value(*second) != value || second->row_key != first->row_key) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const BytesView bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 10) {
    case 0: check(bytes, decode_mutations, [](const auto& v, Bytes& out) { encode(v, out); }); break;
    case 1: check(bytes, schema::decode_schema_change, [](const auto& v, Bytes& out) { encode(v, out); }); break;
    case 2: check(bytes, schema::Schema::decode, [](const auto& v, Bytes& out) { v->encode(out); }); break;
    case 3: check(bytes, StoredRow::decode, [](const auto& v, Bytes& out) { v.encode(out); }); break;
    case 4: check(bytes, PartitionHeader::decode, [](const auto& v, Bytes& out) { v.encode(out); }); break;
    case 5: static_cast<void>(split_key(bytes)); break;
    case 6: check(bytes, CellPage::decode, [](const auto& v, Bytes& out) { v.encode(out); }); break;
    case 7: check(bytes, DeletionPage::decode, [](const auto& v, Bytes& out) { v.encode(out); }); break;
    case 8: check(bytes, decode_conditional_write, [](const auto& v, Bytes& out) { encode(v, out); }); break;
    default: check_posting(bytes); break;
  }
  return 0;
}
