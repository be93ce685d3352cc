#include <unistd.h>

#include <iostream>

#include "absl/synchronization/mutex.h"
#include "client/command_line.h"

// SIGINT, SIGTERM and SIGPIPE keep their usual meaning: what is written until
// then is whole lines.
int main(int argc, char** argv) {
  std::ios::sync_with_stdio(false);
  // Debian's abseil, whose mutexes gRPC locks too, looks for possible deadlocks
  // at every lock. That is for tests.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  const peregrine::client::Console console{
      STDIN_FILENO, isatty(STDIN_FILENO) == 1,
      &std::cout,   isatty(STDOUT_FILENO) == 1,
      &std::cerr,   isatty(STDERR_FILENO) == 1};
  return peregrine::client::RunCommandLine(argc, argv, console);
}
