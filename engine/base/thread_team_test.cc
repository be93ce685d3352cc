#include "engine/base/thread_team.h"

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace peregrine {
namespace {

using ::testing::Each;

// How many threads of this process run or want to.
int NumRunnableThreads() {
  int runnable = 0;
  for (const auto& task :
       std::filesystem::directory_iterator("/proc/self/task")) {
    std::stringstream stat;
    stat << std::ifstream(task.path() / "stat").rdbuf();
    // "ID (NAME) STATE ..."
    const size_t name_end = stat.str().rfind(") ");
    runnable +=
        name_end != std::string::npos && stat.str()[name_end + 2] == 'R';
  }
  return runnable;
}

// Returns when this thread alone runs. Helpers that spin for ever would end the
// test.
void AwaitSleepOfHelpers() {
  for (int i = 0; i < 5000; ++i) {
    if (NumRunnableThreads() == 1) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  FAIL() << "helpers never sleep";
}

// Not atomic: under the thread sanitizer this also proves that the pieces of
// one round happen before all that comes after it.
void RunRounds(ThreadTeam& team, int rounds) {
  for (int round = 0; round < rounds; ++round) {
    std::vector<int> done(round % 7);
    team.Run(static_cast<int>(done.size()), [&](int piece) { ++done[piece]; });
    ASSERT_THAT(done, Each(1)) << "in round " << round;
  }
}

TEST(ThreadTeamTest, EachPieceIsDoneOnceInManyRounds) {
  for (int num_threads : {2, 3, 5}) {
    ThreadTeam team(num_threads);
    EXPECT_EQ(team.num_threads(), num_threads);
    RunRounds(team, 2000);
  }
}

TEST(ThreadTeamTest, IdleHelpersSleepAndWakeAgain) {
  ThreadTeam team(3);
  for (int i = 0; i < 20; ++i) {
    AwaitSleepOfHelpers();
    RunRounds(team, 50);
  }
}

// All threads must be inside a piece at once for the round to end.
TEST(ThreadTeamTest, HelpersTakePart) {
  constexpr int kThreads = 3;
  ThreadTeam team(kThreads);
  for (int round = 0; round < 20; ++round) {
    if (round % 2 == 0) AwaitSleepOfHelpers();
    std::atomic<int> inside{0};
    team.Run(kThreads, [&](int) {
      ++inside;
      while (inside < kThreads) std::this_thread::yield();
    });
    EXPECT_EQ(inside, kThreads);
  }
}

TEST(ThreadTeamTest, EndsWhileHelpersSpinSleepOrHaveNotBegun) {
  for (int i = 0; i < 50; ++i) {
    ThreadTeam team(2 + i % 3);
    if (i % 4 == 1) RunRounds(team, 10);
    if (i % 4 == 2) AwaitSleepOfHelpers();
  }
}

TEST(ThreadTeamTest, SeveralTeamsWorkSideBySide) {
  std::vector<std::thread> owners;
  for (int i = 0; i < 3; ++i) {
    owners.emplace_back([] {
      ThreadTeam team(3);
      RunRounds(team, 500);
    });
  }
  for (std::thread& owner : owners) owner.join();
}

TEST(ForPartsTest, DoesAllPartsAndTellsOfAnError) {
  ThreadTeam team(3);
  for (ThreadTeam* by : {static_cast<ThreadTeam*>(nullptr), &team}) {
    std::atomic<int> done{0};
    const auto work = [&](int part) {
      ++done;
      return part == 7 ? absl::InternalError("seven") : absl::OkStatus();
    };
    EXPECT_TRUE(ForParts(by, 7, work).ok());
    EXPECT_EQ(done, 7);
    EXPECT_EQ(ForParts(by, 20, work), absl::InternalError("seven"));
    EXPECT_EQ(done, 27);
  }
}

}  // namespace
}  // namespace peregrine
