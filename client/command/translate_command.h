#ifndef PEREGRINE_CLIENT_COMMAND_TRANSLATE_COMMAND_H_
#define PEREGRINE_CLIENT_COMMAND_TRANSLATE_COMMAND_H_

#include "CLI/App.hpp"
#include "client/console/console.h"

namespace peregrine::client {

// `peregrine translate`: a text in, a text out, in order, from arguments,
// files or the standard input. Sets `exit_code` when it is the command that
// was chosen. `console` and `exit_code` must outlive `app`.
void AddTranslateCommand(const Console& console, CLI::App* app, int* exit_code);

}  // namespace peregrine::client

#endif  // PEREGRINE_CLIENT_COMMAND_TRANSLATE_COMMAND_H_
