#ifndef PEREGRINE_ENGINE_KERNELS_LOGIT_ROW_H_
#define PEREGRINE_ENGINE_KERNELS_LOGIT_ROW_H_

#include <cstdint>

#include "absl/types/span.h"

// What the host asks of a row of logits that lies in its memory, by the widest
// vectors of its CPU. Elements of -infinity do not count.
namespace peregrine::kernels {

// -infinity where there is none.
float LargestLogit(absl::Span<const float> row);

// Of exp(x - reference), where no x is above the reference. Each within 2e-7 of
// itself, or 1e-7 times its distance from the reference.
double SumOfExponentials(absl::Span<const float> row, float reference);

// The k largest, largest first; ties go to the lower index. What is missing has
// the index -1 and the value -infinity. Meant for small k: its cost grows with
// k where a row is not sorted.
void BestLogits(absl::Span<const float> row, int k, float* values,
                int32_t* indices);

}  // namespace peregrine::kernels

#endif  // PEREGRINE_ENGINE_KERNELS_LOGIT_ROW_H_
