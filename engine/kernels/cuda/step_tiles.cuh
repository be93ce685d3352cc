#ifndef PEREGRINE_ENGINE_KERNELS_CUDA_STEP_TILES_CUH_
#define PEREGRINE_ENGINE_KERNELS_CUDA_STEP_TILES_CUH_

#include "engine/kernels/cuda/step_attention.cuh"

// Three ways in which a warp reads the keys and values of a tile of 32
// positions in an attention step. Each has
//   Begin()      before the first tile;
//   Dot(...)     this lane's dot product of query and key, 0 where it has none,
//                and where its value is; all lanes call it;
//   AwaitValues  before a barrier of the warp, behind which values are read;
//   End(...)     behind the last barrier of a tile.
namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE {

// What one warp attends to: a row, a head, and a part of the head's value.
template <class T>
struct StepTask {
  Positions<T> source;
  Positions<T> target;
  int length = 0;  // of both
  int head_dim = 0;
  int key_begin = 0;    // of the head, in a key
  int value_begin = 0;  // of the part, in a value
  int part_width = 0;
  const float* query = nullptr;  // in shared memory

  // The source's positions, then the target's. Not by a reference to one of the
  // two, which would keep both in memory.
  __device__ const T* Key(int t) const {
    return (t < source.length ? source.Key(t) : target.Key(t - source.length)) +
           key_begin;
  }
  __device__ const T* Value(int t) const {
    return (t < source.length ? source.Value(t)
                              : target.Value(t - source.length)) +
           value_begin;
  }
  __device__ int Count(int begin) const {
    return max(min(length - begin, kWarpSize), 0);
  }
};

// Each lane reads the whole key of one position, and values where they are.
template <class T>
struct TilesByLane {
  const StepTask<T>& task;

  __device__ void Begin() const {}
  __device__ float Dot(int begin, float* /*dots*/, const T** value) const {
    const int lane = threadIdx.x;
    if (lane >= task.Count(begin)) return 0.0f;
    *value = task.Value(begin + lane);
    const T* key = task.Key(begin + lane);
    float dot = 0.0f;
    for (int i = 0; i < task.head_dim; ++i) {
      dot = fmaf(task.query[i], Widen(key[i]), dot);
    }
    return dot;
  }
  __device__ void AwaitValues() const {}
  __device__ void End(int /*begin*/) const {}
};

constexpr int kCellVector = 8;  // elements of 16 bytes

// The dot product with such a vector of a key, in the order of its elements.
__device__ inline float DotOfVector(const float* query, const uint16_t* key,
                                    float dot) {
  const uint4 vector = *reinterpret_cast<const uint4*>(key);
  const uint32_t words[] = {vector.x, vector.y, vector.z, vector.w};
  PEREGRINE_UNROLL
  for (int i = 0; i < 4; ++i) {
    dot = fmaf(query[2 * i], __uint_as_float(words[i] << 16), dot);
    dot = fmaf(query[2 * i + 1], __uint_as_float(words[i] & 0xffff0000u), dot);
  }
  return dot;
}

// The same with 16 bytes a lane, so that as many lanes as a head has vectors
// share a key, which lies in one or two lines of memory. Sums in another order.
// A head must have 1, 2, 4, ... or 32 vectors, and each must be aligned.
struct TilesByVector {
  const StepTask<uint16_t>& task;

  __device__ void Begin() const {}
  __device__ float Dot(int begin, float* dots, const uint16_t** value) const {
    const int lane = threadIdx.x;
    const int count = task.Count(begin);
    const int lanes = task.head_dim / kCellVector;  // that share a key
    const int part = lane % lanes * kCellVector;
    for (int first = 0; first < count; first += kWarpSize / lanes) {
      const int i = first + lane / lanes;
      float dot = 0.0f;
      if (i < count) {
        dot = DotOfVector(task.query + part, task.Key(begin + i) + part, 0.0f);
      }
      for (int apart = 1; apart < lanes; apart *= 2) {
        dot += __shfl_xor_sync(kFullWarp, dot, apart);
      }
      if (part == 0 && i < count) dots[i] = dot;
    }
    __syncwarp();
    if (lane >= count) return 0.0f;
    *value = task.Value(begin + lane);
    return dots[lane];
  }
  __device__ void AwaitValues() const {}
  __device__ void End(int /*begin*/) const {}
};

// Keys and values are copied to shared memory, all of a tile at once: its
// values while its keys are multiplied, the next tile's keys while its values
// are summed. The bits of TilesByLane. Rows of keys lie a vector further apart
// than they are long, so that lanes read different banks.
struct TilesAhead {
  const StepTask<uint16_t>& task;
  uint16_t* keys = nullptr;               // [32, key_stride]
  uint16_t* values = nullptr;             // [32, part_width]
  const uint16_t** key_rows = nullptr;    // [32]: where they come from
  const uint16_t** value_rows = nullptr;  // [32]

  __device__ int key_stride() const { return task.head_dim + kCellVector; }

  __device__ void Begin() const {
    FetchKeys(0);
    FetchValues(0);
  }
  __device__ float Dot(int begin, float* /*dots*/,
                       const uint16_t** value) const {
    const int lane = threadIdx.x;
    __pipeline_wait_prior(1);  // but for the values
    __syncwarp();
    float dot = 0.0f;
    if (lane < task.Count(begin)) {
      *value = values + lane * task.part_width;
      const uint16_t* key = keys + lane * key_stride();
      for (int i = 0; i < task.head_dim; i += kCellVector) {
        dot = DotOfVector(task.query + i, key + i, dot);
      }
    }
    __syncwarp();  // all have read the keys
    FetchKeys(begin + kWarpSize);
    return dot;
  }
  __device__ void AwaitValues() const { __pipeline_wait_prior(1); }
  __device__ void End(int begin) const { FetchValues(begin + kWarpSize); }

  __device__ void FetchKeys(int begin) const {
    const int lane = threadIdx.x;
    const int count = task.Count(begin);
    if (lane < count) key_rows[lane] = task.Key(begin + lane);
    __syncwarp();
    Fetch(key_rows, count, task.head_dim, key_stride(), keys);
  }
  __device__ void FetchValues(int begin) const {
    const int lane = threadIdx.x;
    const int count = task.Count(begin);
    if (lane < count) value_rows[lane] = task.Value(begin + lane);
    __syncwarp();
    Fetch(value_rows, count, task.part_width, task.part_width, values);
  }
  // A group of copies, which may be empty.
  static __device__ void Fetch(const uint16_t* const* rows, int count,
                               int width, int stride, uint16_t* to) {
    const int vectors = width / kCellVector;  // of a row
    for (int i = threadIdx.x; i < count * vectors; i += kWarpSize) {
      const int column = i % vectors * kCellVector;
      __pipeline_memcpy_async(to + i / vectors * stride + column,
                              rows[i / vectors] + column,
                              kCellVector * sizeof(uint16_t));
    }
    __pipeline_commit();
  }
};

}  // namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE

#endif  // PEREGRINE_ENGINE_KERNELS_CUDA_STEP_TILES_CUH_
