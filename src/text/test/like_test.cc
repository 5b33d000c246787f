/// LIKE, beside a naive twin: SAGITTA_SEED replays a run.
#include "sagitta/text/like.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

namespace sagitta::text {
namespace {

TEST(LikeTest, StandsForAnyCharactersOrOne) {
  EXPECT_TRUE(is_like("abc", "abc"));
  EXPECT_TRUE(is_like("abc", "a%"));
  EXPECT_TRUE(is_like("abc", "%c"));
  EXPECT_TRUE(is_like("abc", "%b%"));
  EXPECT_TRUE(is_like("abc", "a_c"));
  EXPECT_TRUE(is_like("abc", "___"));
  EXPECT_TRUE(is_like("abc", "%%a%%"));
  EXPECT_TRUE(is_like("", "%"));
  EXPECT_TRUE(is_like("", ""));
  EXPECT_FALSE(is_like("abc", "ab"));
  EXPECT_FALSE(is_like("abc", "bc"));
  EXPECT_FALSE(is_like("abc", "____"));
  EXPECT_FALSE(is_like("abc", "%d%"));
  EXPECT_FALSE(is_like("abc", "ABC"));
  EXPECT_FALSE(is_like("", "_"));
}

TEST(LikeTest, TakesWhatIsEscapedAsItIs) {
  EXPECT_TRUE(is_like("50%", R"(50\%)"));
  EXPECT_FALSE(is_like("50x", R"(50\%)"));
  EXPECT_TRUE(is_like("a_b", R"(a\_b)"));
  EXPECT_FALSE(is_like("axb", R"(a\_b)"));
  EXPECT_TRUE(is_like(R"(a\b)", R"(a\\b)"));
  EXPECT_TRUE(is_like(R"(a\b)", R"(a\b)")) << "before another character it is itself";
  EXPECT_TRUE(is_like(R"(a\)", R"(a\)")) << "as at the end";
}

TEST(LikeTest, ACharacterIsOneOfUtf8) {
  EXPECT_TRUE(is_like("дом", "_о_"));
  EXPECT_TRUE(is_like("日本語", "日_語"));
  EXPECT_FALSE(is_like("日本語", "_"));
  EXPECT_TRUE(is_like("😀", "_"));
  EXPECT_TRUE(is_like("\xff", "_")) << "what is none is a byte";
  EXPECT_TRUE(is_like("\xe6\x97", "__"));
}

/// Every way to share out the text.
bool twin(BytesView text, BytesView pattern) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '%') {
    for (size_t i = 0; i <= text.size(); ++i) {
      if (twin(text.substr(i), pattern.substr(1))) return true;
    }
    return false;
  }
  if (text.empty() || (pattern[0] != '_' && pattern[0] != text[0])) return false;
  return twin(text.substr(1), pattern.substr(1));
}

TEST(LikeTest, RandomTextsAreAsTheTwinSays) {
  const char* const given = std::getenv("SAGITTA_SEED");
  const uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device()();
  SCOPED_TRACE("SAGITTA_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  size_t alike = 0;
  for (int i = 0; i < 20'000; ++i) {
    Bytes text, pattern;
    for (uint64_t n = random() % 9; n > 0; --n) text += random() % 2 == 0 ? 'a' : 'b';
    for (uint64_t n = random() % 7; n > 0; --n) pattern += std::string_view("ab_%")[random() % 4];
    ASSERT_EQ(is_like(text, pattern), twin(text, pattern)) << text << " LIKE " << pattern;
    if (is_like(text, pattern)) ++alike;
  }
  EXPECT_GT(alike, 1000U);
}

TEST(LikeTest, ManyPercentSignsTakeNoLongerThanTheProductOfTheLengths) {
  const Bytes text(20'000, 'a');
  Bytes pattern;
  for (int n = 0; n < 200; ++n) pattern += "%a";
  EXPECT_FALSE(is_like(text, pattern + "%b"));
  EXPECT_TRUE(is_like(text, pattern + "%"));
}

}  // namespace
}  // namespace sagitta::text
