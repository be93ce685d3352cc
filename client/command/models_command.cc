#include "client/command/models_command.h"

#include <memory>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "client/command/command_flags.h"
#include "client/command/json.h"
#include "client/command/start_program.h"
#include "client/console/describe_languages.h"
#include "client/translation_client.h"

namespace peregrine::client {
namespace {

struct ModelsFlags {
  ServerFlags server;
  std::string name;
  bool json = false;
};

absl::StatusOr<std::vector<v1::Model>> FetchModels(const ModelsFlags& flags) {
  ClientOptions options = CommandOptions(flags.server);
  options.deadline = absl::Seconds(10);
  const TranslationClient client(flags.server.address, options);
  if (flags.name.empty()) return client.ListModels();
  absl::StatusOr<v1::Model> model = client.GetModel(flags.name);
  if (!model.ok()) return model.status();
  return std::vector<v1::Model>{*std::move(model)};
}

std::string FormatOptions(const v1::DecodingOptions& options) {
  std::vector<std::string> parts;
  if (options.has_beam_size()) {
    parts.push_back(absl::StrCat("beam size ", options.beam_size()));
  }
  if (options.has_length_penalty()) {
    parts.push_back(
        absl::StrFormat("length penalty %g", options.length_penalty()));
  }
  if (options.has_num_hypotheses()) {
    parts.push_back(absl::StrCat("hypotheses ", options.num_hypotheses()));
  }
  if (options.has_min_length()) {
    parts.push_back(absl::StrCat("min length ", options.min_length()));
  }
  if (options.has_max_length()) {
    parts.push_back(absl::StrCat("max length ", options.max_length()));
  }
  return absl::StrJoin(parts, ", ");
}

std::string FormatDevice(const v1::DeviceInfo& device) {
  return absl::StrFormat(
      "%s %s, %d worker%s, %.1f MB of weights%s%s", device.device(),
      device.precision(), device.workers(), device.workers() == 1 ? "" : "s",
      static_cast<double>(device.weights_bytes()) / 1e6,
      device.products().empty() ? "" : ", products by ", device.products());
}

std::string FormatModel(const v1::Model& model) {
  std::string text = absl::StrCat(model.name(), "\n");
  const auto row = [&text](absl::string_view title, absl::string_view value) {
    absl::StrAppend(&text, absl::StrFormat("  %-13s %s\n", title, value));
  };
  const std::vector<std::string> languages(model.languages().begin(),
                                           model.languages().end());
  row("languages", DescribeLanguages(languages, model.source_language(),
                                     model.target_language()));
  row("architecture", model.architecture());
  row("parameters",
      absl::StrFormat("%.1f million",
                      static_cast<double>(model.parameters()) / 1e6));
  row("vocabulary", absl::StrCat(model.source_vocab_size(), " source, ",
                                 model.target_vocab_size(), " target"));
  for (const v1::DeviceInfo& device : model.devices()) {
    row("device", FormatDevice(device));
  }
  row("defaults", FormatOptions(model.default_options()));
  const v1::Limits& limits = model.limits();
  row("limits",
      absl::StrCat(limits.max_texts_per_request(), " texts a request, ",
                   limits.max_text_bytes(), " bytes a text, beam size ",
                   limits.max_beam_size()));
  row("",
      absl::StrCat(limits.max_source_tokens(), " source and ",
                   limits.max_target_tokens(), " target tokens a sentence"));
  return text;
}

int RunModels(const ModelsFlags& flags, const Console& console) {
  const absl::StatusOr<std::vector<v1::Model>> models = FetchModels(flags);
  if (!models.ok()) {
    return Fail(console, flags.server.address, models.status());
  }
  for (const v1::Model& model : *models) {
    *console.out << (flags.json ? ToJson(model) + "\n" : FormatModel(model));
  }
  console.out->flush();
  return console.out->good() ? kExitOk : kExitFailed;
}

}  // namespace

void AddModelsCommand(const Console& console, CLI::App* app, int* exit_code) {
  CLI::App* command =
      app->add_subcommand("models", "Tells which models a server serves.");
  const auto flags = std::make_shared<ModelsFlags>();
  command->add_option("NAME", flags->name, "Only this model.");
  AddServerFlags(&flags->server, command);
  command->add_flag("--json", flags->json, "One JSON object a line.");
  // At most one, or a directory named "inspect" would be a second.
  command->require_subcommand(0, 1);
  const CLI::App* inspect = AddProgram(
      "inspect",
      "Loads a model directory, without a server, and tells what is in it, or "
      "why it cannot be served.",
      "peregrine-inspect", console, command, exit_code);
  command->callback([flags, inspect, &console, exit_code] {
    if (inspect->parsed()) return;
    *exit_code = RunModels(*flags, console);
  });
}

}  // namespace peregrine::client
