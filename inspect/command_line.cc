#include "inspect/command_line.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "client/console/describe_languages.h"
#include "engine/base/status_macros.h"
#include "engine/kernels/device.h"
#include "engine/kernels/precision.h"
#include "engine/model/weights_bytes.h"
#include "engine/translation_model.h"

namespace peregrine::inspect {
namespace {

struct InspectFlags {
  std::string directory;
  bool json = false;
};

// Memory of the weights in each precision, by name.
using BytesOf = std::vector<std::pair<std::string, std::size_t>>;

std::vector<std::string> Codes(const std::vector<model::Language>& languages) {
  std::vector<std::string> codes;
  for (const model::Language& language : languages) {
    codes.push_back(language.code);
  }
  return codes;
}

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

// The tokens that the model adds to sources, as it spells them.
std::string Added(const TranslationModel& model,
                  const std::vector<int32_t>& tokens) {
  std::vector<std::string> pieces;
  for (int32_t token : tokens) {
    const bool is_language = token == model.config().tokens.source_language;
    pieces.push_back(is_language
                         ? "the language"
                         : std::string(model.source_tokenizer()->piece(token)));
  }
  return absl::StrJoin(pieces, " ");
}

// What becomes of text.
std::string DescribeText(const TranslationModel& model) {
  if (model.source_tokenizer() == nullptr) return "none: takes tokens only";
  if (!model.takes_text()) {
    return absl::StrCat("none: use TranslateTokens, since ",
                        model.text_refusal());
  }
  const model::TokenConfig& tokens = model.config().tokens;
  std::string text = "yes";
  if (!tokens.source_prefix.empty()) {
    absl::StrAppend(&text, ", behind ", Added(model, tokens.source_prefix));
  }
  if (!tokens.source_suffix.empty()) {
    absl::StrAppend(&text, ", followed by ",
                    Added(model, tokens.source_suffix));
  }
  return text;
}

std::string FormatInspected(const TranslationModel& model,
                            const BytesOf& bytes_of) {
  const model::ModelConfig& config = model.config();
  const model::Weights& weights = model.weights().weights();
  std::string text = absl::StrCat(config.name, "\n");
  const auto row = [&text](absl::string_view title, absl::string_view value) {
    absl::StrAppend(&text, absl::StrFormat("  %-13s %s\n", title, value));
  };
  row("format", model.format());
  row("languages",
      client::DescribeLanguages(Codes(config.languages), config.source_language,
                                config.target_language));
  row("architecture", model::DescribeArchitecture(config.architecture));
  row("parameters",
      absl::StrFormat("%.1f million",
                      static_cast<double>(weights.num_parameters) / 1e6));
  for (const auto& [precision, bytes] : bytes_of) {
    row(&precision == &bytes_of.front().first ? "memory" : "",
        absl::StrFormat("%.1f MB of weights as %s",
                        static_cast<double>(bytes) / 1e6, precision));
  }
  row("vocabulary",
      absl::StrCat(config.architecture.source_vocab_size, " source, ",
                   config.architecture.target_vocab_size, " target"));
  row("text", DescribeText(model));
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

std::string ToJson(const TranslationModel& model, const BytesOf& bytes_of) {
  const model::ModelConfig& config = model.config();
  const model::Weights& weights = model.weights().weights();
  nlohmann::ordered_json bytes;
  for (const auto& [precision, count] : bytes_of) bytes[precision] = count;
  const nlohmann::ordered_json json = {
      {"name", config.name},
      {"format", model.format()},
      {"source_language", config.source_language},
      {"target_language", config.target_language},
      {"languages", Codes(config.languages)},
      {"architecture", model::DescribeArchitecture(config.architecture)},
      {"parameters", weights.num_parameters},
      {"weights_bytes", bytes},
      {"source_vocab_size", config.architecture.source_vocab_size},
      {"target_vocab_size", config.architecture.target_vocab_size},
      {"has_tokenizers", model.source_tokenizer() != nullptr},
      {"takes_text", model.takes_text()},
      {"text_refusal", model.text_refusal()},
      {"beam_size", config.decoding.beam_size},
      {"length_penalty", config.decoding.length_penalty},
      {"max_source_tokens", model.max_source_tokens()},
      {"max_target_tokens", model.max_target_tokens()}};
  return json.dump() + "\n";
}

// The model is read once, in the smallest precision; what the others would
// take follows from its shapes.
absl::StatusOr<BytesOf> MeasureBytes(const TranslationModel& model) {
  using kernels::Precision;
  BytesOf bytes_of;
  PEREGRINE_ASSIGN_OR_RETURN(auto kernels,
                             kernels::MakeKernels(model.device()));
  for (Precision precision :
       {Precision::kFloat32, Precision::kBFloat16, Precision::kInt8}) {
    size_t bytes = model.weights().weights().bytes;
    if (precision != model.precision()) {
      PEREGRINE_ASSIGN_OR_RETURN(
          bytes,
          model::WeightsBytes(model.config().architecture, *kernels, precision,
                              model.weights().shortlist() != nullptr));
    }
    bytes_of.emplace_back(kernels::PrecisionName(precision), bytes);
  }
  return bytes_of;
}

int RunInspect(const InspectFlags& flags, const client::Console& console) {
  const auto fail = [&console](const absl::Status& status) {
    *console.err << "peregrine-inspect: " << status.message() << "\n";
    return client::kExitFailed;
  };
  const auto model = TranslationModel::Load(
      flags.directory, kernels::Device::kCpu, kernels::Precision::kInt8);
  if (!model.ok()) return fail(model.status());
  const absl::StatusOr<BytesOf> bytes_of = MeasureBytes(**model);
  if (!bytes_of.ok()) return fail(bytes_of.status());
  *console.out << (flags.json ? ToJson(**model, *bytes_of)
                              : FormatInspected(**model, *bytes_of));
  console.out->flush();
  return console.out->good() ? client::kExitOk : client::kExitFailed;
}

}  // namespace

int RunCommandLine(int argc, const char* const* argv,
                   const client::Console& console) {
  CLI::App app(
      "Loads a model directory, without a server, and tells what is in it, or "
      "why it cannot be served.",
      "peregrine models inspect");
  app.set_version_flag("--version", "peregrine-inspect " PEREGRINE_VERSION);
  InspectFlags flags;
  app.add_option("DIR", flags.directory, "The model directory.")->required();
  app.add_flag("--json", flags.json, "As a JSON object.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const bool asked_for = app.exit(error, *console.out, *console.err) == 0;
    return asked_for ? client::kExitOk : client::kExitUsage;
  }
  return RunInspect(flags, console);
}

}  // namespace peregrine::inspect
