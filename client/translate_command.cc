#include "client/translate_command.h"

#include <cmath>
#include <fstream>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "client/progress.h"
#include "client/result_writer.h"
#include "client/text_input.h"
#include "client/translation_client.h"

namespace peregrine::client {
namespace {

constexpr char kDetails[] =
    "Without TEXT and --file, the standard input is translated line by line.\n"
    "A line in, a line out, in order; empty lines stay; a line ends with LF "
    "or\n"
    "CR LF. A text that fails leaves an empty line, so that input and output\n"
    "stay side by side, and is named on the standard error.\n"
    "Exit code: 0 all translated, 1 something failed, 2 wrong usage.";

// Of a line where the server names no limit.
constexpr std::size_t kMaxLineBytes = 16 << 20;

struct TranslateFlags {
  std::string address = "localhost:50051";
  std::string model;
  v1::DecodingOptions decoding;
  bool single_sentence = false;
  bool json = false;
  absl::Duration deadline = absl::InfiniteDuration();
  std::vector<std::string> texts;
  std::vector<std::string> files;
  std::string output;
};

// "500ms", "1m30s", or seconds without a unit.
std::string ParseDeadline(const std::string& value, absl::Duration* deadline) {
  double seconds = 0;
  if (absl::SimpleAtod(value, &seconds)) {
    *deadline = absl::Seconds(seconds);
  } else if (!absl::ParseDuration(value, deadline)) {
    return absl::StrCat("\"", value, "\" is not a duration such as 30s or 1m");
  }
  return *deadline > absl::ZeroDuration() ? "" : "must be more than 0";
}

// The model that will answer: the one asked for, or the only one there is.
absl::StatusOr<v1::Model> FindModel(const TranslationClient& client,
                                    const std::string& name) {
  if (!name.empty()) return client.GetModel(name);
  absl::StatusOr<std::vector<v1::Model>> models = client.ListModels();
  if (!models.ok()) return models.status();
  if (models->size() == 1) return std::move(models->front());
  return absl::InvalidArgumentError(
      absl::StrCat("choose with --model among: ",
                   absl::StrJoin(*models, ", ",
                                 [](std::string* out, const v1::Model& model) {
                                   absl::StrAppend(out, model.name());
                                 })));
}

// Options that the server refuses should fail once, before any text is read,
// and not once a line. An empty text is translated without any work.
absl::Status CheckOptions(const TranslationClient& client,
                          const TranslationSettings& settings) {
  if (settings.decoding.ByteSizeLong() == 0) return absl::OkStatus();
  return client.Translate({""}, settings).status();
}

std::unique_ptr<TextInput> OpenInput(const TranslateFlags& flags,
                                     const Console& console,
                                     std::size_t max_line_bytes) {
  if (!flags.texts.empty()) {
    return std::make_unique<ArgumentsInput>(flags.texts);
  }
  if (!flags.files.empty()) {
    return std::make_unique<FilesInput>(flags.files, max_line_bytes);
  }
  if (console.in_is_terminal && console.err_is_terminal) {
    *console.err << "Type a text and press Enter; Ctrl-D ends.\n";
  }
  return std::make_unique<StreamInput>(console.in_fd, max_line_bytes);
}

int Translate(const TranslateFlags& flags, const Console& console,
              std::ostream* out) {
  const absl::Time start = absl::Now();
  const auto fail = [&console](absl::string_view what,
                               const absl::Status& status) {
    *console.err << "peregrine: " << what << ": " << status.ToString() << "\n";
    return kExitFailed;
  };

  const TranslationClient client(flags.address, {flags.deadline});
  const absl::StatusOr<v1::Model> model = FindModel(client, flags.model);
  if (!model.ok()) return fail(flags.address, model.status());
  const TranslationSettings settings{model->name(), flags.decoding,
                                     flags.single_sentence};
  if (const absl::Status status = CheckOptions(client, settings);
      !status.ok()) {
    return fail(flags.address, status);
  }

  BulkOptions bulk_options;
  bulk_options.deadline = start + flags.deadline;
  bulk_options.max_text_bytes =
      static_cast<std::size_t>(model->limits().max_text_bytes());
  const std::unique_ptr<TextInput> input =
      OpenInput(flags, console,
                bulk_options.max_text_bytes > 0 ? bulk_options.max_text_bytes
                                                : kMaxLineBytes);
  // Drawn among translations it would be litter.
  const bool show_progress = console.err_is_terminal &&
                             (out != console.out || !console.out_is_terminal);
  ProgressLine progress(
      show_progress ? console.err : nullptr,
      show_progress && !flags.files.empty() ? CountLines(flags.files) : 0,
      start);
  ResultWriter writer({flags.json, /*one_line_each=*/flags.texts.empty()},
                      input.get(), out, console.err, &progress);

  const absl::Status run =
      client.TranslateBulk(settings, bulk_options)
          ->Run(input.get(), [&writer](const BulkResult& result) {
            return writer.Write(result);
          });
  writer.Summarise();
  if (!run.ok()) {
    return fail(absl::StrCat("stopped after ", writer.num_written(), " texts"),
                run);
  }
  if (!input->status().ok()) return fail("input", input->status());
  return writer.num_failed() == 0 ? kExitOk : kExitFailed;
}

int RunTranslate(const TranslateFlags& flags, const Console& console) {
  if (flags.output.empty()) return Translate(flags, console, console.out);
  std::ofstream out(flags.output, std::ios::binary | std::ios::trunc);
  if (!out) {
    *console.err << "peregrine: " << flags.output << ": cannot write\n";
    return kExitFailed;
  }
  return Translate(flags, console, &out);
}

void AddDecodingOptions(v1::DecodingOptions* decoding, CLI::App* command) {
  const auto add_int = [command](const char* name, const char* help,
                                 std::function<void(int)> set) {
    return command->add_option_function<int>(name, std::move(set), help);
  };
  add_int("--beam-size", "Hypotheses kept at each step; 1 is greedy.",
          [decoding](int value) { decoding->set_beam_size(value); });
  command->add_option_function<float>(
      "--length-penalty",
      [decoding](float value) { decoding->set_length_penalty(value); },
      "Above 0 favours longer translations.");
  add_int("--num-hypotheses", "Translations of each text; needs --json.",
          [decoding](int value) { decoding->set_num_hypotheses(value); })
      ->needs("--json");
  add_int("--min-length", "Fewest target tokens of a sentence.",
          [decoding](int value) { decoding->set_min_length(value); });
  add_int("--max-length", "Most target tokens of a sentence.",
          [decoding](int value) { decoding->set_max_length(value); });
}

}  // namespace

void AddTranslateCommand(const Console& console, CLI::App* app,
                         int* exit_code) {
  CLI::App* command = app->add_subcommand(
      "translate", "Translates texts, files or the standard input.");
  command->footer(kDetails);
  const auto flags = std::make_shared<TranslateFlags>();
  CLI::Option* texts =
      command->add_option("TEXT", flags->texts, "Texts to translate.");
  command->add_option("--file", flags->files, "A text a line; may be repeated.")
      ->type_name("IN")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->check(CLI::ExistingFile)
      ->excludes(texts);
  command->add_option("--output", flags->output, "Write here.")
      ->type_name("OUT");
  command->add_option("--address", flags->address, "The server, HOST:PORT.")
      ->envname("PEREGRINE_ADDRESS")
      ->capture_default_str();
  command->add_option("--model", flags->model,
                      "May be left out where the server has one.");
  command->add_flag("--single-sentence", flags->single_sentence,
                    "Each text is one sentence: do not split it.");
  command->add_flag("--json", flags->json,
                    "One JSON object a line, with scores, flags and cost.");
  command
      ->add_option(
          "--deadline",
          [flags](const std::vector<std::string>& values) {
            const std::string error =
                ParseDeadline(values.back(), &flags->deadline);
            if (!error.empty()) throw CLI::ValidationError("--deadline", error);
            return true;
          },
          "Give up after this long, e.g. 30s.")
      ->type_name("DURATION");
  AddDecodingOptions(&flags->decoding, command);
  command->callback([flags, &console, exit_code] {
    *exit_code = RunTranslate(*flags, console);
  });
}

}  // namespace peregrine::client
