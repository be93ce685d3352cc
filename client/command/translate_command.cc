#include "client/command/translate_command.h"

#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "client/command/command_flags.h"
#include "client/command/find_model.h"
#include "client/command/result_writer.h"
#include "client/command/steering_flags.h"
#include "client/command/text_flags.h"
#include "client/command/text_input.h"
#include "client/console/progress.h"
#include "client/translation_client.h"

namespace peregrine::client {
namespace {

constexpr char kDetails[] =
    "Without TEXT and --file, the standard input is translated line by line.\n"
    "With --whole, --format=html or --format=xml each TEXT names a file that "
    "is one\n"
    "text, and what is written is no more than its translation.\n"
    "A line in, a line out, in order; empty lines stay; a line ends with LF "
    "or\n"
    "CR LF. A text that fails leaves an empty line, so that input and output\n"
    "stay side by side, and is named on the standard error. With --stream the\n"
    "line keeps what was written of it.\n"
    "Exit code: 0 all translated, 1 something failed, 2 wrong usage.";

struct TranslateFlags {
  ServerFlags server;
  std::string model;
  v1::DecodingOptions decoding;
  std::string source_language;
  std::string target_language;
  bool single_sentence = false;
  bool no_cache = false;
  bool whole = false;
  v1::TextOptions text;
  bool json = false;
  bool stream = false;
  absl::optional<v1::Priority> priority;
  absl::Duration deadline = absl::InfiniteDuration();
  std::vector<std::string> texts;
  std::vector<std::string> files;
  std::string output;
};

// Each input is one text.
bool IsWhole(const TranslateFlags& flags) {
  return flags.whole || flags.text.format() == v1::FORMAT_HTML ||
         flags.text.format() == v1::FORMAT_XML;
}

std::unique_ptr<TextInput> OpenInput(const TranslateFlags& flags,
                                     const Console& console,
                                     std::size_t max_line_bytes) {
  if (IsWhole(flags)) {
    std::vector<std::string> paths = flags.texts;
    paths.insert(paths.end(), flags.files.begin(), flags.files.end());
    if (paths.empty()) paths = {"-"};
    return std::make_unique<WholeFilesInput>(std::move(paths), max_line_bytes);
  }
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

// Somebody waits for what is typed; files and pipes let others go first.
v1::Priority ChoosePriority(const TranslateFlags& flags,
                            const Console& console) {
  if (flags.priority.has_value()) return *flags.priority;
  const bool typed =
      !flags.texts.empty() || (flags.files.empty() && console.in_is_terminal);
  return typed ? v1::PRIORITY_INTERACTIVE : v1::PRIORITY_BULK;
}

int Translate(const TranslateFlags& flags, const Console& console,
              std::ostream* out) {
  const absl::Time start = absl::Now();
  ClientOptions client_options = CommandOptions(flags.server);
  client_options.deadline = flags.deadline;
  const TranslationClient client(flags.server.address, client_options);
  const absl::StatusOr<v1::Model> model =
      FindModel(client, flags.model, flags.target_language);
  if (!model.ok()) return Fail(console, flags.server.address, model.status());
  const TranslationSettings settings{model->name(),
                                     flags.decoding,
                                     flags.single_sentence,
                                     flags.text,
                                     flags.source_language,
                                     flags.target_language,
                                     ChoosePriority(flags, console),
                                     flags.no_cache};
  if (const absl::Status status = CheckOptions(client, *model, settings);
      !status.ok()) {
    return Fail(console, flags.server.address, status);
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
  const bool whole = IsWhole(flags);
  ResultWriter writer({flags.json, flags.texts.empty() && !whole, whole},
                      input.get(), out, console.err, &progress);

  if (flags.stream) {
    bulk_options.on_beginning = [&writer](const BulkBeginning& beginning) {
      return writer.WriteBeginning(beginning);
    };
  }
  const absl::Status run =
      client.TranslateBulk(settings, bulk_options)
          ->Run(input.get(), [&writer](const BulkResult& result) {
            return writer.Write(result);
          });
  writer.Summarise();
  if (!run.ok()) {
    return Fail(console,
                absl::StrCat("stopped after ", writer.num_written(), " texts"),
                run);
  }
  if (!input->status().ok()) return Fail(console, "input", input->status());
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
  AddServerFlags(&flags->server, command);
  command->add_option("--model", flags->model,
                      "May be left out where the server has one.");
  AddLanguageFlags(&flags->source_language, &flags->target_language, command);
  command->add_flag("--single-sentence", flags->single_sentence,
                    "Each text is one sentence: do not split it.");
  command->add_flag("--no-cache", flags->no_cache,
                    "Translate anew what the server has kept, and have it keep "
                    "nothing.");
  command->add_flag("--whole", flags->whole,
                    "Each TEXT is a file, and all of it one text.");
  AddTextFlags(&flags->text, command);
  command->add_flag("--stream", flags->stream,
                    "Write a translation while it is made, as far as it can no "
                    "longer change.");
  command->add_flag("--json", flags->json,
                    "One JSON object a line, with scores, flags and cost.");
  AddDurationFlag("--deadline", "Give up after this long, e.g. 30s.",
                  /*allow_zero=*/false, &flags->deadline, command);
  AddPriorityFlag(
      "by default bulk for files and pipes, interactive for what is typed",
      [flags](v1::Priority priority) { flags->priority = priority; }, command);
  AddDecodingFlags(&flags->decoding, command);
  AddSteeringFlags(&flags->decoding, command);
  // A line in, a line out: without JSON there is no room for others.
  command->get_option("--num-hypotheses")->needs("--json");
  command->callback([flags, &console, exit_code] {
    *exit_code = RunTranslate(*flags, console);
  });
}

}  // namespace peregrine::client
