/// What must hold for every value of every type. SAGITTA_SEED replays a run.
#include "sagitta/types/json.h"
#include "sagitta/types/ordered_bytes.h"

#include "random_value.h"

namespace sagitta::types {
namespace {

constexpr int kRounds = 2000;

Bytes ordered(const DataType& type, BytesView value, bool descending) {
  Bytes out;
  append_ordered(type, value, descending, out);
  return out;
}

/// The JSON of the value that a JSON text stands for; nothing when it stands for none.
std::optional<std::string> through_json(const DataType& type, const std::string& text) {
  const auto json = parse_json(text);
  EXPECT_TRUE(json) << text;
  const auto value = from_json(type, *json);
  return value && *value ? std::optional(to_json(type, to_view(*value))) : std::nullopt;
}

class EveryType : public ::testing::TestWithParam<DataTypePtr> {
 protected:
  const DataType& type() const { return *GetParam(); }
  RandomValues random_{test_seed()};
};

TEST_P(EveryType, OrderedEncodingHasTheOrderOfCompare) {
  for (int i = 0; i < kRounds; ++i) {
    const Bytes a = random_.of(type()), b = random_.of(type());
    ASSERT_TRUE(validate(type(), a)) << to_hex(a) << validate(type(), a).error().message();
    const auto order = compare(type(), a, b);
    ASSERT_EQ(order, ordered(type(), a, false).compare(ordered(type(), b, false)) <=> 0)
        << to_hex(a) << " " << to_hex(b);
    ASSERT_EQ(0 <=> order, ordered(type(), a, true).compare(ordered(type(), b, true)) <=> 0)
        << to_hex(a) << " " << to_hex(b);
    ASSERT_EQ(0 <=> order, compare(type(), b, a)) << to_hex(a) << " " << to_hex(b);
  }
}

TEST_P(EveryType, OrderedEncodingReadsBackAnEqualValueAndNoMore) {
  for (int i = 0; i < kRounds; ++i) {
    const Bytes value = random_.of(type()), tail = random_.of(*DataType::native(Kind::kBlob));
    const bool descending = random_.below(2) == 1;
    const Bytes key = ordered(type(), value, descending) + tail;
    ByteReader in(key);
    const auto back = take_ordered(type(), descending, in);
    ASSERT_TRUE(back) << to_hex(value);
    ASSERT_EQ(in.rest(), tail) << to_hex(value);
    ASSERT_EQ(compare(type(), *back, value), std::strong_ordering::equal) << to_hex(value) << " " << to_hex(*back);
    ASSERT_EQ(ordered(type(), *back, descending) + tail, key);
  }
}

/// But for what JSON cannot say, as NaN in a list. A decimal comes back with the digits of a
/// double, and then stays as it is.
TEST_P(EveryType, JsonReadsBackAsTheSameJson) {
  int read = 0;
  for (int i = 0; i < kRounds; ++i) {
    const auto once = through_json(type(), to_json(type(), random_.of(type())));
    if (!once) continue;
    ++read;
    ASSERT_EQ(through_json(type(), *once), once);
  }
  EXPECT_GT(read, 0);
}

TEST_P(EveryType, IntervalsHoldJustTheValuesBetweenTheirBounds) {
  for (int i = 0; i < kRounds; ++i) {
    const Bytes low = random_.of(type()), high = random_.of(type()), value = random_.of(type());
    const bool with_low = random_.below(2) == 1, with_high = random_.below(2) == 1, descending = random_.below(2) == 1;
    const Bytes start = ordered(type(), descending ? high : low, descending);
    const Bytes end = ordered(type(), descending ? low : high, descending);
    const Interval interval =
        interval_between({start, descending ? with_high : with_low}, {end, descending ? with_low : with_high});
    const auto above = compare(type(), value, low), below = compare(type(), value, high);
    const bool inside = (with_low ? above >= 0 : above > 0) && (with_high ? below <= 0 : below < 0);
    ASSERT_EQ(interval.contains(ordered(type(), value, descending)), inside)
        << to_hex(low) << " " << to_hex(value) << " " << to_hex(high);
    ASSERT_FALSE(inside && interval.is_empty());
  }
}

TEST_P(EveryType, CutOrChangedKeysAreRefusedOrReadAsValues) {
  for (int i = 0; i < kRounds; ++i) {
    const bool descending = random_.below(2) == 1;
    Bytes key = ordered(type(), random_.of(type()), descending);
    if (random_.below(2) == 0) {
      const size_t size = random_.below(key.size());
      ByteReader cut(BytesView(key).substr(0, size));
      const auto value = take_ordered(type(), descending, cut);
      ASSERT_FALSE(value) << to_hex(key) << " cut to " << size;
      ASSERT_EQ(value.error().code(), ErrorCode::kCorruption);
    } else {
      key[random_.below(key.size())] ^= static_cast<char>(1 + random_.below(255));
      ByteReader in(key);
      const auto value = take_ordered(type(), descending, in);
      ASSERT_TRUE(!value || validate(type(), *value)) << to_hex(key);
    }
  }
}

TEST_P(EveryType, LiteralOfANativeReadsBack) {
  const bool native = type().parameters().empty();
  for (int i = 0; i < kRounds; ++i) {
    const Bytes value = random_.of(type());
    std::string text = to_literal(type(), value);
    ASSERT_FALSE(to_json(type(), value).empty());
    if (!native || type().kind() == Kind::kText || type().kind() == Kind::kAscii) continue;
    if (text.starts_with('\'')) text = text.substr(1, text.size() - 2);
    const auto back = from_text(type(), text);
    ASSERT_TRUE(back) << text << " of " << to_hex(value);
    ASSERT_EQ(compare(type(), *back, value), std::strong_ordering::equal) << text << " of " << to_hex(value);
  }
}

TEST_P(EveryType, RandomBytesNeverBreakAnything) {
  const DataTypePtr blob = DataType::native(Kind::kBlob);
  for (int i = 0; i < kRounds; ++i) {
    Bytes bytes = random_.below(2) == 0 ? random_.of(*blob) : random_.of(type());
    if (!bytes.empty()) bytes[random_.below(bytes.size())] = static_cast<char>(random_.below(256));
    if (validate(type(), bytes)) {
      to_literal(type(), bytes);
      ordered(type(), normalise(type(), bytes), false);
    }
  }
}

TEST_P(EveryType, TypeReadsBackFromItsEncoding) {
  Bytes bytes;
  type().encode(bytes);
  ByteReader in(bytes);
  const auto back = DataType::decode(in);
  ASSERT_TRUE(back);
  EXPECT_EQ(**back, type());
  EXPECT_TRUE(in.empty());
  for (size_t size = 0; size < bytes.size(); ++size) {
    ByteReader cut(BytesView(bytes).substr(0, size));
    EXPECT_FALSE(DataType::decode(cut)) << size;
  }
}

TEST_P(EveryType, OptionOfTheProtocolReadsBack) {
  Bytes bytes;
  type().append_option(bytes);
  ByteReader in(bytes);
  const auto back = DataType::read_option(in);
  ASSERT_TRUE(back) << back.error().to_string();
  EXPECT_TRUE(in.empty());
  Bytes again;
  (*back)->append_option(again);
  EXPECT_EQ(again, bytes);
  for (size_t size = 0; size < bytes.size(); ++size) {
    ByteReader cut(BytesView(bytes).substr(0, size));
    EXPECT_FALSE(DataType::read_option(cut)) << size;
  }
}

Bytes custom_option(std::string_view marshal_class) {
  Bytes bytes;
  put_big<uint16_t>(bytes, 0);
  put_big(bytes, static_cast<uint16_t>(marshal_class.size()));
  return bytes.append(marshal_class);
}

TEST_P(EveryType, MarshalClassReadsBackWithAllThatIsFrozen) {
  const Bytes bytes = custom_option(type().marshal_class());
  ByteReader in(bytes);
  const auto back = DataType::read_option(in);
  ASSERT_TRUE(back) << back.error().to_string();
  EXPECT_EQ(**back, type()) << (*back)->to_cql();
}

TEST(MarshalClass, MayLackItsPackageAndHaveSpaces) {
  const Bytes bytes = custom_option("VectorType( FloatType ,3 )");
  ByteReader in(bytes);
  EXPECT_EQ(DataType::read_option(in).value()->to_cql(), "vector<float, 3>");
}

TEST(MarshalClass, WhatIsNoTypeIsRefused) {
  std::string deep = "Int32Type";
  for (int i = 0; i < 100; ++i) deep = "ListType(" + deep + ")";
  for (const std::string& bad :
       {std::string(), std::string("FubarType"), std::string("ListType"), std::string("ListType(Int32Type"),
        std::string("ListType(Int32Type,Int32Type)"), std::string("MapType(Int32Type)"),
        std::string("VectorType(FloatType, 0)"), std::string("VectorType(FloatType, -1)"),
        std::string("VectorType(FloatType, 99999999999)"), std::string("Int32Type)"), std::string("TupleType()"),
        std::string("UserType(ks,xyz,61:Int32Type)"), std::string("UserType(ks,61,61)"), deep}) {
    const Bytes bytes = custom_option(bad);
    ByteReader in(bytes);
    const auto type = DataType::read_option(in);
    ASSERT_FALSE(type) << bad;
    EXPECT_EQ(type.error().code(), ErrorCode::kProtocol);
  }
}

std::string name_of(const ::testing::TestParamInfo<DataTypePtr>& info) {
  std::string name;
  for (char c : info.param->to_cql()) name += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return name;
}

INSTANTIATE_TEST_SUITE_P(Types, EveryType, ::testing::ValuesIn(all_types()), name_of);

}  // namespace
}  // namespace sagitta::types
