#include "client/command/bench_command.h"

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "CLI/CLI.hpp"
#include "client/command/command_flags.h"
#include "client/command/find_model.h"
#include "client/console/progress.h"
#include "client/load/load_generator.h"
#include "client/load/load_report.h"
#include "client/load/load_texts.h"
#include "client/translation_client.h"

namespace peregrine::client {
namespace {

constexpr char kDetails[] =
    "A closed loop (--concurrency) tells the throughput: each sender sends\n"
    "when its last request is answered. An open loop (--rate) tells the\n"
    "latency that independent users see: requests are sent when they are due,\n"
    "however slow the answers, and their latency counts from then.\n"
    "No request is repeated. Without --file the texts are made of English\n"
    "words, each text one sentence, with log-normal lengths.\n"
    "The start of the measured time is left out as far as it differs (MSER).\n"
    "Queue, encode and decode are of the text of a request that took longest,\n"
    "from the cost in its answer; network is the rest: network, parsing,\n"
    "tokenising, client.\n"
    "Exit code: 0 something was translated, 1 nothing was, 2 wrong usage.";

struct BenchFlags {
  ServerFlags server;
  int connections = 1;
  std::string file;
  LengthDistribution lengths;
  double tolerance = 0.1;
  bool json = false;
  LoadOptions load;
};

absl::StatusOr<std::unique_ptr<LoadTexts>> OpenTexts(const BenchFlags& flags) {
  if (!flags.file.empty()) {
    absl::StatusOr<std::unique_ptr<FileTexts>> texts =
        FileTexts::Read(flags.file);
    if (!texts.ok()) return texts.status();
    return std::unique_ptr<LoadTexts>(*std::move(texts));
  }
  if (absl::Status status = Validate(flags.lengths); !status.ok()) {
    return status;
  }
  return std::unique_ptr<LoadTexts>(
      std::make_unique<SyntheticTexts>(flags.lengths, flags.load.seed));
}

LoadGenerator::Stubs OpenStubs(const BenchFlags& flags) {
  ClientOptions options = CommandOptions(flags.server);
  options.max_attempts = 1;
  options.own_connections = true;
  LoadGenerator::Stubs stubs;
  for (int i = 0; i < flags.connections; ++i) {
    stubs.push_back(v1::TranslationService::NewStub(
        OpenChannel(flags.server.address, options)));
  }
  return stubs;
}

// Says what a load would only show as a row of errors.
absl::Status Prepare(const BenchFlags& flags, LoadOptions* load) {
  ClientOptions options = CommandOptions(flags.server);
  options.deadline = absl::Seconds(10);
  const TranslationClient client(flags.server.address, options);
  const absl::StatusOr<v1::Model> model =
      FindModel(client, load->settings.model, load->settings.target_language);
  if (!model.ok()) return model.status();
  load->settings.model = model->name();
  // A synthetic text is one sentence, wherever a comma may stand in it.
  if (flags.file.empty()) load->settings.single_sentence = true;
  return CheckOptions(client, *model, load->settings);
}

int RunBench(const BenchFlags& flags, const Console& console) {
  const absl::StatusOr<std::unique_ptr<LoadTexts>> texts = OpenTexts(flags);
  if (!texts.ok()) return Fail(console, "texts", texts.status());
  LoadOptions load = flags.load;
  if (const absl::Status status = Prepare(flags, &load); !status.ok()) {
    return Fail(console, flags.server.address, status);
  }

  TerminalLine progress(console.err_is_terminal ? console.err : nullptr);
  LoadGenerator generator(OpenStubs(flags), texts->get(), load);
  const LoadRecorder recorder = generator.Run([&](const LoadProgress& current) {
    progress.Draw(FormatLoadProgress(current, load));
  });
  progress.Clear();

  const LoadReport report = MakeLoadReport(recorder, flags.tolerance);
  *console.out << (flags.json ? ToJson(report, load) + "\n"
                              : FormatLoadReport(report, load))
               << std::flush;
  const bool answered = report.window.answered.requests > 0;
  return answered && console.out->good() ? kExitOk : kExitFailed;
}

void AddLoadFlags(LoadOptions* load, CLI::App* command) {
  CLI::Option* concurrency =
      command
          ->add_option("--concurrency", load->concurrency,
                       "Closed loop: requests in flight.")
          ->check(CLI::Range(1, 100'000))
          ->capture_default_str();
  CLI::Option* rate =
      command->add_option("--rate", load->rate, "Open loop: requests a second.")
          ->check(CLI::Range(0.001, 1e6))
          ->excludes(concurrency);
  const std::map<std::string, Arrivals> arrivals = {
      {"poisson", Arrivals::kPoisson}, {"uniform", Arrivals::kUniform}};
  command
      ->add_option("--arrivals", load->arrivals,
                   "Of an open loop: poisson (default) or uniform.")
      ->transform(CLI::CheckedTransformer(arrivals))
      ->option_text("NAME")
      ->needs(rate);
  command
      ->add_option("--max-in-flight", load->max_in_flight,
                   "Of an open loop; requests beyond are counted, not sent.")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str()
      ->needs(rate);
  command
      ->add_option("--texts-per-request", load->texts_per_request,
                   "Texts of each request.")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  command->add_option("--seed", load->seed, "Of arrivals and texts.")
      ->capture_default_str();
  AddDurationFlag("--deadline", "Of each request; none by default.",
                  /*allow_zero=*/false, &load->deadline, command);
  AddDurationFlag("--warm-up", "Load before the measured time.",
                  /*allow_zero=*/true, &load->warm_up, command);
  AddDurationFlag("--duration", "Measured time.", /*allow_zero=*/false,
                  &load->duration, command);
}

}  // namespace

void AddBenchCommand(const Console& console, CLI::App* app, int* exit_code) {
  CLI::App* command = app->add_subcommand(
      "bench", "Puts a server under load and measures what it does.");
  command->footer(kDetails);
  const auto flags = std::make_shared<BenchFlags>();
  AddServerFlags(&flags->server, command);
  command
      ->add_option("--connections", flags->connections,
                   "Requests take turns on so many connections.")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command->add_option("--model", flags->load.settings.model,
                      "May be left out where the server has one.");
  flags->load.settings.no_cache = true;
  command->add_flag("--cache{false}", flags->load.settings.no_cache,
                    "Let the server answer from its cache of translations. By "
                    "default each text is translated anew.");
  CLI::Option* file =
      command->add_option("--file", flags->file, "Texts, one a line.")
          ->type_name("IN")
          ->check(CLI::ExistingFile);
  command->add_flag("--single-sentence", flags->load.settings.single_sentence,
                    "Each line of the file is one sentence.");
  command
      ->add_option("--mean-words", flags->lengths.mean,
                   "Mean length of a made text.")
      ->capture_default_str()
      ->excludes(file);
  command
      ->add_option("--sd-words", flags->lengths.deviation,
                   "Standard deviation of that length.")
      ->capture_default_str()
      ->excludes(file);
  AddLoadFlags(&flags->load, command);
  command
      ->add_option("--tolerance", flags->tolerance,
                   "By how much the halves of the measured time may differ "
                   "and still be called steady.")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  AddPriorityFlag(
      "normal by default",
      [flags](v1::Priority priority) {
        flags->load.settings.priority = priority;
      },
      command);
  command->add_flag("--json", flags->json, "One JSON object.");
  AddLanguageFlags(&flags->load.settings.source_language,
                   &flags->load.settings.target_language, command);
  AddDecodingFlags(&flags->load.settings.decoding, command);
  command->callback(
      [flags, &console, exit_code] { *exit_code = RunBench(*flags, console); });
}

}  // namespace peregrine::client
