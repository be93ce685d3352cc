#include "compare/comparison.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace peregrine::compare {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::SizeIs;

std::string Directory(const std::string& name) {
  return std::string(PEREGRINE_SOURCE_DIR) + "/tests/golden/" + name;
}

// Models of a few thousand parameters, and little time.
ComparisonOptions Options() {
  ComparisonOptions options;
  options.directories = {Directory("mini-decoder"), Directory("ssru-pre")};
  options.beam_sizes = {2};
  options.batch_sizes = {4};
  options.budget = absl::Milliseconds(500);
  return options;
}

absl::StatusOr<ComparisonResult> Compare(const ComparisonOptions& options) {
  return Comparison(options, [](const std::string&, bool) {}).Run();
}

std::string ErrorOf(const ComparisonOptions& options) {
  return std::string(Compare(options).status().message());
}

TEST(ComparisonTest, MeasuresModelsInRounds) {
  const auto result = Compare(Options());
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_GE(result->rounds, 1);
  EXPECT_EQ(result->baseline, "mini-decoder");
  ASSERT_THAT(result->contestants, SizeIs(2));
  EXPECT_EQ(result->contestants[1].model, "ssru-pre");
  ASSERT_THAT(result->settings, SizeIs(2));  // and alone, for the latency
  EXPECT_EQ(result->num_reported, 1);
  for (const Contestant& contestant : result->contestants) {
    EXPECT_TRUE(contestant.trained);
    EXPECT_GT(contestant.facts.parameters, 0);
    for (std::size_t i = 0; i < result->settings.size(); ++i) {
      const Measurement& measurement = contestant.measurements[i];
      EXPECT_THAT(measurement.tokens_per_second, SizeIs(result->rounds));
      EXPECT_THAT(measurement.latencies,
                  SizeIs(result->rounds * result->sentences[i]));
      EXPECT_GT(Median(measurement.tokens_per_second), 0);
      EXPECT_GT(measurement.peak_bytes, 1'000'000);
    }
  }
  const Contestant& base = result->contestants[0];
  EXPECT_EQ(result->SpeedUp(base, base, 0).median, 1);
}

TEST(ComparisonTest, DirectoriesHaveNames) {
  ComparisonOptions options = Options();
  options.directories = {"first=" + Directory("ssru-pre"),
                         Directory("ssru-pre"), Directory("ssru-pre/"),
                         Directory("mini-decoder")};
  const auto result = Compare(options);
  ASSERT_TRUE(result.ok()) << result.status();
  ASSERT_THAT(result->contestants, SizeIs(4));
  EXPECT_EQ(result->contestants[0].model, "first");
  EXPECT_EQ(result->contestants[1].model, Directory("ssru-pre"));
  EXPECT_EQ(result->contestants[3].model, "mini-decoder");
}

TEST(ComparisonTest, EveryPlaceHasItsBaseline) {
  ComparisonOptions options = Options();
  options.devices = {"cpu", "reference"};
  options.precisions = {"float32", "float32"};
  options.baseline = "ssru-pre";
  const auto result = Compare(options);
  ASSERT_TRUE(result.ok()) << result.status();
  ASSERT_THAT(result->contestants, SizeIs(4));
  EXPECT_EQ(result->BaselineOf(result->contestants[0]), 1);
  EXPECT_EQ(result->BaselineOf(result->contestants[2]), 3);
}

TEST(ComparisonTest, WorkersShareTheWork) {
  ComparisonOptions options = Options();
  options.num_workers = 3;
  const auto result = Compare(options);
  ASSERT_TRUE(result.ok()) << result.status();
  const Measurement& measurement = result->contestants[0].measurements[0];
  EXPECT_THAT(measurement.latencies,
              SizeIs(result->rounds * result->sentences[0]));
}

TEST(ComparisonTest, ScoresModelsThatHaveTokenizers) {
  ComparisonOptions options = Options();
  options.directories.push_back(std::string(PEREGRINE_SOURCE_DIR) +
                                "/models/en-de-mdn");
  options.sources = {"Good morning!", "The children are playing."};
  options.references = {"Guten Morgen!", "Die Kinder spielen."};
  const auto result = Compare(options);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_TRUE(result->contestants[0].bleu.empty());
  EXPECT_THAT(result->notes, Contains("mini-decoder has no BLEU: it has no "
                                      "tokenizers"));
  ASSERT_THAT(result->contestants[2].bleu, SizeIs(1));
  EXPECT_GT(result->contestants[2].bleu.at(2), 50);
}

TEST(ComparisonTest, TellsJoulesWhereTheMachineDoes) {
  ComparisonOptions options = Options();
  options.powercap_folder = ::testing::TempDir() + "/comparison-powercap";
  const std::string zone = options.powercap_folder + "/intel-rapl:0";
  std::filesystem::create_directories(zone);
  std::ofstream(zone + "/name") << "package-0\n";
  std::ofstream(zone + "/energy_uj") << "7\n";
  std::ofstream(zone + "/max_energy_range_uj") << "1000\n";
  auto result = Compare(options);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(result->contestants[0].measurements[0].joules_per_token,
              SizeIs(result->rounds));

  std::filesystem::remove_all(options.powercap_folder);
  result = Compare(options);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(result->contestants[0].measurements[0].joules_per_token,
              SizeIs(0));
  EXPECT_THAT(result->notes,
              Contains(HasSubstr("not reported by this machine")));
}

TEST(ComparisonTest, ARoundThatTheTimeCutsShortIsLeftOut) {
  ComparisonOptions options = Options();
  options.budget = absl::Seconds(1);
  // Called before each model's turn.
  const auto dawdle = [&options](const std::string& text, bool) {
    if (absl::StrContains(text, "round 2: ssru-pre")) {
      absl::SleepFor(options.budget);
    }
  };
  const auto result = Comparison(options, dawdle).Run();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->rounds, 1);
  for (const Contestant& contestant : result->contestants) {
    for (const Measurement& measurement : contestant.measurements) {
      EXPECT_THAT(measurement.tokens_per_second, SizeIs(1));
    }
  }
  EXPECT_THAT(result->notes, Contains(HasSubstr("time for 1 round only")));
}

TEST(ComparisonTest, SaysWhatIsWrong) {
  ComparisonOptions options = Options();
  options.directories.push_back(Directory(""));
  EXPECT_THAT(ErrorOf(options), HasSubstr("config.json: no such file"));
  options = Options();
  options.baseline = "none";
  EXPECT_THAT(ErrorOf(options), HasSubstr("--baseline: found \"none\", "
                                          "expected one of mini-decoder, "));
  options = Options();
  options.directories.clear();
  EXPECT_THAT(ErrorOf(options), HasSubstr("found no model to compare"));
  options = Options();
  options.devices = {"abacus"};
  EXPECT_THAT(ErrorOf(options), HasSubstr("abacus"));
  options = Options();
  options.peer_python = "/no/such/python";
  EXPECT_THAT(ErrorOf(options), HasSubstr("--peer-python: none of the peers"));
}

}  // namespace
}  // namespace peregrine::compare
