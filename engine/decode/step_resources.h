#ifndef PEREGRINE_ENGINE_DECODE_STEP_RESOURCES_H_
#define PEREGRINE_ENGINE_DECODE_STEP_RESOURCES_H_

#include <algorithm>
#include <memory>

#include "engine/decode/cell_pool.h"
#include "engine/decode/live_sentence.h"
#include "engine/decode/sentence_aligner.h"
#include "engine/kernels/kernels.h"
#include "engine/model/decoder.h"
#include "engine/model/model.h"

namespace peregrine::decode {

// What the steps of one session use, on the host or ahead of it. Views: the
// session owns them.
struct StepResources {
  const model::Model& model;
  kernels::Kernels& kernels;
  model::Decoder& decoder;
  BlockPool& target_blocks;  // of the decoder's target cells
  kernels::Matrix logits;    // [max_rows, vocab_size], scratch of a step
  int max_rows = 0;
  int max_positions = 0;  // of a target, the last for eos alone

  // What the device wants a step to be padded to, as far as memory goes.
  kernels::StepShape Padded(kernels::StepShape shape) const {
    kernels::StepShape padded = kernels.PaddedStep(shape);
    padded.rows = std::min(padded.rows, max_rows);
    padded.cells_stride = std::min(padded.cells_stride, max_positions);
    return padded;
  }
};

// Of a sentence that has its source cells, in the heads that the model's config
// names.
std::unique_ptr<SentenceAligner> NewAligner(const LiveSentence& sentence,
                                            const AlignedTarget& target,
                                            const StepResources& resources);

}  // namespace peregrine::decode

#endif  // PEREGRINE_ENGINE_DECODE_STEP_RESOURCES_H_
