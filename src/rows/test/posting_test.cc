/// Postings as entries: their parts come back, their order is that of scans, damage is refused.
#include "sagitta/rows/posting.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <tuple>
#include <vector>

namespace sagitta::rows {
namespace {

constexpr uint32_t kIndex = 0x01020304;

auto parts(const Posting& posting) {
  return std::tuple(posting.term, posting.row_key, posting.path, posting.expires_s);
}

TEST(Posting, ComesBackFromItsEntry) {
  const Posting examples[] = {{.term = "term", .row_key = "row", .path = "path", .expires_s = 1'700'000'000},
                              {.term = "term", .row_key = "row", .path = {}, .expires_s = 0},
                              {.term = {}, .row_key = "row", .path = "p", .expires_s = -1},
                              {.term = "t", .row_key = {}, .path = {}, .expires_s = INT64_MAX}};
  for (const Posting& posting : examples) {
    const Bytes key = posting_key(kIndex, posting), value = posting_value(posting);
    EXPECT_TRUE(key.starts_with(posting_prefix(kIndex, posting.term)));
    const auto decoded = decode_posting(key, value);
    ASSERT_TRUE(decoded) << decoded.error().to_string();
    EXPECT_EQ(parts(*decoded), parts(posting));
  }
}

TEST(Posting, TheRowsOfATermAreInTheOrderOfTheirKeysWhateverTheirPaths) {
  std::vector<Bytes> keys;
  for (const char* row : {"a", "b", "c"}) {
    for (const char* path : {"", "1", "2"})
      keys.push_back(posting_key(kIndex, {.term = "t", .row_key = row, .path = path}));
  }
  EXPECT_TRUE(std::ranges::is_sorted(keys));
  EXPECT_LT(keys.back(), posting_key(kIndex, {.term = "u", .row_key = "a", .path = {}}));
  EXPECT_LT(keys.back(), posting_prefix(kIndex + 1));
}

TEST(Posting, ALiveOneHasNotExpired) {
  EXPECT_TRUE(Posting{}.is_live(INT64_MAX));
  EXPECT_TRUE((Posting{.term = {}, .row_key = {}, .path = {}, .expires_s = 8}.is_live(7)));
  EXPECT_FALSE((Posting{.term = {}, .row_key = {}, .path = {}, .expires_s = 8}.is_live(8)));
}

TEST(Posting, DamageIsRefused) {
  const Posting posting{.term = "term", .row_key = "row", .path = "path", .expires_s = 300};
  const Bytes key = posting_key(kIndex, posting), value = posting_value(posting);
  const auto refusal = [](BytesView damaged_key, BytesView damaged_value) {
    const auto decoded = decode_posting(damaged_key, damaged_value);
    return decoded ? ErrorCode::kServer : decoded.error().code();
  };
  for (size_t size = 0; size < value.size(); ++size)
    EXPECT_EQ(refusal(key, BytesView(value).substr(0, size)), ErrorCode::kCorruption) << size;
  EXPECT_EQ(refusal(key, value + '\0'), ErrorCode::kCorruption);
  // Shorter than its row key, its path and the number of the index.
  for (size_t size = 0; size < 4 + 3 + 4; ++size)
    EXPECT_EQ(refusal(BytesView(key).substr(0, size), value), ErrorCode::kCorruption) << size;
  Bytes other = value;
  other[0] = 0;
  EXPECT_EQ(refusal(key, other), ErrorCode::kCorruption);
  other[0] = 2;
  EXPECT_EQ(refusal(key, other), ErrorCode::kFormat);
}

TEST(Posting, SizesThatWrapAroundAreRefused) {
  const Bytes key = posting_key(kIndex, {.term = "term", .row_key = "row", .path = "path"});
  Bytes value(1, '\1');
  put_varint(value, 2);
  put_varint(value, UINT64_MAX);
  put_signed_varint(value, 0);
  EXPECT_FALSE(decode_posting(key, value));
}

}  // namespace
}  // namespace sagitta::rows
