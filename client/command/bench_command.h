#ifndef PEREGRINE_CLIENT_COMMAND_BENCH_COMMAND_H_
#define PEREGRINE_CLIENT_COMMAND_BENCH_COMMAND_H_

#include "CLI/App.hpp"
#include "client/console/console.h"

namespace peregrine::client {

// `peregrine bench`: puts a server under load and tells what it did. Sets
// `exit_code` when it is the command that was chosen. `console` and `exit_code`
// must outlive `app`.
void AddBenchCommand(const Console& console, CLI::App* app, int* exit_code);

}  // namespace peregrine::client

#endif  // PEREGRINE_CLIENT_COMMAND_BENCH_COMMAND_H_
