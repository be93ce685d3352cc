#include "client/command/start_program.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

namespace peregrine::client {
namespace {

namespace fs = std::filesystem;

int StartProgram(const std::string& program,
                 const std::vector<std::string>& arguments,
                 const Console& console) {
  const fs::path beside = fs::path(FolderOfExecutable()) / program;
  std::error_code error;
  std::vector<std::string> command = {
      fs::exists(beside, error) ? beside.string() : program};
  command.insert(command.end(), arguments.begin(), arguments.end());
  const std::string reason = BecomeProgram(command, console);
  *console.err << "peregrine: " << command[0] << ": " << reason
               << ", expected the program " << program
               << " beside this one, in " << beside.parent_path().string()
               << ", or on the PATH\n";
  return kExitFailed;
}

}  // namespace

std::string FolderOfExecutable() {
  std::error_code error;
  return fs::read_symlink("/proc/self/exe", error).parent_path().string();
}

std::string BecomeProgram(const std::vector<std::string>& command,
                          const Console& console) {
  std::vector<char*> arguments;
  for (const std::string& argument : command) {
    arguments.push_back(const_cast<char*>(argument.c_str()));
  }
  arguments.push_back(nullptr);
  console.out->flush();
  console.err->flush();
  execvp(arguments[0], arguments.data());
  return std::strerror(errno);
}

CLI::App* AddProgram(const std::string& name, const std::string& help,
                     const std::string& program, const Console& console,
                     CLI::App* app, int* exit_code) {
  CLI::App* command = app->add_subcommand(name, help);
  command->prefix_command();
  command->set_help_flag();  // the program answers --help
  command->callback([command, program, &console, exit_code] {
    *exit_code = StartProgram(program, command->remaining(), console);
  });
  return command;
}

}  // namespace peregrine::client
