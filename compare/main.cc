#include "absl/synchronization/mutex.h"
#include "client/console/console.h"
#include "compare/command_line.h"

int main(int argc, char** argv) {
  // Debian's abseil looks for possible deadlocks at every lock. That is for
  // tests.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  const peregrine::client::Console console =
      peregrine::client::ConsoleOfProcess();
  return peregrine::compare::RunCommandLine(argc, argv, console);
}
