// Attention inside packed sequences: a block for a sequence, a head and some of
// its queries, which share tiles of keys and values in shared memory.

#include "engine/kernels/cuda/attention.cuh"

namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE {
namespace {

constexpr int kWarps = kAttentionWarps;
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

}  // namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE
