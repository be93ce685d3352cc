// Attention over packed sequences and over the slotted cache. Scores and sums
// are float32, softmax is computed online over tiles of 32 positions, so that
// no length is too long and the order of all sums follows from the length of
// the row alone.

#include <algorithm>

#include "engine/kernels/cuda/device_code.cuh"
#include "engine/kernels/cuda/operations.h"

namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE {
namespace {

constexpr int kWarps = 4;  // a block

// The softmax of one query so far, over the tiles seen: the largest score, and
// this lane's share of the sum of weights.
struct OnlineSoftmax {
  float largest = -INFINITY;
  float sum = 0.0f;

  // Takes in this lane's score of the next tile; -infinity where it has none,
  // but some lane must have one. Returns its weight; what was summed before is
  // to be multiplied by `correction`.
  __device__ float Add(float score, float* correction) {
    const float before = largest;
    largest = fmaxf(before, WarpMax(score));
    *correction = expf(before - largest);
    const float weight = expf(score - largest);
    sum = fmaf(sum, *correction, weight);
    return weight;
  }
};

// What is added to the score of a key at `distance` from the query.
__device__ inline float BiasAt(const DistanceBias& bias, int head,
                               int distance) {
  if (bias.table == nullptr) return 0.0f;
  const int most = bias.max_distance;
  return bias
      .table[head * (2 * most + 1) + most + min(max(distance, -most), most)];
}

// ---- Steps: a warp for each row, head and part of the value.

// Keys and values of a cache, a cell's so many elements after those of the one
// before.
template <class T>
struct Cells {
  T* keys = nullptr;
  T* values = nullptr;
  size_t key_stride = 0;
  size_t value_stride = 0;

  __device__ T* Key(size_t cell) const { return keys + cell * key_stride; }
  __device__ T* Value(size_t cell) const {
    return values + cell * value_stride;
  }
};

// Some positions of a row: `length` cells of a cache, those listed in `cells`,
// or neighbours from `begin` on.
template <class T>
struct Positions {
  Cells<T> cache;
  const int32_t* cells = nullptr;
  int begin = 0;
  int length = 0;

  __device__ size_t Cell(int t) const {
    return cells != nullptr ? cells[t] : begin + t;
  }
  __device__ const T* Key(int t) const { return cache.Key(Cell(t)); }
  __device__ const T* Value(int t) const { return cache.Value(Cell(t)); }
};

// Of the source's positions, then the target's. Not by a reference to one of
// the two, which would keep both in memory.
template <class T>
__device__ const T* KeyOf(const Positions<T>& source,
                          const Positions<T>& target, int t) {
  return t < source.length ? source.Key(t) : target.Key(t - source.length);
}
template <class T>
__device__ const T* ValueOf(const Positions<T>& source,
                            const Positions<T>& target, int t) {
  return t < source.length ? source.Value(t) : target.Value(t - source.length);
}

// One attention step of any kind. What a kind lacks is null.
template <class T>
struct StepArguments {
  int num_items = 0;  // rows * heads
  int num_heads = 0;
  int head_dim = 0;
  int value_dim = 0;  // of a head
  float scale = 1.0f;
  DistanceBias bias;  // the query is at the last position

  const float* queries = nullptr;  // [rows, row_width], as the three below
  const float* new_keys = nullptr;
  const float* new_values = nullptr;
  const float* inner = nullptr;  // context = ReLU(attention + inner)
  int row_width = 0;
  bool store = false;        // the new key and value, here and not before
  float* context = nullptr;  // [rows, num_heads * value_dim]

  // Of the source.
  Cells<T> source;
  const int32_t* source_begins = nullptr;
  const int32_t* source_lengths = nullptr;
  // Of the target.
  Cells<T> target;
  const int32_t* target_cells = nullptr;
  int cells_stride = 0;
  const int32_t* target_lengths = nullptr;
};

template <class T>
__device__ Positions<T> SourceOf(const StepArguments<T>& step, int row) {
  if (step.source_lengths == nullptr) return {};
  return {step.source, nullptr, step.source_begins[row],
          step.source_lengths[row]};
}

template <class T>
__device__ Positions<T> TargetOf(const StepArguments<T>& step, int row) {
  if (step.target_lengths == nullptr) return {};
  return {step.target,
          step.target_cells + static_cast<size_t>(row) * step.cells_stride, 0,
          step.target_lengths[row]};
}

// Stores this head's part of the row's new key and value.
template <class T>
__device__ void StoreNewCell(const StepArguments<T>& step, int row, int head,
                             size_t cell, int lane) {
  const size_t from = static_cast<size_t>(row) * step.row_width;
  for (int i = lane; i < step.head_dim; i += kWarpSize) {
    const int column = head * step.head_dim + i;
    Narrow(step.new_keys[from + column], &step.target.Key(cell)[column]);
  }
  for (int i = lane; i < step.value_dim; i += kWarpSize) {
    const int column = head * step.value_dim + i;
    Narrow(step.new_values[from + column], &step.target.Value(cell)[column]);
  }
}

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
// on: each lane reads the whole key of one position.
template <class T>
struct KeysByLane {
  static __device__ float Dot(const StepArguments<T>& step, const float* query,
                              const Positions<T>& source,
                              const Positions<T>& target, int key_begin,
                              int begin, int count, float* /*dots*/) {
    const int lane = threadIdx.x;
    if (lane >= count) return 0.0f;
    const T* key = KeyOf(source, target, begin + lane) + key_begin;
    float dot = 0.0f;
    for (int i = 0; i < step.head_dim; ++i) {
      dot = fmaf(query[i], Widen(key[i]), dot);
    }
    return dot;
  }
};

// The same with 16 bytes a lane, so that as many lanes as a head has vectors
// share a key, which lies in one or two lines of memory. Sums in another order.
// A head must have 1, 2, 4, ... or 32 vectors, and each must be aligned.
constexpr int kVector = 8;  // elements

struct KeysByVector {
  static __device__ float Dot(const StepArguments<uint16_t>& step,
                              const float* query,
                              const Positions<uint16_t>& source,
                              const Positions<uint16_t>& target, int key_begin,
                              int begin, int count, float* dots) {
    const int lane = threadIdx.x;
    const int lanes = step.head_dim / kVector;  // that share a key
    const int part = lane % lanes * kVector;
    for (int first = 0; first < count; first += kWarpSize / lanes) {
      const int i = first + lane / lanes;
      float dot = 0.0f;
      if (i < count) {
        dot = DotOfVector(query + part,
                          KeyOf(source, target, begin + i) + key_begin + part);
      }
      for (int apart = 1; apart < lanes; apart *= 2) {
        dot += __shfl_xor_sync(kFullWarp, dot, apart);
      }
      if (part == 0 && i < count) dots[i] = dot;
    }
    __syncwarp();
    return lane < count ? dots[lane] : 0.0f;
  }

  static __device__ float DotOfVector(const float* query, const uint16_t* key) {
    const uint4 vector = *reinterpret_cast<const uint4*>(key);
    const uint32_t words[] = {vector.x, vector.y, vector.z, vector.w};
    float dot = 0.0f;
    PEREGRINE_UNROLL
    for (int i = 0; i < 4; ++i) {
      dot = fmaf(query[2 * i], __uint_as_float(words[i] << 16), dot);
      dot =
          fmaf(query[2 * i + 1], __uint_as_float(words[i] & 0xffff0000u), dot);
    }
    return dot;
  }
};

// A part of the value is kValues elements a lane.
template <class T, int kValues, class Keys>
__device__ inline void AttendStep(const StepArguments<T>& step) {
  PEREGRINE_DYNAMIC_SHARED(shared);
  PEREGRINE_SHARED(float[kWarps][kWarpSize], tile_weights);
  PEREGRINE_SHARED(const T* [kWarps][kWarpSize], tile_values);

  const int lane = threadIdx.x;
  const int warp = threadIdx.y;
  const int item = blockIdx.x * kWarps + warp;
  if (item >= step.num_items) return;  // a whole warp; no barrier of the block
  const int row = item / step.num_heads;
  const int head = item % step.num_heads;
  const int key_begin = head * step.head_dim;
  const int part_begin = blockIdx.y * kValues * kWarpSize;
  const int part_end = min(part_begin + kValues * kWarpSize, step.value_dim);
  const size_t value_width =
      static_cast<size_t>(step.num_heads) * step.value_dim;

  const Positions<T> source = SourceOf(step, row);
  const Positions<T> target = TargetOf(step, row);
  const int length = source.length + target.length;
  if (step.store && target.length > 0) {
    StoreNewCell(step, row, head, target.Cell(target.length - 1), lane);
  }
  float* query = reinterpret_cast<float*>(shared) + warp * step.head_dim;
  for (int i = lane; i < step.head_dim; i += kWarpSize) {
    query[i] =
        step.queries[static_cast<size_t>(row) * step.row_width + key_begin + i];
  }
  __syncwarp();  // the query and the new cell are there for all lanes

  OnlineSoftmax softmax;
  float mixed[kValues] = {};
  for (int begin = 0; begin < length; begin += kWarpSize) {
    const int count = min(length - begin, kWarpSize);
    const float dot = Keys::Dot(step, query, source, target, key_begin, begin,
                                count, tile_weights[warp]);
    float score = -INFINITY;
    if (lane < count) {
      const int distance = begin + lane - (length - 1);
      score = (dot + BiasAt(step.bias, head, distance)) * step.scale;
      tile_values[warp][lane] =
          head * step.value_dim + ValueOf(source, target, begin + lane);
    }
    float correction;
    tile_weights[warp][lane] = softmax.Add(score, &correction);
    __syncwarp();
    for (int j = 0; j < kValues; ++j) mixed[j] *= correction;
    for (int i = 0; i < count; ++i) {
      const float weight = tile_weights[warp][i];
      const T* value = tile_values[warp][i];
      for (int j = 0; j < kValues; ++j) {
        const int column = part_begin + j * kWarpSize + lane;
        if (column < part_end) {
          mixed[j] = fmaf(weight, Widen(value[column]), mixed[j]);
        }
      }
    }
    __syncwarp();  // before the next tile overwrites this one
  }

  const float sum = WarpSum(softmax.sum);
  for (int j = 0; j < kValues; ++j) {
    const int column = part_begin + j * kWarpSize + lane;
    if (column >= part_end) continue;
    float result = length > 0 ? mixed[j] / sum : 0.0f;
    const int wide = head * step.value_dim + column;
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
  AttendStep<T, kValues, KeysByLane<T>>(step);
}

template <int kValues>
__global__ void VectorKeysAttentionKernel(StepArguments<uint16_t> step) {
  AwaitEarlierKernel();
  AttendStep<uint16_t, kValues, KeysByVector>(step);
}

// Whether keys can be read as vectors.
bool HasVectors(const Cells<uint16_t>& cells) {
  return reinterpret_cast<uintptr_t>(cells.keys) % sizeof(uint4) == 0 &&
         cells.key_stride % kVector == 0;
}
bool HasVectors(const StepArguments<uint16_t>& step) {
  const int vectors = step.head_dim / kVector;
  return step.head_dim % kVector == 0 && vectors <= kWarpSize &&
         (vectors & (vectors - 1)) == 0 && HasVectors(step.source) &&
         HasVectors(step.target);
}
bool HasVectors(const StepArguments<float>& /*step*/) { return false; }

cudaError_t LaunchStep(const StepArguments<uint16_t>& step, bool narrow,
                       bool vector_keys, dim3 grid, dim3 block,
                       size_t shared_bytes, KernelStream stream) {
  if (vector_keys) {
    return narrow ? PEREGRINE_LAUNCH(VectorKeysAttentionKernel<2>, grid, block,
                                     shared_bytes, stream, step)
                  : PEREGRINE_LAUNCH(VectorKeysAttentionKernel<4>, grid, block,
                                     shared_bytes, stream, step);
  }
  return narrow ? PEREGRINE_LAUNCH((StepAttentionKernel<uint16_t, 2>), grid,
                                   block, shared_bytes, stream, step)
                : PEREGRINE_LAUNCH((StepAttentionKernel<uint16_t, 4>), grid,
                                   block, shared_bytes, stream, step);
}

cudaError_t LaunchStep(const StepArguments<float>& step, bool narrow,
                       bool /*vector_keys*/, dim3 grid, dim3 block,
                       size_t shared_bytes, KernelStream stream) {
  return narrow ? PEREGRINE_LAUNCH((StepAttentionKernel<float, 2>), grid, block,
                                   shared_bytes, stream, step)
                : PEREGRINE_LAUNCH((StepAttentionKernel<float, 4>), grid, block,
                                   shared_bytes, stream, step);
}

template <class T>
cudaError_t RunStep(StepArguments<T> step, bool vector_keys, bool rows_follow,
                    KernelStream stream) {
  const bool narrow = step.value_dim <= 2 * kWarpSize;
  const int parts = CeilDiv(step.value_dim, (narrow ? 2 : 4) * kWarpSize);
  const dim3 items(CeilDiv(step.num_items, kWarps));
  const dim3 block(kWarpSize, kWarps);
  const size_t shared_bytes = sizeof(float) * kWarps * step.head_dim;
  step.store = step.new_keys != nullptr && parts == 1 && !rows_follow;
  if (step.new_keys != nullptr && !step.store) {
    // Warps of other parts, or of other rows, read what one has stored.
    const cudaError_t error =
        PEREGRINE_LAUNCH(StoreNewCellsKernel<T>, items, block, 0, stream, step);
    if (error != cudaSuccess) return error;
  }
  return LaunchStep(step, narrow, vector_keys && HasVectors(step),
                    dim3(items.x, parts), block, shared_bytes, stream);
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

// ---- The encoder: a block for a sequence, a head and some of its queries,
// which share tiles of keys and values in shared memory.

constexpr int kQueries = 4;                       // a warp
constexpr int kBlockQueries = kWarps * kQueries;  // a block
constexpr int kMaxTiledHead = 64;  // wider heads go the way of steps

struct EncoderArguments {
  const int32_t* offsets = nullptr;
  const float* qkv = nullptr;  // [tokens, 3 * width]
  float* context = nullptr;    // [tokens, width]
  int width = 0;
  int head_dim = 0;
  float scale = 1.0f;
  DistanceBias bias;
};

size_t EncoderSharedBytes(int head_dim) {
  return sizeof(float) * (kWarpSize * (head_dim + 1) + kWarpSize * head_dim +
                          kBlockQueries * head_dim);
}

template <int kValues>
__global__ void EncoderAttentionKernel(EncoderArguments arguments) {
  AwaitEarlierKernel();
  PEREGRINE_DYNAMIC_SHARED(shared);
  PEREGRINE_SHARED(float[kWarps][kQueries][kWarpSize], weights);
  const int head_dim = arguments.head_dim;
  const int key_stride = head_dim + 1;  // lanes read keys of different banks
  float* keys = reinterpret_cast<float*>(shared);
  float* values = keys + kWarpSize * key_stride;
  float* queries = values + kWarpSize * head_dim;

  const int sequence = blockIdx.x;
  const int head_begin = blockIdx.y * head_dim;
  const int begin = arguments.offsets[sequence];
  const int length = arguments.offsets[sequence + 1] - begin;
  const int first_query = blockIdx.z * kBlockQueries;
  if (first_query >= length) return;  // the whole block
  const int lane = threadIdx.x;
  const int warp = threadIdx.y;
  const int thread = warp * kWarpSize + lane;
  const size_t stride = 3 * static_cast<size_t>(arguments.width);
  const float* qkv = arguments.qkv + begin * stride + head_begin;

  // Queries past the end are computed as zeros and not stored.
  for (int i = thread; i < kBlockQueries * head_dim; i += kWarps * kWarpSize) {
    const int q = first_query + i / head_dim;
    queries[i] = q < length ? qkv[q * stride + i % head_dim] : 0.0f;
  }

  OnlineSoftmax softmax[kQueries];
  float mixed[kQueries][kValues] = {};
  for (int tile = 0; tile < length; tile += kWarpSize) {
    const int count = min(length - tile, kWarpSize);
    __syncthreads();  // all have read the tile before
    for (int i = thread; i < count * head_dim; i += kWarps * kWarpSize) {
      const int t = i / head_dim;
      const int column = i % head_dim;
      const float* row = qkv + (tile + t) * stride + column;
      keys[t * key_stride + column] = row[arguments.width];
      values[t * head_dim + column] = row[2 * arguments.width];
    }
    __syncthreads();
    for (int q = 0; q < kQueries; ++q) {
      float score = -INFINITY;
      if (lane < count) {
        const float* query = queries + (warp * kQueries + q) * head_dim;
        const float* key = keys + lane * key_stride;
        float dot = 0.0f;
        for (int i = 0; i < head_dim; ++i) dot = fmaf(query[i], key[i], dot);
        const int position = first_query + warp * kQueries + q;
        score =
            (dot + BiasAt(arguments.bias, blockIdx.y, tile + lane - position)) *
            arguments.scale;
      }
      float correction;
      weights[warp][q][lane] = softmax[q].Add(score, &correction);
      for (int j = 0; j < kValues; ++j) mixed[q][j] *= correction;
    }
    __syncwarp();
    for (int i = 0; i < count; ++i) {
      for (int j = 0; j < kValues; ++j) {
        const int column = j * kWarpSize + lane;
        const float value =
            column < head_dim ? values[i * head_dim + column] : 0.0f;
        for (int q = 0; q < kQueries; ++q) {
          mixed[q][j] = fmaf(weights[warp][q][i], value, mixed[q][j]);
        }
      }
    }
  }

  for (int q = 0; q < kQueries; ++q) {
    const float sum = WarpSum(softmax[q].sum);
    const int position = first_query + warp * kQueries + q;
    if (position >= length) continue;  // the same for all lanes
    float* context = arguments.context +
                     static_cast<size_t>(begin + position) * arguments.width +
                     head_begin;
    for (int j = 0; j < kValues; ++j) {
      const int column = j * kWarpSize + lane;
      if (column < head_dim) context[column] = mixed[q][j] / sum;
    }
  }
}

// For heads too wide for the tiles: a warp a token and head.
template <int kValues>
__global__ void WideEncoderAttentionKernel(EncoderArguments arguments,
                                           int num_sequences, int num_tokens,
                                           int num_heads) {
  AwaitEarlierKernel();
  PEREGRINE_DYNAMIC_SHARED(shared);
  PEREGRINE_SHARED(float[kWarps][kWarpSize], weights);
  const int lane = threadIdx.x;
  const int warp = threadIdx.y;
  const int item = blockIdx.x * kWarps + warp;
  if (item >= num_tokens * num_heads) return;
  const int token = item / num_heads;
  const int head_dim = arguments.head_dim;
  const int head_begin = item % num_heads * head_dim;
  const int part_begin = blockIdx.y * kValues * kWarpSize;
  const int part_end = min(part_begin + kValues * kWarpSize, head_dim);
  const size_t stride = 3 * static_cast<size_t>(arguments.width);

  // The last sequence that begins at or before the token.
  int low = 0;
  int high = num_sequences - 1;
  while (low < high) {
    const int middle = (low + high + 1) / 2;
    if (arguments.offsets[middle] <= token) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  const int begin = arguments.offsets[low];
  const int length = arguments.offsets[low + 1] - begin;

  float* query = reinterpret_cast<float*>(shared) + warp * head_dim;
  for (int i = lane; i < head_dim; i += kWarpSize) {
    query[i] = arguments.qkv[token * stride + head_begin + i];
  }
  __syncwarp();
  OnlineSoftmax softmax;
  float mixed[kValues] = {};
  for (int tile = 0; tile < length; tile += kWarpSize) {
    const int count = min(length - tile, kWarpSize);
    const float* first = arguments.qkv + (begin + tile) * stride + head_begin;
    float score = -INFINITY;
    if (lane < count) {
      const float* key = first + lane * stride + arguments.width;
      float dot = 0.0f;
      for (int i = 0; i < head_dim; ++i) dot = fmaf(query[i], key[i], dot);
      score = (dot + BiasAt(arguments.bias, item % num_heads,
                            tile + lane - (token - begin))) *
              arguments.scale;
    }
    float correction;
    weights[warp][lane] = softmax.Add(score, &correction);
    __syncwarp();
    for (int j = 0; j < kValues; ++j) mixed[j] *= correction;
    for (int i = 0; i < count; ++i) {
      const float* value = first + i * stride + 2 * arguments.width;
      for (int j = 0; j < kValues; ++j) {
        const int column = part_begin + j * kWarpSize + lane;
        if (column < part_end) {
          mixed[j] = fmaf(weights[warp][i], value[column], mixed[j]);
        }
      }
    }
    __syncwarp();
  }
  const float sum = WarpSum(softmax.sum);
  for (int j = 0; j < kValues; ++j) {
    const int column = part_begin + j * kWarpSize + lane;
    if (column < part_end) {
      arguments.context[static_cast<size_t>(token) * arguments.width +
                        head_begin + column] = mixed[j] / sum;
    }
  }
}

}  // namespace

cudaError_t EncoderAttention(HeadShape heads, const PackedSequences& sequences,
                             Matrix qkv, Matrix context, KernelStream stream) {
  EncoderArguments arguments;
  arguments.offsets = sequences.offsets;
  arguments.qkv = qkv.data;
  arguments.context = context.data;
  arguments.width = heads.width();
  arguments.head_dim = heads.head_dim;
  arguments.scale = 1.0f / sqrtf(static_cast<float>(heads.head_dim));
  arguments.bias = heads.bias;
  if (sequences.num_sequences == 0) return cudaSuccess;
  const dim3 block(kWarpSize, kWarps);
  if (heads.head_dim <= kMaxTiledHead) {
    const dim3 grid(sequences.num_sequences, heads.num_heads,
                    CeilDiv(sequences.max_length, kBlockQueries));
    const size_t shared_bytes = EncoderSharedBytes(heads.head_dim);
    return heads.head_dim <= kWarpSize
               ? PEREGRINE_LAUNCH(EncoderAttentionKernel<1>, grid, block,
                                  shared_bytes, stream, arguments)
               : PEREGRINE_LAUNCH(EncoderAttentionKernel<2>, grid, block,
                                  shared_bytes, stream, arguments);
  }
  const dim3 grid(CeilDiv(qkv.rows * heads.num_heads, kWarps),
                  CeilDiv(heads.head_dim, 4 * kWarpSize));
  return PEREGRINE_LAUNCH(WideEncoderAttentionKernel<4>, grid, block,
                          sizeof(float) * kWarps * heads.head_dim, stream,
                          arguments, sequences.num_sequences, qkv.rows,
                          heads.num_heads);
}

namespace {

template <class T>
cudaError_t RunSelfAttention(HeadShape heads, const StepRows& rows, Matrix qkv,
                             const KvCells& cache, Matrix context,
                             bool vector_keys, KernelStream stream) {
  StepArguments<T> step = StepOf<T>(heads, heads.width(), qkv, context);
  step.new_keys = qkv.data + heads.width();
  step.new_values = qkv.data + 2 * heads.width();
  SetTarget(rows, cache, &step);
  return RunStep(step, vector_keys, rows.rows_follow, stream);
}

template <class T>
cudaError_t RunCrossAttention(HeadShape heads, const SourceSpans& spans,
                              Matrix queries, const KvCells& cache,
                              Matrix context, bool vector_keys,
                              KernelStream stream) {
  StepArguments<T> step = StepOf<T>(heads, heads.width(), queries, context);
  SetSource(spans, cache, &step);
  return RunStep(step, vector_keys, /*rows_follow=*/false, stream);
}

template <class T>
cudaError_t RunCompressedAttention(HeadShape heads,
                                   const CompressedCells& cells,
                                   Matrix projected, Matrix context,
                                   bool vector_keys, KernelStream stream) {
  StepArguments<T> step = StepOf<T>(heads, context.cols, projected, context);
  step.new_keys = projected.data + heads.width();
  step.new_values = projected.data + 2 * heads.width();
  step.inner = projected.data + 2 * heads.width() + context.cols;
  SetSource(cells.spans, cells.source, &step);
  SetTarget(cells.rows, cells.target, &step);
  return RunStep(step, vector_keys, cells.rows.rows_follow, stream);
}

}  // namespace

cudaError_t SelfAttentionStep(HeadShape heads, const StepRows& rows, Matrix qkv,
                              const KvCells& cache, Matrix context,
                              bool vector_keys, KernelStream stream) {
  return cache.bfloat16_keys == nullptr
             ? RunSelfAttention<float>(heads, rows, qkv, cache, context,
                                       vector_keys, stream)
             : RunSelfAttention<uint16_t>(heads, rows, qkv, cache, context,
                                          vector_keys, stream);
}

cudaError_t CrossAttentionStep(HeadShape heads, const SourceSpans& spans,
                               Matrix queries, const KvCells& cache,
                               Matrix context, bool vector_keys,
                               KernelStream stream) {
  return cache.bfloat16_keys == nullptr
             ? RunCrossAttention<float>(heads, spans, queries, cache, context,
                                        vector_keys, stream)
             : RunCrossAttention<uint16_t>(heads, spans, queries, cache,
                                           context, vector_keys, stream);
}

cudaError_t CompressedAttentionStep(HeadShape heads,
                                    const CompressedCells& cells,
                                    Matrix projected, Matrix context,
                                    bool vector_keys, KernelStream stream) {
  return cells.target.bfloat16_keys == nullptr
             ? RunCompressedAttention<float>(heads, cells, projected, context,
                                             vector_keys, stream)
             : RunCompressedAttention<uint16_t>(heads, cells, projected,
                                                context, vector_keys, stream);
}

}  // namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE
