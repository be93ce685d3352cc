// Attention of one new position a row, over the slotted cache of the target,
// the spans of the source, or both: a warp for each row, head and part of the
// value.

#include <algorithm>

#include "engine/kernels/cuda/step_attention.cuh"
#include "engine/kernels/cuda/step_tiles.cuh"

namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE {
namespace {

constexpr int kWarps = kAttentionWarps;
constexpr size_t kMaxSharedBytes = size_t{40}
                                   << 10;  // of those that a launch sets

template <class T>
__global__ void StoreNewCellsKernel(StepArguments<T> step) {
  AwaitEarlierKernel();
  const int item = blockIdx.x * kWarps + threadIdx.y;
  if (item >= step.num_items) return;
  const int row = item / step.num_heads;
  const Positions<T> target = TargetOf(step, row);
  if (target.length == 0) return;  // padding
  StoreNewCell(step, row, item % step.num_heads, target.Cell(target.length - 1),
               threadIdx.x);
}

// The dot products of a query with the keys of a tile, from position `begin`

// What this warp is to do; stores the new cell, and puts the query where all
// lanes read it.
template <class T, int kValues>
__device__ inline StepTask<T> Prepare(const StepArguments<T>& step, int row,
                                      int head, float* query) {
  const int lane = threadIdx.x;
  StepTask<T> task;
  task.source = SourceOf(step, row);
  task.target = TargetOf(step, row);
  task.length = task.source.length + task.target.length;
  task.head_dim = step.head_dim;
  task.key_begin = head * step.head_dim;
  const int part_begin = blockIdx.y * kValues * kWarpSize;
  task.value_begin = head * step.value_dim + part_begin;
  task.part_width = min(kValues * kWarpSize, step.value_dim - part_begin);
  task.query = query;
  if (step.store && task.target.length > 0) {
    StoreNewCell(step, row, head, task.target.Cell(task.target.length - 1),
                 lane);
  }
  const float* from =
      step.queries + static_cast<size_t>(row) * step.row_width + task.key_begin;
  for (int i = lane; i < step.head_dim; i += kWarpSize) query[i] = from[i];
  __syncwarp();
  return task;
}

// `tiles` says how keys and values are read, kValues how many elements of the
// part of a value are a lane's.
template <class T, int kValues, class Tiles>
__device__ inline void Attend(const StepArguments<T>& step,
                              const StepTask<T>& task, const Tiles& tiles,
                              int row, int head) {
  PEREGRINE_SHARED(float[kWarps][kWarpSize], tile_weights);
  PEREGRINE_SHARED(const T* [kWarps][kWarpSize], tile_values);
  const int lane = threadIdx.x;
  const int warp = threadIdx.y;
  OnlineSoftmax softmax;
  float mixed[kValues] = {};
  tiles.Begin();
  for (int begin = 0; begin < task.length; begin += kWarpSize) {
    const int count = task.Count(begin);
    const float dot =
        tiles.Dot(begin, tile_weights[warp], &tile_values[warp][lane]);
    float score = -INFINITY;
    if (lane < count) {
      const int distance = begin + lane - (task.length - 1);
      score = (dot + BiasAt(step.bias, head, distance)) * step.scale;
    }
    float correction;
    tile_weights[warp][lane] = softmax.Add(score, &correction);
    tiles.AwaitValues();
    __syncwarp();
    for (int j = 0; j < kValues; ++j) mixed[j] *= correction;
    for (int i = 0; i < count; ++i) {
      const float weight = tile_weights[warp][i];
      const T* value = tile_values[warp][i];
      for (int j = 0; j < kValues; ++j) {
        const int column = j * kWarpSize + lane;
        if (column < task.part_width) {
          mixed[j] = fmaf(weight, Widen(value[column]), mixed[j]);
        }
      }
    }
    __syncwarp();  // before the next tile overwrites this one
    tiles.End(begin);
  }

  const float sum = WarpSum(softmax.sum);
  const size_t value_width =
      static_cast<size_t>(step.num_heads) * step.value_dim;
  for (int j = 0; j < kValues; ++j) {
    const int column = j * kWarpSize + lane;
    if (column >= task.part_width) continue;
    float result = task.length > 0 ? mixed[j] / sum : 0.0f;
    const int wide = task.value_begin + column;
    if (step.inner != nullptr) {
      result = fmaxf(
          result + step.inner[static_cast<size_t>(row) * step.row_width + wide],
          0.0f);
    }
    step.context[row * value_width + wide] = result;
  }
}

template <class T, int kValues>
__global__ void StepAttentionKernel(StepArguments<T> step) {
  AwaitEarlierKernel();
  PEREGRINE_DYNAMIC_SHARED(shared);
  const int item = blockIdx.x * kWarps + threadIdx.y;
  if (item >= step.num_items) return;  // a whole warp; no barrier of the block
  const int row = item / step.num_heads;
  const int head = item % step.num_heads;
  const StepTask<T> task = Prepare<T, kValues>(
      step, row, head,
      reinterpret_cast<float*>(shared) + threadIdx.y * step.head_dim);
  Attend<T, kValues>(step, task, TilesByLane<T>{task}, row, head);
}

template <int kValues>
__global__ void VectorKeysAttentionKernel(StepArguments<uint16_t> step) {
  AwaitEarlierKernel();
  PEREGRINE_DYNAMIC_SHARED(shared);
  const int item = blockIdx.x * kWarps + threadIdx.y;
  if (item >= step.num_items) return;
  const int row = item / step.num_heads;
  const int head = item % step.num_heads;
  const StepTask<uint16_t> task = Prepare<uint16_t, kValues>(
      step, row, head,
      reinterpret_cast<float*>(shared) + threadIdx.y * step.head_dim);
  Attend<uint16_t, kValues>(step, task, TilesByVector{task}, row, head);
}

// Elements of a warp's tile: keys, then values.
__host__ __device__ inline int TileElements(int head_dim, int part_width) {
  return kWarpSize * (head_dim + kCellVector + part_width);
}

template <int kValues>
__global__ void KeysAheadAttentionKernel(StepArguments<uint16_t> step) {
  AwaitEarlierKernel();
  PEREGRINE_DYNAMIC_SHARED(shared);
  PEREGRINE_SHARED(const uint16_t* [kWarps][2][kWarpSize], rows);
  const int warp = threadIdx.y;
  const int item = blockIdx.x * kWarps + warp;
  if (item >= step.num_items) return;
  const int row = item / step.num_heads;
  const int head = item % step.num_heads;
  float* const queries = reinterpret_cast<float*>(shared);
  const StepTask<uint16_t> task = Prepare<uint16_t, kValues>(
      step, row, head, queries + warp * step.head_dim);
  uint16_t* const keys =
      reinterpret_cast<uint16_t*>(queries + kWarps * step.head_dim) +
      warp *
          TileElements(step.head_dim, min(kValues * kWarpSize, step.value_dim));
  const TilesAhead tiles = {task, keys,
                            keys + kWarpSize * (step.head_dim + kCellVector),
                            rows[warp][0], rows[warp][1]};
  Attend<uint16_t, kValues>(step, task, tiles, row, head);
}

// Whether cells can be read as vectors.
bool HasVectors(const uint16_t* cells, size_t stride) {
  return reinterpret_cast<uintptr_t>(cells) % sizeof(uint4) == 0 &&
         stride % kCellVector == 0;
}
bool HasKeyVectors(const StepArguments<uint16_t>& step) {
  return step.head_dim % kCellVector == 0 &&
         HasVectors(step.source.keys, step.source.key_stride) &&
         HasVectors(step.target.keys, step.target.key_stride);
}
bool HasValueVectors(const StepArguments<uint16_t>& step) {
  return step.value_dim % kCellVector == 0 &&
         HasVectors(step.source.values, step.source.value_stride) &&
         HasVectors(step.target.values, step.target.value_stride);
}

// How a step is launched.
struct StepLaunch {
  bool narrow = false;  // 2 elements of a value a lane, not 4
  dim3 grid;
  dim3 block;
  size_t shared_bytes = 0;
  KernelStream stream;
};

// `way` where `step` allows it.
KeyReading WayFor(const StepArguments<uint16_t>& step, KeyReading way,
                  size_t ahead_bytes) {
  const int vectors = step.head_dim / kCellVector;
  if (!HasKeyVectors(step)) return KeyReading::kByLane;
  switch (way) {
    case KeyReading::kByLane:
      break;
    case KeyReading::kByVector:
      if (vectors <= kWarpSize && (vectors & (vectors - 1)) == 0) return way;
      break;
    case KeyReading::kAhead:
      if (HasValueVectors(step) && ahead_bytes <= kMaxSharedBytes) return way;
      break;
  }
  return KeyReading::kByLane;
}

cudaError_t LaunchStep(const StepArguments<uint16_t>& step, KeyReading keys,
                       const StepLaunch& launch) {
  const int part_width =
      std::min((launch.narrow ? 2 : 4) * kWarpSize, step.value_dim);
  const size_t ahead_bytes =
      launch.shared_bytes +
      sizeof(uint16_t) * kWarps * TileElements(step.head_dim, part_width);
  switch (WayFor(step, keys, ahead_bytes)) {
    case KeyReading::kByLane:
      break;
    case KeyReading::kByVector:
      return launch.narrow
                 ? PEREGRINE_LAUNCH(VectorKeysAttentionKernel<2>, launch.grid,
                                    launch.block, launch.shared_bytes,
                                    launch.stream, step)
                 : PEREGRINE_LAUNCH(VectorKeysAttentionKernel<4>, launch.grid,
                                    launch.block, launch.shared_bytes,
                                    launch.stream, step);
    case KeyReading::kAhead:
      return launch.narrow ? PEREGRINE_LAUNCH(KeysAheadAttentionKernel<2>,
                                              launch.grid, launch.block,
                                              ahead_bytes, launch.stream, step)
                           : PEREGRINE_LAUNCH(KeysAheadAttentionKernel<4>,
                                              launch.grid, launch.block,
                                              ahead_bytes, launch.stream, step);
  }
  return launch.narrow
             ? PEREGRINE_LAUNCH((StepAttentionKernel<uint16_t, 2>), launch.grid,
                                launch.block, launch.shared_bytes,
                                launch.stream, step)
             : PEREGRINE_LAUNCH((StepAttentionKernel<uint16_t, 4>), launch.grid,
                                launch.block, launch.shared_bytes,
                                launch.stream, step);
}

cudaError_t LaunchStep(const StepArguments<float>& step, KeyReading /*keys*/,
                       const StepLaunch& launch) {
  return launch.narrow
             ? PEREGRINE_LAUNCH((StepAttentionKernel<float, 2>), launch.grid,
                                launch.block, launch.shared_bytes,
                                launch.stream, step)
             : PEREGRINE_LAUNCH((StepAttentionKernel<float, 4>), launch.grid,
                                launch.block, launch.shared_bytes,
                                launch.stream, step);
}

template <class T>
cudaError_t RunStep(StepArguments<T> step, KeyReading keys, bool rows_follow,
                    KernelStream stream) {
  const bool narrow = step.value_dim <= 2 * kWarpSize;
  const int parts = CeilDiv(step.value_dim, (narrow ? 2 : 4) * kWarpSize);
  const dim3 items(CeilDiv(step.num_items, kWarps));
  const dim3 block(kWarpSize, kWarps);
  step.store = step.new_keys != nullptr && parts == 1 && !rows_follow;
  if (step.new_keys != nullptr && !step.store) {
    // Warps of other parts, or of other rows, read what one has stored.
    const cudaError_t error =
        PEREGRINE_LAUNCH(StoreNewCellsKernel<T>, items, block, 0, stream, step);
    if (error != cudaSuccess) return error;
  }
  return LaunchStep(step, keys,
                    {narrow, dim3(items.x, parts), block,
                     sizeof(float) * kWarps * step.head_dim, stream});
}

template <class T>
StepArguments<T> StepOf(HeadShape heads, int value_width, Matrix queries,
                        Matrix context) {
  StepArguments<T> step;
  step.num_items = queries.rows * heads.num_heads;
  step.num_heads = heads.num_heads;
  step.head_dim = heads.head_dim;
  step.value_dim = value_width / heads.num_heads;
  step.scale = 1.0f / sqrtf(static_cast<float>(heads.head_dim));
  step.bias = heads.bias;
  step.queries = queries.data;
  step.row_width = queries.cols;
  step.context = context.data;
  return step;
}

template <class T>
Cells<T> CellsOf(const KvCells& cache);
template <>
Cells<float> CellsOf<float>(const KvCells& cache) {
  return {cache.keys.data, cache.values.data, cache.keys.stride,
          cache.values.stride};
}
template <>
Cells<uint16_t> CellsOf<uint16_t>(const KvCells& cache) {
  return {cache.bfloat16_keys, cache.bfloat16_values, cache.keys.stride,
          cache.values.stride};
}

template <class T>
void SetSource(const SourceSpans& spans, const KvCells& cache,
               StepArguments<T>* step) {
  step->source = CellsOf<T>(cache);
  step->source_begins = spans.begins;
  step->source_lengths = spans.lengths;
}

template <class T>
void SetTarget(const StepRows& rows, const KvCells& cache,
               StepArguments<T>* step) {
  step->target = CellsOf<T>(cache);
  step->target_cells = rows.cells;
  step->cells_stride = rows.cells_stride;
  step->target_lengths = rows.lengths;
}

template <class T>
cudaError_t RunSelfAttention(HeadShape heads, const StepRows& rows, Matrix qkv,
                             const KvCells& cache, Matrix context,
                             KeyReading keys, KernelStream stream) {
  StepArguments<T> step = StepOf<T>(heads, heads.width(), qkv, context);
  step.new_keys = qkv.data + heads.width();
  step.new_values = qkv.data + 2 * heads.width();
  SetTarget(rows, cache, &step);
  return RunStep(step, keys, rows.rows_follow, stream);
}

template <class T>
cudaError_t RunCrossAttention(HeadShape heads, const SourceSpans& spans,
                              Matrix queries, const KvCells& cache,
                              Matrix context, KeyReading keys,
                              KernelStream stream) {
  StepArguments<T> step = StepOf<T>(heads, heads.width(), queries, context);
  SetSource(spans, cache, &step);
  return RunStep(step, keys, /*rows_follow=*/false, stream);
}

template <class T>
cudaError_t RunCompressedAttention(HeadShape heads,
                                   const CompressedCells& cells,
                                   Matrix projected, Matrix context,
                                   KeyReading keys, KernelStream stream) {
  StepArguments<T> step = StepOf<T>(heads, context.cols, projected, context);
  step.new_keys = projected.data + heads.width();
  step.new_values = projected.data + 2 * heads.width();
  step.inner = projected.data + 2 * heads.width() + context.cols;
  SetSource(cells.spans, cells.source, &step);
  SetTarget(cells.rows, cells.target, &step);
  return RunStep(step, keys, cells.rows.rows_follow, stream);
}

}  // namespace

cudaError_t SelfAttentionStep(HeadShape heads, const StepRows& rows, Matrix qkv,
                              const KvCells& cache, Matrix context,
                              KeyReading keys, KernelStream stream) {
  return cache.bfloat16_keys == nullptr
             ? RunSelfAttention<float>(heads, rows, qkv, cache, context, keys,
                                       stream)
             : RunSelfAttention<uint16_t>(heads, rows, qkv, cache, context,
                                          keys, stream);
}

cudaError_t CrossAttentionStep(HeadShape heads, const SourceSpans& spans,
                               Matrix queries, const KvCells& cache,
                               Matrix context, KeyReading keys,
                               KernelStream stream) {
  return cache.bfloat16_keys == nullptr
             ? RunCrossAttention<float>(heads, spans, queries, cache, context,
                                        keys, stream)
             : RunCrossAttention<uint16_t>(heads, spans, queries, cache,
                                           context, keys, stream);
}

cudaError_t CompressedAttentionStep(HeadShape heads,
                                    const CompressedCells& cells,
                                    Matrix projected, Matrix context,
                                    KeyReading keys, KernelStream stream) {
  return cells.target.bfloat16_keys == nullptr
             ? RunCompressedAttention<float>(heads, cells, projected, context,
                                             keys, stream)
             : RunCompressedAttention<uint16_t>(heads, cells, projected,
                                                context, keys, stream);
}

}  // namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE