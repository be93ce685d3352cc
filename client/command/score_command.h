#ifndef PEREGRINE_CLIENT_COMMAND_SCORE_COMMAND_H_
#define PEREGRINE_CLIENT_COMMAND_SCORE_COMMAND_H_

#include "CLI/App.hpp"
#include "client/console/console.h"

namespace peregrine::client {

// `peregrine score`: what a model gives to translations that are there.
void AddScoreCommand(const Console& console, CLI::App* app, int* exit_code);

}  // namespace peregrine::client

#endif  // PEREGRINE_CLIENT_COMMAND_SCORE_COMMAND_H_
