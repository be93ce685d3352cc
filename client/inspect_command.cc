#include "client/inspect_command.h"

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "engine/kernels/device.h"
#include "engine/translation_model.h"

namespace peregrine::client {
namespace {

struct InspectFlags {
  std::string directory;
  bool json = false;
};

// Target tokens that the model's defaults allow for a source of any length.
std::string MaxLength(const TranslationModel& model) {
  const model::DecodingConfig& decoding = model.config().decoding;
  const int limit = model.max_target_tokens();
  if (decoding.max_length_factor == 0) {
    return absl::StrCat(std::min(decoding.max_length_offset, limit));
  }
  return absl::StrFormat("%g x source + %d, at most %d",
                         decoding.max_length_factor, decoding.max_length_offset,
                         limit);
}

std::string FormatInspected(const TranslationModel& model) {
  const model::ModelConfig& config = model.config();
  const model::Weights& weights = model.weights().weights();
  std::string text = absl::StrCat(config.name, "\n");
  const auto row = [&text](absl::string_view title, absl::string_view value) {
    absl::StrAppend(&text, absl::StrFormat("  %-13s %s\n", title, value));
  };
  row("format", model.format());
  row("languages",
      absl::StrCat(config.source_language, " to ", config.target_language));
  row("architecture", model::DescribeArchitecture(config.architecture));
  row("parameters",
      absl::StrFormat("%.1f million",
                      static_cast<double>(weights.num_parameters) / 1e6));
  row("memory", absl::StrFormat("%.1f MB of weights as float32",
                                static_cast<double>(weights.bytes) / 1e6));
  row("vocabulary",
      absl::StrCat(config.architecture.source_vocab_size, " source, ",
                   config.architecture.target_vocab_size, " target"));
  row("tokenizer",
      model.source_tokenizer() != nullptr ? "yes" : "none: takes tokens only");
  row("defaults",
      absl::StrFormat("beam size %d, length penalty %g, max length "
                      "%s",
                      config.decoding.beam_size, config.decoding.length_penalty,
                      MaxLength(model)));
  row("limits",
      absl::StrCat(model.max_source_tokens(), " source and ",
                   model.max_target_tokens(), " target tokens a sentence"));
  return text;
}

std::string ToJson(const TranslationModel& model) {
  const model::ModelConfig& config = model.config();
  const model::Weights& weights = model.weights().weights();
  const nlohmann::ordered_json json = {
      {"name", config.name},
      {"format", model.format()},
      {"source_language", config.source_language},
      {"target_language", config.target_language},
      {"architecture", model::DescribeArchitecture(config.architecture)},
      {"parameters", weights.num_parameters},
      {"weights_bytes", {{"float32", weights.bytes}}},
      {"source_vocab_size", config.architecture.source_vocab_size},
      {"target_vocab_size", config.architecture.target_vocab_size},
      {"has_tokenizers", model.source_tokenizer() != nullptr},
      {"beam_size", config.decoding.beam_size},
      {"length_penalty", config.decoding.length_penalty},
      {"max_source_tokens", model.max_source_tokens()},
      {"max_target_tokens", model.max_target_tokens()}};
  return json.dump() + "\n";
}

int RunInspect(const InspectFlags& flags, const Console& console) {
  const auto model =
      TranslationModel::Load(flags.directory, kernels::Device::kCpu);
  if (!model.ok()) {
    *console.err << "peregrine: " << model.status().message() << "\n";
    return kExitFailed;
  }
  *console.out << (flags.json ? ToJson(**model) : FormatInspected(**model));
  console.out->flush();
  return console.out->good() ? kExitOk : kExitFailed;
}

}  // namespace

CLI::App* AddInspectCommand(const Console& console, CLI::App* models,
                            int* exit_code) {
  CLI::App* command = models->add_subcommand(
      "inspect",
      "Loads a model directory, without a server, and tells what is in it, or "
      "why it cannot be served.");
  const auto flags = std::make_shared<InspectFlags>();
  command->add_option("DIR", flags->directory, "The model directory.")
      ->required();
  command->add_flag("--json", flags->json, "As a JSON object.");
  command->callback([flags, &console, exit_code] {
    *exit_code = RunInspect(*flags, console);
  });
  return command;
}

}  // namespace peregrine::client
