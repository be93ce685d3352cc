#ifndef PEREGRINE_BENCH_RUN_MULTIPLY_ADDS_H_
#define PEREGRINE_BENCH_RUN_MULTIPLY_ADDS_H_

#include "engine/model/config.h"

namespace peregrine {

// What a run has to multiply, however it is done.
struct RunMultiplyAdds {
  double encoder = 0;  // with the source's keys and values for the decoder
  double decoder = 0;  // without these
  double output = 0;
  double attention = 0;  // queries with keys, weights with values
};

// Adds those of one sentence of `source_length` tokens, those that the model
// adds to it included, whose `beam_size` hypotheses all become `target_length`
// tokens long. The first step has one row.
void AddSentence(const model::ArchitectureConfig& architecture,
                 int source_length, int target_length, int beam_size,
                 RunMultiplyAdds& counts);

}  // namespace peregrine

#endif  // PEREGRINE_BENCH_RUN_MULTIPLY_ADDS_H_
