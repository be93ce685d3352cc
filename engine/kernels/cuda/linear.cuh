#ifndef PEREGRINE_ENGINE_KERNELS_CUDA_LINEAR_CUH_
#define PEREGRINE_ENGINE_KERNELS_CUDA_LINEAR_CUH_

#include "engine/kernels/cuda/device_code.cuh"
#include "engine/kernels/cuda/operations.h"
#include "engine/kernels/cuda/row_norm.cuh"

// What the products of linear layers share: inputs on their way in, sums in
// quarters, and results on their way out.
namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE {

namespace wmma = nvcuda::wmma;

constexpr int kSide = 16;     // of a fragment
constexpr int kQuarters = 4;  // parts of a sum

__device__ inline float Activated(Activation activation, float x) {
  switch (activation) {
    case Activation::kNone:
      break;
    case Activation::kRelu:
      return fmaxf(x, 0.0f);
    case Activation::kGelu:
      return 0.5f * x * (1.0f + erff(x * 0.70710678118654752f));
    case Activation::kSwish:
      return x / (1.0f + expf(-x));
    case Activation::kGeluTanh:
      return x / (1.0f + expf(-x * fmaf(x * x, 0.0713548162f, 1.59576912f)));
  }
  return x;
}

// What happens to a sum on its way to y.
struct Epilogue {
  const float* bias = nullptr;
  Activation activation = Activation::kNone;
  Store store = Store::kOverwrite;
  float* y = nullptr;
  int rows = 0;
  int cols = 0;

  __device__ void Put(int row, int col, float sum) const {
    if (row >= rows || col >= cols) return;
    if (bias != nullptr) sum += bias[col];
    float* to = y + static_cast<size_t>(row) * cols + col;
    const float result = Activated(activation, sum);
    *to = store == Store::kAdd ? *to + result : result;
  }
};

// ---- Rounding of inputs and weights. float16 saturates: a number too large
// is far off either way, but infinities would make the whole row NaN.

constexpr float kMaxFloat16 = 65504.0f;

__device__ inline void RoundTo(float x, float* y) { *y = x; }
__device__ inline void RoundTo(float x, __nv_bfloat16* y) {
  *y = __ushort_as_bfloat16(BFloat16Bits(x));
}
__device__ inline void RoundTo(float x, __half* y) {
  // Not fminf: a NaN is to stay one.
  if (x > kMaxFloat16) x = kMaxFloat16;
  if (x < -kMaxFloat16) x = -kMaxFloat16;
  *y = __float2half_rn(x);
}

// The tiles of kInTile inputs that quarter s sums over.
struct Quarter {
  int begin = 0;
  int end = 0;
};

__device__ inline Quarter QuarterOf(int s, int padded_in) {
  const int tiles = padded_in / kInTile;
  const int each = CeilDiv(tiles, kQuarters);
  return {min(s * each, tiles), min((s + 1) * each, tiles)};
}

template <class T>
using FragmentA =
    wmma::fragment<wmma::matrix_a, kSide, kSide, kSide, T, wmma::row_major>;
template <class T>
using FragmentB =
    wmma::fragment<wmma::matrix_b, kSide, kSide, kSide, T, wmma::col_major>;
using Sums = wmma::fragment<wmma::accumulator, kSide, kSide, kSide, float>;
using ExactSums =
    wmma::fragment<wmma::accumulator, kSide, kSide, kSide, int32_t>;

// ---- linear.cu, few_rows.cu, bytes.cu: products of one type, as Linear.

struct LinearCall {
  const PackedWeight& weight;
  LinearInputs inputs;
  Epilogue epilogue;
  Scratch scratch;
  bool tiles_ahead = false;
  KernelStream stream;
};

constexpr int kFewRows = 128;  // the most that LinearOfFewRows is fast for

template <class T>
cudaError_t LinearOfFewRows(const LinearCall& call);
cudaError_t LinearInBytes(const LinearCall& call);

}  // namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE

#endif  // PEREGRINE_ENGINE_KERNELS_CUDA_LINEAR_CUH_
