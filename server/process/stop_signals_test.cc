// Each case is a process of its own, which ends.
#include "server/process/stop_signals.h"

#include <signal.h>
#include <unistd.h>

#include <thread>

#include "absl/time/clock.h"
#include "gtest/gtest.h"

namespace peregrine::server {
namespace {

void SleepForEver() { absl::SleepFor(absl::InfiniteDuration()); }

// By way of the system, as others send it.
void Send(int number) {
  kill(getpid(), number);
  absl::SleepFor(absl::Milliseconds(200));  // for it to be handled
}

class StopSignalsDeathTest : public ::testing::Test {
 protected:
  StopSignalsDeathTest() {
    ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  }
};

TEST_F(StopSignalsDeathTest, BeforeServingItEndsOnTheSpot) {
  for (const int number : {SIGTERM, SIGINT}) {
    EXPECT_EXIT(
        {
          StopSignals signals;
          Send(number);
          SleepForEver();
        },
        ::testing::ExitedWithCode(0), "");
  }
}

TEST_F(StopSignalsDeathTest, WhatHangsIsEnded) {
  EXPECT_EXIT(
      {
        StopSignals signals;
        signals.SetStopTime(absl::Milliseconds(100));
        signals.Serving();
        Send(SIGTERM);
        SleepForEver();
      },
      ::testing::ExitedWithCode(1), "");
}

TEST_F(StopSignalsDeathTest, SigtermAsOftenAsAnybodyLikesDoesNoMore) {
  EXPECT_EXIT(
      {
        StopSignals signals;
        signals.Serving();
        signals.RequestStop("the admin service");
        for (int i = 0; i < 3; ++i) Send(SIGTERM);
        Send(SIGINT);
        Send(SIGHUP);
        _exit(signals.AwaitStop() == "the admin service" ? 7 : 8);
      },
      ::testing::ExitedWithCode(7), "");
}

TEST_F(StopSignalsDeathTest, ASecondInterruptForces) {
  EXPECT_EXIT(
      {
        StopSignals signals;
        signals.Serving();
        Send(SIGINT);
        Send(SIGINT);
        SleepForEver();
      },
      ::testing::ExitedWithCode(128 + SIGINT), "");
}

TEST_F(StopSignalsDeathTest, HangingUpEndsNothing) {
  EXPECT_EXIT(
      {
        StopSignals signals;
        Send(SIGHUP);
        _exit(7);
      },
      ::testing::ExitedWithCode(7), "");
}

}  // namespace
}  // namespace peregrine::server
