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

#include "engine/kernels/cuda/device_code.cuh"
#include "engine/kernels/cuda/operations.h"

namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE {
namespace {

namespace wmma = nvcuda::wmma;

constexpr int kSide = 16;      // of a fragment
constexpr int kQuarters = 4;   // parts of a sum
constexpr int kFewRows = 128;  // up to here, four warps an element
constexpr float kMaxFloat16 = 65504.0f;

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

constexpr int kPackThreads = 128;

template <class T>
__global__ void PackRowsKernel(const float* x, int rows, int in_dim, T* packed,
                               int padded_in) {
  AwaitEarlierKernel();
  const int row = blockIdx.x;
  const int column = blockIdx.y * kPackThreads + threadIdx.x;
  if (column >= padded_in) return;
  const bool real = row < rows && column < in_dim;
  RoundTo(real ? x[static_cast<size_t>(row) * in_dim + column] : 0.0f,
          &packed[static_cast<size_t>(row) * padded_in + column]);
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

// ---- Few rows: a block for 16 rows and 16 columns, a warp for each quarter.
// Inputs are rounded on the way; weights go from memory to the tensor cores.

constexpr int kFewStride = kInTile + 8;  // of a row in shared memory

// Adds the quarters of a block's sums, in order; `sum` is that of this warp.
__device__ inline void PutTotals(const Sums& sum,
                                 float (&sums)[kQuarters][kSide * kSide],
                                 int first_row, int first_col,
                                 const Epilogue& epilogue) {
  wmma::store_matrix_sync(sums[threadIdx.y], sum, kSide, wmma::mem_row_major);
  __syncthreads();
  for (int i = threadIdx.y * kWarpSize + threadIdx.x; i < kSide * kSide;
       i += kQuarters * kWarpSize) {
    float total = 0.0f;
    for (int s = 0; s < kQuarters; ++s) total += sums[s][i];
    epilogue.Put(first_row + i / kSide, first_col + i % kSide, total);
  }
}

template <class T>
__global__ void FewRowsKernel(const float* x, int rows, int in_dim,
                              const T* weight, int padded_in,
                              Epilogue epilogue) {
  AwaitEarlierKernel();
  PEREGRINE_SHARED(T[kQuarters][kSide * kFewStride], inputs);
  PEREGRINE_SHARED(float[kQuarters][kSide * kSide], sums);
  const int lane = threadIdx.x;
  const int warp = threadIdx.y;
  const int first_row = blockIdx.y * kSide;
  const int first_col = blockIdx.x * kSide;
  const T* columns = weight + static_cast<size_t>(first_col) * padded_in;

  Sums sum;
  wmma::fill_fragment(sum, 0.0f);
  const Quarter quarter = QuarterOf(warp, padded_in);
  for (int tile = quarter.begin; tile < quarter.end; ++tile) {
    const int column = tile * kInTile + lane;  // a lane's: kInTile is a warp
    for (int r = 0; r < kSide; ++r) {
      const int row = first_row + r;
      const bool real = row < rows && column < in_dim;
      RoundTo(real ? x[static_cast<size_t>(row) * in_dim + column] : 0.0f,
              &inputs[warp][r * kFewStride + lane]);
    }
    __syncwarp();
    for (int k = 0; k < kInTile; k += kSide) {
      FragmentA<T> a;
      FragmentB<T> b;
      wmma::load_matrix_sync(a, &inputs[warp][k], kFewStride);
      wmma::load_matrix_sync(b, columns + tile * kInTile + k, padded_in);
      wmma::mma_sync(sum, a, b, sum);
    }
    __syncwarp();
  }
  PutTotals(sum, sums, first_row, first_col, epilogue);
}

// The same, bit for bit, with weights on their way to shared memory while those
// before them are multiplied. The first are fetched before the kernel ahead of
// this one has ended.

constexpr int kTilesAhead = 4;   // of each quarter, under way at once
constexpr int kAheadVector = 8;  // elements of a copy of 16 bytes
constexpr int kAheadCopies =     // of a lane for a tile
    kSide * kInTile / kAheadVector / kWarpSize;

template <class T>
__global__ void FewRowsAheadKernel(const float* x, int rows, int in_dim,
                                   const T* weight, int padded_in,
                                   Epilogue epilogue) {
  PEREGRINE_SHARED(T[kQuarters][kSide * kFewStride], inputs);
  PEREGRINE_SHARED(T[kQuarters][kTilesAhead][kSide * kFewStride], weights);
  PEREGRINE_SHARED(float[kQuarters][kSide * kSide], sums);
  const int lane = threadIdx.x;
  const int warp = threadIdx.y;
  const int first_row = blockIdx.y * kSide;
  const int first_col = blockIdx.x * kSide;
  const T* columns = weight + static_cast<size_t>(first_col) * padded_in;
  const Quarter quarter = QuarterOf(warp, padded_in);

  // A group of copies for each tile; an empty one behind the last.
  const auto fetch = [&](int tile) {
    if (tile < quarter.end) {
      T* to = weights[warp][(tile - quarter.begin) % kTilesAhead];
      PEREGRINE_UNROLL
      for (int i = 0; i < kAheadCopies; ++i) {
        const int vector = lane + i * kWarpSize;
        const int col = vector / (kInTile / kAheadVector);
        const int in = vector % (kInTile / kAheadVector) * kAheadVector;
        __pipeline_memcpy_async(&to[col * kFewStride + in],
                                columns + static_cast<size_t>(col) * padded_in +
                                    tile * kInTile + in,
                                kAheadVector * sizeof(T));
      }
    }
    __pipeline_commit();
  };
  for (int i = 0; i < kTilesAhead; ++i) fetch(quarter.begin + i);
  AwaitEarlierKernel();

  float row_inputs[kSide];  // of the next tile, a lane's column
  const auto read = [&](int tile) {
    const int column = tile * kInTile + lane;
    PEREGRINE_UNROLL
    for (int r = 0; r < kSide; ++r) {
      const int row = first_row + r;
      const bool real = row < rows && column < in_dim;
      row_inputs[r] = real ? x[static_cast<size_t>(row) * in_dim + column] : 0;
    }
  };
  Sums sum;
  wmma::fill_fragment(sum, 0.0f);
  if (quarter.begin < quarter.end) read(quarter.begin);
  for (int tile = quarter.begin; tile < quarter.end; ++tile) {
    PEREGRINE_UNROLL
    for (int r = 0; r < kSide; ++r) {
      RoundTo(row_inputs[r], &inputs[warp][r * kFewStride + lane]);
    }
    if (tile + 1 < quarter.end) read(tile + 1);
    __pipeline_wait_prior(kTilesAhead - 1);
    __syncwarp();  // every lane's copies and inputs are there
    const T* tile_weights = weights[warp][(tile - quarter.begin) % kTilesAhead];
    for (int k = 0; k < kInTile; k += kSide) {
      FragmentA<T> a;
      FragmentB<T> b;
      wmma::load_matrix_sync(a, &inputs[warp][k], kFewStride);
      wmma::load_matrix_sync(b, &tile_weights[k], kFewStride);
      wmma::mma_sync(sum, a, b, sum);
    }
    __syncwarp();  // all have read what is overwritten now
    fetch(tile + kTilesAhead);
  }
  PutTotals(sum, sums, first_row, first_col, epilogue);
}

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

// ---- What cuBLASLt leaves to do, and what shows whether it may do the rest.

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

__global__ void CompareWordsKernel(const float* a, const float* b, size_t count,
                                   int* different) {
  AwaitEarlierKernel();
  const size_t i = static_cast<size_t>(blockIdx.x) * kWordThreads + threadIdx.x;
  // All that write, write the same.
  if (i < count && __float_as_uint(a[i]) != __float_as_uint(b[i])) {
    *different = 1;
  }
}

dim3 WordGrid(size_t count) {
  return dim3(static_cast<unsigned>((count + kWordThreads - 1) / kWordThreads));
}

template <class T>
cudaError_t PackRowsAs(const float* x, int rows, int in_dim, void* packed,
                       int padded_rows, int padded_in, KernelStream stream) {
  return PEREGRINE_LAUNCH(PackRowsKernel<T>,
                          dim3(padded_rows, CeilDiv(padded_in, kPackThreads)),
                          kPackThreads, 0, stream, x, rows, in_dim,
                          static_cast<T*>(packed), padded_in);
}

template <class T>
cudaError_t LinearIn16Bits(const PackedWeight& weight, Matrix x,
                           Epilogue epilogue, void* scratch,
                           size_t scratch_bytes, bool tiles_ahead,
                           KernelStream stream) {
  const T* packed = static_cast<const T*>(weight.weight);
  if (x.rows <= kFewRows) {
    const dim3 grid(CeilDiv(weight.out_dim, kSide), CeilDiv(x.rows, kSide));
    const dim3 block(kWarpSize, kQuarters);
    if (tiles_ahead) {
      return PEREGRINE_LAUNCH(FewRowsAheadKernel<T>, grid, block, 0, stream,
                              x.data, x.rows, x.cols, packed, weight.padded_in,
                              epilogue);
    }
    return PEREGRINE_LAUNCH(FewRowsKernel<T>, grid, block, 0, stream, x.data,
                            x.rows, x.cols, packed, weight.padded_in, epilogue);
  }
  // Rounded once, not once for each tile of columns; in parts, if need be.
  const int rows_at_once = static_cast<int>(
      std::min<size_t>(x.rows, scratch_bytes / (sizeof(T) * weight.padded_in)));
  if (rows_at_once == 0) return cudaErrorInvalidValue;
  for (int begin = 0; begin < x.rows; begin += rows_at_once) {
    const int count = std::min(rows_at_once, x.rows - begin);
    cudaError_t error = PackRowsAs<T>(x.row(begin), count, x.cols, scratch,
                                      count, weight.padded_in, stream);
    if (error != cudaSuccess) return error;
    Epilogue part = epilogue;
    part.y += static_cast<size_t>(begin) * epilogue.cols;
    part.rows = count;
    error = PEREGRINE_LAUNCH(
        ManyRowsKernel<T>,
        dim3(CeilDiv(weight.out_dim, kManyCols), CeilDiv(count, kManyRows)),
        kManyThreads, 0, stream, static_cast<const T*>(scratch), count, packed,
        weight.padded_in, part);
    if (error != cudaSuccess) return error;
  }
  return cudaSuccess;
}

}  // namespace

cudaError_t PackRows(const float* x, int rows, int in_dim, Precision precision,
                     void* packed, int padded_rows, int padded_in,
                     KernelStream stream) {
  switch (precision) {
    case Precision::kFloat32:
      return PackRowsAs<float>(x, rows, in_dim, packed, padded_rows, padded_in,
                               stream);
    case Precision::kFloat16:
      return PackRowsAs<__half>(x, rows, in_dim, packed, padded_rows, padded_in,
                                stream);
    case Precision::kBFloat16:
      return PackRowsAs<__nv_bfloat16>(x, rows, in_dim, packed, padded_rows,
                                       padded_in, stream);
    case Precision::kInt8:
      break;
  }
  return cudaErrorInvalidValue;
}

cudaError_t Linear(const PackedWeight& weight, Matrix x, Activation activation,
                   Store store, Matrix y, void* scratch, size_t scratch_bytes,
                   bool tiles_ahead, KernelStream stream) {
  if (x.rows == 0) return cudaSuccess;
  const Epilogue epilogue = {weight.bias, activation, store,
                             y.data,      y.rows,     y.cols};
  switch (weight.precision) {
    case Precision::kFloat32:
      return PEREGRINE_LAUNCH(SingleKernel,
                              dim3(CeilDiv(weight.out_dim, kSingleTile),
                                   CeilDiv(x.rows, kSingleTile)),
                              dim3(kSide, kSide), 0, stream, x.data, x.rows,
                              x.cols, static_cast<const float*>(weight.weight),
                              weight.padded_in, epilogue);
    case Precision::kFloat16:
      return LinearIn16Bits<__half>(weight, x, epilogue, scratch, scratch_bytes,
                                    tiles_ahead, stream);
    case Precision::kBFloat16:
      return LinearIn16Bits<__nv_bfloat16>(weight, x, epilogue, scratch,
                                           scratch_bytes, tiles_ahead, stream);
    case Precision::kInt8:
      break;
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

cudaError_t CompareWords(const float* a, const float* b, size_t count,
                         int* different, KernelStream stream) {
  return PEREGRINE_LAUNCH(CompareWordsKernel, WordGrid(count), kWordThreads, 0,
                          stream, a, b, count, different);
}

}  // namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE
