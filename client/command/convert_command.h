#ifndef PEREGRINE_CLIENT_COMMAND_CONVERT_COMMAND_H_
#define PEREGRINE_CLIENT_COMMAND_CONVERT_COMMAND_H_

#include "CLI/App.hpp"
#include "client/console/console.h"

namespace peregrine::client {

// `peregrine convert`: makes a model directory of a checkpoint that is a
// PyTorch pickle. That needs PyTorch, so the work is that of the Python package
// peregrine_convert, whose flags and exit codes are those of the command: it
// gets all that follows the command's name. As AddModelsCommand.
void AddConvertCommand(const Console& console, CLI::App* app, int* exit_code);

}  // namespace peregrine::client

#endif  // PEREGRINE_CLIENT_COMMAND_CONVERT_COMMAND_H_
