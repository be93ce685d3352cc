// Times the whole engine, on one thread unless told otherwise: a model
// directory, or a model of random weights; sentences of given lengths and
// random tokens; output lengths forced to be those of the sources. Or texts, as
// the model's own settings translate them.
//
// Speaks to the script that runs it beside a peer: for every line on standard
// input it decodes the whole workload once and answers with one line of JSON.

#include <time.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "bench/run_multiply_adds.h"
#include "engine/base/peak_memory.h"
#include "engine/base/status_macros.h"
#include "engine/decode/decode_all.h"
#include "engine/decode/session.h"
#include "engine/kernels/device.h"
#include "engine/kernels/precision.h"
#include "engine/model/model.h"
#include "engine/shapes/paper_shapes.h"
#include "engine/shapes/random_tensors.h"
#include "engine/translation_model.h"
#include "engine/translator.h"

namespace peregrine {
namespace {

struct BenchOptions {
  std::string model = "base-32k";  // or another shape, or a model directory
  std::string device = "cpu";
  std::string precision = "float32";
  std::string lengths_file;
  std::string texts_file;
  int beam_size = 1;
  int batch_size = 64;  // sentences decoded side by side
  // Sentences that must be able to join before the encoder runs for them.
  int min_admission = 1;
  int shortlist_targets = 0;  // that every source token suggests; 0: no list
  int workers = 1;            // each with a part of the sentences
  int threads = 1;            // of each worker
  std::string tuning;         // of a GPU
  bool profile = false;
  bool arrival_order = false;
};

void OrDie(const absl::Status& status) {
  if (status.ok()) return;
  std::cerr << "engine_bench: " << status.message() << "\n";
  std::exit(1);
}

template <typename T>
T OrDie(absl::StatusOr<T> value) {
  OrDie(value.status());
  return *std::move(value);
}

std::string ShapeNames() {
  return absl::StrJoin(shapes::PaperShapes(), ", ",
                       [](std::string* out, const shapes::PaperShape& shape) {
                         out->append(shape.name);
                       });
}

// Random targets for every source token, or null.
std::unique_ptr<const model::Shortlist> RandomShortlist(
    const BenchOptions& options, int vocab_size) {
  if (options.shortlist_targets == 0) return nullptr;
  std::mt19937 random(29);
  std::uniform_int_distribution<int32_t> token(4, vocab_size - 1);
  model::Shortlist::Lists lists;
  lists.offsets.push_back(0);
  for (int source = 0; source < vocab_size; ++source) {
    for (int i = 0; i < options.shortlist_targets; ++i) {
      lists.targets.push_back(token(random));
    }
    lists.offsets.push_back(static_cast<int32_t>(lists.targets.size()));
  }
  return OrDie(model::Shortlist::Create(std::move(lists), vocab_size,
                                        vocab_size, "--shortlist-targets"));
}

// Either member holds the weights.
struct BenchModel {
  std::unique_ptr<const TranslationModel> loaded;
  std::unique_ptr<const model::Model> random;

  const model::Model& weights() const {
    return loaded ? loaded->weights() : *random;
  }
};

absl::StatusOr<BenchModel> LoadModel(const BenchOptions& options,
                                     kernels::Device device,
                                     kernels::Precision precision) {
  const std::string& name = options.model;
  BenchModel model;
  if (const shapes::PaperShape* shape = shapes::FindPaperShape(name)) {
    shapes::RandomTensors tensors(1);
    PEREGRINE_ASSIGN_OR_RETURN(auto kernels, kernels::MakeKernels(device));
    PEREGRINE_ASSIGN_OR_RETURN(
        model.random,
        model::Model::Load(
            shape->config, tensors, *kernels, precision,
            RandomShortlist(options,
                            shape->config.architecture.target_vocab_size)));
  } else if (std::filesystem::is_directory(name)) {
    PEREGRINE_ASSIGN_OR_RETURN(model.loaded,
                               TranslationModel::Load(name, device, precision));
  } else {
    return absl::InvalidArgumentError(
        absl::StrCat("--model: found \"", name, "\", expected a directory or ",
                     ShapeNames()));
  }
  return model;
}

std::vector<decode::SentenceInput> Workload(const std::vector<int>& lengths,
                                            const BenchOptions& options,
                                            const model::ModelConfig& config) {
  std::mt19937 random(17);
  std::uniform_int_distribution<int32_t> token(
      4, config.architecture.source_vocab_size - 1);
  std::vector<decode::SentenceInput> sentences(lengths.size());
  for (size_t i = 0; i < lengths.size(); ++i) {
    decode::SentenceInput& sentence = sentences[i];
    sentence.id = i;
    sentence.source.resize(lengths[i]);
    for (int32_t& id : sentence.source) id = token(random);
    sentence.options.beam_size = options.beam_size;
    sentence.options.rules = config.decoding.rules;
    sentence.options.min_length = lengths[i];
    sentence.options.max_length = lengths[i];
    // The peer's rule: the last token is not followed by a step that scores
    // the end symbol alone.
    sentence.options.rules.length_limit = model::LengthLimit::kCut;
  }
  if (options.arrival_order) return sentences;
  // The peer sorts by length, too.
  std::stable_sort(sentences.begin(), sentences.end(),
                   [](const auto& a, const auto& b) {
                     return a.source.size() > b.source.size();
                   });
  return sentences;
}

// What a run of the workload multiplies. With a shortlist nobody knows.
nlohmann::json MultiplyAddsOf(const model::Model& model,
                              const std::vector<int>& lengths,
                              const BenchOptions& options) {
  if (options.shortlist_targets > 0) return nullptr;
  RunMultiplyAdds counts;
  for (int length : lengths) {
    AddSentence(model.config().architecture,
                length + model.config().tokens.num_added(), length,
                options.beam_size, counts);
  }
  return {{"encoder", counts.encoder},
          {"decoder", counts.decoder},
          {"output", counts.output},
          {"attention", counts.attention}};
}

struct RunResult {
  double seconds = 0;
  double cpu_seconds = 0;  // of this thread: below `seconds` on a busy machine
  double encode_seconds = 0;
  size_t target_tokens = 0;
  std::vector<double> latencies;  // admission to answer, by sentence
  model::StageProfile profile;
};

// A session, and how long admissions take.
struct TimedSession {
  decode::Session& session;
  double encode_seconds = 0;

  decode::Room room() const { return session.room(); }
  int BlockedTokens(int length) const { return session.BlockedTokens(length); }
  void Admit(absl::Span<const decode::SentenceInput> sentences) {
    const auto begin = std::chrono::steady_clock::now();
    session.Admit(sentences);
    encode_seconds +=
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin)
            .count();
  }
  std::vector<decode::SentenceOutput> Step() { return session.Step(); }
  absl::Status status() const { return session.status(); }
};

RunResult Run(decode::Session& session, const BenchOptions& options,
              const std::vector<decode::SentenceInput>& sentences) {
  using Clock = std::chrono::steady_clock;
  const auto seconds_since = [](Clock::time_point begin) {
    return std::chrono::duration<double>(Clock::now() - begin).count();
  };
  RunResult result;
  const Clock::time_point begin = Clock::now();
  TimedSession timed{session};
  const absl::Status status = decode::DecodeAll(
      timed, sentences,
      [&](const decode::SentenceOutput& output) {
        result.target_tokens += output.hypotheses.at(0).tokens.size();
        result.latencies.push_back(
            absl::ToDoubleSeconds(output.encode_time + output.decode_time));
      },
      options.min_admission);
  if (!status.ok()) {
    std::cerr << "engine_bench: " << status << "\n";
    std::exit(1);
  }
  result.encode_seconds = timed.encode_seconds;
  result.seconds = seconds_since(begin);
  return result;
}

nlohmann::json StageSeconds(const model::StageProfile& profile) {
  nlohmann::json seconds;
  for (size_t i = 0; i < model::kNumStages; ++i) {
    const auto stage = static_cast<model::Stage>(i);
    seconds[model::StageName(stage)] = profile.seconds(stage);
  }
  return seconds;
}

double ThreadCpuSeconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return now.tv_sec + 1e-9 * now.tv_nsec;
}

// A thread's own; the model is shared.
struct Worker {
  std::unique_ptr<kernels::Kernels> kernels;
  std::unique_ptr<decode::Session> session;
  std::vector<decode::SentenceInput> sentences;
};

// Deals the sentences out like cards, so that all get like lengths.
std::vector<Worker> MakeWorkers(
    const model::Model& model, kernels::Device device,
    const BenchOptions& options,
    const std::vector<decode::SentenceInput>& sentences) {
  std::vector<Worker> workers(options.workers);
  for (Worker& worker : workers) {
    worker.kernels = OrDie(kernels::MakeKernels(device));
    worker.session = OrDie(decode::Session::Create(
        model, *worker.kernels,
        {options.batch_size * options.beam_size, 16384}));
  }
  for (size_t i = 0; i < sentences.size(); ++i) {
    workers[i % workers.size()].sentences.push_back(sentences[i]);
  }
  return workers;
}

RunResult RunWorker(Worker& worker, const BenchOptions& options) {
  model::StageProfile profile;
  worker.session->set_profile(options.profile ? &profile : nullptr);
  const double cpu_begin = ThreadCpuSeconds();
  RunResult result = Run(*worker.session, options, worker.sentences);
  result.cpu_seconds = ThreadCpuSeconds() - cpu_begin;
  worker.session->set_profile(nullptr);
  result.profile = profile;
  return result;
}

std::vector<RunResult> RunAll(std::vector<Worker>& workers,
                              const BenchOptions& options) {
  std::vector<RunResult> results(workers.size());
  std::vector<std::thread> threads;
  for (size_t i = 1; i < workers.size(); ++i) {
    threads.emplace_back(
        [&, i] { results[i] = RunWorker(workers[i], options); });
  }
  results[0] = RunWorker(workers[0], options);
  for (std::thread& thread : threads) thread.join();
  return results;
}

// A thread's own share of the texts.
struct TextWorker {
  std::unique_ptr<Translator> translator;
  std::vector<std::string> texts;
};

std::vector<TextWorker> MakeTextWorkers(const TranslationModel& model,
                                        const BenchOptions& options) {
  std::vector<TextWorker> workers(options.workers);
  for (TextWorker& worker : workers) {
    worker.translator = OrDie(Translator::Create(model, {}));
  }
  std::ifstream file(options.texts_file);
  std::string text;
  for (size_t i = 0; std::getline(file, text); ++i) {
    workers[i % workers.size()].texts.push_back(text);
  }
  if (workers.back().texts.empty()) {
    OrDie(absl::InvalidArgumentError(
        absl::StrCat("--texts=", options.texts_file,
                     ": expected a text a line, and one for each worker")));
  }
  return workers;
}

// How many words, with spaces between them, the best translations have.
size_t CountWords(const std::vector<TextTranslation>& translations) {
  size_t words = 0;
  for (const TextTranslation& translation : translations) {
    const std::vector<absl::string_view> found =
        absl::StrSplit(translation.hypotheses.front().text,
                       absl::ByAnyChar(" \n"), absl::SkipEmpty());
    words += found.size();
  }
  return words;
}

// From text to text, on all threads.
nlohmann::json RunTexts(const std::vector<TextWorker>& workers) {
  const auto begin = std::chrono::steady_clock::now();
  size_t num_texts = 0;
  std::atomic<size_t> words = 0;
  std::vector<std::thread> threads;
  for (const TextWorker& worker : workers) {
    num_texts += worker.texts.size();
    threads.emplace_back([&worker, &words] {
      words += CountWords(OrDie(worker.translator->Translate(worker.texts)));
    });
  }
  for (std::thread& thread : threads) thread.join();
  const std::chrono::duration<double> seconds =
      std::chrono::steady_clock::now() - begin;
  return {{"seconds", seconds.count()},
          {"texts", num_texts},
          {"target_words", words.load()}};
}

// Answers each line of standard input with a report of `run`.
template <typename RunOnce>
void AnswerLines(const RunOnce& run) {
  std::string line;
  while (std::getline(std::cin, line)) std::cout << run().dump() << std::endl;
}

int64_t PeakBytes() {
  const int64_t bytes = PeakResidentBytes();
  if (bytes == 0) OrDie(absl::InternalError("/proc/self/status: no VmHWM"));
  return bytes;
}

// All workers as one: the time of the slowest, the sums of the rest. The
// stages are those of the first.
nlohmann::json Report(const std::vector<RunResult>& results,
                      const BenchOptions& options) {
  RunResult all;
  for (const RunResult& result : results) {
    all.seconds = std::max(all.seconds, result.seconds);
    all.cpu_seconds += result.cpu_seconds;
    all.encode_seconds += result.encode_seconds;
    all.target_tokens += result.target_tokens;
    all.latencies.insert(all.latencies.end(), result.latencies.begin(),
                         result.latencies.end());
  }
  std::sort(all.latencies.begin(), all.latencies.end());
  nlohmann::json report = {
      {"seconds", all.seconds},
      {"cpu_seconds", all.cpu_seconds},
      {"encode_seconds", all.encode_seconds},
      {"target_tokens", all.target_tokens},
      {"latency_p50", all.latencies[all.latencies.size() / 2]},
      {"max_rss_bytes", PeakBytes()}};
  if (options.profile) report["stages"] = StageSeconds(results[0].profile);
  return report;
}

int Main(int argc, char** argv) {
  BenchOptions options;
  CLI::App app("Times the whole engine; see bench/README.md.");
  app.add_option(
      "--model", options.model,
      "A model directory, or random weights in the shape of " + ShapeNames());
  app.add_option("--device", options.device);
  app.add_option("--precision", options.precision,
                 "float32, bf16, fp16, int8, auto");
  CLI::Option_group& workload = *app.add_option_group("workload");
  workload.add_option("--lengths", options.lengths_file,
                      "A source length a line");
  workload.add_option("--texts", options.texts_file,
                      "A text a line, for a model directory; beam size, batch "
                      "size and lengths are then the model's own");
  workload.require_option(1);
  app.add_option("--beam-size", options.beam_size)->check(CLI::Range(1, 64));
  app.add_option("--batch-size", options.batch_size)
      ->check(CLI::Range(1, 4096));
  app.add_option("--min-admission", options.min_admission)
      ->check(CLI::Range(1, 4096));
  app.add_option("--shortlist-targets", options.shortlist_targets,
                 "Random target tokens that each source token suggests")
      ->check(CLI::Range(1, 1000));
  app.add_option("--workers", options.workers,
                 "Threads that share the model and the sentences")
      ->check(CLI::Range(1, 256));
  app.add_option("--threads", options.threads,
                 "Of each worker, on the device cpu: they share its products")
      ->check(CLI::Range(1, 256));
  app.add_option("--tuning", options.tuning,
                 "On a GPU: some of " + kernels::GpuTuningNames());
  app.add_flag("--profile", options.profile, "Report the time of each stage");
  app.add_flag("--arrival-order", options.arrival_order,
               "Leave the sentences in the order of --lengths");
  CLI11_PARSE(app, argc, argv);

  kernels::Device device = OrDie(kernels::ParseDevice(options.device));
  if (options.threads > 1 && !(device == kernels::Device::kCpu)) {
    std::cerr << "engine_bench: --threads is for --device=cpu, found "
              << options.device << "\n";
    return 1;
  }
  device.num_threads = options.threads;
  device.tuning = OrDie(kernels::ParseGpuTuning(options.tuning));
  const kernels::Precision precision =
      OrDie(kernels::ParsePrecision(options.precision, device));
  const BenchModel model = OrDie(LoadModel(options, device, precision));
  if (!options.texts_file.empty()) {
    if (model.loaded == nullptr || !model.loaded->takes_text()) {
      std::cerr << "engine_bench: --texts is for a model directory with "
                   "tokenizers, found --model="
                << options.model << "\n";
      return 1;
    }
    const std::vector<TextWorker> workers =
        MakeTextWorkers(*model.loaded, options);
    AnswerLines([&] { return RunTexts(workers); });
    return 0;
  }
  std::ifstream file(options.lengths_file);
  const std::vector<int> lengths{std::istream_iterator<int>(file), {}};
  if (lengths.empty()) {
    std::cerr << "engine_bench: " << options.lengths_file << ": no lengths\n";
    return 1;
  }
  std::vector<Worker> workers =
      MakeWorkers(model.weights(), device, options,
                  Workload(lengths, options, model.weights().config()));
  for (const Worker& worker : workers) {
    for (const decode::SentenceInput& sentence : worker.sentences) {
      OrDie(worker.session->Validate(sentence));
    }
  }

  const nlohmann::json multiply_adds =
      MultiplyAddsOf(model.weights(), lengths, options);
  AnswerLines([&] {
    nlohmann::json report = Report(RunAll(workers, options), options);
    report["multiply_adds"] = multiply_adds;
    return report;
  });
  return 0;
}

}  // namespace
}  // namespace peregrine

int main(int argc, char** argv) { return peregrine::Main(argc, argv); }
