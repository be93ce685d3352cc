#ifndef PEREGRINE_CLIENT_COMMAND_GLOSSARIES_COMMAND_H_
#define PEREGRINE_CLIENT_COMMAND_GLOSSARIES_COMMAND_H_

#include "CLI/App.hpp"
#include "client/console/console.h"

namespace peregrine::client {

// `peregrine glossaries`: those that a server stores. Sets `exit_code` when it
// is the command that was chosen. `console` and `exit_code` must outlive `app`.
void AddGlossariesCommand(const Console& console, CLI::App* app,
                          int* exit_code);

}  // namespace peregrine::client

#endif  // PEREGRINE_CLIENT_COMMAND_GLOSSARIES_COMMAND_H_
