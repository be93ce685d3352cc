#ifndef PEREGRINE_ENGINE_KERNELS_DEVICE_H_
#define PEREGRINE_ENGINE_KERNELS_DEVICE_H_

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/kernels/kernels.h"

namespace peregrine::kernels {

// Ways to compute on a GPU that wait to be measured on one (docs/gpu.md): all
// off unless a benchmark asks for them.
struct GpuTuning {
  // Attention steps read keys 16 bytes at a time, several lanes a cell.
  bool vector_keys = false;
  // They copy tiles of keys and values to shared memory ahead (cp.async); the
  // same bits as without. In place of vector_keys, where cells allow it.
  bool keys_ahead = false;
  // Several blocks look for the best tokens of a row.
  bool split_top_k = false;
  // Products of few rows copy the next tiles of a weight to shared memory while
  // they multiply (cp.async).
  bool tiles_ahead = false;
  // A kernel may begin before the one ahead of it has ended (programmatic
  // dependent launch; devices of compute capability 9.0 and later).
  bool dependent_launch = false;
  // A norm is taken on the way into the product behind it; the same bits.
  bool fused_norms = false;
  // A step comes to the device in one copy, not in three.
  bool one_upload = false;
  // Linear layers may be in int8 and float8.
  bool eight_bits = false;
  int max_graphs = 64;  // captured steps that are kept
};

// Names of the above, as "vector-keys,one-upload,graphs=256"; empty: none.
// INVALID_ARGUMENT names what was given and what exists.
absl::StatusOr<GpuTuning> ParseGpuTuning(absl::string_view names);
// "'vector-keys', ... or 'graphs=N'", for people.
std::string GpuTuningNames();

// What computes: the plain loops of reference/ (the oracle of all tests), the
// optimised cpu/, or that with the matrix products of oneDNN, or an NVIDIA GPU.
struct Device {
  enum class Kind { kReference, kCpu, kCpuOneDnn, kCuda };

  static const Device kReference;
  static const Device kCpu;
  static const Device kCpuOneDnn;

  Kind kind = Kind::kCpu;
  int index = 0;  // of kCuda: which one
  // Of kCuda: memory that all models and sessions there share, taken when the
  // first comes. 0: nine tenths of what is free then.
  size_t memory_bytes = 0;
  // Of kCuda: all products by own kernels, none by cuBLASLt.
  bool own_products = false;
  GpuTuning tuning{};  // of kCuda
  // Of kCpu: of each Kernels, the calling one among them; the bits are the same
  // with any number.
  int num_threads = 1;
};

inline constexpr Device Device::kReference{Device::Kind::kReference};
inline constexpr Device Device::kCpu{Device::Kind::kCpu};
inline constexpr Device Device::kCpuOneDnn{Device::Kind::kCpuOneDnn};

// Whether they compute alike and in the same place.
inline bool operator==(const Device& a, const Device& b) {
  return a.kind == b.kind && a.index == b.index &&
         a.own_products == b.own_products;
}
inline bool operator!=(const Device& a, const Device& b) { return !(a == b); }

// "reference", "cpu", "cpu-onednn", "cuda:N" or "cuda-own:N", the same without
// cuBLASLt; "cuda" is cuda:0.
// INVALID_ARGUMENT names what was given and what exists. That a GPU is there is
// for MakeKernels to see.
absl::StatusOr<Device> ParseDevice(absl::string_view name);

// Kernels for the calling thread's use; one per worker. UNIMPLEMENTED,
// UNAVAILABLE or NOT_FOUND where there is no such GPU: built without CUDA, no
// driver, no device of this number.
absl::StatusOr<std::unique_ptr<Kernels>> MakeKernels(const Device& device);

// The GPUs that this process can use, for people: "cuda:0: NVIDIA H200, 139
// GiB, compute capability 9.0"; or why there is none.
absl::StatusOr<std::vector<std::string>> DescribeGpus();

// What multiplies by the weights of a model on `device`, for people: "own
// kernels", "oneDNN 2.6.3", "cuBLASLt 13.1.0 (libcublasLt.so.13) and own
// kernels", or "own kernels (cuBLASLt: found none of ...)".
std::string DescribeProducts(const Device& device);

}  // namespace peregrine::kernels

#endif  // PEREGRINE_ENGINE_KERNELS_DEVICE_H_
