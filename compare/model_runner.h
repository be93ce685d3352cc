#ifndef PEREGRINE_COMPARE_MODEL_RUNNER_H_
#define PEREGRINE_COMPARE_MODEL_RUNNER_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "compare/messages.h"
#include "compare/model_process.h"
#include "engine/kernels/device.h"
#include "engine/translation_model.h"
#include "engine/translator.h"

namespace peregrine::compare {

// A model in memory that translates as it is asked to, on `num_workers`
// threads. The far end of a ModelProcess. Not thread-safe.
class ModelRunner {
 public:
  ModelRunner(std::unique_ptr<const TranslationModel> model, int num_workers)
      : model_(std::move(model)), num_workers_(num_workers) {}

  ModelFacts Facts() const;
  absl::StatusOr<SpeedResult> Run(const SpeedRequest& request);
  absl::StatusOr<TextResult> Run(const TextRequest& request);

  // Says what it is and answers requests until there are no more.
  void Serve(JsonLines& lines);

 private:
  using Translators = std::vector<std::unique_ptr<Translator>>;

  absl::StatusOr<Translators> MakeTranslators(int beam_size,
                                              int batch_size) const;
  absl::StatusOr<Json> Answer(const Json& request);

  const std::unique_ptr<const TranslationModel> model_;
  const int num_workers_;
};

}  // namespace peregrine::compare

#endif  // PEREGRINE_COMPARE_MODEL_RUNNER_H_
