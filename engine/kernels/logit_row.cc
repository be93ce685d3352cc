#include "engine/kernels/logit_row.h"

#include <algorithm>
#include <limits>

#include "engine/kernels/cpu/isa.h"
#include "engine/kernels/cpu/vector_ops.h"

namespace peregrine::kernels {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Sums of so many are exact enough in float; sums of these are in double.
constexpr size_t kBlock = 512;

const VectorOps& Ops() {
  static const VectorOps& ops =
      VectorOpsFor(ChooseIsa().value_or(SupportedIsas().back()));
  return ops;
}

}  // namespace

float LargestLogit(absl::Span<const float> row) {
  return Ops().largest(row.data(), static_cast<int>(row.size()));
}

double SumOfExponentials(absl::Span<const float> row, float reference) {
  double sum = 0.0;
  float largest;
  for (size_t at = 0; at < row.size(); at += kBlock) {
    const absl::Span<const float> block = row.subspan(at, kBlock);
    sum += Ops().sum_of_exp(block.data(), static_cast<int>(block.size()),
                            reference, &largest);
  }
  return sum;
}

void BestLogits(absl::Span<const float> row, int k, float* values,
                int32_t* indices) {
  std::fill_n(values, k, -kInfinity);
  std::fill_n(indices, k, -1);
  Ops().top_k(row.data(), static_cast<int>(row.size()), /*first=*/0, k, values,
              indices);
}

}  // namespace peregrine::kernels
