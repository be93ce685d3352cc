// What happens to rows before and after a product, by kernels of their own:
// they are rounded to what the product multiplies in, after a norm where it has
// one; and what cuBLASLt leaves to do, and what shows whether it may do the
// rest.

#include "engine/kernels/cuda/linear.cuh"

namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE {
namespace {

constexpr int kThreads = 128;
constexpr int kWarps =
    kThreads / kWarpSize;  // a block, where a row is a warp's

// ---- To 32 or 16 bits.

template <class T>
__global__ void PackRowsKernel(const float* x, int rows, int in_dim, T* packed,
                               int padded_in) {
  AwaitEarlierKernel();
  const int row = blockIdx.x;
  const int column = blockIdx.y * kThreads + threadIdx.x;
  if (column >= padded_in) return;
  const bool real = row < rows && column < in_dim;
  RoundTo(real ? x[static_cast<size_t>(row) * in_dim + column] : 0.0f,
          &packed[static_cast<size_t>(row) * padded_in + column]);
}

template <class T>
__global__ void NormRowsKernel(NormWeight norm, const float* x, int rows,
                               int in_dim, T* packed, int padded_in) {
  AwaitEarlierKernel();
  const int row = blockIdx.x * kWarps + threadIdx.y;
  if (row >= rows) return;  // a whole warp
  const float* from = x + static_cast<size_t>(row) * in_dim;
  T* to = packed + static_cast<size_t>(row) * padded_in;
  const RowStatistics statistics = StatisticsOf(norm, from, in_dim);
  for (int i = threadIdx.x; i < padded_in; i += kWarpSize) {
    RoundTo(i < in_dim ? Normed(norm, statistics, from[i], i) : 0.0f, &to[i]);
  }
}

template <class T>
cudaError_t RoundRowsTo(const LinearInputs& inputs, const RoundedRows& to,
                        KernelStream stream) {
  const Matrix& x = inputs.x;
  T* const packed = static_cast<T*>(to.data);
  if (inputs.norm.gain == nullptr) {
    return PEREGRINE_LAUNCH(
        PackRowsKernel<T>, dim3(to.rows, CeilDiv(to.padded_in, kThreads)),
        kThreads, 0, stream, x.data, x.rows, x.cols, packed, to.padded_in);
  }
  return PEREGRINE_LAUNCH(NormRowsKernel<T>, dim3(CeilDiv(x.rows, kWarps)),
                          dim3(kWarpSize, kWarps), 0, stream, inputs.norm,
                          x.data, x.rows, x.cols, packed, to.padded_in);
}

// ---- To 8 bits, with a scale a row: see Precision.

constexpr float kSmallest = 1e-35f;  // below it nothing has a scale

template <class T>
struct Bytes;
template <>
struct Bytes<int8_t> {
  static constexpr float kLargest = 127.0f;
  static __device__ void Put(float x, int8_t* y) {
    *y = static_cast<int8_t>(__float2int_rn(x));
  }
};
template <>
struct Bytes<Float8> {
  static constexpr float kLargest = 448.0f;
  static __device__ void Put(float x, Float8* y) {
    y->bits = __nv_cvt_float_to_fp8(x, __NV_SATFINITE, __NV_E4M3);
  }
};

// A warp a row; those behind the last one become zeros.
template <class T>
__global__ void QuantizeRowsKernel(NormWeight norm, const float* x, int rows,
                                   int in_dim, T* packed, float* scales,
                                   int padded_rows, int padded_in) {
  AwaitEarlierKernel();
  const int row = blockIdx.x * kWarps + threadIdx.y;
  if (row >= padded_rows) return;  // a whole warp
  const bool is_normed = norm.gain != nullptr;
  const int count = row < rows ? in_dim : 0;
  const float* from = x + static_cast<size_t>(row) * in_dim;
  T* to = packed + static_cast<size_t>(row) * padded_in;
  const int lane = threadIdx.x;
  RowStatistics statistics = {};
  if (is_normed && count > 0) statistics = StatisticsOf(norm, from, in_dim);
  const auto at = [&](int i) {
    return is_normed ? Normed(norm, statistics, from[i], i) : from[i];
  };
  float largest = 0.0f;
  for (int i = lane; i < count; i += kWarpSize) {
    largest = fmaxf(largest, fabsf(at(i)));
  }
  largest = WarpMax(largest);
  const bool vanishes = largest < kSmallest;
  const float factor = vanishes ? 0.0f : Bytes<T>::kLargest / largest;
  for (int i = lane; i < padded_in; i += kWarpSize) {
    Bytes<T>::Put(i < count ? at(i) * factor : 0.0f, &to[i]);
  }
  if (lane == 0) {
    scales[row] = vanishes ? 0.0f : largest / Bytes<T>::kLargest;
  }
}

template <class T>
cudaError_t QuantizeRows(const LinearInputs& inputs, const RoundedRows& to,
                         KernelStream stream) {
  const Matrix& x = inputs.x;
  return PEREGRINE_LAUNCH(QuantizeRowsKernel<T>, dim3(CeilDiv(to.rows, kWarps)),
                          dim3(kWarpSize, kWarps), 0, stream, inputs.norm,
                          x.data, x.rows, x.cols, static_cast<T*>(to.data),
                          to.scales, to.rows, to.padded_in);
}

// ---- Words, whatever row they are in.

constexpr int kWordThreads = 256;
__global__ void ActivateKernel(Activation activation, float* y, size_t count) {
  AwaitEarlierKernel();
  const size_t i = static_cast<size_t>(blockIdx.x) * kWordThreads + threadIdx.x;
  if (i < count) y[i] = Activated(activation, y[i]);
}

__global__ void ActivateGatedKernel(Activation activation,
                                    const float* projected, float* y,
                                    size_t count, int dim) {
  AwaitEarlierKernel();
  const size_t i = static_cast<size_t>(blockIdx.x) * kWordThreads + threadIdx.x;
  if (i >= count) return;
  const float* gate = projected + i + i / dim * dim;
  y[i] = Activated(activation, *gate) * gate[dim];
}

__global__ void CompareWordsKernel(const uint32_t* a, const uint32_t* b,
                                   size_t count, int* different) {
  AwaitEarlierKernel();
  const size_t i = static_cast<size_t>(blockIdx.x) * kWordThreads + threadIdx.x;
  // All that write, write the same.
  if (i < count && a[i] != b[i]) *different = 1;
}

dim3 WordGrid(size_t count) {
  return dim3(static_cast<unsigned>((count + kWordThreads - 1) / kWordThreads));
}

}  // namespace

cudaError_t RoundRows(const LinearInputs& inputs, Precision precision,
                      const RoundedRows& to, KernelStream stream) {
  switch (precision) {
    case Precision::kFloat32:
      return RoundRowsTo<float>(inputs, to, stream);
    case Precision::kFloat16:
      return RoundRowsTo<__half>(inputs, to, stream);
    case Precision::kBFloat16:
      return RoundRowsTo<__nv_bfloat16>(inputs, to, stream);
    case Precision::kInt8:
      return QuantizeRows<int8_t>(inputs, to, stream);
    case Precision::kFloat8:
      return QuantizeRows<Float8>(inputs, to, stream);
  }
  return cudaErrorInvalidValue;
}

cudaError_t ActivateGated(Activation activation, Matrix projected, Matrix y,
                          KernelStream stream) {
  const size_t count = static_cast<size_t>(y.rows) * y.cols;
  if (count == 0) return cudaSuccess;
  return PEREGRINE_LAUNCH(ActivateGatedKernel, WordGrid(count), kWordThreads, 0,
                          stream, activation, projected.data, y.data, count,
                          y.cols);
}

cudaError_t Activate(Activation activation, Matrix y, KernelStream stream) {
  const size_t count = static_cast<size_t>(y.rows) * y.cols;
  return PEREGRINE_LAUNCH(ActivateKernel, WordGrid(count), kWordThreads, 0,
                          stream, activation, y.data, count);
}

cudaError_t CompareWords(const uint32_t* a, const uint32_t* b, size_t count,
                         int* different, KernelStream stream) {
  return PEREGRINE_LAUNCH(CompareWordsKernel, WordGrid(count), kWordThreads, 0,
                          stream, a, b, count, different);
}

}  // namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE
