#include "compare/report.h"

#include "compare/result_fixture.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace peregrine::compare {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(ReportTest, ARowAModel) {
  const ComparisonResult result = MakeResult();
  const std::vector<Group> groups = MakeGroups(result);
  ASSERT_EQ(groups.size(), 1u);  // batches of one tell the latency only
  EXPECT_EQ(groups[0].title, "cpu, float32, beam 4, batch 64");
  const Table table = MakeTable(result, groups[0]);
  EXPECT_THAT(table.header,
              ElementsAre("model", "speed-up", "tokens/s", "p50 ms", "p99 ms",
                          "vocabulary", "M parameters", "M multiply-adds",
                          "memory MB"));
  ASSERT_EQ(table.rows.size(), 2u);
  EXPECT_THAT(table.rows[1],
              ElementsAre("mdn", "2.50 (2.50 to 2.50)", "375", "200.0", "298.0",
                          "10000", "76.0", "174.0", "512.0"));
}

TEST(ReportTest, ColumnsOfWhatSomeHave) {
  ComparisonResult result = MakeResult();
  result.contestants[1].bleu[4] = 33.83;
  result.contestants[1].measurements[0].joules_per_token = {0.01, 0.03};
  const Table table = MakeTable(result, MakeGroups(result)[0]);
  EXPECT_EQ(table.header[table.header.size() - 2], "J/1000 tokens");
  EXPECT_EQ(table.rows[1][table.header.size() - 2], "20.0");
  EXPECT_EQ(table.header.back(), "BLEU");
  EXPECT_EQ(table.rows[0].back(), "");
  EXPECT_EQ(table.rows[1].back(), "33.8");
}

TEST(ReportTest, AnotherPrecisionIsAlsoMeasuredByTheFirst) {
  ComparisonResult result = MakeResult();
  result.contestants.push_back(MakeContestant("base-32k", 400, "int8"));
  result.contestants.push_back(MakeContestant("mdn", 1200, "int8"));
  const std::vector<Group> groups = MakeGroups(result);
  ASSERT_EQ(groups.size(), 2u);
  EXPECT_EQ(groups[1].title, "cpu, int8, beam 4, batch 64");
  const Table table = MakeTable(result, groups[1]);
  EXPECT_EQ(table.header[2], "over all");
  EXPECT_EQ(table.rows[1][1], "3.00 (3.00 to 3.00)");
  EXPECT_EQ(table.rows[1][2], "6.00");
}

TEST(ReportTest, ProcessorTimeIfSoChosen) {
  ComparisonResult result = MakeResult();
  result.clock = Clock::kCpu;
  EXPECT_EQ(MakeTable(result, MakeGroups(result)[0]).rows[1][2], "1000");
  EXPECT_THAT(FormatReport(result),
              HasSubstr("target tokens a second of processor time over"));
}

TEST(ReportTest, ThePapersFiguresStandBesideOurs) {
  const Table table = MakePaperTable(MakeResult());
  EXPECT_THAT(
      table.rows,
      ElementsAre(ElementsAre("the paper", "3.80", "CPU", "float32", "4", "64",
                              "32K to 10K"),
                  ElementsAre("the paper", "2.52", "GPU", "float32", "4", "64",
                              "32K to 10K"),
                  ElementsAre("this machine", "2.50 (2.50 to 2.50)", "cpu",
                              "float32", "4", "64", "32000 to 10000")));
  ComparisonResult others = MakeResult();
  others.contestants[1].model = "mine";
  EXPECT_TRUE(MakePaperTable(others).rows.empty());
}

TEST(ReportTest, PeersAreNamed) {
  ComparisonResult result = MakeResult();
  result.contestants.push_back(MakeContestant("base-32k", 100));
  result.contestants.back().engine = "CTranslate2 4.8.5";
  const Table table = MakeTable(result, MakeGroups(result)[0]);
  EXPECT_EQ(table.rows[2][0], "CTranslate2 4.8.5, base-32k");
  EXPECT_EQ(table.rows[2][1], "0.50 (0.50 to 0.50)");
}

TEST(ReportTest, MarkdownHasTablesPlotsAndNotes) {
  ComparisonResult result = MakeResult();
  result.notes = {"The moon was full."};
  EXPECT_THAT(FormatMarkdown(result),
              AllOf(HasSubstr("![speed-up](speed-up.svg)"),
                    Not(HasSubstr("quality.svg")),
                    HasSubstr("\n## cpu, float32, beam 4, batch 64\n| model |"),
                    HasSubstr("\n## Beside the paper\n"),
                    HasSubstr("- The moon was full.\n")));
  result.contestants[1].bleu[4] = 30;
  EXPECT_THAT(FormatMarkdown(result),
              AllOf(HasSubstr("quality.svg"), HasSubstr("tok:13a")));
}

TEST(ReportTest, JsonHasEveryRound) {
  ComparisonResult result = MakeResult();
  result.contestants[1].bleu[4] = 30;
  const Json json = Json::parse(FormatJson(result));
  EXPECT_EQ(json["paper_speed_up"]["cpu"], 3.8);
  EXPECT_EQ(json["models"].size(), 2u);
  const Json& mdn = json["models"][1];
  EXPECT_EQ(mdn["precision"], "float32");
  EXPECT_EQ(mdn["settings"].size(), 2u);
  const Json& setting = mdn["settings"][0];
  EXPECT_EQ(setting["batch_size"], 64);
  EXPECT_EQ(setting["speed_up"]["median"], 2.5);
  EXPECT_EQ(setting["tokens_per_second"], Json::parse("[500.0, 250.0]"));
  EXPECT_EQ(setting["multiply_adds_per_token"], 174'000'000);
  EXPECT_EQ(setting["bleu"], 30.0);
  EXPECT_TRUE(setting["joules_per_token"].is_null());
}

}  // namespace
}  // namespace peregrine::compare
