#include "compare/model_runner.h"

#include <malloc.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "compare/workload.h"
#include "engine/base/peak_memory.h"
#include "engine/base/status_macros.h"
#include "engine/kernels/pci_bus_id.h"
#include "engine/kernels/precision.h"
#include "engine/text_plan.h"

namespace peregrine::compare {
namespace {

using Outputs = std::vector<decode::SentenceOutput>;
using Sentences = std::vector<decode::SentenceInput>;

class Stopwatch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(Clock::now() - start_).count();
  }

 private:
  using Clock = std::chrono::steady_clock;
  const Clock::time_point start_ = Clock::now();
};

double ProcessCpuSeconds() {
  timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * now.tv_nsec;
}

// From now on; the kernel may not let us, then the peak is that of loading.
void ForgetPeakMemory() {
  malloc_trim(0);
  std::ofstream("/proc/self/clear_refs") << 5;
}

// Every translator decodes a share of like lengths on a thread of its own;
// outputs stand in the order of `sentences`.
absl::StatusOr<Outputs> DecodeAll(
    const Sentences& sentences,
    const std::vector<std::unique_ptr<Translator>>& translators) {
  const std::size_t num_workers = translators.size();
  if (num_workers == 1) return translators[0]->Decode(sentences);
  std::vector<absl::StatusOr<Outputs>> results(num_workers, Outputs{});
  std::vector<std::thread> threads;
  for (std::size_t worker = 0; worker < num_workers; ++worker) {
    threads.emplace_back([&, worker] {
      Sentences share;
      for (std::size_t i = worker; i < sentences.size(); i += num_workers) {
        share.push_back(sentences[i]);
      }
      results[worker] = translators[worker]->Decode(std::move(share));
    });
  }
  for (std::thread& thread : threads) thread.join();
  Outputs outputs(sentences.size());
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    absl::StatusOr<Outputs>& result = results[i % num_workers];
    if (!result.ok()) return result.status();
    outputs[i] = std::move((*result)[i / num_workers]);
  }
  return outputs;
}

}  // namespace

ModelFacts ModelRunner::Facts() const {
  const model::Weights& weights = model_->weights().weights();
  const model::ArchitectureConfig& architecture = model_->config().architecture;
  ModelFacts facts;
  facts.format = model_->format();
  facts.architecture = model::DescribeArchitecture(architecture);
  facts.precision = std::string(kernels::PrecisionName(model_->precision()));
  facts.parameters = weights.num_parameters;
  facts.weights_bytes = static_cast<std::int64_t>(weights.bytes);
  facts.source_vocab_size = architecture.source_vocab_size;
  facts.target_vocab_size = architecture.target_vocab_size;
  facts.longest =
      std::min(model_->max_source_tokens(), model_->max_target_tokens());
  facts.has_tokenizers = model_->takes_text();
  const auto gpu = kernels::PciBusId(model_->device());
  if (gpu.ok()) facts.gpu = *gpu;
  facts.multiply_adds = model::CountMultiplyAdds(architecture);
  return facts;
}

absl::StatusOr<ModelRunner::Translators> ModelRunner::MakeTranslators(
    int beam_size, int batch_size) const {
  Translators translators(num_workers_);
  decode::SessionLimits limits;
  limits.max_rows = beam_size * batch_size;
  // Room for a batch of the longest, in whole blocks.
  limits.max_source_tokens =
      std::max(limits.max_source_tokens,
               batch_size * std::min(model_->max_source_tokens() + 16, 128));
  for (std::unique_ptr<Translator>& translator : translators) {
    PEREGRINE_ASSIGN_OR_RETURN(translator, Translator::Create(*model_, limits));
  }
  return translators;
}

absl::StatusOr<SpeedResult> ModelRunner::Run(const SpeedRequest& request) {
  ForgetPeakMemory();
  PEREGRINE_ASSIGN_OR_RETURN(
      const Translators translators,
      MakeTranslators(request.beam_size, request.batch_size));
  const Sentences sentences =
      MakeSentences(request.lengths, model_->config(), request.beam_size);
  SpeedResult result;
  const double cpu_begin = ProcessCpuSeconds();
  const Stopwatch stopwatch;
  PEREGRINE_ASSIGN_OR_RETURN(const Outputs outputs,
                             DecodeAll(sentences, translators));
  result.seconds = stopwatch.seconds();
  result.cpu_seconds = ProcessCpuSeconds() - cpu_begin;
  for (const decode::SentenceOutput& output : outputs) {
    PEREGRINE_RETURN_IF_ERROR(output.status);
    result.target_tokens +=
        static_cast<std::int64_t>(output.hypotheses[0].tokens.size());
    result.latencies.push_back(
        absl::ToDoubleSeconds(output.encode_time + output.decode_time));
  }
  result.peak_bytes = PeakResidentBytes();
  return result;
}

absl::StatusOr<TextResult> ModelRunner::Run(const TextRequest& request) {
  if (!Facts().has_tokenizers) {
    return absl::FailedPreconditionError("the model has no tokenizers");
  }
  PEREGRINE_ASSIGN_OR_RETURN(
      const Translators translators,
      MakeTranslators(request.beam_size, request.batch_size));
  const Stopwatch stopwatch;
  std::vector<TextPlan> plans;
  Sentences sentences;
  for (const std::string& text : request.texts) {
    plans.push_back(TextPlan::Make(*model_, text, /*single_sentence=*/true));
    const TextPlan& plan = plans.back();
    for (std::size_t i = 0; i < plan.sentences().size(); ++i) {
      const std::vector<std::int32_t>& tokens = plan.sentences()[i];
      const int length = static_cast<int>(tokens.size());
      decode::DecodingOptions options = model_->DefaultOptions(length);
      options.beam_size = request.beam_size;
      options.align = plan.NeedsAlignment(i);
      plan.DemandMarkers(*model_, i, &options);
      sentences.push_back({0, tokens, options});
    }
  }
  PEREGRINE_ASSIGN_OR_RETURN(Outputs outputs,
                             DecodeAll(sentences, translators));
  TextResult result;
  std::size_t next = 0;
  for (const TextPlan& plan : plans) {
    std::vector<std::vector<decode::Hypothesis>> hypotheses;
    for (std::size_t i = 0; i < plan.sentences().size(); ++i) {
      PEREGRINE_RETURN_IF_ERROR(outputs[next].status);
      hypotheses.push_back(std::move(outputs[next++].hypotheses));
    }
    result.translations.push_back(
        plan.Assemble(*model_, hypotheses).hypotheses[0].text);
  }
  result.seconds = stopwatch.seconds();
  return result;
}

absl::StatusOr<Json> ModelRunner::Answer(const Json& json) {
  if (IsSpeedRequest(json)) {
    PEREGRINE_ASSIGN_OR_RETURN(const auto request, ParseSpeedRequest(json));
    PEREGRINE_ASSIGN_OR_RETURN(const auto result, Run(request));
    return ToJson(result);
  }
  PEREGRINE_ASSIGN_OR_RETURN(const auto request, ParseTextRequest(json));
  PEREGRINE_ASSIGN_OR_RETURN(const auto result, Run(request));
  return ToJson(result);
}

void ModelRunner::Serve(JsonLines& lines) {
  absl::Status status = lines.Write(ToJson(Facts()));
  while (status.ok()) {
    const absl::StatusOr<Json> request = lines.Read();
    if (!request.ok()) return;
    const absl::StatusOr<Json> answer = Answer(*request);
    status = lines.Write(answer.ok() ? *answer : ErrorJson(answer.status()));
  }
}

}  // namespace peregrine::compare
