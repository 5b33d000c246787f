/// Random valid values of any type, biased towards edges (equal values, extremes, zero bytes, long
/// numbers).
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "sagitta/types/value.h"

namespace sagitta::types {

using namespace std::string_view_literals;

/// SAGITTA_SEED, or a new one; printed, so that a failure can be replayed.
inline uint64_t test_seed() {
  const char* fixed = std::getenv("SAGITTA_SEED");
  const uint64_t seed = fixed != nullptr ? std::strtoull(fixed, nullptr, 10) : std::random_device()();
  ::testing::Test::RecordProperty("seed", std::to_string(seed));
  std::printf("SAGITTA_SEED=%llu\n", static_cast<unsigned long long>(seed));
  return seed;
}

class RandomValues {
 public:
  explicit RandomValues(uint64_t seed) : engine_(seed) {}

  Bytes of(const DataType& type) {
    switch (type.kind()) {
      case Kind::kAscii:
      case Kind::kText: return letters("\0aAz'\"\\"sv);
      case Kind::kBlob: return letters("\0\1\xfe\xff"sv);
      case Kind::kBoolean: return bytes(1);
      case Kind::kTinyint: return bytes(1);
      case Kind::kSmallint: return bytes(2);
      case Kind::kInt:
      case Kind::kFloat:
      case Kind::kDate: return bytes(4);
      case Kind::kBigint:
      case Kind::kCounter:
      case Kind::kDouble:
      case Kind::kTimestamp: return bytes(8);
      case Kind::kTime: return from_int64(static_cast<int64_t>(engine_() % 86'400'000'000'000));
      case Kind::kUuid: return uuid(below(3) == 0 ? 1 : 4);
      case Kind::kTimeuuid: return uuid(1);
      case Kind::kInet: return bytes(below(2) == 0 ? 4 : 16);
      case Kind::kVarint: return bytes(1 + below(12));
      case Kind::kDecimal: return decimal();
      case Kind::kDuration: return *from_text(type, std::to_string(below(300)) + "mo" + std::to_string(below(9)) + "s");
      case Kind::kList: return pack_list(elements(*type.element(), below(4)));
      case Kind::kSet: return normalise(type, pack_list(elements(*type.element(), below(4))));
      case Kind::kVector: return pack_vector(type, elements(*type.element(), type.dim()));
      case Kind::kMap: return map(type);
      case Kind::kTuple:
      case Kind::kUdt: return tuple(type);
    }
    return {};
  }
  uint64_t below(uint64_t bound) { return engine_() % bound; }

 private:
  Bytes letters(std::string_view alphabet) {
    Bytes out;
    for (uint64_t n = below(6); n > 0; --n) out += alphabet[below(alphabet.size())];
    return out;
  }
  Bytes bytes(size_t count) {
    static constexpr std::array<uint8_t, 6> kEdges{0, 1, 0x7f, 0x80, 0xfe, 0xff};
    const bool edges = below(2) == 0;
    Bytes out;
    for (size_t i = 0; i < count; ++i) out += static_cast<char>(edges ? kEdges[below(kEdges.size())] : below(256));
    return out;
  }
  Bytes uuid(unsigned version) {
    Bytes out = bytes(16);
    out[6] = static_cast<char>((static_cast<uint8_t>(out[6]) & 0x0f) | version << 4);
    return out;
  }
  Bytes decimal() {
    static constexpr std::array<int32_t, 7> kScales{0, 1, 2, 3, -2, INT32_MAX, INT32_MIN};
    const bool small = below(2) == 0;
    return from_int32(kScales[below(kScales.size())]) +
           (small ? from_int8(static_cast<int8_t>(below(21) * 10 - 100)) : bytes(1 + below(12)));
  }
  std::vector<Bytes> elements(const DataType& type, size_t count) {
    std::vector<Bytes> out;
    for (size_t i = 0; i < count; ++i) out.push_back(of(type));
    return out;
  }
  Bytes map(const DataType& type) {
    std::vector<std::pair<Bytes, Bytes>> entries;
    for (uint64_t n = below(3); n > 0; --n) entries.emplace_back(of(*type.key()), of(*type.mapped()));
    return normalise(type, pack_map(entries));
  }
  Bytes tuple(const DataType& type) {
    std::vector<Value> fields(below(type.parameters().size() + 1));
    for (size_t i = 0; i < fields.size(); ++i) {
      if (below(4) != 0) fields[i] = of(*type.parameters()[i]);
    }
    return pack_tuple(fields);
  }

  std::mt19937_64 engine_;
};

/// Every native type, and one of each that holds others.
inline std::vector<DataTypePtr> all_types() {
  std::vector<DataTypePtr> types;
  for (uint16_t kind = 1; kind <= static_cast<uint16_t>(Kind::kDuration); ++kind) {
    if (kind != 0x0A) types.push_back(DataType::native(static_cast<Kind>(kind)));
  }
  const auto text = DataType::native(Kind::kText), integer = DataType::native(Kind::kInt);
  const auto varint = DataType::native(Kind::kVarint), decimal = DataType::native(Kind::kDecimal);
  types.push_back(DataType::list(text, true));
  types.push_back(DataType::set(decimal, true));
  types.push_back(DataType::map(text, varint, true));
  types.push_back(DataType::tuple({text, integer, decimal}));
  types.push_back(DataType::vector(DataType::native(Kind::kFloat), 3));
  types.push_back(DataType::vector(text, 2));
  types.push_back(DataType::udt("ks", "Point", {"x", "Y"}, {integer, DataType::list(text)}, true));
  types.push_back(DataType::list(DataType::tuple({DataType::set(text, true), integer}), true));
  return types;
}

}  // namespace sagitta::types
