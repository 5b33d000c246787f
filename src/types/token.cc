#include "sagitta/types/token.h"

#include <bit>

namespace sagitta::types {
namespace {

constexpr uint64_t kC1 = 0x87c37b91114253d5, kC2 = 0x4cf5ad432745937f;

uint64_t mix_final(uint64_t k) {
  k ^= k >> 33;
  k *= 0xff51afd7ed558ccd;
  k ^= k >> 33;
  k *= 0xc4ceb9fe1a85ec53;
  k ^= k >> 33;
  return k;
}

uint64_t little_word(const char* p) {
  uint64_t v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

/// The tail bytes as Cassandra reads them: signed, so that a byte above 127 sets all bits above it.
uint64_t signed_tail(const char* p, size_t count) {
  uint64_t k = 0;
  for (size_t i = count; i > 0; --i) {
    k ^= static_cast<uint64_t>(static_cast<int64_t>(static_cast<signed char>(p[i - 1]))) << (8 * (i - 1));
  }
  return k;
}

}  // namespace

int64_t token_of(BytesView key) {
  if (key.empty()) return INT64_MIN;
  uint64_t h1 = 0, h2 = 0;
  const char* p = key.data();
  size_t left = key.size();
  for (; left >= 16; left -= 16, p += 16) {
    h1 ^= std::rotl(little_word(p) * kC1, 31) * kC2;
    h1 = (std::rotl(h1, 27) + h2) * 5 + 0x52dce729;
    h2 ^= std::rotl(little_word(p + 8) * kC2, 33) * kC1;
    h2 = (std::rotl(h2, 31) + h1) * 5 + 0x38495ab5;
  }
  if (left > 8) h2 ^= std::rotl(signed_tail(p + 8, left - 8) * kC2, 33) * kC1;
  if (left > 0) h1 ^= std::rotl(signed_tail(p, left < 8 ? left : 8) * kC1, 31) * kC2;
  h1 ^= key.size();
  h2 ^= key.size();
  h1 += h2;
  h2 += h1;
  h1 = mix_final(h1) + mix_final(h2);
  const auto token = static_cast<int64_t>(h1);
  return token == INT64_MIN ? INT64_MAX : token;
}

size_t partition_of(int64_t token, size_t count) {
  const uint64_t place = static_cast<uint64_t>(token) ^ (uint64_t{1} << 63);  // in the ring, which begins at INT64_MIN
  __extension__ using Wide = unsigned __int128;
  return static_cast<size_t>((Wide{place} * count) >> 64);
}

int64_t first_token_of(size_t partition, size_t count) {
  __extension__ using Wide = unsigned __int128;
  const Wide place = ((Wide{partition} << 64) + count - 1) / count;
  return static_cast<int64_t>(static_cast<uint64_t>(place) ^ (uint64_t{1} << 63));
}

Bytes pack_partition_key(std::span<const Bytes> components) {
  if (components.size() == 1) return components[0];
  Bytes key;
  for (const Bytes& component : components) {
    put_big<uint16_t>(key, static_cast<uint16_t>(component.size()));
    key += component;
    key.push_back('\0');
  }
  return key;
}

Result<std::vector<Bytes>> unpack_partition_key(BytesView key, size_t count) {
  if (count == 1) return std::vector<Bytes>{Bytes(key)};
  std::vector<Bytes> components;
  ByteReader in(key);
  for (size_t i = 0; i < count; ++i) {
    const auto size = in.big<uint16_t>();
    const auto bytes = size ? in.take(*size) : std::nullopt;
    if (!bytes || !in.take(1)) return fail(ErrorCode::kInvalid, "bytes that are no composite partition key");
    components.emplace_back(*bytes);
  }
  if (!in.empty()) return fail(ErrorCode::kInvalid, "bytes that are no composite partition key");
  return components;
}

}  // namespace sagitta::types
