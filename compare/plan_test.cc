#include "compare/plan.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace peregrine::compare {
namespace {

using ::testing::ElementsAre;

TEST(PlanTest, EveryBeamSizeIsAlsoRunAlone) {
  EXPECT_THAT(MakeSettings({4, 1}, {64}),
              ElementsAre(Setting{4, 64}, Setting{1, 64}, Setting{4, 1},
                          Setting{1, 1}));
  EXPECT_THAT(MakeSettings({4}, {1, 8}),
              ElementsAre(Setting{4, 1}, Setting{4, 8}));
}

TEST(PlanTest, ABatchIsFilledTwice) {
  EXPECT_EQ(WantedSentences({4, 64}, 1), 128);
  EXPECT_EQ(WantedSentences({4, 64}, 2), 256);
  EXPECT_EQ(WantedSentences({4, 1}, 1), 8);
}

// A round of what is wanted takes 10 x 1 + 100 x 0.1 = 20 seconds.
const std::vector<SettingCost> kCosts = {{1.0, 10}, {0.1, 100}};

TEST(PlanTest, TimeForManyRoundsMakesThemLonger) {
  EXPECT_THAT(ChooseSentences(kCosts, 20 * kMostRounds), ElementsAre(10, 100));
  EXPECT_THAT(ChooseSentences(kCosts, 2 * 20 * kMostRounds),
              ElementsAre(20, 200));
}

TEST(PlanTest, TimeForFewRoundsMakesThemFewer) {
  EXPECT_THAT(ChooseSentences(kCosts, 20 * 4), ElementsAre(10, 100));
}

TEST(PlanTest, LittleTimeMakesThemShorter) {
  EXPECT_THAT(ChooseSentences(kCosts, 20 * kFewestRounds / 2.0),
              ElementsAre(5, 50));
  EXPECT_THAT(ChooseSentences(kCosts, 0.1), ElementsAre(4, 4));
}

}  // namespace
}  // namespace peregrine::compare
