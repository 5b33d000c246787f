/// What the built-in functions, casts and operators compute.
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
  expect({{"a * a - 1", "48"}, {"-a", "-7"}, {"big + a", "12"}, {"a / 0", "the operation 'int / int' failed: / by zero"}},
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
       "Invalid: Invalid call to function system.cast_as_date, none of its type signatures match (known type signatures: "
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
      {"intasblob(tx)", "Invalid: Type error: tx cannot be passed as argument 0 of function system.intasblob of type int"},
      {"intasblob(1, 2)",
       "Invalid: Invalid number of arguments in call to function system.intasblob: 1 required but 2 provided"},
      {"todate(null)",
       "Invalid: Ambiguous call to function todate (can be matched by following signatures: system.todate : (timeuuid) "
       "-> date, system.todate : (timestamp) -> date): use type casts to disambiguate"},
      {"sum(tx)",
       "Invalid: Invalid call to function sum, none of its type signatures match (known type signatures: "
       "system.sum : (tinyint) -> tinyint, system.sum : (smallint) -> smallint, system.sum : (int) -> int, system.sum : "
       "(bigint) -> bigint, system.sum : (counter) -> counter, system.sum : (varint) -> varint, system.sum : (decimal) "
       "-> decimal, system.sum : (float) -> float, system.sum : (double) -> double)"},
  });
}

}  // namespace
}  // namespace sagitta::plan
