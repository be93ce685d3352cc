#ifndef PEREGRINE_ENGINE_DECODE_LISTED_OUTPUTS_H_
#define PEREGRINE_ENGINE_DECODE_LISTED_OUTPUTS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/types/span.h"
#include "engine/kernels/kernels.h"

namespace peregrine::decode {

// Tokens of which each row of an output wants to know more than whether they
// are among its best.
struct ListedTokens {
  absl::Span<const int32_t> offsets;  // [rows + 1]: of each row, in `tokens`
  absl::Span<const int32_t> tokens;   // those of a row rise
  float* log_probs = nullptr;         // [tokens]
  float* log_sums = nullptr;  // [rows]: logit less log-probability of any token
  float* log_rests = nullptr;  // [rows]: log-probability of all others together
};

// An output projection over some rows, with the memory to look at their logits
// on the host, one row at a time. Allocates when it is made and not later.
class HostOutputs {
 public:
  HostOutputs(kernels::Kernels& kernels, int vocab_size);

  struct Rows {
    const kernels::LinearWeight& projection;
    const kernels::OutputSelection* selection = nullptr;  // or all outputs
    kernels::Matrix x;
    absl::Span<const int32_t> suppressed;
    kernels::Matrix logits;  // scratch on the device, [x.rows, vocab_size]
  };

  // The logits of each row: -infinity for what is suppressed or not selected.
  // `use(row, logits)` may overwrite them.
  void ForEachRow(
      const Rows& rows,
      absl::FunctionRef<void(int row, absl::Span<float> logits)> use);

  // As Kernels::OutputTopK or, with a selection, SelectedTopK, with the listed
  // tokens left out of the best. Their log-probabilities come apart, whether or
  // not they are suppressed or forbidden, but for what is forbidden before the
  // softmax.
  void TopK(const Rows& rows,
            absl::Span<const kernels::TokenConstraint> constraints,
            const ListedTokens& listed, const kernels::TopK& result);

 private:
  void KeepSelected(const kernels::OutputSelection& selection);

  kernels::Kernels& kernels_;
  std::vector<float> row_;  // [vocab_size]
};

}  // namespace peregrine::decode

#endif  // PEREGRINE_ENGINE_DECODE_LISTED_OUTPUTS_H_
