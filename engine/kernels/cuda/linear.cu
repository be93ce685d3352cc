// y = x W^T + b in float32, float16 and bfloat16.
//
// In 16 bits an element of y is, whatever the number of rows,
//   ((0 + p0) + p1) + p2) + p3,
// where p_s is what the tensor cores sum over the s-th quarter of the inputs,
// 16 at a time and in order. With few rows the quarters are computed by four
// warps at once, since the weight has to be fetched and little else counts;
// with many rows one after another. The instruction and the order of sums are
// the same, so that a row has the same bits either way.

#include <algorithm>

#include "engine/kernels/cuda/linear.cuh"

namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE {
namespace {

// ---- Many rows: a block of eight warps for 128 rows and 64 columns, a warp
// for 32 x 32. Tiles of kInTile inputs go through shared memory, the next one
// fetched while one is multiplied.

constexpr int kManyRows = 128;
constexpr int kManyCols = 64;
constexpr int kManyThreads = 256;
constexpr int kManyStride = kInTile + 8;  // 80 bytes: few conflicts of banks
constexpr int kVector = 8;                // elements of a load of 16 bytes
constexpr int kVectorsOfRow = kInTile / kVector;
constexpr int kInputVectors = kManyRows * kVectorsOfRow / kManyThreads;
constexpr int kPatchStride = kSide + 4;
static_assert(kManyCols * kVectorsOfRow == kManyThreads,
              "a thread fetches one vector of weights");
static_assert(kManyCols == kOutTile, "weights are padded to whole tiles");

template <class T>
__global__ void __launch_bounds__(kManyThreads)
    ManyRowsKernel(const T* x, int rows, const T* weight, int padded_in,
                   Epilogue epilogue) {
  AwaitEarlierKernel();
  constexpr int kInputs = kManyRows * kManyStride;
  constexpr int kWeights = kManyCols * kManyStride;
  PEREGRINE_SHARED(T[2][kInputs], inputs);
  PEREGRINE_SHARED(T[2][kWeights], weights);
  PEREGRINE_SHARED(float[8][kSide * kPatchStride], patches);
  const int thread = threadIdx.x;
  const int warp = thread / kWarpSize;
  const int lane = thread % kWarpSize;
  const int first_row = blockIdx.y * kManyRows;
  const int first_col = blockIdx.x * kManyCols;
  const int warp_row = warp / 2 * 32;
  const int warp_col = warp % 2 * 32;

  uint4 fetched_inputs[kInputVectors];
  uint4 fetched_weights;
  const auto fetch = [&](int tile) {
    const int column = tile * kInTile + thread % kVectorsOfRow * kVector;
    PEREGRINE_UNROLL
    for (int i = 0; i < kInputVectors; ++i) {
      const int row = first_row + (thread + i * kManyThreads) / kVectorsOfRow;
      fetched_inputs[i] =
          row < rows ? *reinterpret_cast<const uint4*>(
                           x + static_cast<size_t>(row) * padded_in + column)
                     : make_uint4(0, 0, 0, 0);
    }
    fetched_weights = *reinterpret_cast<const uint4*>(
        weight +
        static_cast<size_t>(first_col + thread / kVectorsOfRow) * padded_in +
        column);
  };
  const auto put = [&](int buffer) {
    const int column = thread % kVectorsOfRow * kVector;
    PEREGRINE_UNROLL
    for (int i = 0; i < kInputVectors; ++i) {
      const int row = (thread + i * kManyThreads) / kVectorsOfRow;
      *reinterpret_cast<uint4*>(&inputs[buffer][row * kManyStride + column]) =
          fetched_inputs[i];
    }
    *reinterpret_cast<uint4*>(
        &weights[buffer][thread / kVectorsOfRow * kManyStride + column]) =
        fetched_weights;
  };

  Sums totals[2][2];
  Sums sums[2][2];
  PEREGRINE_UNROLL
  for (int i = 0; i < 2; ++i) {
    PEREGRINE_UNROLL
    for (int j = 0; j < 2; ++j) {
      wmma::fill_fragment(totals[i][j], 0.0f);
      wmma::fill_fragment(sums[i][j], 0.0f);
    }
  }
  const int tiles = padded_in / kInTile;
  const int quarter_tiles = CeilDiv(tiles, kQuarters);
  fetch(0);
  for (int tile = 0; tile < tiles; ++tile) {
    const int buffer = tile % 2;
    put(buffer);
    // All have put this tile, and none reads the one before any more: that was
    // in the other buffer, which the next tile overwrites after this barrier.
    __syncthreads();
    if (tile + 1 < tiles) fetch(tile + 1);
    for (int k = 0; k < kInTile; k += kSide) {
      FragmentA<T> a[2];
      FragmentB<T> b[2];
      PEREGRINE_UNROLL
      for (int i = 0; i < 2; ++i) {
        wmma::load_matrix_sync(
            a[i], &inputs[buffer][(warp_row + i * kSide) * kManyStride + k],
            kManyStride);
        wmma::load_matrix_sync(
            b[i], &weights[buffer][(warp_col + i * kSide) * kManyStride + k],
            kManyStride);
      }
      PEREGRINE_UNROLL
      for (int i = 0; i < 2; ++i) {
        PEREGRINE_UNROLL
        for (int j = 0; j < 2; ++j) {
          wmma::mma_sync(sums[i][j], a[i], b[j], sums[i][j]);
        }
      }
    }
    if ((tile + 1) % quarter_tiles == 0 || tile + 1 == tiles) {
      PEREGRINE_UNROLL
      for (int i = 0; i < 2; ++i) {
        PEREGRINE_UNROLL
        for (int j = 0; j < 2; ++j) {
          PEREGRINE_UNROLL
          for (int e = 0; e < Sums::num_elements; ++e) {
            totals[i][j].x[e] += sums[i][j].x[e];
          }
          wmma::fill_fragment(sums[i][j], 0.0f);
        }
      }
    }
  }

  // Where an element of a fragment lies is known only once it is stored.
  float* patch = patches[warp];
  PEREGRINE_UNROLL
  for (int i = 0; i < 2; ++i) {
    PEREGRINE_UNROLL
    for (int j = 0; j < 2; ++j) {
      wmma::store_matrix_sync(patch, totals[i][j], kPatchStride,
                              wmma::mem_row_major);
      __syncwarp();
      for (int e = lane; e < kSide * kSide; e += kWarpSize) {
        epilogue.Put(first_row + warp_row + i * kSide + e / kSide,
                     first_col + warp_col + j * kSide + e % kSide,
                     patch[e / kSide * kPatchStride + e % kSide]);
      }
      __syncwarp();
    }
  }
}

// ---- float32: for parity rather than for speed. A block of 16 x 16 threads
// for 64 rows and 64 columns, a thread for every 16th of them; an element is
// summed over the inputs in order.

constexpr int kSingleTile = 64;
constexpr int kSingleIn = 16;
constexpr int kSingleEach = kSingleTile / kSide;

__global__ void SingleKernel(const float* x, int rows, int in_dim,
                             const float* weight, int padded_in,
                             Epilogue epilogue) {
  AwaitEarlierKernel();
  PEREGRINE_SHARED(float[kSingleIn][kSingleTile + 1], inputs);
  PEREGRINE_SHARED(float[kSingleIn][kSingleTile + 1], weights);
  const int first_row = blockIdx.y * kSingleTile;
  const int first_col = blockIdx.x * kSingleTile;
  const int thread = threadIdx.y * kSide + threadIdx.x;
  float sums[kSingleEach][kSingleEach] = {};
  for (int begin = 0; begin < padded_in; begin += kSingleIn) {
    for (int i = thread; i < kSingleTile * kSingleIn; i += kSide * kSide) {
      const int k = i % kSingleIn;
      const int row = first_row + i / kSingleIn;
      const int col = first_col + i / kSingleIn;
      const bool real = row < rows && begin + k < in_dim;
      inputs[k][i / kSingleIn] =
          real ? x[static_cast<size_t>(row) * in_dim + begin + k] : 0.0f;
      weights[k][i / kSingleIn] =
          weight[static_cast<size_t>(col) * padded_in + begin + k];
    }
    __syncthreads();
    for (int k = 0; k < kSingleIn; ++k) {
      for (int i = 0; i < kSingleEach; ++i) {
        for (int j = 0; j < kSingleEach; ++j) {
          sums[i][j] = fmaf(inputs[k][threadIdx.y + i * kSide],
                            weights[k][threadIdx.x + j * kSide], sums[i][j]);
        }
      }
    }
    __syncthreads();
  }
  for (int i = 0; i < kSingleEach; ++i) {
    for (int j = 0; j < kSingleEach; ++j) {
      epilogue.Put(first_row + threadIdx.y + i * kSide,
                   first_col + threadIdx.x + j * kSide, sums[i][j]);
    }
  }
}

// Rows are rounded once, not once for each tile of columns; in parts, if need
// be.
template <class T>
cudaError_t LinearOfManyRows(const LinearCall& call) {
  const PackedWeight& weight = call.weight;
  const Matrix& x = call.inputs.x;
  const int rows_at_once = static_cast<int>(std::min<size_t>(
      x.rows, call.scratch.bytes / (sizeof(T) * weight.padded_in)));
  if (rows_at_once == 0) return cudaErrorInvalidValue;
  for (int begin = 0; begin < x.rows; begin += rows_at_once) {
    const int count = std::min(rows_at_once, x.rows - begin);
    cudaError_t error = RoundRows(
        {x.Rows(begin, count), call.inputs.norm}, weight.precision,
        {call.scratch.data, nullptr, count, weight.padded_in}, call.stream);
    if (error != cudaSuccess) return error;
    Epilogue part = call.epilogue;
    part.y += static_cast<size_t>(begin) * part.cols;
    part.rows = count;
    error = PEREGRINE_LAUNCH(
        ManyRowsKernel<T>,
        dim3(CeilDiv(weight.out_dim, kManyCols), CeilDiv(count, kManyRows)),
        kManyThreads, 0, call.stream, static_cast<const T*>(call.scratch.data),
        count, static_cast<const T*>(weight.weight), weight.padded_in, part);
    if (error != cudaSuccess) return error;
  }
  return cudaSuccess;
}

template <class T>
cudaError_t LinearIn16Bits(const LinearCall& call) {
  return call.inputs.x.rows <= kFewRows ? LinearOfFewRows<T>(call)
                                        : LinearOfManyRows<T>(call);
}

cudaError_t LinearInFloat32(const LinearCall& call) {
  const Matrix& x = call.inputs.x;
  if (call.inputs.norm.gain != nullptr) return cudaErrorInvalidValue;
  return PEREGRINE_LAUNCH(SingleKernel,
                          dim3(CeilDiv(call.weight.out_dim, kSingleTile),
                               CeilDiv(x.rows, kSingleTile)),
                          dim3(kSide, kSide), 0, call.stream, x.data, x.rows,
                          x.cols, static_cast<const float*>(call.weight.weight),
                          call.weight.padded_in, call.epilogue);
}

}  // namespace

cudaError_t Linear(const PackedWeight& weight, const LinearInputs& inputs,
                   const LinearOutputs& outputs, Scratch scratch,
                   bool tiles_ahead, KernelStream stream) {
  if (inputs.x.rows == 0) return cudaSuccess;
  const Matrix& y = outputs.y;
  const LinearCall call = {
      weight,
      inputs,
      {weight.bias, outputs.activation, outputs.store, y.data, y.rows, y.cols},
      scratch,
      tiles_ahead,
      stream};
  switch (weight.precision) {
    case Precision::kFloat32:
      return LinearInFloat32(call);
    case Precision::kFloat16:
      return LinearIn16Bits<__half>(call);
    case Precision::kBFloat16:
      return LinearIn16Bits<__nv_bfloat16>(call);
    case Precision::kInt8:
    case Precision::kFloat8:
      return LinearInBytes(call);
  }
  return cudaErrorInvalidValue;
}

}  // namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE
