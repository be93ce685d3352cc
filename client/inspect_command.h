#ifndef PEREGRINE_CLIENT_INSPECT_COMMAND_H_
#define PEREGRINE_CLIENT_INSPECT_COMMAND_H_

#include "CLI/App.hpp"
#include "client/console.h"

namespace peregrine::client {

// `peregrine models inspect DIR`: loads a model directory, without a server,
// and tells what was found, or why it cannot be served. As AddModelsCommand,
// but `models` is that command. Returns the new one.
CLI::App* AddInspectCommand(const Console& console, CLI::App* models,
                            int* exit_code);

}  // namespace peregrine::client

#endif  // PEREGRINE_CLIENT_INSPECT_COMMAND_H_
