/// Routes, targets and their escapes.
#include "sagitta/http/router.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sagitta/http/target.h"

namespace sagitta::http::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

Router<int> routes() {
  Router<int> router;
  router.add("GET", "/", 0);
  router.add("GET", "/items", 1);
  router.add("POST", "/items", 2);
  router.add("GET", "/items/{id}", 3);
  router.add("GET", "/items/all", 4);
  router.add("DELETE", "/items/{id}/parts/{part}", 5);
  router.add("GET", "/files/{path...}", 6);
  router.add("HEAD", "/items/{id}", 7);
  return router;
}

TEST(Router, FindsTheHandlerAndItsParameters) {
  const auto router = routes();
  EXPECT_EQ(*router.match("GET", "/").handler, 0);
  EXPECT_EQ(*router.match("GET", "/items").handler, 1);
  EXPECT_EQ(*router.match("POST", "/items").handler, 2);
  const auto item = router.match("GET", "/items/a%2Fb");
  EXPECT_EQ(*item.handler, 3);
  EXPECT_THAT(item.parameters, ElementsAre(Pair("id", "a/b")));
  EXPECT_EQ(*router.match("GET", "/items/all").handler, 4);
  EXPECT_THAT(router.match("DELETE", "/items/1/parts/2").parameters, ElementsAre(Pair("id", "1"), Pair("part", "2")));
  EXPECT_THAT(router.match("GET", "/files/a/b.txt").parameters, ElementsAre(Pair("path", "a/b.txt")));
}

TEST(Router, HeadIsAnsweredByGetUnlessItHasItsOwn) {
  const auto router = routes();
  EXPECT_EQ(*router.match("HEAD", "/items").handler, 1);
  EXPECT_EQ(*router.match("HEAD", "/items/9").handler, 7);
}

TEST(Router, TellsAPathFromAMethodThatItDoesNotHave) {
  const auto router = routes();
  EXPECT_EQ(router.match("PUT", "/items").handler, nullptr);
  EXPECT_EQ(router.match("PUT", "/items").allowed, "GET, HEAD, POST");
  EXPECT_EQ(router.match("GET", "/nothing").handler, nullptr);
  EXPECT_THAT(router.match("GET", "/nothing").allowed, IsEmpty());
  EXPECT_EQ(router.match("GET", "/items/").handler, nullptr);
  EXPECT_EQ(router.match("GET", "/items/%zz").handler, nullptr);
  EXPECT_EQ(router.match("GET", "").handler, nullptr);
  EXPECT_EQ(router.match("GET", "*").handler, nullptr);
}

TEST(Router, RefusesTwoRoutesOfOneMethodAndPattern) {
  auto router = routes();
  EXPECT_DEATH(router.add("GET", "/items", 9), "");
  EXPECT_DEATH(router.add("GET", "items", 9), "");
  EXPECT_DEATH(router.add("GET", "/{rest...}/x", 9), "");
}

TEST(Target, IsPathAndQuery) {
  const auto target = parse_target("/a%20b?x=1&y=a+b%26c&flag&&x=2");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->path, "/a%20b");
  EXPECT_THAT(target->query, ElementsAre(Pair("x", "1"), Pair("y", "a b&c"), Pair("flag", ""), Pair("x", "2")));
  EXPECT_EQ(target->find("x"), "1");
  EXPECT_FALSE(target->find("z"));
  EXPECT_EQ(parse_target("http://host:1/p?q=1")->path, "/p");
  EXPECT_EQ(parse_target("http://host?q=1")->path, "/");
  EXPECT_EQ(parse_target("*")->path, "*");
  EXPECT_FALSE(parse_target("p"));
  EXPECT_FALSE(parse_target("/p?a=%1"));
  EXPECT_FALSE(parse_target("/p?%gg=1"));
}

TEST(Target, EscapesNeedTwoDigits) {
  EXPECT_EQ(decode_percent("%41%7a"), "Az");
  EXPECT_EQ(decode_percent("a+b"), "a+b");
  EXPECT_EQ(decode_percent("a+b", true), "a b");
  for (const auto* damaged : {"%", "%4", "a%", "%4x", "%x4"}) EXPECT_FALSE(decode_percent(damaged)) << damaged;
}

}  // namespace
}  // namespace sagitta::http::test
