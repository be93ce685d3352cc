#ifndef PEREGRINE_ENGINE_KERNELS_CUDA_ROW_NORM_CUH_
#define PEREGRINE_ENGINE_KERNELS_CUDA_ROW_NORM_CUH_

#include "engine/kernels/arguments.h"
#include "engine/kernels/cuda/device_code.cuh"

// The norm of a row: the same bits in LayerNorm and on the way into a product.
namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE {

struct RowStatistics {
  float mean;
  float inverse;  // of the deviation
};

// By a warp, each lane of which gets them.
__device__ inline RowStatistics StatisticsOf(const NormWeight& norm,
                                             const float* row, int dim) {
  const int lane = threadIdx.x % kWarpSize;
  const bool is_rms = norm.bias == nullptr;
  float sum = 0.0f;
  if (!is_rms) {
    for (int i = lane; i < dim; i += kWarpSize) sum += row[i];
  }
  const float mean = WarpSum(sum) / static_cast<float>(dim);
  float squares = 0.0f;
  for (int i = lane; i < dim; i += kWarpSize) {
    const float difference = row[i] - mean;
    squares = fmaf(difference, difference, squares);
  }
  const float variance = WarpSum(squares) / static_cast<float>(dim);
  return {mean, 1.0f / sqrtf(variance + norm.epsilon)};
}

__device__ inline float Normed(const NormWeight& norm,
                               const RowStatistics& statistics, float x,
                               int column) {
  return fmaf((x - statistics.mean) * statistics.inverse, norm.gain[column],
              norm.bias == nullptr ? 0.0f : norm.bias[column]);
}

}  // namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE

#endif  // PEREGRINE_ENGINE_KERNELS_CUDA_ROW_NORM_CUH_
