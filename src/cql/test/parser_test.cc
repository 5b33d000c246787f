#include <gtest/gtest.h>
#include "sagitta/cql/parser.h"
TEST(Parse,Smoke){ auto r=sagitta::cql::parse("select * from t"); EXPECT_TRUE(r.has_value()); }
