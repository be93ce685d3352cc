#ifndef PEREGRINE_CLIENT_COMMAND_COMMAND_LINE_H_
#define PEREGRINE_CLIENT_COMMAND_COMMAND_LINE_H_

#include "client/console/console.h"

namespace peregrine::client {

// The command `peregrine`: finds the subcommand and runs it. Returns the exit
// code.
int RunCommandLine(int argc, const char* const* argv, const Console& console);

}  // namespace peregrine::client

#endif  // PEREGRINE_CLIENT_COMMAND_COMMAND_LINE_H_
