#include "sagitta/rows/record_entries.h"

#include "stored_codec.h"

namespace sagitta::rows {

using kv::Direction;

Result<std::optional<Bytes>> RecordEntries::read(const Bytes& key) const {
  SAGITTA_TRY(auto value, batch_.row(key));
  if (value && takes(key, *value)) value.reset();
  return value;
}

Result<std::vector<Bytes>> RecordEntries::keys_between(const Bytes& from, const Bytes& to, size_t limit) const {
  std::vector<Bytes> keys;
  SAGITTA_CHECK(batch_.visit_rows(from, to, Direction::kForward, [&](BytesView key, BytesView value) {
    if (!takes(key, value)) keys.emplace_back(key);
    return keys.size() < limit;
  }));
  return keys;
}

Result<std::optional<RecordEntries::Entry>> RecordEntries::last_between(const Bytes& first, const Bytes& last) const {
  std::optional<Entry> found;
  SAGITTA_CHECK(batch_.visit_rows(first, last + '\0', Direction::kBackward, [&](BytesView key, BytesView value) {
    if (!takes(key, value)) found = {Bytes(key), Bytes(value)};
    return !found;
  }));
  return found;
}

Result<std::vector<RecordEntries::Place>> RecordEntries::all_between(const Bytes& from, const Bytes& to,
                                                                     size_t limit) const {
  std::vector<Place> places;
  SAGITTA_CHECK(batch_.visit_rows(from, to, Direction::kForward, [&](BytesView key, BytesView value) {
    places.push_back({Bytes(key), epoch_of(value)});
    return places.size() < limit;
  }));
  return places;
}

}  // namespace sagitta::rows
