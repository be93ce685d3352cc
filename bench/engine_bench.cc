// Times the whole engine on one thread: a model of random weights, sentences
// of given lengths, output lengths forced to be those of the sources.
//
// Speaks to the script that runs it beside a peer: for every line on standard
// input it decodes the whole workload once and answers with one line of JSON.

#include <sys/resource.h>
#include <time.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <fstream>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "engine/decode/session.h"
#include "engine/kernels/device.h"
#include "engine/kernels/precision.h"
#include "engine/model/model.h"
#include "engine/model/random_tensors.h"

namespace peregrine {
namespace {

struct BenchOptions {
  std::string model = "base";
  std::string device = "cpu";
  std::string precision = "float32";
  std::string lengths_file;
  int beam_size = 1;
  int batch_size = 64;  // sentences decoded side by side
  // Sentences that must be able to join before the encoder runs for them.
  int min_admission = 1;
};

model::ModelConfig BenchConfig(const std::string& name) {
  model::ModelConfig config;
  config.name = name;
  model::ArchitectureConfig& architecture = config.architecture;
  architecture.max_positions = 256;
  architecture.scale_embeddings = true;
  architecture.output_bias = true;
  architecture.encoder = {6, 512, 2048, 8, 64};
  architecture.decoder = {6, 512, 2048, 8, 64};
  int vocab_size = 32000;
  if (name == "12-1") {
    vocab_size = 10000;
    architecture.encoder.num_layers = 12;
    architecture.decoder.num_layers = 1;
  } else if (absl::StartsWith(name, "mdn")) {
    vocab_size = 10000;
    architecture.encoder.num_layers = 22;
    architecture.decoder = {1, 512, 0, 1, 64};
    architecture.output = model::OutputProjection::kFactorized;
    architecture.output_rank = 64;
    architecture.output_bias = false;
  }
  if (name == "mdn-aan") architecture.decoder_state = model::DecoderState::kAan;
  if (name == "mdn-ssru")
    architecture.decoder_state = model::DecoderState::kSsru;
  if (name == "mdn-can") {
    architecture.decoder_state = model::DecoderState::kCan;
    architecture.decoder.ffn_dim = 2048;
  }
  architecture.source_vocab_size = vocab_size;
  architecture.target_vocab_size = vocab_size;
  config.tokens = {3, 1, 2, 0, 1, {2}};
  config.decoding.suppressed_tokens = {3, 1};
  return config;
}

std::vector<decode::SentenceInput> Workload(const std::vector<int>& lengths,
                                            int beam_size, int vocab_size) {
  std::mt19937 random(17);
  std::uniform_int_distribution<int32_t> token(4, vocab_size - 1);
  std::vector<decode::SentenceInput> sentences(lengths.size());
  for (size_t i = 0; i < lengths.size(); ++i) {
    decode::SentenceInput& sentence = sentences[i];
    sentence.id = i;
    sentence.source.resize(lengths[i]);
    for (int32_t& id : sentence.source) id = token(random);
    sentence.options.beam_size = beam_size;
    sentence.options.min_length = lengths[i];
    sentence.options.max_length = lengths[i];
  }
  // The peer sorts by length, too.
  std::stable_sort(sentences.begin(), sentences.end(),
                   [](const auto& a, const auto& b) {
                     return a.source.size() > b.source.size();
                   });
  return sentences;
}

struct RunResult {
  double seconds = 0;
  double cpu_seconds = 0;  // of this thread: below `seconds` on a busy machine
  double encode_seconds = 0;
  size_t target_tokens = 0;
  std::vector<double> latencies;  // admission to answer, by sentence
};

RunResult Run(decode::Session& session, const BenchOptions& options,
              const std::vector<decode::SentenceInput>& sentences) {
  using Clock = std::chrono::steady_clock;
  const auto seconds_since = [](Clock::time_point begin) {
    return std::chrono::duration<double>(Clock::now() - begin).count();
  };
  RunResult result;
  std::vector<decode::SentenceInput> admitted;
  const Clock::time_point begin = Clock::now();
  size_t next = 0;
  while (next < sentences.size() || session.live_sentences() > 0) {
    decode::Room room = session.room();
    admitted.clear();
    size_t end = next;
    while (end < sentences.size()) {
      const int length = static_cast<int>(sentences[end].source.size());
      if (!room.Take(options.beam_size, session.BlockedTokens(length))) break;
      ++end;
    }
    const bool enough = static_cast<int>(end - next) >= options.min_admission ||
                        end == sentences.size() ||
                        session.live_sentences() == 0;
    if (end > next && enough) {
      const Clock::time_point encode_begin = Clock::now();
      session.Admit(absl::MakeConstSpan(sentences).subspan(next, end - next));
      result.encode_seconds += seconds_since(encode_begin);
      next = end;
    }
    const std::vector<decode::SentenceOutput> outputs = session.Step();
    if (!session.status().ok()) {
      std::cerr << "engine_bench: " << session.status() << "\n";
      std::exit(1);
    }
    for (const decode::SentenceOutput& output : outputs) {
      result.target_tokens += output.hypotheses[0].tokens.size();
      result.latencies.push_back(
          absl::ToDoubleSeconds(output.encode_time + output.decode_time));
    }
  }
  result.seconds = seconds_since(begin);
  std::sort(result.latencies.begin(), result.latencies.end());
  return result;
}

double ThreadCpuSeconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return now.tv_sec + 1e-9 * now.tv_nsec;
}

template <typename T>
T OrDie(absl::StatusOr<T> value) {
  if (value.ok()) return *std::move(value);
  std::cerr << "engine_bench: " << value.status() << "\n";
  std::exit(1);
}

int Main(int argc, char** argv) {
  BenchOptions options;
  CLI::App app("Times the whole engine on one thread; see bench/README.md.");
  app.add_option("--model", options.model)
      ->check(CLI::IsMember(
          {"base", "12-1", "mdn", "mdn-aan", "mdn-ssru", "mdn-can"}));
  app.add_option("--device", options.device);
  app.add_option("--precision", options.precision,
                 "float32, bf16, fp16, int8, auto");
  app.add_option("--lengths", options.lengths_file, "A source length a line")
      ->required();
  app.add_option("--beam-size", options.beam_size)->check(CLI::Range(1, 64));
  app.add_option("--batch-size", options.batch_size)
      ->check(CLI::Range(1, 4096));
  app.add_option("--min-admission", options.min_admission)
      ->check(CLI::Range(1, 4096));
  CLI11_PARSE(app, argc, argv);

  std::ifstream file(options.lengths_file);
  const std::vector<int> lengths{std::istream_iterator<int>(file), {}};
  if (lengths.empty()) {
    std::cerr << "engine_bench: " << options.lengths_file << ": no lengths\n";
    return 1;
  }
  const kernels::Device device = OrDie(kernels::ParseDevice(options.device));
  const kernels::Precision precision =
      OrDie(kernels::ParsePrecision(options.precision, device));
  const auto kernels = OrDie(kernels::MakeKernels(device));
  const model::ModelConfig config = BenchConfig(options.model);
  model::RandomTensors tensors(1);
  const auto model =
      OrDie(model::Model::Load(config, tensors, *kernels, precision));
  const auto session = OrDie(decode::Session::Create(
      *model, *kernels, {options.batch_size * options.beam_size, 16384}));
  const auto sentences = Workload(lengths, options.beam_size,
                                  config.architecture.source_vocab_size);

  std::string line;
  while (std::getline(std::cin, line)) {
    const double cpu_begin = ThreadCpuSeconds();
    RunResult result = Run(*session, options, sentences);
    result.cpu_seconds = ThreadCpuSeconds() - cpu_begin;
    rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    std::cout << nlohmann::json{{"seconds", result.seconds},
                                {"cpu_seconds", result.cpu_seconds},
                                {"encode_seconds", result.encode_seconds},
                                {"target_tokens", result.target_tokens},
                                {"latency_p50",
                                 result.latencies[result.latencies.size() / 2]},
                                {"max_rss_bytes", usage.ru_maxrss * 1024}}
                     .dump()
              << std::endl;
  }
  return 0;
}

}  // namespace
}  // namespace peregrine

int main(int argc, char** argv) { return peregrine::Main(argc, argv); }
