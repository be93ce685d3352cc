#ifndef PEREGRINE_ENGINE_KERNELS_CUDA_CUDA_DEVICE_H_
#define PEREGRINE_ENGINE_KERNELS_CUDA_CUDA_DEVICE_H_

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "engine/kernels/cuda/arena.h"
#include "engine/kernels/cuda/matrix_library.h"
#include "engine/kernels/cuda/runtime.h"
#include "engine/kernels/kernels.h"

namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE {

// `what` failed with `error`: RESOURCE_EXHAUSTED for want of memory, else
// UNAVAILABLE, since another worker may do what this device cannot.
absl::Status ToStatus(cudaError_t error, const std::string& what);

// A moment in the work of a stream. Who waits for it sleeps: the CUDA runtime
// would spin, and a server has a waiting thread for each worker.
class Event {
 public:
  explicit Event(cudaEvent_t event) : event_(event) {}
  ~Event() { cudaEventDestroy(event_); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  cudaError_t Record(cudaStream_t stream) const {
    return cudaEventRecord(event_, stream);
  }
  cudaError_t Synchronize() const { return cudaEventSynchronize(event_); }
  cudaEvent_t get() const { return event_; }

 private:
  const cudaEvent_t event_;
};

// A queue of work for the device; belongs to one CudaKernels and outlives it as
// long as buffers that its work may touch. Not thread-safe.
class Stream {
 public:
  // `end` is an event of the same device.
  Stream(cudaStream_t stream, std::unique_ptr<const Event> end)
      : stream_(stream), end_(std::move(end)) {}
  ~Stream() { cudaStreamDestroy(stream_); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  cudaStream_t get() const { return stream_; }
  // Waits for all that it was given.
  cudaError_t Synchronize() const;

 private:
  const cudaStream_t stream_;
  const std::unique_ptr<const Event> end_;
};

// One GPU and its memory, shared by all models, sessions and workers there.
// Thread-safe.
class CudaDevice : public std::enable_shared_from_this<CudaDevice> {
 public:
  enum class Memory {
    kArena,     // one piece, taken at the start
    kSeparate,  // every allocation by itself: for memory checkers
  };

  // UNAVAILABLE: no driver; NOT_FOUND: no such device; RESOURCE_EXHAUSTED with
  // both figures: less than `memory_bytes` is free. 0: nine tenths of what is.
  static absl::StatusOr<std::shared_ptr<CudaDevice>> Create(
      int index, size_t memory_bytes, Memory memory = Memory::kArena);

  // The same, but one for the process as long as anyone uses it.
  static absl::StatusOr<std::shared_ptr<CudaDevice>> Shared(
      int index, size_t memory_bytes);

  // Those of Shared that anyone uses now.
  static std::vector<std::shared_ptr<CudaDevice>> InUse();

  ~CudaDevice();
  CudaDevice(const CudaDevice&) = delete;
  CudaDevice& operator=(const CudaDevice&) = delete;

  const std::string& name() const { return name_; }  // "cuda:0"
  int index() const { return index_; }
  // Makes it the calling thread's; every thread must, before anything else.
  cudaError_t Use() const;

  absl::StatusOr<std::shared_ptr<const Stream>> NewStream();
  enum class Timing { kNone, kForStopwatch };
  absl::StatusOr<std::unique_ptr<const Event>> NewEvent(
      Timing timing = Timing::kNone);

  // Freed when the work of `stream` so far is done. RESOURCE_EXHAUSTED says how
  // much was wanted, is in use and is there.
  absl::StatusOr<std::unique_ptr<Buffer>> Allocate(
      size_t bytes, std::shared_ptr<const Stream> stream);

  // cuBLASLt on this device, loaded by the first call; null: there is none.
  MatrixLibrary* library();
  // Its name and version; or why there is none.
  absl::StatusOr<std::string> LibraryName();

  // For metrics: see kernels::GpuMemory. Both 0 for Memory::kSeparate.
  size_t memory_bytes() const { return capacity_; }
  size_t memory_bytes_in_use() const;

 private:
  class ArenaBuffer;
  class SeparateBuffer;

  CudaDevice(int index, Memory memory);
  absl::Status Start(size_t memory_bytes);

  const int index_;
  const std::string name_;
  const Memory memory_;
  void* data_ = nullptr;  // of the arena
  size_t capacity_ = 0;
  mutable absl::Mutex mutex_;
  std::unique_ptr<Arena> arena_ ABSL_GUARDED_BY(mutex_);
  // Null: it was not looked for.
  std::unique_ptr<absl::StatusOr<std::unique_ptr<MatrixLibrary>>> library_
      ABSL_GUARDED_BY(mutex_);
};

// cuBLASLt, its name and version: as the device of this number has it where one
// is in use, else as this process can load it. UNAVAILABLE says why it cannot.
absl::StatusOr<std::string> LibraryName(int index);

// See kernels::DescribeGpus.
absl::StatusOr<std::vector<std::string>> DescribeGpus();

}  // namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE

#endif  // PEREGRINE_ENGINE_KERNELS_CUDA_CUDA_DEVICE_H_
