#include "absl/synchronization/mutex.h"
#include "client/command/command_line.h"
#include "client/console/console.h"

// SIGINT, SIGTERM and SIGPIPE keep their usual meaning: what is written until
// then is whole lines.
int main(int argc, char** argv) {
  // Debian's abseil, whose mutexes gRPC locks too, looks for possible deadlocks
  // at every lock. That is for tests.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  const peregrine::client::Console console =
      peregrine::client::ConsoleOfProcess();
  return peregrine::client::RunCommandLine(argc, argv, console);
}
