#ifndef PEREGRINE_ENGINE_KERNELS_CUDA_ATTENTION_CUH_
#define PEREGRINE_ENGINE_KERNELS_CUDA_ATTENTION_CUH_

#include "engine/kernels/cuda/device_code.cuh"
#include "engine/kernels/cuda/operations.h"

// What attention of the encoder and of steps share. Scores and sums are
// float32, softmax is computed online over tiles of 32 positions, so that no
// length is too long and the order of all sums follows from the length of the
// row alone.
namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE {

constexpr int kAttentionWarps = 4;  // a block

// The softmax of one query so far, over the tiles seen: the largest score, and
// this lane's share of the sum of weights.
struct OnlineSoftmax {
  float largest = -INFINITY;
  float sum = 0.0f;

  // Takes in this lane's score of the next tile; -infinity where it has none,
  // but some lane must have one. Returns its weight; what was summed before is
  // to be multiplied by `correction`.
  __device__ float Add(float score, float* correction) {
    const float before = largest;
    largest = fmaxf(before, WarpMax(score));
    *correction = expf(before - largest);
    const float weight = expf(score - largest);
    sum = fmaf(sum, *correction, weight);
    return weight;
  }
};

// What is added to the score of a key at `distance` from the query.
__device__ inline float BiasAt(const DistanceBias& bias, int head,
                               int distance) {
  if (bias.table == nullptr) return 0.0f;
  const int most = bias.max_distance;
  return bias
      .table[head * (2 * most + 1) + most + min(max(distance, -most), most)];
}

}  // namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE

#endif  // PEREGRINE_ENGINE_KERNELS_CUDA_ATTENTION_CUH_
