#include "client/command/command_line.h"

#include "CLI/CLI.hpp"
#include "client/command/bench_command.h"
#include "client/command/convert_command.h"
#include "client/command/glossaries_command.h"
#include "client/command/health_command.h"
#include "client/command/models_command.h"
#include "client/command/score_command.h"
#include "client/command/start_program.h"
#include "client/command/translate_command.h"

namespace peregrine::client {

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

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const bool asked_for = app.exit(error, *console.out, *console.err) == 0;
    return asked_for ? kExitOk : kExitUsage;
  }
  return exit_code;
}

}  // namespace peregrine::client
