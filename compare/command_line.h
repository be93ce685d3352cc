#ifndef PEREGRINE_COMPARE_COMMAND_LINE_H_
#define PEREGRINE_COMPARE_COMMAND_LINE_H_

#include "client/console/console.h"

namespace peregrine::compare {

// The program `peregrine-compare`: measures models side by side on this
// machine, without a server. Returns the exit code.
int RunCommandLine(int argc, const char* const* argv,
                   const client::Console& console);

}  // namespace peregrine::compare

#endif  // PEREGRINE_COMPARE_COMMAND_LINE_H_
