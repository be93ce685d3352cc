#include "client/command/command_line.h"

#include "CLI/CLI.hpp"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "client/command/bench_command.h"
#include "client/command/convert_command.h"
#include "client/command/glossaries_command.h"
#include "client/command/health_command.h"
#include "client/command/models_command.h"
#include "client/command/score_command.h"
#include "client/command/start_program.h"
#include "client/command/translate_command.h"

namespace peregrine::client {
namespace {

// "--name=", as of a variable that is empty. CLI11 would take the next argument
// for its value: a text would be lost. Empty where there is none.
absl::string_view OptionWithoutValue(int argc, const char* const* argv) {
  for (int i = 1; i < argc; ++i) {
    const absl::string_view argument = argv[i];
    if (argument == "--") break;  // texts follow
    if (absl::StartsWith(argument, "--") &&
        argument.find('=') == argument.size() - 1) {
      return argument.substr(0, argument.size() - 1);
    }
  }
  return "";
}

}  // namespace

int RunCommandLine(int argc, const char* const* argv, const Console& console) {
  CLI::App app("Translates with a Peregrine server, and measures.",
               "peregrine");
  app.set_version_flag("--version", "peregrine " PEREGRINE_VERSION);
  app.require_subcommand(1);

  int exit_code = kExitOk;
  AddTranslateCommand(console, &app, &exit_code);
  AddScoreCommand(console, &app, &exit_code);
  AddModelsCommand(console, &app, &exit_code);
  AddGlossariesCommand(console, &app, &exit_code);
  AddBenchCommand(console, &app, &exit_code);
  AddProgram("compare",
             "Measures models side by side on this machine, without a server.",
             "peregrine-compare", console, &app, &exit_code);
  AddConvertCommand(console, &app, &exit_code);
  AddHealthCommand(console, &app, &exit_code);

  if (const auto option = OptionWithoutValue(argc, argv); !option.empty()) {
    *console.err << option << ": found nothing after '=', expected a value\n";
    return kExitUsage;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const bool asked_for = app.exit(error, *console.out, *console.err) == 0;
    return asked_for ? kExitOk : kExitUsage;
  }
  return exit_code;
}

}  // namespace peregrine::client
