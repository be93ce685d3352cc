#include "client/console/progress.h"

#include <sstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace peregrine::client {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

const absl::Time kStart = absl::FromUnixSeconds(1000);

TEST(ProgressTest, TellsDoneRateAndTimeLeft) {
  EXPECT_EQ(FormatProgress(1200, 5000, absl::Seconds(8)),
            "1200/5000 lines  24 %  150.0/s  26s left");
  EXPECT_EQ(FormatProgress(0, 5000, absl::Seconds(8)),
            "0/5000 lines  0 %  0.0/s");
  EXPECT_EQ(FormatProgress(300, 0, absl::Seconds(2)), "300 lines  150.0/s");
}

TEST(ProgressTest, StaysSilentInAShortRun) {
  std::ostringstream terminal;
  {
    ProgressLine progress(&terminal, 10, kStart);
    progress.Update(10, kStart + absl::Seconds(1));
  }
  EXPECT_EQ(terminal.str(), "");
}

TEST(ProgressTest, DrawsNowAndThenAndClearsItself) {
  std::ostringstream terminal;
  {
    ProgressLine progress(&terminal, 10, kStart);
    progress.Update(4, kStart + absl::Seconds(2));
    EXPECT_THAT(terminal.str(), HasSubstr("4/10 lines"));
    progress.Update(5, kStart + absl::Seconds(2.05));
    EXPECT_THAT(terminal.str(), Not(HasSubstr("5/10 lines")));
    progress.Update(6, kStart + absl::Seconds(2.1));
    EXPECT_THAT(terminal.str(), HasSubstr("6/10 lines"));
  }
  EXPECT_THAT(terminal.str(), EndsWith("\r\x1b[K"));
}

TEST(ProgressTest, WithoutATerminalItDrawsNothing) {
  ProgressLine progress(nullptr, 10, kStart);
  progress.Update(5, kStart + absl::Hours(1));
}

}  // namespace
}  // namespace peregrine::client
