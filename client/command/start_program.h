#ifndef PEREGRINE_CLIENT_COMMAND_START_PROGRAM_H_
#define PEREGRINE_CLIENT_COMMAND_START_PROGRAM_H_

#include <string>
#include <vector>

#include "CLI/App.hpp"
#include "client/console/console.h"

namespace peregrine::client {

// The folder that holds the executable of this process.
std::string FolderOfExecutable();

// Makes this process another program, with the same files and environment, so
// that signals and the exit code need no passing on. Returns only where that
// fails: the reason.
std::string BecomeProgram(const std::vector<std::string>& command,
                          const Console& console);

// Adds the subcommand `name`, which `program` is: an executable in the same
// folder, or on the PATH, that gets all arguments that follow, --help among
// them. What needs the engine is a program of its own, so that this one, the
// health check of a container, links no engine.
CLI::App* AddProgram(const std::string& name, const std::string& help,
                     const std::string& program, const Console& console,
                     CLI::App* app, int* exit_code);

}  // namespace peregrine::client

#endif  // PEREGRINE_CLIENT_COMMAND_START_PROGRAM_H_
