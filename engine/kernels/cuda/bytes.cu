// y = x W^T + b in 8 bits: int8, whose sums are exact, and float8 (e4m3), whose
// numbers the tensor cores multiply as float16, which holds them all, and sum
// in float32. A block is for 16 rows and 16 columns, a warp for each quarter of
// the inputs, however many rows there are; where there are many, large weights
// are cuBLASLt's.

#include <algorithm>

#include "engine/kernels/cuda/linear.cuh"

namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE {
namespace {

constexpr int kFragment = kSide * kSide;
constexpr int kVector = 16;              // elements of a load of 16 bytes
constexpr int kParts = kInTile / kSide;  // fragments of a tile of inputs
static_assert(kSide * kParts == kWarpSize, "a lane loads one vector of a tile");

// How 16 elements of one type come to the tensor cores.
template <class T>
struct Bytes;

template <>
struct Bytes<int8_t> {
  using Element = int8_t;
  using Sum = int32_t;
  using Fragment = ExactSums;
  static __device__ void Put(const uint4& vector, int8_t* to) {
    *reinterpret_cast<uint4*>(to) = vector;
  }
};

template <>
struct Bytes<Float8> {
  using Element = __half;
  using Sum = float;
  using Fragment = Sums;
  static __device__ void Put(const uint4& vector, __half* to) {
    const uint32_t words[] = {vector.x, vector.y, vector.z, vector.w};
    PEREGRINE_UNROLL
    for (int i = 0; i < kVector; ++i) {
      const auto bits = static_cast<uint8_t>(words[i / 4] >> (i % 4 * 8));
      to[i] = __ushort_as_half(__nv_cvt_fp8_to_halfraw(bits, __NV_E4M3).x);
    }
  }
};

// Rows of inputs in 8 bits, and the scales of both sides.
template <class T>
struct ByteInputs {
  const T* x = nullptr;                  // [rows, padded_in]
  const float* scales = nullptr;         // [rows]
  const T* weight = nullptr;             // [padded_out, padded_in]
  const float* weight_scales = nullptr;  // [padded_out]
  int rows = 0;
  int padded_in = 0;
};

template <class T>
__device__ inline void PutScaled(const ByteInputs<T>& inputs, int row, int col,
                                 float sum, const Epilogue& epilogue) {
  if (row >= inputs.rows || col >= epilogue.cols) return;
  epilogue.Put(row, col, sum * inputs.weight_scales[col] * inputs.scales[row]);
}

template <class T>
__global__ void BytesKernel(ByteInputs<T> inputs, Epilogue epilogue) {
  using Element = typename Bytes<T>::Element;
  using Sum = typename Bytes<T>::Sum;
  PEREGRINE_SHARED(Element[kQuarters][kParts][kFragment], rows);
  PEREGRINE_SHARED(Element[kQuarters][kParts][kFragment], columns);
  PEREGRINE_SHARED(Sum[kQuarters][kFragment], sums);
  const int warp = threadIdx.y;
  const int line = threadIdx.x / kParts;  // a lane's row and column
  const int part = threadIdx.x % kParts;
  const int first_row = blockIdx.y * kSide;
  const int first_col = blockIdx.x * kSide;
  const size_t lane_column = part * kSide;
  const T* const x =
      inputs.x + static_cast<size_t>(first_row + line) * inputs.padded_in;
  const T* const weight =
      inputs.weight + static_cast<size_t>(first_col + line) * inputs.padded_in;
  const bool is_row = first_row + line < inputs.rows;

  uint4 fetched_x;
  uint4 fetched_weight;
  const auto fetch_x = [&](int tile) {
    fetched_x =
        is_row
            ? *reinterpret_cast<const uint4*>(x + tile * kInTile + lane_column)
            : make_uint4(0, 0, 0, 0);
  };
  const auto fetch_weight = [&](int tile) {
    fetched_weight =
        *reinterpret_cast<const uint4*>(weight + tile * kInTile + lane_column);
  };
  const Quarter quarter = QuarterOf(warp, inputs.padded_in);
  if (quarter.begin < quarter.end) fetch_weight(quarter.begin);
  AwaitEarlierKernel();
  if (quarter.begin < quarter.end) fetch_x(quarter.begin);

  typename Bytes<T>::Fragment sum;
  wmma::fill_fragment(sum, static_cast<Sum>(0));
  for (int tile = quarter.begin; tile < quarter.end; ++tile) {
    Bytes<T>::Put(fetched_x, &rows[warp][part][line * kSide]);
    Bytes<T>::Put(fetched_weight, &columns[warp][part][line * kSide]);
    __syncwarp();
    if (tile + 1 < quarter.end) {
      fetch_x(tile + 1);
      fetch_weight(tile + 1);
    }
    for (int k = 0; k < kParts; ++k) {
      FragmentA<Element> a;
      FragmentB<Element> b;
      wmma::load_matrix_sync(a, rows[warp][k], kSide);
      wmma::load_matrix_sync(b, columns[warp][k], kSide);
      wmma::mma_sync(sum, a, b, sum);
    }
    __syncwarp();  // all have read what is overwritten now
  }
  wmma::store_matrix_sync(sums[warp], sum, kSide, wmma::mem_row_major);
  __syncthreads();
  for (int i = warp * kWarpSize + threadIdx.x; i < kFragment;
       i += kQuarters * kWarpSize) {
    Sum total = 0;
    for (int s = 0; s < kQuarters; ++s) total += sums[s][i];
    PutScaled(inputs, first_row + i / kSide, first_col + i % kSide,
              static_cast<float>(total), epilogue);
  }
}

template <class T>
cudaError_t MultiplyBytes(const LinearCall& call, const Matrix& x,
                          const Epilogue& epilogue) {
  const PackedWeight& weight = call.weight;
  const RoundedRows rounded =
      RoundedRowsIn(call.scratch, x.rows, weight.padded_in);
  const cudaError_t error =
      RoundRows({x, call.inputs.norm}, weight.precision, rounded, call.stream);
  if (error != cudaSuccess) return error;
  const ByteInputs<T> inputs = {static_cast<const T*>(rounded.data),
                                rounded.scales,
                                static_cast<const T*>(weight.weight),
                                weight.scales,
                                x.rows,
                                weight.padded_in};
  return PEREGRINE_LAUNCH(
      BytesKernel<T>,
      dim3(CeilDiv(weight.out_dim, kSide), CeilDiv(x.rows, kSide)),
      dim3(kWarpSize, kQuarters), 0, call.stream, inputs, epilogue);
}

// What cuBLASLt leaves to do: `sums` are its own, [rows, cols].
template <class Sum>
__global__ void FinishBytesKernel(const Sum* sums, const float* scales,
                                  const float* weight_scales,
                                  Epilogue epilogue) {
  AwaitEarlierKernel();
  const int row = blockIdx.x;
  const int col = blockIdx.y * blockDim.x + threadIdx.x;
  if (col >= epilogue.cols) return;
  const Sum sum = sums[static_cast<size_t>(row) * epilogue.cols + col];
  epilogue.Put(row, col,
               static_cast<float>(sum) * weight_scales[col] * scales[row]);
}

}  // namespace

size_t RoundedRowBytes(int padded_in) { return padded_in + sizeof(float); }

RoundedRows RoundedRowsIn(Scratch scratch, int rows, int padded_in) {
  // padded_in is a multiple of 32, so that the scales are aligned.
  char* const data = static_cast<char*>(scratch.data);
  return {
      data,
      reinterpret_cast<float*>(data + static_cast<size_t>(rows) * padded_in),
      rows, padded_in};
}

// Rows in parts, as many as scratch memory holds.
cudaError_t LinearInBytes(const LinearCall& call) {
  const Matrix& x = call.inputs.x;
  const int rows_at_once = static_cast<int>(std::min<size_t>(
      {static_cast<size_t>(x.rows),
       call.scratch.bytes / RoundedRowBytes(call.weight.padded_in),
       size_t{65535} * kSide}));
  if (rows_at_once == 0) return cudaErrorInvalidValue;
  for (int begin = 0; begin < x.rows; begin += rows_at_once) {
    const int count = std::min(rows_at_once, x.rows - begin);
    Epilogue part = call.epilogue;
    part.y += static_cast<size_t>(begin) * part.cols;
    part.rows = count;
    const Matrix rows = x.Rows(begin, count);
    const cudaError_t error = call.weight.precision == Precision::kInt8
                                  ? MultiplyBytes<int8_t>(call, rows, part)
                                  : MultiplyBytes<Float8>(call, rows, part);
    if (error != cudaSuccess) return error;
  }
  return cudaSuccess;
}

cudaError_t FinishBytes(const PackedWeight& weight, const void* sums,
                        const float* scales, const LinearOutputs& outputs,
                        KernelStream stream) {
  constexpr int kThreads = 128;
  const Matrix& y = outputs.y;
  const Epilogue epilogue = {
      weight.bias, outputs.activation, outputs.store, y.data, y.rows, y.cols};
  const dim3 grid(y.rows, CeilDiv(y.cols, kThreads));
  if (weight.precision == Precision::kInt8) {
    return PEREGRINE_LAUNCH(FinishBytesKernel<int32_t>, grid, kThreads, 0,
                            stream, static_cast<const int32_t*>(sums), scales,
                            weight.scales, epilogue);
  }
  return PEREGRINE_LAUNCH(FinishBytesKernel<float>, grid, kThreads, 0, stream,
                          static_cast<const float*>(sums), scales,
                          weight.scales, epilogue);
}

}  // namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE
