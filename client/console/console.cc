#include "client/console/console.h"

#include <unistd.h>

#include <iostream>

namespace peregrine::client {

Console ConsoleOfProcess() {
  std::ios::sync_with_stdio(false);
  return {STDIN_FILENO, isatty(STDIN_FILENO) == 1,
          &std::cout,   isatty(STDOUT_FILENO) == 1,
          &std::cerr,   isatty(STDERR_FILENO) == 1};
}

int Fail(const Console& console, absl::string_view what,
         const absl::Status& status) {
  *console.err << "peregrine: " << what << ": " << status.ToString() << "\n";
  return kExitFailed;
}

}  // namespace peregrine::client
