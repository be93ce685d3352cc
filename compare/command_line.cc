#include "compare/command_line.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "client/console/progress.h"
#include "compare/comparison.h"
#include "compare/plots.h"
#include "compare/report.h"
#include "compare/start_models.h"
#include "engine/base/status_macros.h"
#include "engine/text/utf8.h"

namespace peregrine::compare {
namespace {

namespace fs = std::filesystem;

constexpr char kDetails[] =
    "Without --shape and --model: the ladder of \"Bag of Tricks for "
    "Optimizing\n"
    "Transformer Efficiency\", from Transformer-base to the Mini-Decoder\n"
    "Network, and MDN with AAN, CAN and SSRU, all of full size with random\n"
    "weights; and the bundled model, where it is found.\n"
    "Each model is loaded in a process of its own; all take turns, round by\n"
    "round, and a speed-up is the median of the rounds' ratios to the\n"
    "baseline. Outputs are forced to the lengths of the sources. --quick: the\n"
    "ladder in float32 with beam 4, in 3 minutes.\n"
    "docs/compare.md explains the figures.\n"
    "Exit code: 0 compared, 1 failed, 2 wrong usage.";

struct CompareFlags {
  ComparisonOptions options;
  std::vector<std::string> shapes;
  bool quick = false;
  double minutes = 0;  // 0: the default
  std::string source;
  std::string reference;
  std::string out;
  bool json = false;
};

// Where the repository, a build of it or the container has it; or "".
std::string FindBundledModel() {
  std::error_code error;
  const fs::path binary = fs::read_symlink("/proc/self/exe", error);
  for (const fs::path& folder :
       {fs::path("models"), binary.parent_path() / "../../../models",
        fs::path("/models")}) {
    const fs::path model = folder / "en-de-mdn";
    if (fs::exists(model / "config.json", error)) {
      return fs::weakly_canonical(model, error).string();
    }
  }
  return "";
}

void Deduplicate(std::vector<int>* values) {
  std::vector<int> unique;
  for (const int value : *values) {
    if (std::find(unique.begin(), unique.end(), value) == unique.end()) {
      unique.push_back(value);
    }
  }
  *values = std::move(unique);
}

// What was not said is decided by --quick.
void FillDefaults(CompareFlags* flags) {
  ComparisonOptions& options = flags->options;
  const bool quick = flags->quick;
  if (flags->minutes == 0) flags->minutes = quick ? 3 : 15;
  options.budget = absl::Minutes(flags->minutes);
  if (flags->shapes.empty() && options.directories.empty()) {
    flags->shapes = {"ladder"};
    if (!quick) {
      flags->shapes.insert(flags->shapes.end(),
                           {"mdn-aan", "mdn-can", "mdn-ssru"});
    }
    const std::string bundled = FindBundledModel();
    if (!bundled.empty()) options.directories.push_back(bundled);
  }
  if (options.precisions.empty()) {
    options.precisions = {"float32"};
    if (!quick) options.precisions.push_back("auto");
  }
  if (options.beam_sizes.empty()) {
    options.beam_sizes = {4};
    if (!quick) options.beam_sizes.push_back(1);
  }
  Deduplicate(&options.beam_sizes);
  Deduplicate(&options.batch_sizes);
}

// Every line, empty ones as well: it belongs to a line of another file.
absl::StatusOr<std::vector<std::string>> ReadLines(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::NotFoundError(absl::StrCat(path, ": cannot read"));
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) {
    if (const auto offset = text::FindInvalidUtf8(line)) {
      return absl::InvalidArgumentError(absl::StrCat(
          path, ":", lines.size() + 1, ": not UTF-8 at byte ", *offset));
    }
    lines.emplace_back(absl::StripSuffix(line, "\r"));
  }
  return lines;
}

absl::Status ReadTexts(CompareFlags* flags) {
  if (flags->source.empty()) return absl::OkStatus();
  ComparisonOptions& options = flags->options;
  if (options.directories.empty()) {
    return absl::InvalidArgumentError(
        "--source: found no model with weights of its own to score, expected "
        "--model");
  }
  PEREGRINE_ASSIGN_OR_RETURN(options.sources, ReadLines(flags->source));
  PEREGRINE_ASSIGN_OR_RETURN(options.references, ReadLines(flags->reference));
  if (options.sources.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(flags->source, ": found no text in it"));
  }
  if (options.sources.size() != options.references.size()) {
    return absl::InvalidArgumentError(absl::StrCat(
        flags->reference, ": found ", options.references.size(),
        " lines, expected ", options.sources.size(), " as in ", flags->source));
  }
  return absl::OkStatus();
}

absl::Status WriteFile(const fs::path& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text << std::flush;
  return file.good() ? absl::OkStatus()
                     : absl::PermissionDeniedError(
                           absl::StrCat(path.string(), ": cannot write"));
}

// Before the minutes of work whose result would be lost.
absl::Status PrepareOutput(const std::string& folder) {
  if (folder.empty()) return absl::OkStatus();
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) {
    return absl::PermissionDeniedError(
        absl::StrCat("--out: ", folder, ": ", error.message()));
  }
  return WriteFile(fs::path(folder) / "compare.json", "");
}

absl::Status WriteOutput(const ComparisonResult& result,
                         const fs::path& folder) {
  PEREGRINE_RETURN_IF_ERROR(
      WriteFile(folder / "compare.json", FormatJson(result)));
  PEREGRINE_RETURN_IF_ERROR(
      WriteFile(folder / "compare.md", FormatMarkdown(result)));
  PEREGRINE_RETURN_IF_ERROR(
      WriteFile(folder / "speed-up.svg", PlotSpeedUps(result)));
  if (!HasBleu(result)) return absl::OkStatus();
  return WriteFile(folder / "quality.svg", PlotQuality(result));
}

absl::Status Compare(CompareFlags* flags, const client::Console& console) {
  FillDefaults(flags);
  PEREGRINE_ASSIGN_OR_RETURN(flags->options.shapes, ParseShapes(flags->shapes));
  PEREGRINE_RETURN_IF_ERROR(ReadTexts(flags));
  PEREGRINE_RETURN_IF_ERROR(PrepareOutput(flags->out));

  client::TerminalLine line(console.err_is_terminal ? console.err : nullptr);
  Comparison comparison(flags->options,
                        [&](const std::string& text, bool milestone) {
                          line.Draw(text);
                          if (milestone && !console.err_is_terminal) {
                            *console.err << text << std::endl;
                          }
                        });
  PEREGRINE_ASSIGN_OR_RETURN(const ComparisonResult result, comparison.Run());
  line.Clear();
  *console.out << (flags->json ? FormatJson(result) : FormatReport(result))
               << std::flush;
  if (!flags->out.empty()) {
    PEREGRINE_RETURN_IF_ERROR(WriteOutput(result, flags->out));
    *console.err << "written to " << flags->out << std::endl;
  }
  return console.out->good()
             ? absl::OkStatus()
             : absl::UnavailableError("standard output: cannot write");
}

int RunCompare(CompareFlags* flags, const client::Console& console) {
  const absl::Status status = Compare(flags, console);
  if (status.ok()) return client::kExitOk;
  *console.err << "peregrine-compare: " << status.message() << "\n";
  return client::kExitFailed;
}

void AddModelFlags(CompareFlags* flags, CLI::App* command) {
  command
      ->add_option("--shape", flags->shapes,
                   "Models with random weights: names, ladder, all or none.")
      ->delimiter(',')
      ->type_name("NAME,...");
  command
      ->add_option("--model", flags->options.directories,
                   "A model directory of any format; may be repeated.")
      ->type_name("[NAME=]DIR")
      ->check([](const std::string& text) {
        return CLI::ExistingDirectory(ParseNamedDirectory(text).path);
      });
  command
      ->add_option("--baseline", flags->options.baseline,
                   "The model that speed-ups are over; the first by default.")
      ->type_name("NAME");
  command
      ->add_option("--peer-python", flags->options.peer_python,
                   "A Python with ctranslate2, pymarian, optimum or "
                   "transformers, to compare with them, too; or several with "
                   "commas between.")
      ->type_name("PATH");
}

void AddSettingFlags(CompareFlags* flags, CLI::App* command) {
  ComparisonOptions& options = flags->options;
  const auto list = [command](const char* name, auto* values,
                              const char* help) {
    return command->add_option(name, *values, help)->delimiter(',');
  };
  list("--device", &options.devices, "cpu, cpu-onednn, reference, cuda:N.")
      ->type_name("NAME,...")
      ->capture_default_str();
  list("--precision", &options.precisions,
       "float32, bf16, fp16, int8, auto [float32,auto].")
      ->type_name("NAME,...");
  list("--beam-size", &options.beam_sizes, "1 is greedy [4,1].")
      ->type_name("N,...")
      ->check(CLI::Range(1, 64));
  list("--batch-size", &options.batch_sizes,
       "Sentences side by side, of each worker.")
      ->type_name("N,...")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  command
      ->add_option("--workers", options.num_workers,
                   "Threads that share a model.")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  command
      ->add_option("--gpu-memory-mib", options.gpu_memory_mib,
                   "Memory of a GPU that each model there takes.")
      ->check(CLI::Range(64, 1 << 20))
      ->capture_default_str();
  const std::map<std::string, Clock> clocks = {{"wall", Clock::kWall},
                                               {"cpu", Clock::kCpu}};
  command
      ->add_option("--clock", options.clock,
                   "Speed by the time that passes: wall (default), or by that "
                   "of processors, on a machine that others use, too: cpu.")
      ->transform(CLI::CheckedTransformer(clocks))
      ->option_text("NAME");
  command->add_option("--seed", options.seed, "Of the order of lengths.")
      ->capture_default_str();
}

void AddTextFlags(CompareFlags* flags, CLI::App* command) {
  CLI::Option* source = command
                            ->add_option("--source", flags->source,
                                         "Text for BLEU, a sentence a line.")
                            ->type_name("FILE")
                            ->check(CLI::ExistingFile);
  CLI::Option* reference = command
                               ->add_option("--reference", flags->reference,
                                            "Its translation, line by line.")
                               ->type_name("FILE")
                               ->check(CLI::ExistingFile)
                               ->needs(source);
  source->needs(reference);
}

void AddRunFlags(CompareFlags* flags, CLI::App* command) {
  command->add_flag("--quick", flags->quick,
                    "Fewer models and settings, in 3 minutes.");
  command
      ->add_option("--minutes", flags->minutes,
                   "That it may take [15, or 3 if quick].")
      ->check(CLI::Range(0.01, 10'000.0));
  command
      ->add_option("--out", flags->out,
                   "Writes compare.md, compare.json and plots there.")
      ->type_name("DIR");
  command->add_flag("--json", flags->json, "One JSON object.");
}

}  // namespace

int RunCommandLine(int argc, const char* const* argv,
                   const client::Console& console) {
  CLI::App app(
      "Measures models side by side on this machine, without a server.",
      "peregrine compare");
  app.set_version_flag("--version", "peregrine-compare " PEREGRINE_VERSION);
  app.footer(kDetails);
  CompareFlags flags;
  flags.options.precisions.clear();
  flags.options.beam_sizes.clear();
  AddModelFlags(&flags, &app);
  AddSettingFlags(&flags, &app);
  AddTextFlags(&flags, &app);
  AddRunFlags(&flags, &app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const bool asked_for = app.exit(error, *console.out, *console.err) == 0;
    return asked_for ? client::kExitOk : client::kExitUsage;
  }
  return RunCompare(&flags, console);
}

}  // namespace peregrine::compare
