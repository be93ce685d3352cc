#include "compare/model_process.h"

#include <signal.h>
#include <unistd.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace peregrine::compare {
namespace {

using ::testing::HasSubstr;

std::string Message(const absl::Status& status) {
  return std::string(status.message());
}

TEST(ModelProcessTest, AnswersFromAnotherProcess) {
  auto process = ModelProcess::Fork([](JsonLines& lines) {
    while (true) {
      const auto request = lines.Read();
      if (!request.ok()) return;
      (void)lines.Write({{"twice", (*request)["n"].get<int>() * 2},
                         {"pid", getpid()},
                         {"text", (*request)["text"]}});
    }
  });
  ASSERT_TRUE(process.ok()) << process.status();
  const std::string long_text(1 << 20, 'x');
  for (int n = 0; n < 3; ++n) {
    const auto answer = (*process)->Call({{"n", n}, {"text", long_text}});
    ASSERT_TRUE(answer.ok()) << answer.status();
    EXPECT_EQ((*answer)["twice"], 2 * n);
    EXPECT_NE((*answer)["pid"], getpid());
    EXPECT_EQ((*answer)["text"], long_text);
  }
}

TEST(ModelProcessTest, TellsHowItsProcessEnded) {
  auto exits = ModelProcess::Fork([](JsonLines&) { _exit(3); });
  EXPECT_THAT(Message((*exits)->Read().status()), HasSubstr("exit code 3"));
  EXPECT_EQ((*exits)->Call({{"n", 1}}).status().code(),
            absl::StatusCode::kUnavailable);
  auto killed = ModelProcess::Fork([](JsonLines&) { raise(SIGKILL); });
  EXPECT_THAT(Message((*killed)->Read().status()),
              HasSubstr("signal 9 (Killed); is there too little memory?"));
}

TEST(ModelProcessTest, RunsPrograms) {
  auto process = ModelProcess::Start(
      {"sh", "-c", "while read line; do echo \"{\\\"got\\\": $line}\"; done"});
  ASSERT_TRUE(process.ok()) << process.status();
  const auto answer = (*process)->Call({{"a", 1}});
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ((*answer)["got"]["a"], 1);
}

TEST(ModelProcessTest, ProgramsThatAreMissingOrSayNonsense) {
  auto missing = ModelProcess::Start({"/no/such/program"});
  const auto said = (*missing)->Read();
  ASSERT_TRUE(said.ok()) << said.status();
  EXPECT_THAT(Message(ParseFacts(*said).status()),
              HasSubstr("/no/such/program: No such file"));
  auto nonsense = ModelProcess::Start({"echo", "hello"});
  EXPECT_THAT(Message((*nonsense)->Read().status()),
              HasSubstr("found \"hello\", expected JSON"));
}

}  // namespace
}  // namespace peregrine::compare
