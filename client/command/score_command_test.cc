// `peregrine score` against a fake server.
#include <fcntl.h>
#include <unistd.h>

#include <fstream>
#include <mutex>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/command/command_line.h"
#include "client/fake_translation_server.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace peregrine::client {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class ScoreCommandTest : public testing::Test {
 protected:
  ScoreCommandTest() {
    server_.SetScoreHandler([this](const v1::ScoreTextsRequest& request) {
      const std::lock_guard<std::mutex> lock(mutex_);
      requests_.push_back(request);
      return status_;
    });
  }

  std::string WriteFile(const std::string& name, const std::string& content) {
    const std::string path =
        absl::StrCat(testing::TempDir(), "/score_command_test_", name);
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }

  int Score(std::vector<std::string> arguments, const std::string& input = "") {
    arguments.insert(
        arguments.begin(),
        {"peregrine", "score", absl::StrCat("--address=", server_.address())});
    const int in_fd = open(WriteFile("stdin", input).c_str(), O_RDONLY);
    out_.str("");
    err_.str("");
    const Console console{in_fd, false, &out_, false, &err_, false};
    std::vector<const char*> argv;
    for (const std::string& argument : arguments) {
      argv.push_back(argument.c_str());
    }
    const int exit_code =
        RunCommandLine(static_cast<int>(argv.size()), argv.data(), console);
    close(in_fd);
    return exit_code;
  }

  FakeTranslationServer server_;
  std::mutex mutex_;
  std::vector<v1::ScoreTextsRequest> requests_;
  grpc::Status status_;
  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(ScoreCommandTest, ScoresTheStandardInput) {
  EXPECT_EQ(Score({}, "one\teins\r\ntwo\t\nthree\tdrei Worte"), 0);
  EXPECT_EQ(out_.str(), "-2.000000\n-0.000000\n-5.000000\n");
  EXPECT_EQ(err_.str(), "");
  ASSERT_EQ(requests_.size(), 1u);
  EXPECT_EQ(requests_[0].pairs(2).source().text(), "three");
  EXPECT_EQ(requests_[0].model(), "fake");
  EXPECT_EQ(requests_[0].priority(), v1::PRIORITY_BULK);
  EXPECT_FALSE(requests_[0].has_length_penalty());
}

TEST_F(ScoreCommandTest, ScoresFiles) {
  const std::string pairs = WriteFile("pairs", "one\teins\n");
  const std::string more = WriteFile("more", "two\tzw\n");
  EXPECT_EQ(Score({"--file", pairs, "--file", more}), 0);
  EXPECT_EQ(out_.str(), "-2.000000\n-1.000000\n");
  const std::string source = WriteFile("source", "one\ntwo\n");
  const std::string target = WriteFile("target", "eins\nzw\n");
  EXPECT_EQ(Score({"--source", source, "--target", target}), 0);
  EXPECT_EQ(out_.str(), "-2.000000\n-1.000000\n");
}

TEST_F(ScoreCommandTest, SendsItsFlags) {
  EXPECT_EQ(Score({"--json", "--alignments", "--length-penalty=0",
                   "--priority=interactive", "--from=en", "--to=de"},
                  "one\teins\n"),
            0);
  ASSERT_EQ(requests_.size(), 1u);
  EXPECT_TRUE(requests_[0].return_alignments());
  EXPECT_TRUE(requests_[0].has_length_penalty());
  EXPECT_EQ(requests_[0].length_penalty(), 0.0f);
  EXPECT_EQ(requests_[0].priority(), v1::PRIORITY_INTERACTIVE);
  EXPECT_EQ(requests_[0].source_language(), "en");
  EXPECT_EQ(requests_[0].target_language(), "de");
  EXPECT_THAT(out_.str(), AllOf(HasSubstr(R"("source":"one","target":"eins")"),
                                HasSubstr(R"("log_probability":-4.0)")));
}

TEST_F(ScoreCommandTest, KeepsTheOrderOfManyPairs) {
  std::string input;
  std::string expected;
  for (int i = 0; i < 1000; ++i) {
    absl::StrAppend(&input, "s\t", std::string(i % 10, 'x'), "\n");
    absl::StrAppend(&expected, "-", (i % 10) / 2, i % 2 == 0 ? ".0" : ".5",
                    "00000\n");
  }
  EXPECT_EQ(Score({}, input), 0);
  EXPECT_EQ(out_.str(), expected);
}

TEST_F(ScoreCommandTest, APairAtFaultTakesNoOtherWithIt) {
  EXPECT_EQ(Score({}, "one\teins\nbad\tx\ntwo\tzw\n"), 1);
  EXPECT_EQ(out_.str(), "-2.000000\n\n-1.000000\n");
  EXPECT_THAT(err_.str(), HasSubstr("pair 2: INVALID_ARGUMENT"));
  EXPECT_EQ(Score({"--json"}, "bad\tx\n"), 1);
  EXPECT_THAT(out_.str(), HasSubstr(R"("error":{"code":"INVALID_ARGUMENT")"));
}

TEST_F(ScoreCommandTest, AnErrorThatNoPairIsToBlameForEndsTheRun) {
  status_ = grpc::Status(grpc::StatusCode::NOT_FOUND, "no such model");
  EXPECT_EQ(Score({}, "one\teins\ntwo\tzw\n"), 1);
  EXPECT_EQ(out_.str(), "");
  EXPECT_THAT(err_.str(), AllOf(HasSubstr("stopped after 0 pairs"),
                                HasSubstr("no such model")));
}

// Once, and not for each pair.
TEST_F(ScoreCommandTest, AnOptionAtFaultEndsTheRun) {
  status_ = grpc::Status(grpc::StatusCode::INVALID_ARGUMENT,
                         "length_penalty: found nan, allowed -5 to 5");
  EXPECT_EQ(Score({"--length-penalty=nan"}, "one\teins\ntwo\tzw\n"), 1);
  EXPECT_EQ(out_.str(), "");
  EXPECT_THAT(err_.str(), HasSubstr("stopped after 0 pairs"));
  EXPECT_EQ(requests_.size(), 1u);
}

TEST_F(ScoreCommandTest, InputThatIsNoPairsIsNamed) {
  EXPECT_EQ(Score({}, "one\teins\nno tab\n"), 1);
  EXPECT_EQ(out_.str(), "-2.000000\n");
  EXPECT_THAT(err_.str(), HasSubstr("line 2: expected a source, one tab"));
  EXPECT_EQ(Score({}, "a\tb\tc\n"), 1);
  EXPECT_THAT(err_.str(), HasSubstr("line 1: expected a source, one tab"));
  const std::string source = WriteFile("longer", "one\ntwo\n");
  const std::string target = WriteFile("shorter", "eins\n");
  EXPECT_EQ(Score({"--source", source, "--target", target}), 1);
  EXPECT_THAT(err_.str(), HasSubstr("--target has fewer lines"));
}

TEST_F(ScoreCommandTest, WrongUsageIsSaid) {
  const std::string file = WriteFile("file", "one\teins\n");
  EXPECT_EQ(Score({"--source", file}), 2);
  EXPECT_EQ(Score({"--alignments"}, "one\teins\n"), 2);
  EXPECT_EQ(Score({"--file", "/no/such/file"}), 2);
  EXPECT_EQ(Score({"--file", file, "--source", file, "--target", file}), 2);
}

}  // namespace
}  // namespace peregrine::client
