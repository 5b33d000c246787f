/// How postings are written and read.
#include "sagitta/rows/posting.h"

#include "stored_codec.h"

namespace sagitta::rows {
namespace {

constexpr uint8_t kPostingFormat = 1;

}  // namespace

Bytes posting_prefix(uint32_t index_id, BytesView term) {
  Bytes prefix;
  prefix.reserve(sizeof(index_id) + term.size());
  put_big(prefix, index_id);
  prefix += term;
  return prefix;
}

Bytes posting_key(uint32_t index_id, const Posting& posting) {
  Bytes key = posting_prefix(index_id, posting.term);
  key += posting.row_key;
  key += posting.path;
  return key;
}

Bytes posting_value(const Posting& posting) {
  Bytes value;
  put_big(value, kPostingFormat);
  put_varint(value, posting.row_key.size());
  put_varint(value, posting.path.size());
  put_signed_varint(value, posting.expires_s);
  return value;
}

Result<Posting> decode_posting(BytesView key, BytesView value) {
  ByteReader in(value);
  const auto format = in.big<uint8_t>();
  if (!format || *format == 0) return corrupt_entry();
  if (*format > kPostingFormat) return unknown_format("a posting", *format, kPostingFormat);
  const auto row_size = in.varint(), path_size = in.varint();
  const auto expires_s = in.signed_varint();
  constexpr size_t kIndexId = sizeof(uint32_t);
  const bool fits = expires_s && in.empty() && key.size() >= kIndexId && *row_size <= key.size() - kIndexId &&
                    *path_size <= key.size() - kIndexId - *row_size;
  if (!fits) return corrupt_entry();
  const size_t term_size = key.size() - kIndexId - *row_size - *path_size;
  return Posting{.term = key.substr(kIndexId, term_size),
                 .row_key = key.substr(kIndexId + term_size, *row_size),
                 .path = key.substr(kIndexId + term_size + *row_size),
                 .expires_s = *expires_s};
}

}  // namespace sagitta::rows
