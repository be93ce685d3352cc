#ifndef PEREGRINE_INSPECT_COMMAND_LINE_H_
#define PEREGRINE_INSPECT_COMMAND_LINE_H_

#include "client/console/console.h"

namespace peregrine::inspect {

// The program `peregrine-inspect`: loads a model directory, without a server,
// and tells what is in it, or why it cannot be served. Returns the exit code.
int RunCommandLine(int argc, const char* const* argv,
                   const client::Console& console);

}  // namespace peregrine::inspect

#endif  // PEREGRINE_INSPECT_COMMAND_LINE_H_
