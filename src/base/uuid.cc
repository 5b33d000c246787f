#include "sagitta/base/uuid.h"

#include <openssl/evp.h>

#include <algorithm>

#include "sagitta/base/clock.h"
#include "sagitta/base/random.h"

namespace sagitta {
namespace {

/// 100 ns intervals between the Gregorian reform and the Unix epoch.
constexpr uint64_t kGregorianTicks = 0x01b21dd213814000;

void mark(Uuid& uuid, uint8_t version) {
  uuid.octets[6] = static_cast<uint8_t>((uuid.octets[6] & 0x0f) | (version << 4));
  uuid.octets[8] = static_cast<uint8_t>((uuid.octets[8] & 0x3f) | 0x80);
}

}  // namespace

Uuid Uuid::random(Random& random) {
  Uuid uuid;
  const uint64_t words[2] = {random.next(), random.next()};
  std::memcpy(uuid.octets.data(), words, sizeof words);
  mark(uuid, 4);
  return uuid;
}

Uuid Uuid::ordered(int64_t time_us, Random& random) {
  const auto us = static_cast<uint64_t>(time_us);
  Bytes bytes;
  put_big<uint32_t>(bytes, static_cast<uint32_t>(us / 1000 >> 16));
  put_big<uint16_t>(bytes, static_cast<uint16_t>(us / 1000));
  put_big<uint16_t>(bytes, static_cast<uint16_t>(us % 1000 * 4096 / 1000));
  put_big<uint64_t>(bytes, random.next());
  Uuid uuid = *Uuid::from_bytes(bytes);
  mark(uuid, 7);
  return uuid;
}

Uuid Uuid::from_name(std::string_view text) {
  uint8_t digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), digest, &size, EVP_sha256(), nullptr);
  Uuid uuid;
  std::copy_n(digest, uuid.octets.size(), uuid.octets.begin());
  mark(uuid, 4);
  return uuid;
}

std::optional<Uuid> Uuid::from_bytes(BytesView bytes) {
  Uuid uuid;
  if (bytes.size() != uuid.octets.size()) return std::nullopt;
  std::memcpy(uuid.octets.data(), bytes.data(), bytes.size());
  return uuid;
}

std::optional<Uuid> Uuid::parse(std::string_view text) {
  if (text.size() != 36) return std::nullopt;
  std::string digits;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool dash_place = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash_place != (text[i] == '-')) return std::nullopt;
    if (!dash_place) digits.push_back(text[i]);
  }
  const auto bytes = from_hex(digits);
  return bytes ? from_bytes(*bytes) : std::nullopt;
}

std::string to_string(const Uuid& uuid) {
  std::string text = to_hex(uuid.bytes()).substr(2);
  for (const unsigned place : {8u, 13u, 18u, 23u}) text.insert(place, 1, '-');
  return text;
}

uint64_t timeuuid_ticks(const Uuid& uuid) {
  const Bytes bytes = uuid.bytes();
  const uint64_t low = get_big<uint32_t>(bytes.data());
  const uint64_t middle = get_big<uint16_t>(bytes.data() + 4);
  const uint64_t high = get_big<uint16_t>(bytes.data() + 6) & 0x0fff;
  return (high << 48) | (middle << 32) | low;
}

int64_t timeuuid_us(const Uuid& uuid) { return static_cast<int64_t>(timeuuid_ticks(uuid) - kGregorianTicks) / 10; }

TimeUuidSource::TimeUuidSource(const Clock& clock, Random& random)
    : clock_(clock), clock_sequence_and_node_(random.next()) {}

void TimeUuidSource::start_at(int64_t time_us) {
  const uint64_t ticks = static_cast<uint64_t>(time_us) * 10 + kGregorianTicks;
  uint64_t last = last_ticks_.load();
  while (last < ticks && !last_ticks_.compare_exchange_weak(last, ticks)) {
  }
}

Uuid TimeUuidSource::next() {
  const uint64_t now = static_cast<uint64_t>(clock_.now_us()) * 10 + kGregorianTicks;
  uint64_t last = last_ticks_.load(), ticks;
  do {
    ticks = std::max(now, last + 1);
  } while (!last_ticks_.compare_exchange_weak(last, ticks));

  Bytes bytes;
  put_big<uint32_t>(bytes, static_cast<uint32_t>(ticks));
  put_big<uint16_t>(bytes, static_cast<uint16_t>(ticks >> 32));
  put_big<uint16_t>(bytes, static_cast<uint16_t>(ticks >> 48));
  put_big<uint64_t>(bytes, clock_sequence_and_node_);
  Uuid uuid = *Uuid::from_bytes(bytes);
  mark(uuid, 1);
  uuid.octets[10] |= 1;  // the multicast bit: a random node, not a network card's
  return uuid;
}

}  // namespace sagitta
