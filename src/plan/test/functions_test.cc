/// What the built-in functions, casts and operators compute.
#include <limits>

#include "sagitta/types/token.h"

#include "fixture.h"

namespace sagitta::plan {
namespace {

using types::DataType;
using types::Kind;

struct Case {
  std::string_view selected, value;
};

class FunctionsTest : public PlanTest {
 protected:
  void expect(std::initializer_list<Case> cases, const FakeRow& row = FakeRow({})) const {
    for (const Case& c : cases) EXPECT_EQ(value_of(c.selected, row), c.value) << c.selected;
  }
};

TEST_F(FunctionsTest, ArithmeticTakesTheWiderTypeAndWrapsAsJavaDoes) {
  expect({
      {"(int) 7 / (int) 2", "3"},
      {"(int) (-7) / (int) 2", "-3"},
      {"(int) (-7) % (int) 2", "-1"},
      {"(int) 2147483647 + (int) 1", "-2147483648"},
      {"(int) 2147483647 + (bigint) 1", "2147483648"},
      {"(bigint) 9223372036854775807 + (bigint) 1", "-9223372036854775808"},
      {"(bigint) (-9223372036854775808) / (bigint) (-1)", "-9223372036854775808"},
      {"(bigint) (-9223372036854775808) % (bigint) (-1)", "0"},
      {"(tinyint) 100 + (tinyint) 100", "-56"},
      {"(smallint) 5 * (tinyint) 5", "25"},
      {"(float) 1.5 + (double) 1", "2.5"},
      {"(bigint) 3 / (float) 2", "1.5"},
      {"(double) 1 / (double) 0", "Infinity"},
      {"(double) 5.5 % (double) 2", "1.5"},
      {"-a", "null"},
      {"a + 1", "null"},
      {"(int) 1 / (int) 0", "Function: the operation 'int / int' failed: / by zero"},
      {"(int) 1 % (int) 0", "Function: the operation 'int % int' failed: / by zero"},
      {"tx + 1", "Invalid: the '+' operation is not supported between tx and 1"},
  });
  expect(
      {{"a * a - 1", "48"}, {"-a", "-7"}, {"big + a", "12"}, {"a / 0", "the operation 'int / int' failed: / by zero"}},
      FakeRow({{"a", int_bytes(7)}, {"big", types::from_int64(5)}}));
}

TEST_F(FunctionsTest, CastsNarrowAndSaturateAsJavaDoes) {
  expect({
      {"cast((bigint) 300 AS tinyint)", "44"},
      {"cast((int) 70000 AS smallint)", "4464"},
      {"cast((double) 1e10 AS int)", "2147483647"},
      {"cast((double) (-1e10) AS int)", "-2147483648"},
      {"cast((double) 1e10 AS tinyint)", "-1"},
      {"cast((double) 1e30 AS bigint)", "9223372036854775807"},
      {"cast((double) NaN AS int)", "0"},
      {"cast((float) (-2.9) AS int)", "-2"},
      {"cast((int) 3 AS float)", "3.0"},
      {"cast((int) 3 AS varint)", "3"},
      {"cast((double) 2.5 AS decimal)", "2.5"},
      {"cast((boolean) true AS text)", "'true'"},
      {"cast((uuid) 550e8400-e29b-41d4-a716-446655440000 AS text)", "'550e8400-e29b-41d4-a716-446655440000'"},
      {"cast((date) '2026-01-31' AS timestamp)", "'2026-01-31 00:00:00.000Z'"},
      {"cast((timestamp) '2026-01-31 10:00:00Z' AS date)", "'2026-01-31'"},
      {"cast(a AS text)", "null"},
      {"cast(bl AS uuid)", "Invalid: bl cannot be cast to uuid"},
      {"cast(l AS boolean)", "Invalid: l cannot be cast to boolean"},
      {"cast(tx AS date)",
       "Invalid: Invalid call to function system.cast_as_date, none of its type signatures match (known type "
       "signatures: "
       "system.cast_as_date : (timestamp) -> date, system.cast_as_date : (timeuuid) -> date)"},
  });
}

TEST_F(FunctionsTest, TimesComeFromUuidsAndBack) {
  expect({
      {"todate(50554d6e-29bb-11e5-b345-feff819cdc9f)", "'2015-07-14'"},
      {"totimestamp(50554d6e-29bb-11e5-b345-feff819cdc9f)", "'2015-07-14 00:00:18.805Z'"},
      {"unixtimestampof(50554d6e-29bb-11e5-b345-feff819cdc9f)", "1436832018805"},
      {"tounixtimestamp((date) '1970-01-02')", "86400000"},
      {"totimestamp((date) '1969-12-31')", "'1969-12-31 00:00:00.000Z'"},
      {"totimestamp(mintimeuuid('2015-07-14 00:00:18.805Z'))", "'2015-07-14 00:00:18.805Z'"},
      {"totimestamp(maxtimeuuid('2015-07-14 00:00:18.805Z'))", "'2015-07-14 00:00:18.805Z'"},
      {"currentdate()", "'2023-11-14'"},
      {"current_time()", "'22:13:20.000000000'"},
      {"tounixtimestamp(now())", "1700000000000"},
  });
  EXPECT_NE(value_of("now()"), value_of("now()"));
  EXPECT_NE(value_of("uuid()"), value_of("uuid()"));
}

TEST_F(FunctionsTest, EveryNativeTypeGoesToABlobAndBack) {
  for (uint16_t number = 1; number <= static_cast<uint16_t>(Kind::kDuration); ++number) {
    const auto kind = static_cast<Kind>(number);
    if (number == 0x0A || kind == Kind::kBlob || kind == Kind::kCounter) continue;
    const std::string name = DataType::native(kind)->to_cql();
    for (const std::string blob : {"0x", "0x01", "0x0001", "0x00000001", "0x0000000000000001",
                                   "0x00000000000010008000000000000001", "0x020406"}) {
      const std::string value = value_of(fmt::format("blobas{}({})", name, blob));
      const auto bytes = from_hex(blob.substr(2));
      if (types::validate(*DataType::native(kind), *bytes)) {
        EXPECT_EQ(value_of(fmt::format("{0}asblob(blobas{0}({1}))", name, blob)), blob) << name;
        EXPECT_EQ(value_of(fmt::format("{0}_as_blob(blob_as_{0}({1}))", name, blob)), blob) << name;
      } else {
        EXPECT_EQ(value,
                  fmt::format("In call to function system.blobas{}, value {} is not a valid binary representation "
                              "for type {}",
                              name, blob, name));
      }
    }
  }
}

TEST_F(FunctionsTest, ATokenIsThatOfThePackedKey) {
  const FakeRow row({{"id", int_bytes(42)}});
  EXPECT_EQ(value_of("token(id)", row), std::to_string(types::token_of(int_bytes(42))));
  EXPECT_EQ(value_of("token(42)"), std::to_string(types::token_of(int_bytes(42))));
  EXPECT_EQ(value_of("token()"),
            "Invalid: Invalid number of arguments in call to function system.token: 1 required but 0 provided");
}

TEST_F(FunctionsTest, ElementsAndFieldsAreNullWhereTheyAreNot) {
  const std::vector<std::pair<Bytes, Bytes>> entries = {{"k", int_bytes(3)}};
  const std::vector<Value> fields = {Value("main"), Value()};
  const FakeRow row({{"m", types::pack_map(entries)},
                     {"s", types::pack_list(std::vector<Bytes>{"x"})},
                     {"ad", types::pack_tuple(fields)}});
  expect({{"m['k']", "3"},
          {"m['z']", "null"},
          {"s['x']", "'x'"},
          {"s['y']", "null"},
          {"ad.street", "'main'"},
          {"ad.zip", "null"},
          {"toJson(m)", "'{\"k\": 3}'"},
          {"toJson(ad)", "'{\"street\": \"main\", \"zip\": null}'"},
          {"toJson(a)", "'null'"}},
         row);
  expect({{"m['k']", "null"},
          {"ad.street", "null"},
          {"a['k']", "Invalid: Invalid element selection: a is of type int is not a collection"},
          {"a.f", "Invalid: Invalid field selection: a of type int is not a user type"},
          {"ad.city", "Invalid: ad of type address has no field city"},
          {"m[1]", "Invalid: Invalid INTEGER constant (1) for \"key(m)\" of type text"}});
}

TEST_F(FunctionsTest, OverloadsAreFoundByTheTypesOfTheArguments) {
  expect({
      {"nothing(a)", "Invalid: Unknown function 'nothing'"},
      {"zz.max(a)", "Invalid: Unknown function 'zz.max'"},
      {"system.intasblob(1)", "0x00000001"},
      {"bigintasblob(1)", "0x0000000000000001"},
      {"textasblob('a')", "0x61"},
      {"varcharasblob('a')", "0x61"},
      {"intasblob(null)", "null"},
      {"intasblob(tx)",
       "Invalid: Type error: tx cannot be passed as argument 0 of function system.intasblob of type int"},
      {"intasblob(1, 2)",
       "Invalid: Invalid number of arguments in call to function system.intasblob: 1 required but 2 provided"},
      {"todate(null)",
       "Invalid: Ambiguous call to function todate (can be matched by following signatures: system.todate : (timeuuid) "
       "-> date, system.todate : (timestamp) -> date): use type casts to disambiguate"},
      {"sum(tx)",
       "Invalid: Invalid call to function sum, none of its type signatures match (known type signatures: "
       "system.sum : (tinyint) -> tinyint, system.sum : (smallint) -> smallint, system.sum : (int) -> int, system.sum "
       ": "
       "(bigint) -> bigint, system.sum : (counter) -> counter, system.sum : (varint) -> varint, system.sum : (decimal) "
       "-> decimal, system.sum : (float) -> float, system.sum : (double) -> double)"},
  });
}

TEST_F(FunctionsTest, NumbersOfAnySizeAreExact) {
  expect({
      {"(varint) 123456789012345678901234567890 * (int) 10", "1234567890123456789012345678900"},
      {"(varint) -7 / (int) 2", "-3"},
      {"(decimal) 1.10 + (decimal) 2.200", "3.300"},
      {"(decimal) 1 / (int) 3", "0.33333333333333333333333333333333"},
      {"(varint) 1 + (float) 0.5", "1.5"},
      {"(varint) 1 / (int) 0", "Function: the operation 'varint / int' failed: BigInteger divide by zero"},
      {"(decimal) 1 + d", "null"},
      {"-((decimal) 1.50)", "-1.50"},
      {"abs((varint) -5)", "5"},
      {"exp((varint) 3)", "20"},
      {"log10((bigint) 1000)", "3"},
      {"round((double) -2.5)", "-2.0"},
      {"round((decimal) -2.5)", "-3"},
      {"log((decimal) 0)", "Natural log of number zero or less"},
      {"cast((decimal) 12.9 AS varint)", "12"},
      {"cast((varint) 300 AS tinyint)", "44"},
      {"cast((float) 0.1 AS decimal)", "0.1"},
      {"cast((double) 1e10 AS text)", "'1.0E10'"},
      {"cast((double) 1e30 AS varint)", "9223372036854775807"},
  });
  const FakeRow row({{"d", types::from_double(std::numeric_limits<double>::quiet_NaN())}});
  EXPECT_EQ(value_of("cast(d AS decimal)", row), "A NaN cannot be converted into a decimal");
  EXPECT_EQ(value_of("d + (decimal) 1", row),
            "the operation 'double + decimal' failed: A NaN cannot be converted into a decimal");
}

TEST_F(FunctionsTest, DurationsAreAddedToMoments) {
  expect({
      {"(timestamp) '2020-01-31' + 1mo", "'2020-02-29 00:00:00.000Z'"},
      {"(date) '2020-03-31' - 1mo", "'2020-02-29'"},
      {"(date) '2020-03-31' + 1h",
       "Function: the operation 'date + duration' failed: The duration must have a day precision. Was: 1h"},
      {"1d + ts", "Invalid: the '+' operation is not supported between 1d and ts"},
      {"ts * 1d", "Invalid: the '*' operation is not supported between ts and 1d"},
      {"ts + 5",
       "Invalid: Ambiguous '+' operation with args ts and 5: use type hint to disambiguate, example '(int) ?'"},
      {"floor((timestamp) '2020-02-03 04:05:06Z', 90m)", "'2020-02-03 03:00:00.000Z'"},
      {"floor((date) '2020-02-03', 1mo)", "'2020-02-01'"},
      {"floor((time) '12:13:14', 1h)", "'12:00:00.000000000'"},
      {"floor((date) '2020-02-03', 1h)",
       "The floor on date values cannot be computed for the 1h duration as precision is below 1 day"},
      {"floor((date) '2020-02-03', -1d)", "Negative durations are not supported by the floor function"},
  });
}

TEST_F(FunctionsTest, CollectionsAreTakenApart) {
  const FakeRow row({{"l", types::pack_list(std::vector<Bytes>{int_bytes(3), int_bytes(1), int_bytes(2)})},
                     {"m", types::pack_map(std::vector<std::pair<Bytes, Bytes>>{{"a", int_bytes(5)}})}});
  expect({{"map_keys(m)", "{'a'}"},
          {"map_values(m)", "[5]"},
          {"collection_count(m)", "1"},
          {"collection_min(l)", "1"},
          {"collection_max(l)", "3"},
          {"collection_sum(l)", "6"},
          {"collection_avg(l)", "2"},
          {"m['a'..'b']", "{'a': 5}"},
          {"m['b'..]", "null"},
          {"[a, id]", "null is not supported inside collections"}},
         row);
  expect({
      {"collection_sum(l)", "null"},
      {"collection_min((list<int>) [])", "null"},
      {"collection_sum(s)",
       "Invalid: Function system.collection_sum requires a numeric set/list argument, but found "
       "argument s of type set<text>"},
      {"map_keys(l)",
       "Invalid: Function system.map_keys requires a map argument, but found argument l of type list<int>"},
      {"map_keys()", "Invalid: Invalid number of arguments for function system.map_keys(map)"},
      {"l[0..1]", "Invalid: Slice selection is only allowed on sets and maps, but l is a list"},
  });
}

TEST_F(FunctionsTest, MasksHideWhatTheyAreToldTo) {
  expect({
      {"mask_null(a)", "null"},
      {"mask_default(a)", "0"},
      {"mask_default(tup)", "(0, '****')"},
      {"mask_default(v)", "[0.0, 0.0, 0.0]"},
      {"mask_replace(a, 5)", "5"},
      {"mask_replace(a, 'x')",
       "Invalid: Type error: 'x' cannot be passed as argument 1 of function system.mask_replace of "
       "type int"},
      {"mask_inner('h\u00e9llo', 1, 1)", "'h***o'"},
      {"mask_outer('hello', 1, null, '#')", "'#ello'"},
      {"mask_inner('hello', 1, 1, '##')",
       "The padding argument for function system.mask_inner should be single-character, but '##' has 2 characters."},
      {"mask_inner(tx, 1)",
       "Invalid: Invalid number of arguments for function system.mask_inner([text|varchar|ascii], int, int, [text])"},
      {"mask_hash('hello', 'MD5')", "0x5d41402abc4b2a76b9719d911017c592"},
      {"mask_hash('hello', 'nope')", "Hash algorithm not found: nope"},
      {"mask_hash(tx)", "null"},
  });
}

}  // namespace
}  // namespace sagitta::plan
