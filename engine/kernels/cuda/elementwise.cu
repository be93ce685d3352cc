// Operations that do little with each element: bound by memory.

#include <algorithm>

#include "engine/kernels/cuda/device_code.cuh"
#include "engine/kernels/cuda/operations.h"
#include "engine/kernels/cuda/row_norm.cuh"

namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE {
namespace {

constexpr int kThreads = 128;

// A block for each row and kThreads of its columns; rows stand in x, which has
// no limit of 65535.
dim3 RowGrid(int rows, int cols) { return dim3(rows, CeilDiv(cols, kThreads)); }

// Of rows that follow each other all are one block's.
dim3 StateGrid(const StepRows& rows, int cols) {
  return RowGrid(rows.rows_follow ? std::min(rows.num_rows, 1) : rows.num_rows,
                 cols);
}

__device__ inline int Column() {
  return static_cast<int>(blockIdx.y * blockDim.x + threadIdx.x);
}

// ---- Embed

template <class T>
__global__ void EmbedKernel(const T* table, const float* positions_table,
                            float scale, const int32_t* tokens,
                            const int32_t* positions, float* y, int dim) {
  AwaitEarlierKernel();
  const int row = blockIdx.x;
  const int column = Column();
  if (column >= dim) return;
  const float token =
      Widen(table[static_cast<size_t>(tokens[row]) * dim + column]);
  const float position =
      positions_table[static_cast<size_t>(positions[row]) * dim + column];
  y[static_cast<size_t>(row) * dim + column] = fmaf(scale, token, position);
}

__global__ void EmbedInt8Kernel(const int8_t* table, const float* scales,
                                const float* positions_table, float scale,
                                const int32_t* tokens, const int32_t* positions,
                                float* y, int dim) {
  AwaitEarlierKernel();
  const int row = blockIdx.x;
  const int column = Column();
  if (column >= dim) return;
  const size_t token = tokens[row];
  const float value =
      static_cast<float>(table[token * dim + column]) * scales[token];
  const float position =
      positions_table[static_cast<size_t>(positions[row]) * dim + column];
  y[static_cast<size_t>(row) * dim + column] = fmaf(scale, value, position);
}

// ---- LayerNorm: a warp a row. y may be x: a lane reads and writes the same
// elements, and writes when all lanes have read for the last time.

constexpr int kNormRows = kThreads / kWarpSize;  // a block

__global__ void LayerNormKernel(NormWeight norm, const float* x, float* y,
                                int rows, int dim) {
  AwaitEarlierKernel();
  const int row = blockIdx.x * kNormRows + threadIdx.y;
  if (row >= rows) return;  // a whole warp
  const float* from = x + static_cast<size_t>(row) * dim;
  float* to = y + static_cast<size_t>(row) * dim;
  const RowStatistics statistics = StatisticsOf(norm, from, dim);
  for (int i = threadIdx.x; i < dim; i += kWarpSize) {
    to[i] = Normed(norm, statistics, from[i], i);
  }
}

// ---- StoreKeysValues

template <class T>
__global__ void StoreKeysValuesKernel(const int32_t* cells, const float* kv,
                                      T* keys, int key_width, size_t key_stride,
                                      T* values, int value_width,
                                      size_t value_stride) {
  AwaitEarlierKernel();
  const int row = blockIdx.x;
  const int column = Column();
  if (column >= key_width + value_width) return;
  const size_t cell = cells[row];
  const float x =
      kv[static_cast<size_t>(row) * (key_width + value_width) + column];
  if (column < key_width) {
    Narrow(x, &keys[cell * key_stride + column]);
  } else {
    Narrow(x, &values[cell * value_stride + column - key_width]);
  }
}

// ---- States. Rows of length 0 are padding and have none.

// The state of the position before the row's new one, element `column`.
__device__ inline float StateBefore(const int32_t* cells, int length,
                                    const float* states, int dim, int column) {
  if (length == 1) return 0.0f;
  return states[static_cast<size_t>(cells[length - 2]) * dim + column];
}

// The rows of a block follow each other, column by column.
__global__ void AverageStepKernel(StepRows rows, const float* x, float* states,
                                  float* mean, int dim) {
  AwaitEarlierKernel();
  const int column = Column();
  if (column >= dim) return;
  for (int row = blockIdx.x; row < rows.num_rows; row += gridDim.x) {
    const size_t place = static_cast<size_t>(row) * dim + column;
    const int length = rows.lengths[row];
    if (length == 0) {
      mean[place] = 0.0f;
      continue;
    }
    const int32_t* cells =
        rows.cells + static_cast<size_t>(row) * rows.cells_stride;
    const float before = StateBefore(cells, length, states, dim, column);
    const float state = fmaf(static_cast<float>(length - 1), before, x[place]) /
                        static_cast<float>(length);
    states[static_cast<size_t>(cells[length - 1]) * dim + column] = state;
    mean[place] = state;
  }
}

__global__ void SsruStepKernel(StepRows rows, const float* projected,
                               float* states, float* y, int dim) {
  AwaitEarlierKernel();
  const int column = Column();
  if (column >= dim) return;
  for (int row = blockIdx.x; row < rows.num_rows; row += gridDim.x) {
    const int length = rows.lengths[row];
    if (length == 0) continue;
    const int32_t* cells =
        rows.cells + static_cast<size_t>(row) * rows.cells_stride;
    const float* input = projected + static_cast<size_t>(row) * 2 * dim;
    const float forget = Sigmoid(input[dim + column]);
    const float before = StateBefore(cells, length, states, dim, column);
    const float state = fmaf(forget, before, (1.0f - forget) * input[column]);
    states[static_cast<size_t>(cells[length - 1]) * dim + column] = state;
    y[static_cast<size_t>(row) * dim + column] += fmaxf(state, 0.0f);
  }
}

__global__ void AddGatedKernel(const float* a_gate, const float* a_value,
                               const float* b_gate, const float* b_value,
                               float* y, int dim) {
  AwaitEarlierKernel();
  const int column = Column();
  if (column >= dim) return;
  const size_t place = static_cast<size_t>(blockIdx.x) * dim + column;
  const float a = Sigmoid(a_gate[place]) * a_value[place];
  y[place] += fmaf(Sigmoid(b_gate[place]), b_value[place], a);
}

}  // namespace

cudaError_t Embed(const EmbeddingTable& table, const int32_t* tokens,
                  const int32_t* positions, Matrix y, KernelStream stream) {
  const dim3 grid = RowGrid(y.rows, y.cols);
  if (table.table != nullptr) {
    return PEREGRINE_LAUNCH(EmbedKernel<float>, grid, kThreads, 0, stream,
                            table.table, table.positions, table.scale, tokens,
                            positions, y.data, y.cols);
  }
  if (table.int8_table != nullptr) {
    return PEREGRINE_LAUNCH(EmbedInt8Kernel, grid, kThreads, 0, stream,
                            table.int8_table, table.int8_scales,
                            table.positions, table.scale, tokens, positions,
                            y.data, y.cols);
  }
  return PEREGRINE_LAUNCH(EmbedKernel<uint16_t>, grid, kThreads, 0, stream,
                          table.bfloat16_table, table.positions, table.scale,
                          tokens, positions, y.data, y.cols);
}

cudaError_t LayerNorm(const NormWeight& norm, Matrix x, Matrix y,
                      KernelStream stream) {
  return PEREGRINE_LAUNCH(LayerNormKernel, dim3(CeilDiv(x.rows, kNormRows)),
                          dim3(kWarpSize, kNormRows), 0, stream, norm, x.data,
                          y.data, x.rows, x.cols);
}

cudaError_t StoreKeysValues(const int32_t* cells, Matrix kv,
                            const KvCells& cache, KernelStream stream) {
  const dim3 grid = RowGrid(kv.rows, kv.cols);
  if (cache.bfloat16_keys == nullptr) {
    return PEREGRINE_LAUNCH(
        StoreKeysValuesKernel<float>, grid, kThreads, 0, stream, cells, kv.data,
        cache.keys.data, cache.keys.cols, cache.keys.stride, cache.values.data,
        cache.values.cols, cache.values.stride);
  }
  return PEREGRINE_LAUNCH(
      StoreKeysValuesKernel<uint16_t>, grid, kThreads, 0, stream, cells,
      kv.data, cache.bfloat16_keys, cache.keys.cols, cache.keys.stride,
      cache.bfloat16_values, cache.values.cols, cache.values.stride);
}

cudaError_t AverageStep(const StepRows& rows, Matrix x, Matrix states,
                        Matrix mean, KernelStream stream) {
  return PEREGRINE_LAUNCH(AverageStepKernel, StateGrid(rows, x.cols), kThreads,
                          0, stream, rows, x.data, states.data, mean.data,
                          x.cols);
}

cudaError_t SsruStep(const StepRows& rows, Matrix projected, Matrix states,
                     Matrix y, KernelStream stream) {
  return PEREGRINE_LAUNCH(SsruStepKernel, StateGrid(rows, y.cols), kThreads, 0,
                          stream, rows, projected.data, states.data, y.data,
                          y.cols);
}

cudaError_t AddGated(const Gated& a, const Gated& b, Matrix y,
                     KernelStream stream) {
  return PEREGRINE_LAUNCH(AddGatedKernel, RowGrid(y.rows, y.cols), kThreads, 0,
                          stream, a.gate.data, a.value.data, b.gate.data,
                          b.value.data, y.data, y.cols);
}

}  // namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE
