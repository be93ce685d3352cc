#ifndef PEREGRINE_CLIENT_CONSOLE_CONSOLE_H_
#define PEREGRINE_CLIENT_CONSOLE_CONSOLE_H_

#include <ostream>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace peregrine::client {

// The outside world of a command; tests bring their own.
struct Console {
  int in_fd;
  bool in_is_terminal;
  std::ostream* out;
  bool out_is_terminal;
  std::ostream* err;
  bool err_is_terminal;
};

// Standard input, output and error of this process.
Console ConsoleOfProcess();

// Exit codes of the command.
inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;

// Says "peregrine: what: status" on the standard error; kExitFailed.
int Fail(const Console& console, absl::string_view what,
         const absl::Status& status);

}  // namespace peregrine::client

#endif  // PEREGRINE_CLIENT_CONSOLE_CONSOLE_H_
