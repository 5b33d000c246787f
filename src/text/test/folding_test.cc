/// Texts that count as the same, and those that do not.
#include "sagitta/text/folding.h"

#include <gtest/gtest.h>

namespace sagitta::text {
namespace {

constexpr Folding kCase{.ignores_case = true}, kForm{.normalises = true}, kAscii{.to_ascii = true};

TEST(FoldingTest, LeavesATextWithoutAnyOfThem) {
  EXPECT_TRUE(Folding().is_identity());
  EXPECT_EQ(Folding().fold("Àb"), "Àb");
}

TEST(FoldingTest, IgnoresCase) {
  EXPECT_EQ(kCase.fold("ÀbC ДЖ"), "àbc дж");
  EXPECT_EQ(kCase.fold("STRASSE"), kCase.fold("strasse"));
  EXPECT_NE(kCase.fold("straße"), kCase.fold("strasse"));
}

TEST(FoldingTest, NormalisesTwoSpellingsOfOneLetter) {
  EXPECT_EQ(kForm.fold("e\u0301"), "\u00e9");
  EXPECT_NE(Folding().fold("e\u0301"), "\u00e9");
  EXPECT_EQ(kForm.fold("É"), "É") << "case stays";
}

TEST(FoldingTest, TurnsLettersIntoAscii) {
  EXPECT_EQ(kAscii.fold("Déjà Ærø Łódź straße ﬁ"), "Deja AEro Lodz strasse fi");
  EXPECT_EQ(kAscii.fold("日本"), "日本") << "what has no ASCII stays";
}

TEST(FoldingTest, TakesAllThreeTogether) {
  constexpr Folding kAll{.ignores_case = true, .normalises = true, .to_ascii = true};
  EXPECT_EQ(kAll.fold("DE\u0301JA\u0300"), "deja");
}

TEST(FoldingTest, LeavesWhatIsNoUtf8) {
  for (const Folding& folding : {kCase, kForm, kAscii}) EXPECT_EQ(folding.fold("A\xff"), "A\xff");
}

}  // namespace
}  // namespace sagitta::text
