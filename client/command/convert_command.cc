#include "client/command/convert_command.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/command/start_program.h"

namespace peregrine::client {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPackage = "peregrine_convert";

// Where `cmake --install` puts the package, seen from the folder of the
// executable; a build folder has it in the same place.
constexpr const char* kInstalled = "../share/peregrine/python";

bool HasPackage(const fs::path& folder) {
  std::error_code error;
  return fs::exists(folder / kPackage / "__main__.py", error);
}

std::string PythonPath() {
  const char* path = std::getenv("PYTHONPATH");
  return path == nullptr ? "" : path;
}

bool IsOnPythonPath() {
  const std::vector<std::string> folders = absl::StrSplit(PythonPath(), ':');
  return std::any_of(folders.begin(), folders.end(),
                     [](const std::string& folder) {
                       return !folder.empty() && HasPackage(folder);
                     });
}

fs::path InstalledFolder() {
  return (fs::path(FolderOfExecutable()) / kInstalled).lexically_normal();
}

// The program that this process becomes sees it.
void PrependToPythonPath(const fs::path& folder) {
  const std::string rest = PythonPath();
  const std::string path =
      rest.empty() ? folder.string() : absl::StrCat(folder.string(), ":", rest);
  setenv("PYTHONPATH", path.c_str(), /*overwrite=*/1);
}

int RunConvert(const std::vector<std::string>& arguments,
               const Console& console) {
  if (!IsOnPythonPath()) {
    const fs::path folder = InstalledFolder();
    if (!HasPackage(folder)) {
      *console.err << "peregrine: convert: found no Python package " << kPackage
                   << " in " << folder.string()
                   << " nor in PYTHONPATH, expected one: `cmake --install` "
                      "brings it, and training/ of the source has it\n";
      return kExitFailed;
    }
    PrependToPythonPath(folder);
  }
  const char* chosen = std::getenv("PEREGRINE_PYTHON");
  const std::string python =
      chosen == nullptr || *chosen == '\0' ? "python3" : chosen;
  std::vector<std::string> command = {python, "-m", kPackage};
  command.insert(command.end(), arguments.begin(), arguments.end());
  const std::string reason = BecomeProgram(command, console);
  *console.err << "peregrine: convert: " << python << ": " << reason
               << ", expected Python 3.9 or later with PyTorch; "
                  "PEREGRINE_PYTHON names another interpreter\n";
  return kExitFailed;
}

}  // namespace

void AddConvertCommand(const Console& console, CLI::App* app, int* exit_code) {
  CLI::App* command = app->add_subcommand(
      "convert",
      "Makes a model directory of a PyTorch checkpoint of fairseq, of the "
      "paper's repository or of OpenNMT-py; by Python, which PEREGRINE_PYTHON "
      "names.");
  command->prefix_command();
  command->set_help_flag();  // it is the package that answers --help
  command->callback([command, &console, exit_code] {
    *exit_code = RunConvert(command->remaining(), console);
  });
}

}  // namespace peregrine::client
