// Products of few rows in 16 bits: a block for 16 rows and 16 columns, a warp
// for each quarter of the inputs. Inputs are rounded on the way, and normed
// before that where the product has a norm; weights go from memory to the
// tensor cores.

#include "engine/kernels/cuda/linear.cuh"

namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE {
namespace {

constexpr int kFewStride = kInTile + 8;  // of a row in shared memory

struct RowInputs {
  const float* x = nullptr;  // [rows, in_dim]
  int rows = 0;
  int in_dim = 0;
  NormWeight norm;  // where kNormed
};

// What a block reads of its rows. kNormed: all its threads must have called
// TakeStatistics.
template <bool kNormed>
struct BlockInputs {
  const RowInputs& inputs;
  int first_row = 0;
  RowStatistics* statistics = nullptr;  // [kSide] in shared memory

  // A warp a row; every block of the row does the same.
  __device__ void TakeStatistics() const {
    if constexpr (kNormed) {
      for (int r = threadIdx.y; r < kSide; r += kQuarters) {
        const int row = first_row + r;
        if (row >= inputs.rows) break;
        const RowStatistics found = StatisticsOf(
            inputs.norm, inputs.x + static_cast<size_t>(row) * inputs.in_dim,
            inputs.in_dim);
        if (threadIdx.x == 0) statistics[r] = found;
      }
      __syncthreads();
    }
  }

  // Of the block's row `r`; 0 where there is none.
  __device__ float At(int r, int column) const {
    const int row = first_row + r;
    if (row >= inputs.rows || column >= inputs.in_dim) return 0.0f;
    const float x = inputs.x[static_cast<size_t>(row) * inputs.in_dim + column];
    return kNormed ? Normed(inputs.norm, statistics[r], x, column) : x;
  }
};

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

template <class T, bool kNormed>
__global__ void FewRowsKernel(RowInputs rows, const T* weight, int padded_in,
                              Epilogue epilogue) {
  AwaitEarlierKernel();
  PEREGRINE_SHARED(T[kQuarters][kSide * kFewStride], inputs);
  PEREGRINE_SHARED(float[kQuarters][kSide * kSide], sums);
  PEREGRINE_SHARED(RowStatistics[kSide], statistics);
  const int lane = threadIdx.x;
  const int warp = threadIdx.y;
  const int first_row = blockIdx.y * kSide;
  const int first_col = blockIdx.x * kSide;
  const T* columns = weight + static_cast<size_t>(first_col) * padded_in;
  const BlockInputs<kNormed> from = {rows, first_row, statistics};
  from.TakeStatistics();

  Sums sum;
  wmma::fill_fragment(sum, 0.0f);
  const Quarter quarter = QuarterOf(warp, padded_in);
  for (int tile = quarter.begin; tile < quarter.end; ++tile) {
    const int column = tile * kInTile + lane;  // a lane's: kInTile is a warp
    for (int r = 0; r < kSide; ++r) {
      RoundTo(from.At(r, column), &inputs[warp][r * kFewStride + lane]);
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

template <class T, bool kNormed>
__global__ void FewRowsAheadKernel(RowInputs rows, const T* weight,
                                   int padded_in, Epilogue epilogue) {
  PEREGRINE_SHARED(T[kQuarters][kSide * kFewStride], inputs);
  PEREGRINE_SHARED(T[kQuarters][kTilesAhead][kSide * kFewStride], weights);
  PEREGRINE_SHARED(float[kQuarters][kSide * kSide], sums);
  PEREGRINE_SHARED(RowStatistics[kSide], statistics);
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
  const BlockInputs<kNormed> from = {rows, first_row, statistics};
  from.TakeStatistics();

  float row_inputs[kSide];  // of the next tile, a lane's column
  const auto read = [&](int tile) {
    PEREGRINE_UNROLL
    for (int r = 0; r < kSide; ++r) {
      row_inputs[r] = from.At(r, tile * kInTile + lane);
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

template <class T, bool kNormed>
cudaError_t LaunchFewRows(const LinearCall& call) {
  const Matrix& x = call.inputs.x;
  const RowInputs rows = {x.data, x.rows, x.cols, call.inputs.norm};
  const T* weight = static_cast<const T*>(call.weight.weight);
  const dim3 grid(CeilDiv(call.weight.out_dim, kSide), CeilDiv(x.rows, kSide));
  const dim3 block(kWarpSize, kQuarters);
  if (call.tiles_ahead) {
    return PEREGRINE_LAUNCH((FewRowsAheadKernel<T, kNormed>), grid, block, 0,
                            call.stream, rows, weight, call.weight.padded_in,
                            call.epilogue);
  }
  return PEREGRINE_LAUNCH((FewRowsKernel<T, kNormed>), grid, block, 0,
                          call.stream, rows, weight, call.weight.padded_in,
                          call.epilogue);
}

}  // namespace

template <class T>
cudaError_t LinearOfFewRows(const LinearCall& call) {
  return call.inputs.norm.gain == nullptr ? LaunchFewRows<T, false>(call)
                                          : LaunchFewRows<T, true>(call);
}
template cudaError_t LinearOfFewRows<__half>(const LinearCall& call);
template cudaError_t LinearOfFewRows<__nv_bfloat16>(const LinearCall& call);

}  // namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE
