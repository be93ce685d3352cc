// The best tokens of each row of logits, and their log-probabilities.

#include <climits>

#include "engine/kernels/cuda/device_code.cuh"
#include "engine/kernels/cuda/operations.h"

namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE {
namespace {

constexpr int kThreads = 256;  // part of the definition of a row's sum
constexpr int kWarps = kThreads / kWarpSize;
constexpr int32_t kNoToken = INT_MAX;  // last among equals

struct Candidate {
  float logit;
  int32_t token;
};

__device__ inline Candidate None() { return {-INFINITY, kNoToken}; }

// Higher logits first, then lower tokens.
__device__ inline bool IsBefore(const Candidate& a, const Candidate& b) {
  return a.logit > b.logit || (a.logit == b.logit && a.token < b.token);
}

__device__ inline Candidate WarpBest(Candidate best) {
  for (int lanes = kWarpSize / 2; lanes > 0; lanes /= 2) {
    Candidate other;
    other.logit = __shfl_xor_sync(kFullWarp, best.logit, lanes);
    other.token = __shfl_xor_sync(kFullWarp, best.token, lanes);
    if (IsBefore(other, best)) best = other;
  }
  return best;
}

// Which tokens a row may continue with.
struct Rules {
  const int32_t* suppressed = nullptr;
  int num_suppressed = 0;
  TokenConstraint constraint;

  __device__ bool Allow(int32_t token) const {
    if (constraint.only >= 0) return token == constraint.only;
    if (token == constraint.forbidden) return false;
    for (int i = 0; i < num_suppressed; ++i) {
      if (token == suppressed[i]) return false;
    }
    return true;
  }
};

struct Row {
  const float* logits = nullptr;
  int vocab_size = 0;
  int32_t left_out = -1;  // of no probability at all

  __device__ float Logit(int token) const {
    return token == left_out ? -INFINITY : logits[token];
  }
};

// The best allowed of tokens begin, begin + step, ... that come after `last`
// in the order of candidates.
__device__ inline Candidate BestAfter(const Row& row, const Rules& rules,
                                      int begin, int step,
                                      const Candidate& last) {
  Candidate best = None();
  for (int token = begin; token < row.vocab_size; token += step) {
    const Candidate candidate = {row.Logit(token), token};
    // Few get as far as the rules: a new best grows rarer with every token.
    // Nothing comes before {-infinity, kNoToken} but what may be chosen, or
    // tokens of -infinity, which may not.
    if (candidate.logit > -INFINITY && IsBefore(candidate, best) &&
        IsBefore(last, candidate) && rules.Allow(token)) {
      best = candidate;
    }
  }
  return best;
}

// A block a row. Thread t owns tokens t, t + kThreads, ... and holds the best
// of them that is not taken yet. Once it is taken, the owner's warp looks for
// the next.
__global__ void TopTokensKernel(const float* logits, int vocab_size,
                                const int32_t* suppressed, int num_suppressed,
                                const TokenConstraint* constraints, int k,
                                BestToken* best) {
  PEREGRINE_SHARED(float[kWarps], warp_values);
  PEREGRINE_SHARED(Candidate[kWarps], warp_candidates);
  const int thread = threadIdx.x;
  const int warp = thread / kWarpSize;
  const int lane = thread % kWarpSize;
  const Rules rules = {suppressed, num_suppressed, constraints[blockIdx.x]};
  const Row row = {
      logits + static_cast<size_t>(blockIdx.x) * vocab_size, vocab_size,
      rules.constraint.forbidden_before_softmax ? rules.constraint.forbidden
                                                : -1};
  best += static_cast<size_t>(blockIdx.x) * k;

  float largest = -INFINITY;
  for (int token = thread; token < vocab_size; token += kThreads) {
    largest = fmaxf(largest, row.Logit(token));
  }
  largest = WarpMax(largest);
  if (lane == 0) warp_values[warp] = largest;
  __syncthreads();
  for (int w = 0; w < kWarps; ++w) largest = fmaxf(largest, warp_values[w]);
  __syncthreads();

  float sum = 0.0f;
  for (int token = thread; token < vocab_size; token += kThreads) {
    sum += expf(row.Logit(token) - largest);
  }
  sum = WarpSum(sum);
  if (lane == 0) warp_values[warp] = sum;
  __syncthreads();
  sum = 0.0f;
  for (int w = 0; w < kWarps; ++w) sum += warp_values[w];
  const float log_sum = logf(sum);

  const Candidate first = {INFINITY, -1};  // before all
  Candidate own = BestAfter(row, rules, thread, kThreads, first);
  int found = 0;
  for (; found < k; ++found) {
    const Candidate of_warp = WarpBest(own);
    if (lane == 0) warp_candidates[warp] = of_warp;
    __syncthreads();
    Candidate taken = warp_candidates[0];
    for (int w = 1; w < kWarps; ++w) {
      if (IsBefore(warp_candidates[w], taken)) taken = warp_candidates[w];
    }
    __syncthreads();  // before the next round overwrites them
    if (taken.token == kNoToken) break;
    if (thread == 0) {
      best[found] = {(taken.logit - largest) - log_sum, taken.token};
    }
    const int owner = taken.token % kThreads;
    if (warp != owner / kWarpSize) continue;  // a whole warp
    const Candidate next = WarpBest(BestAfter(
        row, rules, owner + lane * kThreads, kThreads * kWarpSize, taken));
    if (thread == owner) own = next;
  }
  for (int i = found + thread; i < k; i += kThreads) {
    best[i] = {-INFINITY, -1};
  }
}

}  // namespace

cudaError_t TopTokens(Matrix logits, const int32_t* suppressed,
                      int num_suppressed, const TokenConstraint* constraints,
                      int k, BestToken* best, cudaStream_t stream) {
  return PEREGRINE_LAUNCH(TopTokensKernel, dim3(logits.rows), kThreads, 0,
                          stream, logits.data, logits.cols, suppressed,
                          num_suppressed, constraints, k, best);
}

}  // namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE
