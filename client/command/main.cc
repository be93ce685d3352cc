#include <stdlib.h>

#include "absl/synchronization/mutex.h"
#include "client/command/command_line.h"
#include "client/console/console.h"

// SIGINT, SIGTERM and SIGPIPE keep their usual meaning: what is written until
// then is whole lines.
int main(int argc, char** argv) {
  // By default gRPC looks at its connections each 5 s while no call is open: a
  // server that was restarted would be found late. Before gRPC starts.
  setenv("GRPC_CLIENT_CHANNEL_BACKUP_POLL_INTERVAL_MS", "200", /*replace=*/0);
  // Debian's abseil, whose mutexes gRPC locks too, looks for possible deadlocks
  // at every lock. That is for tests.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  const peregrine::client::Console console =
      peregrine::client::ConsoleOfProcess();
  return peregrine::client::RunCommandLine(argc, argv, console);
}
