#include "sagitta/types/name.h"

#include <gtest/gtest.h>

namespace sagitta::types {
namespace {

TEST(Names, AreQuotedWhereCqlNeedsIt) {
  EXPECT_EQ(quote_name("plain_1"), "plain_1");
  EXPECT_EQ(quote_name("Big"), "\"Big\"");
  EXPECT_EQ(quote_name("1st"), "\"1st\"");
  EXPECT_EQ(quote_name("_x"), "\"_x\"");
  EXPECT_EQ(quote_name(""), "\"\"");
  EXPECT_EQ(quote_name("a\"b"), "\"a\"\"b\"");
  for (const char* word : {"select", "set", "token", "true", "false", "nan", "infinity", "desc"}) {
    EXPECT_EQ(quote_name(word), '"' + std::string(word) + '"');
  }
  for (const char* word : {"default", "unset", "replace", "mbean", "list", "int", "key", "value", "ttl"}) {
    EXPECT_EQ(quote_name(word), word);
  }
}

TEST(Names, AUserTypeIsQuotedWhenItsNameMeansAnotherType) {
  for (const char* word : {"set", "list", "frozen", "int", "varchar", "text", "vector", "Big"}) {
    EXPECT_EQ(quote_type_name(word), '"' + std::string(word) + '"');
  }
  EXPECT_EQ(quote_type_name("address"), "address");
  const auto set = DataType::udt("ks", "set", {"a"}, {DataType::native(Kind::kInt)}, true);
  EXPECT_EQ(set->to_cql(), "frozen<\"set\">");
  EXPECT_EQ(DataType::list(set)->to_cql(), "list<frozen<\"set\">>");
}

}  // namespace
}  // namespace sagitta::types
