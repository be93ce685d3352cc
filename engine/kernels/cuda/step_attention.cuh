#ifndef PEREGRINE_ENGINE_KERNELS_CUDA_STEP_ATTENTION_CUH_
#define PEREGRINE_ENGINE_KERNELS_CUDA_STEP_ATTENTION_CUH_

#include "engine/kernels/cuda/attention.cuh"

// What an attention step is given, and where the positions of its rows are.
namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE {

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

}  // namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE

#endif  // PEREGRINE_ENGINE_KERNELS_CUDA_STEP_ATTENTION_CUH_
