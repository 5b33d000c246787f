#include "sagitta/types/value.h"

#include <gtest/gtest.h>

#include <cmath>

#include "sagitta/types/token.h"

namespace sagitta::types {
namespace {

using namespace std::string_literals;

DataTypePtr native(Kind kind) { return DataType::native(kind); }
Bytes text(Kind kind, std::string_view from) {
  const auto bytes = from_text(*native(kind), from);
  return bytes ? *bytes : "refused: " + bytes.error().message();
}
int64_t number(Kind kind, std::string_view from) {
  const auto bytes = from_text(*native(kind), from);
  return bytes && bytes->size() == 8 ? to_int64(*bytes) : INT64_MIN;
}
bool refused(Kind kind, std::string_view from) { return !from_text(*native(kind), from); }
std::string literal(Kind kind, std::string_view from) { return to_literal(*native(kind), text(kind, from)); }
std::string json(Kind kind, std::string_view from) { return to_json(*native(kind), text(kind, from)); }

// From the tests of the DataStax Python driver, and Cassandra's token(1) of an int.
TEST(Token, AgreesWithDrivers) {
  EXPECT_EQ(token_of("123"), -7468325962851647638);
  Bytes mixed;
  for (int i = 0; i < 10; ++i) mixed += "\x00\xff\x10\xfa\x99"s;
  EXPECT_EQ(token_of(mixed), 5837342703291459765);
  EXPECT_EQ(token_of(Bytes(8, '\xfe')), -8927430733708461935);
  EXPECT_EQ(token_of(Bytes(8, '\x10')), 1446172840243228796);
  EXPECT_EQ(token_of("9223372036854775807"), 7162290910810015547);
  EXPECT_EQ(token_of(from_int32(1)), -4069959284402364209);
  EXPECT_EQ(token_of(""), INT64_MIN);
}

TEST(Token, CompositeKeysPackAndUnpack) {
  const std::vector<Bytes> parts{from_int32(7), "", "ab"};
  const Bytes key = pack_partition_key(parts);
  EXPECT_EQ(to_hex(key),
            "0x00040000000700"
            "000000"
            "0002616200");
  EXPECT_EQ(unpack_partition_key(key, 3).value(), parts);
  for (size_t size = 0; size < key.size(); ++size) EXPECT_FALSE(unpack_partition_key(key.substr(0, size), 3)) << size;
  EXPECT_FALSE(unpack_partition_key(key, 2));
}

TEST(Text, Timestamps) {
  constexpr int64_t kDay = 1704153600000;
  EXPECT_EQ(number(Kind::kTimestamp, "2024-01-02"), kDay);
  EXPECT_EQ(number(Kind::kTimestamp, "2024-01-02T03:04:05.123Z"), kDay + 11045123);
  EXPECT_EQ(number(Kind::kTimestamp, "2024-01-02 03:04:05.123"), kDay + 11045123);
  EXPECT_EQ(number(Kind::kTimestamp, "2024-01-02 03:04+0100"), kDay + 7440000);
  EXPECT_EQ(number(Kind::kTimestamp, "2024-01-02 03:04:05 -01:30"), kDay + 16445000);
  EXPECT_EQ(number(Kind::kTimestamp, "2024-01-02+0100"), kDay - 3600000);
  EXPECT_EQ(number(Kind::kTimestamp, "-5"), -5);
  EXPECT_EQ(number(Kind::kTimestamp, "1969-12-31T23:59:59.999Z"), -1);
  for (const char* bad :
       {"", "2024-01", "2024-13-01", "2023-02-29", "2024-01-02T", "2024-01-02T24:00", "2024-01-02 1:2:3x"}) {
    EXPECT_TRUE(refused(Kind::kTimestamp, bad)) << bad;
  }
  EXPECT_EQ(json(Kind::kTimestamp, "2024-01-02"), "\"2024-01-02 00:00:00.000Z\"");
  EXPECT_EQ(literal(Kind::kTimestamp, "9223372036854775807"), "'9223372036854775807'");
}

TEST(Text, DatesAndTimes) {
  EXPECT_EQ(to_hex(text(Kind::kDate, "1970-01-01")), "0x80000000");
  EXPECT_EQ(to_hex(text(Kind::kDate, "1969-12-31")), "0x7fffffff");
  EXPECT_EQ(to_hex(text(Kind::kDate, "2147483649")), "0x80000001");
  EXPECT_EQ(literal(Kind::kDate, "2024-02-29"), "'2024-02-29'");
  EXPECT_TRUE(refused(Kind::kDate, "2024-02-30"));
  EXPECT_TRUE(refused(Kind::kDate, "-1"));
  EXPECT_EQ(number(Kind::kTime, "01:02:03.5"), 3723500000000);
  EXPECT_EQ(literal(Kind::kTime, "1"), "'00:00:00.000000001'");
  for (const char* bad : {"24:00:00", "01:02", "86400000000000", "-1", "1:2:3."})
    EXPECT_TRUE(refused(Kind::kTime, bad)) << bad;
}

TEST(Text, InetAndUuid) {
  EXPECT_EQ(to_hex(text(Kind::kInet, "192.168.0.1")), "0xc0a80001");
  EXPECT_EQ(literal(Kind::kInet, "0:0:0:0:0:0:0:1"), "'::1'");
  for (const std::string& bad : {"1.2.3"s, "::g"s, "1.2.3.4\0x"s, ""s}) EXPECT_TRUE(refused(Kind::kInet, bad)) << bad;
  const auto kV4 = "123e4567-e89b-42d3-a456-426614174000";
  EXPECT_EQ(literal(Kind::kUuid, kV4), kV4);
  EXPECT_TRUE(refused(Kind::kTimeuuid, kV4));
  EXPECT_FALSE(refused(Kind::kTimeuuid, "123e4567-e89b-12d3-a456-426614174000"));
}

TEST(Text, Durations) {
  EXPECT_EQ(literal(Kind::kDuration, "1y2mo3d"), "1y2mo3d");
  EXPECT_EQ(literal(Kind::kDuration, "P1Y"), "1y");
  EXPECT_EQ(literal(Kind::kDuration, "-P1Y2M3DT4H5M6S"), "-1y2mo3d4h5m6s");
  EXPECT_EQ(literal(Kind::kDuration, "P2W"), "14d");
  EXPECT_EQ(literal(Kind::kDuration, "P0001-02-03T04:05:06"), "1y2mo3d4h5m6s");
  EXPECT_EQ(literal(Kind::kDuration, "1h2ms3\xc2\xb5s4NS"), "1h2ms3us4ns");
  EXPECT_EQ(to_hex(text(Kind::kDuration, "-1mo2d3ns")), "0x010305");
  for (const char* bad : {"", "-", "P", "1", "1d1y", "1d1d", "1x", "P1YT", "2147483648d", "3000000000000h"}) {
    EXPECT_TRUE(refused(Kind::kDuration, bad)) << bad;
  }
}

TEST(Text, Numbers) {
  EXPECT_EQ(to_hex(text(Kind::kTinyint, "-128")), "0x80");
  for (const char* bad : {"128", "", "+-5", "1.0", "0x1", " 1"}) EXPECT_TRUE(refused(Kind::kTinyint, bad)) << bad;
  EXPECT_EQ(literal(Kind::kFloat, "1.1"), "1.1");
  EXPECT_EQ(literal(Kind::kDouble, "-3"), "-3.0");
  EXPECT_EQ(literal(Kind::kDouble, "-infinity"), "-Infinity");
  EXPECT_TRUE(std::isnan(to_float(text(Kind::kFloat, "NaN"))));
  EXPECT_EQ(json(Kind::kFloat, "NaN"), "null");
  EXPECT_EQ(to_float(text(Kind::kFloat, "1e99")), INFINITY);
  for (const char* bad : {"", "-", "--5", "inf", "1e", "0x1p3", "1,5"}) EXPECT_TRUE(refused(Kind::kDouble, bad)) << bad;
  EXPECT_EQ(to_hex(text(Kind::kVarint, "128")), "0x0080");
  EXPECT_EQ(to_hex(text(Kind::kVarint, "-128")), "0x80");
  EXPECT_EQ(to_hex(text(Kind::kVarint, "-18446744073709551616")), "0xff0000000000000000");
  EXPECT_EQ(literal(Kind::kVarint, "123456789012345678901234567890"), "123456789012345678901234567890");
  EXPECT_EQ(to_hex(text(Kind::kDecimal, "-1.50")), "0x00000002ff6a");
  EXPECT_EQ(literal(Kind::kDecimal, "0.001"), "0.001");
  EXPECT_EQ(literal(Kind::kDecimal, "12e3"), "1.2E+4");
  for (const char* bad : {"", ".", "1e", "1e99999999999", "1.2.3", "--1"})
    EXPECT_TRUE(refused(Kind::kDecimal, bad)) << bad;
  EXPECT_TRUE(refused(Kind::kVarint, std::string(100'000, '9')));
}

TEST(Text, ErrorsNameTypeAndTextButNotAllOfALongOne) {
  const auto result = from_text(*native(Kind::kInt), "abc" + std::string(5000, 'd'));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), ErrorCode::kInvalid);
  EXPECT_TRUE(result.error().message().starts_with("Unable to make int from 'abcdd"));
  EXPECT_LT(result.error().message().size(), 200u);
}

TEST(Compare, FollowsCassandra) {
  const auto less = [](Kind kind, std::string_view a, std::string_view b) {
    return compare(*native(kind), text(kind, a), text(kind, b)) < 0;
  };
  EXPECT_TRUE(less(Kind::kInt, "-1", "0"));
  EXPECT_TRUE(less(Kind::kDate, "1969-12-31", "1970-01-01"));
  EXPECT_TRUE(less(Kind::kDouble, "-0.0", "0.0"));
  EXPECT_TRUE(less(Kind::kDouble, "Infinity", "NaN"));
  EXPECT_TRUE(less(Kind::kVarint, "-129", "-128"));
  EXPECT_TRUE(less(Kind::kVarint, "9", "1000000000000000000000"));
  EXPECT_TRUE(less(Kind::kDecimal, "-1e9", "-0.5"));
  EXPECT_TRUE(less(Kind::kDecimal, "0.99", "1"));
  EXPECT_TRUE(compare(*native(Kind::kDecimal), text(Kind::kDecimal, "1.0"), text(Kind::kDecimal, "1.00")) == 0);
  // By time, although its low half comes first in the bytes.
  EXPECT_TRUE(less(Kind::kTimeuuid, "ffffffff-0000-1000-8000-000000000000", "00000000-0000-1001-8000-000000000000"));
  // By signed bytes after the time.
  EXPECT_TRUE(less(Kind::kTimeuuid, "00000000-0000-1000-8000-0000000000ff", "00000000-0000-1000-8000-000000000001"));
  EXPECT_TRUE(less(Kind::kUuid, "ffffffff-ffff-1fff-bfff-ffffffffffff", "00000000-0000-4000-8000-000000000000"));
}

TEST(Validate, NamesTypeAndNumber) {
  const auto message = [](const DataTypePtr& type, BytesView bytes) {
    const auto status = validate(*type, bytes);
    return status ? "valid" : status.error().message();
  };
  EXPECT_EQ(message(native(Kind::kInt), "abc"), "Expected 4 or 0 byte int (3)");
  EXPECT_EQ(message(DataType::vector(native(Kind::kFloat), 3), Bytes(8, '\0')),
            "expected 12 bytes for vector<float, 3>, but got 8");
  for (const std::string& bad : {"\xc0\xaf"s, "\xed\xa0\x80"s, "\xf4\x90\x80\x80"s, "\xe2\x82"s, "\x80"s}) {
    EXPECT_NE(message(native(Kind::kText), bad), "valid") << to_hex(bad);
  }
  EXPECT_EQ(message(native(Kind::kText), "\xf4\x8f\xbf\xbf"), "valid");
  const auto list = DataType::list(native(Kind::kInt));
  for (const std::string& bad : {""s, "\xff\xff\xff\xff"s, "\x7f\xff\xff\xff"s, "\0\0\0\1\xff\xff\xff\xff"s,
                                 "\0\0\0\1\0\0\0\2ab"s, "\0\0\0\0x"s}) {
    EXPECT_NE(message(list, bad), "valid") << to_hex(bad);
  }
}

TEST(Pack, SetsAndMapsAreSortedWithoutDuplicates) {
  const auto set = DataType::set(native(Kind::kInt));
  const std::vector<Bytes> given{from_int32(3), from_int32(-1), from_int32(3)};
  EXPECT_EQ(to_literal(*set, normalise(*set, pack_list(given))), "{-1, 3}");
  const auto map = DataType::map(native(Kind::kText), native(Kind::kInt));
  const std::vector<std::pair<Bytes, Bytes>> entries{{"b", from_int32(1)}, {"a", from_int32(2)}, {"b", from_int32(9)}};
  EXPECT_EQ(to_literal(*map, normalise(*map, pack_map(entries))), "{'a': 2, 'b': 9}");
}

TEST(Pack, FieldsBeyondTheBytesAreNull) {
  const auto type = DataType::udt("ks", "t", {"a", "B"}, {native(Kind::kInt), native(Kind::kText)}, true);
  const Bytes one = pack_tuple(std::vector<Value>{from_int32(1)});
  EXPECT_EQ(to_literal(*type, one), "{a: 1, \"B\": null}");
  EXPECT_EQ(to_json(*type, one), "{\"a\": 1, \"\\\"B\\\"\": null}");
  EXPECT_TRUE(compare(*type, one, pack_tuple(std::vector<Value>{from_int32(1), std::nullopt})) == 0);
}

TEST(Json, ARowIsAnObjectWithCassandrasNames) {
  JsonObject row;
  row.add("k", *native(Kind::kInt), BytesView(from_int32(1)));
  row.add("Big", *native(Kind::kText), BytesView("say \"B\""));
  row.add("m['a']", *native(Kind::kText), std::nullopt);
  row.add("system.max(x)", *native(Kind::kBlob), BytesView("\x01"));
  EXPECT_EQ(std::move(row).text(), R"j({"k": 1, "\"Big\"": "say \"B\"", "m['a']": null, "system.max(x)": "0x01"})j");
  EXPECT_EQ(JsonObject().text(), "{}");
}

TEST(Pack, VectorsOfUnsizedElementsCarryVints) {
  const auto type = DataType::vector(native(Kind::kText), 2);
  const std::vector<Bytes> elements{"a", Bytes(200, 'x')};
  const Bytes packed = pack_vector(*type, elements);
  EXPECT_EQ(to_hex(packed.substr(0, 4)), "0x016180c8");
  EXPECT_EQ(unpack_elements(*type, packed).value(), elements);
  EXPECT_FALSE(unpack_elements(*type, packed.substr(0, 100)));
}

TEST(DataTypes, NamesAreThoseOfCassandra) {
  const auto map = DataType::map(native(Kind::kInt), DataType::list(native(Kind::kText)), true);
  EXPECT_EQ(map->to_cql(), "frozen<map<int, frozen<list<text>>>>");
  const auto vector = DataType::vector(native(Kind::kFloat), 3);
  EXPECT_EQ(vector->marshal_class(),
            "org.apache.cassandra.db.marshal.VectorType(org.apache.cassandra.db.marshal.FloatType, 3)");
  Bytes option;
  DataType::list(native(Kind::kInt))->append_option(option);
  EXPECT_EQ(to_hex(option), "0x00200009");
}

}  // namespace
}  // namespace sagitta::types
