#include "engine/decode/step_resources.h"

#include "engine/model/config.h"

namespace peregrine::decode {

std::unique_ptr<SentenceAligner> NewAligner(const LiveSentence& sentence,
                                            const AlignedTarget& target,
                                            const StepResources& resources) {
  const model::ModelConfig& config = resources.model.config();
  AlignedSource source;
  source.length = sentence.source_length;
  source.first_token = static_cast<int>(config.tokens.source_prefix.size());
  source.num_tokens = sentence.source_tokens;
  return std::make_unique<SentenceAligner>(
      target, source, config.alignment, config.architecture.decoder.heads(),
      resources.decoder.SourceKeys(resources.model.alignment_layer(),
                                   sentence.source_begin,
                                   sentence.source_length));
}

}  // namespace peregrine::decode
