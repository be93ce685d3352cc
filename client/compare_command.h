#ifndef PEREGRINE_CLIENT_COMPARE_COMMAND_H_
#define PEREGRINE_CLIENT_COMPARE_COMMAND_H_

#include "CLI/App.hpp"
#include "client/console.h"

namespace peregrine::client {

// `peregrine compare`: measures models side by side on this machine, without a
// server. Sets `exit_code` when it is the command that was chosen. `console`
// and `exit_code` must outlive `app`.
void AddCompareCommand(const Console& console, CLI::App* app, int* exit_code);

}  // namespace peregrine::client

#endif  // PEREGRINE_CLIENT_COMPARE_COMMAND_H_
