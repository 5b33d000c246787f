/// Fields, their grammar, and what is written of them; gzip.
#include "sagitta/http/message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sagitta/base/random.h"
#include "sagitta/http/gzip.h"
#include "sagitta/http/writer.h"

namespace sagitta::http::test {
namespace {

TEST(Fields, CompareNamesWithoutCase) {
  Fields fields{{"Accept", "a"}, {"accept", "b, C"}, {"X", ""}};
  EXPECT_EQ(*fields.find("ACCEPT"), "a");
  EXPECT_EQ(fields.count("Accept"), 2U);
  EXPECT_TRUE(fields.has_token("accept", "c"));
  EXPECT_FALSE(fields.has_token("accept", "d"));
  EXPECT_FALSE(fields.has_token("x", ""));
  fields.set("accept", "z");
  EXPECT_EQ(fields.count("Accept"), 1U);
  EXPECT_EQ(fields.find("nothing"), nullptr);
}

TEST(Fields, TakeNothingThatWouldEndALine) {
  Fields fields;
  EXPECT_DEATH(fields.add("A", "b\r\nC: d"), "");
  EXPECT_DEATH(fields.add("A b", "c"), "");
  EXPECT_DEATH(fields.add("", "c"), "");
  EXPECT_DEATH(fields.add("A", " c"), "");
}

TEST(Writer, WritesHeadsAndChunks) {
  EXPECT_EQ(write_head(RequestHead{"GET", "/x?y", 1, {{"A", "b"}}}), "GET /x?y HTTP/1.1\r\nA: b\r\n\r\n");
  EXPECT_EQ(write_head(ResponseHead{.status = 404}), "HTTP/1.1 404 Not Found\r\n\r\n");
  EXPECT_EQ(write_head(ResponseHead{.status = 299, .reason = "Mine"}), "HTTP/1.1 299 Mine\r\n\r\n");
  EXPECT_EQ(write_chunk(Bytes(17, 'x')), "11\r\n" + Bytes(17, 'x') + "\r\n");
  EXPECT_EQ(write_chunk(""), "");
  EXPECT_EQ(write_last_chunk({{"T", "1"}}), "0\r\nT: 1\r\n\r\n");
  EXPECT_DEATH(write_head(RequestHead{"GET", "/a b", 1, {}}), "");
}

Bytes random_text(uint64_t seed, size_t length) {
  SeededRandom random(seed);
  Bytes text(length, '\0');
  for (char& c : text) c = static_cast<char>('a' + random.next() % 5);
  return text;
}

TEST(Gzip, GivesBackWhatItTook) {
  for (const size_t length : {0U, 1U, 1'000U, 100'000U}) {
    const Bytes text = random_text(length, length);
    const Bytes packed = gzip(text);
    EXPECT_EQ(*gunzip(packed, length), text);
    EXPECT_LE(packed.size(), length / 2 + 100);
  }
}

TEST(Gzip, InPiecesIsTheSame) {
  const Bytes text = random_text(3, 50'000);
  GzipWriter writer;
  Bytes packed;
  for (size_t at = 0; at < text.size(); at += 777) packed += writer.write(BytesView(text).substr(at, 777));
  packed += writer.finish();
  GzipReader reader(text.size());
  Bytes back;
  for (const char& c : packed) {
    EXPECT_FALSE(reader.is_whole());
    auto piece = reader.read(BytesView(&c, 1));
    ASSERT_TRUE(piece);
    back += *piece;
  }
  EXPECT_TRUE(reader.is_whole());
  EXPECT_EQ(back, text);
  EXPECT_EQ(*gunzip(gzip("ab") + gzip("cd"), 4), "abcd");
}

TEST(Gzip, RefusesBombsDamageAndEarlyEnds) {
  const Bytes bomb = gzip(Bytes(1'000'000, 'x'));
  EXPECT_LT(bomb.size(), 2'000U);
  EXPECT_EQ(gunzip(bomb, 999'999).error().code(), ErrorCode::kOverloaded);
  EXPECT_TRUE(gunzip(bomb, 1'000'000));
  const Bytes packed = gzip(random_text(4, 1'000));
  EXPECT_EQ(gunzip(BytesView(packed).substr(0, packed.size() - 1), 1'000).error().code(), ErrorCode::kCorruption);
  EXPECT_EQ(gunzip("", 1'000).error().code(), ErrorCode::kCorruption);
  EXPECT_EQ(gunzip("no gzip at all", 1'000).error().code(), ErrorCode::kCorruption);
  Bytes damaged = packed;
  damaged[damaged.size() - 6] ^= 1;  // of the checksum
  EXPECT_EQ(gunzip(damaged, 1'000).error().code(), ErrorCode::kCorruption);
}

TEST(Gzip, IsSentToWhoTakesIt) {
  EXPECT_TRUE(accepts_gzip({{"Accept-Encoding", "br, gzip"}}));
  EXPECT_TRUE(accepts_gzip({{"Accept-Encoding", "GZIP;q=0.5"}}));
  EXPECT_TRUE(accepts_gzip({{"Accept-Encoding", "*"}}));
  EXPECT_FALSE(accepts_gzip({{"Accept-Encoding", "gzip;q=0, *"}}));
  EXPECT_FALSE(accepts_gzip({{"Accept-Encoding", "gzip; q=0.000"}}));
  EXPECT_FALSE(accepts_gzip({{"Accept-Encoding", "*;q=0"}}));
  EXPECT_FALSE(accepts_gzip({{"Accept-Encoding", "identity"}}));
  EXPECT_FALSE(accepts_gzip({}));
}

}  // namespace
}  // namespace sagitta::http::test
