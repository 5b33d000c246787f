/// Progress in the store.
#include "sagitta/index/progress.h"

namespace sagitta::index {

Bytes Progress::encode() const {
  Bytes value(1, complete ? '\1' : '\0');
  put_blob(value, from);
  return value;
}

std::optional<Progress> Progress::decode(BytesView bytes) {
  ByteReader in(bytes);
  const auto complete = in.big<uint8_t>();
  const auto from = in.blob();
  if (!complete || *complete > 1 || !from || !in.empty()) return std::nullopt;
  return Progress{*complete == 1, Bytes(*from)};
}

Bytes posting_progress_key(uint32_t index_id) {
  Bytes key = "index.postings.";
  put_big(key, index_id);
  return key;
}

}  // namespace sagitta::index
