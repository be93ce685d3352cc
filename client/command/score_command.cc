#include "client/command/score_command.h"

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "client/bulk_scoring.h"
#include "client/command/command_flags.h"
#include "client/command/find_model.h"
#include "client/command/json.h"
#include "client/command/text_input.h"
#include "client/translation_client.h"

namespace peregrine::client {
namespace {

constexpr char kDetails[] =
    "A pair a line: source, a tab, its translation, from the standard input "
    "or\n"
    "--file; or line by line from --source and --target. A line out for each, "
    "in\norder: the score, which is the sum of log-probabilities of the "
    "translation's\ntokens over their number to the power of --length-penalty. "
    "A pair that\nfails leaves an empty line and is named on the standard "
    "error.\n"
    "Exit code: 0 all scored, 1 something failed, 2 wrong usage.";

struct ScoreFlags {
  ServerFlags server;
  std::string model;
  std::string source_language;
  std::string target_language;
  float length_penalty = 0;
  bool has_length_penalty = false;
  bool json = false;
  bool alignments = false;
  v1::Priority priority = v1::PRIORITY_BULK;
  absl::Duration deadline = absl::InfiniteDuration();
  std::vector<std::string> files;
  std::string source;
  std::string target;
};

// Where pairs come from.
class PairInput {
 public:
  virtual ~PairInput() = default;
  virtual bool Next(std::string* source, std::string* target) = 0;
  // Not OK: the input cannot be read, or is no list of pairs.
  virtual absl::Status status() const = 0;
};

// A tab between the two.
class TabbedPairs final : public PairInput {
 public:
  explicit TabbedPairs(std::unique_ptr<TextInput> lines)
      : lines_(std::move(lines)) {}

  bool Next(std::string* source, std::string* target) override {
    std::string line;
    if (!lines_->Next(&line)) return false;
    const std::size_t tab = line.find('\t');
    if (tab == std::string::npos || line.find('\t', tab + 1) != line.npos) {
      status_ = absl::InvalidArgumentError(
          absl::StrCat(lines_->Where(index_),
                       ": expected a source, one tab and its translation"));
      return false;
    }
    ++index_;
    *source = line.substr(0, tab);
    *target = line.substr(tab + 1);
    return true;
  }
  absl::Status status() const override {
    return status_.ok() ? lines_->status() : status_;
  }

 private:
  const std::unique_ptr<TextInput> lines_;
  std::int64_t index_ = 0;
  absl::Status status_;
};

class ParallelFiles final : public PairInput {
 public:
  ParallelFiles(const std::string& source, const std::string& target,
                std::size_t max_line_bytes)
      : source_({source}, max_line_bytes), target_({target}, max_line_bytes) {}

  bool Next(std::string* source, std::string* target) override {
    const bool has_source = source_.Next(source);
    const bool has_target = target_.Next(target);
    if (has_source != has_target && source_.status().ok() &&
        target_.status().ok()) {
      status_ = absl::InvalidArgumentError(
          absl::StrCat(has_source ? "--target" : "--source",
                       " has fewer lines than the other file"));
    }
    return has_source && has_target;
  }
  absl::Status status() const override {
    if (!status_.ok()) return status_;
    return source_.status().ok() ? target_.status() : source_.status();
  }

 private:
  FilesInput source_;
  FilesInput target_;
  absl::Status status_;
};

std::unique_ptr<PairInput> OpenInput(const ScoreFlags& flags,
                                     const Console& console,
                                     std::size_t max_line_bytes) {
  if (!flags.source.empty()) {
    return std::make_unique<ParallelFiles>(flags.source, flags.target,
                                           max_line_bytes);
  }
  if (!flags.files.empty()) {
    return std::make_unique<TabbedPairs>(
        std::make_unique<FilesInput>(flags.files, max_line_bytes));
  }
  return std::make_unique<TabbedPairs>(
      std::make_unique<StreamInput>(console.in_fd, max_line_bytes));
}

int Score(const ScoreFlags& flags, const Console& console) {
  ClientOptions client_options = CommandOptions(flags.server);
  client_options.deadline = flags.deadline;
  const TranslationClient client(flags.server.address, client_options);
  const absl::StatusOr<v1::Model> model =
      FindModel(client, flags.model, flags.target_language);
  if (!model.ok()) return Fail(console, flags.server.address, model.status());

  v1::ScoreTextsRequest settings;
  settings.set_model(model->name());
  if (flags.has_length_penalty) {
    settings.set_length_penalty(flags.length_penalty);
  }
  settings.set_return_alignments(flags.alignments);
  settings.set_priority(flags.priority);
  settings.set_source_language(flags.source_language);
  settings.set_target_language(flags.target_language);

  const auto text_bytes =
      static_cast<std::size_t>(model->limits().max_text_bytes());
  const std::unique_ptr<PairInput> input = OpenInput(
      flags, console, text_bytes > 0 ? 2 * text_bytes + 1 : kMaxLineBytes);
  std::int64_t index = 0;
  std::int64_t failed = 0;
  const auto write = [&](const ScoredPair& pair) {
    ++index;
    if (!pair.score.ok()) {
      ++failed;
      *console.err << "peregrine: pair " << index << ": "
                   << pair.score.status().ToString() << "\n";
    }
    if (flags.json) {
      *console.out << ToJson(pair) << "\n";
    } else {
      *console.out << (pair.score.ok()
                           ? absl::StrFormat("%.6f", pair.score->score())
                           : "")
                   << "\n";
    }
    return console.out->good() ? absl::OkStatus()
                               : absl::DataLossError("output: cannot write");
  };
  const absl::Status run =
      BulkScoring(client, settings)
          .Run([&](std::string* source,
                   std::string* target) { return input->Next(source, target); },
               write);
  if (!run.ok())
    return Fail(console, absl::StrCat("stopped after ", index, " pairs"), run);
  if (!input->status().ok()) return Fail(console, "input", input->status());
  return failed == 0 ? kExitOk : kExitFailed;
}

}  // namespace

void AddScoreCommand(const Console& console, CLI::App* app, int* exit_code) {
  CLI::App* command = app->add_subcommand(
      "score", "Scores translations that are there, without translating.");
  command->footer(kDetails);
  const auto flags = std::make_shared<ScoreFlags>();
  CLI::Option* files =
      command
          ->add_option("--file", flags->files,
                       "A pair a line; may be repeated.")
          ->type_name("TSV")
          ->expected(1)
          ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
          ->check(CLI::ExistingFile);
  CLI::Option* source =
      command->add_option("--source", flags->source, "A source a line.")
          ->type_name("IN")
          ->check(CLI::ExistingFile)
          ->excludes(files);
  CLI::Option* target =
      command->add_option("--target", flags->target, "Its translation.")
          ->type_name("IN")
          ->check(CLI::ExistingFile)
          ->needs(source);
  source->needs(target);
  AddServerFlags(&flags->server, command);
  command->add_option("--model", flags->model,
                      "May be left out where the server has one.");
  AddLanguageFlags(&flags->source_language, &flags->target_language, command);
  command->add_option_function<float>(
      "--length-penalty",
      [flags](const float& penalty) {
        flags->length_penalty = penalty;
        flags->has_length_penalty = true;
      },
      "Power of the length that the sum is divided by; 0: the sum itself.");
  command->add_flag("--json", flags->json,
                    "One JSON object a line, with the score of each token.");
  command
      ->add_flag("--alignments", flags->alignments,
                 "With the source token of each token, and the source words "
                 "of each word.")
      ->needs("--json");
  AddDurationFlag("--deadline", "Of each call, e.g. 30s.",
                  /*allow_zero=*/false, &flags->deadline, command);
  AddPriorityFlag(
      "by default bulk",
      [flags](v1::Priority priority) { flags->priority = priority; }, command);
  command->callback(
      [flags, &console, exit_code] { *exit_code = Score(*flags, console); });
}

}  // namespace peregrine::client
