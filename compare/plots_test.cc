#include "compare/plots.h"

#include "compare/result_fixture.h"
#include "compare/svg.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace peregrine::compare {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TEST(SvgTest, TextIsEscaped) {
  Svg svg(10, 20);
  svg.Text(1, 2, "a<b & \"c\"");
  EXPECT_THAT(svg.Finish(),
              AllOf(StartsWith("<svg "), EndsWith("</svg>\n"),
                    HasSubstr(">a&lt;b &amp; &quot;c&quot;</text>")));
}

TEST(SvgTest, GridSteps) {
  EXPECT_DOUBLE_EQ(GridStep(4, 8), 0.5);
  EXPECT_DOUBLE_EQ(GridStep(8, 8), 1);
  EXPECT_DOUBLE_EQ(GridStep(8.1, 8), 2);
  EXPECT_DOUBLE_EQ(GridStep(70, 8), 10);
  EXPECT_DOUBLE_EQ(GridStep(0.03, 3), 0.01);
}

TEST(PlotsTest, ABarAModelAndThePaper) {
  EXPECT_THAT(PlotSpeedUps(MakeResult()),
              AllOf(HasSubstr(">mdn</text>"), HasSubstr(">2.50x</text>"),
                    HasSubstr(">375 tokens/s</text>"),
                    HasSubstr("MDN in the paper: 3.80x")));
}

TEST(PlotsTest, ThePaperStandsOnlyInPanelsLikeIt) {
  for (const Setting& setting : {Setting{1, 64}, Setting{4, 32}}) {
    ComparisonResult result = MakeResult();
    result.settings = {setting, {setting.beam_size, 1}};
    EXPECT_THAT(PlotSpeedUps(result), Not(HasSubstr("the paper")));
  }
  ComparisonResult result = MakeResult();
  for (Contestant& contestant : result.contestants) {
    contestant.facts.precision = "int8";
  }
  EXPECT_THAT(PlotSpeedUps(result), Not(HasSubstr("the paper")));
}

TEST(PlotsTest, TrainedModelsDoNotDwarfTheLadder) {
  ComparisonResult result = MakeResult();
  result.contestants.push_back(MakeContestant("tiny", 20000));
  result.contestants.back().trained = true;
  const std::string plot = PlotSpeedUps(result);
  EXPECT_THAT(plot,
              AllOf(HasSubstr(">100.00x</text>"), HasSubstr(">3.5x</text>"),
                    Not(HasSubstr(">5x</text>"))));
  // Among its like it is shown in full.
  for (Contestant& contestant : result.contestants) contestant.trained = true;
  EXPECT_THAT(PlotSpeedUps(result), HasSubstr(">100x</text>"));
}

TEST(PlotsTest, APointForEachScore) {
  ComparisonResult result = MakeResult();
  result.contestants[1].bleu[4] = 30;
  const std::string plot = PlotQuality(result);
  EXPECT_THAT(plot, AllOf(HasSubstr(">mdn</text>"),
                          HasSubstr("cpu, float32, beam 4, batch 64"),
                          Not(HasSubstr(">base-32k</text>"))));
}

}  // namespace
}  // namespace peregrine::compare
