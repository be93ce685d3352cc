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

// Some tokens of a row: those from `begin` to `end`.
struct Row {
  const float* logits = nullptr;
  int begin = 0;
  int end = 0;
  int32_t left_out = -1;  // of no probability at all

  __device__ float Logit(int token) const {
    return token == left_out ? -INFINITY : logits[token];
  }
};

// The best allowed of the row's tokens `first`, first + step, ... that come
// after `last` in the order of candidates.
__device__ inline Candidate BestAfter(const Row& row, const Rules& rules,
                                      int first, int step,
                                      const Candidate& last) {
  Candidate best = None();
  for (int token = row.begin + first; token < row.end; token += step) {
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

// The largest logit, and the sum of exp(logit - largest).
struct SoftmaxSum {
  float largest;
  float sum;
};

__device__ inline Rules RulesOf(const int32_t* suppressed, int num_suppressed,
                                const TokenConstraint& constraint) {
  return {suppressed, num_suppressed, constraint};
}

__device__ inline Row RowOf(const float* logits, int begin, int end,
                            const TokenConstraint& constraint) {
  return {logits, begin, end,
          constraint.forbidden_before_softmax ? constraint.forbidden : -1};
}

// By a block, each thread of which gets it.
__device__ inline SoftmaxSum SumRow(const Row& row) {
  PEREGRINE_SHARED(float[kWarps], warp_values);
  const int thread = threadIdx.x;
  const int warp = thread / kWarpSize;
  const int lane = thread % kWarpSize;
  float largest = -INFINITY;
  for (int token = row.begin + thread; token < row.end; token += kThreads) {
    largest = fmaxf(largest, row.Logit(token));
  }
  largest = WarpMax(largest);
  if (lane == 0) warp_values[warp] = largest;
  __syncthreads();
  for (int w = 0; w < kWarps; ++w) largest = fmaxf(largest, warp_values[w]);
  __syncthreads();

  float sum = 0.0f;
  for (int token = row.begin + thread; token < row.end; token += kThreads) {
    sum += expf(row.Logit(token) - largest);
  }
  sum = WarpSum(sum);
  if (lane == 0) warp_values[warp] = sum;
  __syncthreads();
  sum = 0.0f;
  for (int w = 0; w < kWarps; ++w) sum += warp_values[w];
  return {largest, sum};
}

// By a block. Thread t owns the tokens t, t + kThreads, ... of the row and
// holds the best of them that is not taken yet. Once it is taken, the owner's
// warp looks for the next. Calls put(i, candidate) with the i-th best in one
// thread, and returns how many there are, at most k.
template <class Put>
__device__ inline int FindBest(const Row& row, const Rules& rules, int k,
                               const Put& put) {
  PEREGRINE_SHARED(Candidate[kWarps], warp_candidates);
  const int thread = threadIdx.x;
  const int warp = thread / kWarpSize;
  const int lane = thread % kWarpSize;
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
    if (thread == 0) put(found, taken);
    const int owner = (taken.token - row.begin) % kThreads;
    if (warp != owner / kWarpSize) continue;  // a whole warp
    const Candidate next = WarpBest(BestAfter(
        row, rules, owner + lane * kThreads, kThreads * kWarpSize, taken));
    if (thread == owner) own = next;
  }
  return found;
}

// A block a row.
__global__ void TopTokensKernel(const float* logits, int vocab_size,
                                const int32_t* suppressed, int num_suppressed,
                                const TokenConstraint* constraints, int k,
                                BestToken* best) {
  AwaitEarlierKernel();
  const TokenConstraint constraint = constraints[blockIdx.x];
  const Row row = RowOf(logits + static_cast<size_t>(blockIdx.x) * vocab_size,
                        0, vocab_size, constraint);
  best += static_cast<size_t>(blockIdx.x) * k;
  const SoftmaxSum softmax = SumRow(row);
  const float log_sum = logf(softmax.sum);
  const int found = FindBest(
      row, RulesOf(suppressed, num_suppressed, constraint), k,
      [&](int i, const Candidate& taken) {
        best[i] = {(taken.logit - softmax.largest) - log_sum, taken.token};
      });
  for (int i = found + threadIdx.x; i < k; i += kThreads) {
    best[i] = {-INFINITY, -1};
  }
}

// What the blocks of a row leave to be merged.
struct TopKPart {
  SoftmaxSum* sums = nullptr;       // [rows, kTopKParts]
  Candidate* candidates = nullptr;  // [rows, kTopKParts, k]
};

// A block a part of a row: blockIdx.y of kTopKParts.
__global__ void SplitTopTokensKernel(const float* logits, int vocab_size,
                                     const int32_t* suppressed,
                                     int num_suppressed,
                                     const TokenConstraint* constraints, int k,
                                     TopKPart parts) {
  AwaitEarlierKernel();
  const TokenConstraint constraint = constraints[blockIdx.x];
  const int part = static_cast<int>(blockIdx.y);
  const int size = CeilDiv(vocab_size, kTopKParts);
  const Row row = RowOf(logits + static_cast<size_t>(blockIdx.x) * vocab_size,
                        min(part * size, vocab_size),
                        min((part + 1) * size, vocab_size), constraint);
  const size_t place = static_cast<size_t>(blockIdx.x) * kTopKParts + part;
  Candidate* const candidates = parts.candidates + place * k;
  const SoftmaxSum softmax = SumRow(row);
  if (threadIdx.x == 0) parts.sums[place] = softmax;
  const int found =
      FindBest(row, RulesOf(suppressed, num_suppressed, constraint), k,
               [&](int i, const Candidate& taken) { candidates[i] = taken; });
  for (int i = found + threadIdx.x; i < k; i += kThreads) {
    candidates[i] = None();
  }
}

// A warp a row, whose lanes hold the best of a part that is not taken yet.
__global__ void MergeTopTokensKernel(TopKPart parts, int rows, int k,
                                     BestToken* best) {
  AwaitEarlierKernel();
  const int row = blockIdx.x * kWarps + threadIdx.y;
  if (row >= rows) return;  // a whole warp
  const int lane = threadIdx.x;
  const SoftmaxSum* const sums =
      parts.sums + static_cast<size_t>(row) * kTopKParts;
  float largest = -INFINITY;
  for (int p = 0; p < kTopKParts; ++p) {
    largest = fmaxf(largest, sums[p].largest);
  }
  float sum = 0.0f;
  for (int p = 0; p < kTopKParts; ++p) {
    // A part without any probability has a sum that is no number.
    if (sums[p].largest == -INFINITY) continue;
    sum = fmaf(sums[p].sum, expf(sums[p].largest - largest), sum);
  }
  const float log_sum = logf(sum);
  const Candidate* const candidates =
      parts.candidates + (static_cast<size_t>(row) * kTopKParts + lane) * k;
  int next = 0;
  for (int i = 0; i < k; ++i) {
    const Candidate own =
        lane < kTopKParts && next < k ? candidates[next] : None();
    const Candidate taken = WarpBest(own);
    if (taken.token == own.token) ++next;
    if (lane != 0) continue;
    BestToken& to = best[static_cast<size_t>(row) * k + i];
    if (taken.token == kNoToken) {
      to = {-INFINITY, -1};
    } else {
      to = {(taken.logit - largest) - log_sum, taken.token};
    }
  }
}

}  // namespace

cudaError_t TopTokens(Matrix logits, const int32_t* suppressed,
                      int num_suppressed, const TokenConstraint* constraints,
                      int k, BestToken* best, KernelStream stream) {
  return PEREGRINE_LAUNCH(TopTokensKernel, dim3(logits.rows), kThreads, 0,
                          stream, logits.data, logits.cols, suppressed,
                          num_suppressed, constraints, k, best);
}

size_t SplitTopKBytes(int rows, int k) {
  return static_cast<size_t>(rows) * kTopKParts *
         (sizeof(SoftmaxSum) + k * sizeof(Candidate));
}

cudaError_t SplitTopTokens(Matrix logits, const int32_t* suppressed,
                           int num_suppressed,
                           const TokenConstraint* constraints, int k,
                           void* scratch, BestToken* best,
                           KernelStream stream) {
  TopKPart parts;
  parts.sums = static_cast<SoftmaxSum*>(scratch);
  parts.candidates = reinterpret_cast<Candidate*>(
      parts.sums + static_cast<size_t>(logits.rows) * kTopKParts);
  const cudaError_t error =
      PEREGRINE_LAUNCH(SplitTopTokensKernel, dim3(logits.rows, kTopKParts),
                       kThreads, 0, stream, logits.data, logits.cols,
                       suppressed, num_suppressed, constraints, k, parts);
  if (error != cudaSuccess) return error;
  return PEREGRINE_LAUNCH(MergeTopTokensKernel, CeilDiv(logits.rows, kWarps),
                          dim3(kWarpSize, kWarps), 0, stream, parts,
                          logits.rows, k, best);
}

}  // namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE
