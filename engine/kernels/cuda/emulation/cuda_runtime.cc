#include "engine/kernels/cuda/emulation/cuda_runtime.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "engine/base/check.h"
#include "engine/kernels/cuda/emulation/device_memory.h"
#include "engine/kernels/cuda/emulation/resources.h"

namespace cuda_emulation {
namespace {

using Operation = std::function<void()>;

constexpr int kRuntimeVersion = 13000;
constexpr int kMaxRegisters = 255;         // of a thread
constexpr int kBlockRegisters = 64 << 10;  // of a block
constexpr int kRegistersOfWarp = 256;      // come in multiples of these

std::atomic<int> failure{cudaSuccess};
std::atomic<int> driver_version{kRuntimeVersion};
std::atomic<int64_t> graph_launches, direct_launches, captures, allocations,
    copies_to_device, copies_to_host, waits, spinning_waits;

std::mutex kernel_counts_mutex;
std::map<std::string, int64_t> kernel_counts;

thread_local int current_device = 0;

cudaError_t Failure() { return static_cast<cudaError_t>(failure.load()); }

cudaError_t Allocate(void** data, size_t bytes, int device) {
  if (Failure() != cudaSuccess) return Failure();
  ++allocations;
  *data = AllocateMemory(bytes, device);
  return *data == nullptr ? cudaErrorMemoryAllocation : cudaSuccess;
}

// "StepAttentionKernel" of "(StepAttentionKernel<T, 2>), grid, ...".
std::string KernelName(const char* code) {
  const std::string text = code + (code[0] == '(' ? 1 : 0);
  return text.substr(0, text.find_first_of("<,"));
}

bool HasRegisters(const std::string& kernel, int threads) {
  const int warps = (threads + 31) / 32;
  const int of_warp = RegistersOf(kernel) * 32;
  const int granted =
      (of_warp + kRegistersOfWarp - 1) / kRegistersOfWarp * kRegistersOfWarp;
  return warps * granted <= kBlockRegisters;
}

}  // namespace

struct Graph {
  int device = 0;
  std::vector<Operation> operations;
};

struct Stream {
  int device = 0;
  std::deque<Operation> pending;
  std::unique_ptr<Graph> capture;
  int64_t events = 0;   // recorded
  int64_t reached = 0;  // the last of them that has come

  void RunNext() {
    const DeviceAtWork at_work(device);
    pending.front()();
    pending.pop_front();
  }
};

struct Event {
  int device = 0;
  unsigned flags = 0;
  Stream* stream = nullptr;
  int64_t number = 0;  // of its stream
  std::shared_ptr<std::chrono::steady_clock::time_point> time;
};

cudaError_t Enqueue(Operation operation, cudaStream_t stream) {
  if (Failure() != cudaSuccess) return Failure();
  if (stream->capture != nullptr) {
    stream->capture->operations.push_back(std::move(operation));
  } else {
    stream->pending.push_back(std::move(operation));
  }
  return cudaSuccess;
}

cudaError_t Launch(const char* name, Operation kernel, dim3 grid, dim3 block,
                   size_t shared_bytes, cudaStream_t stream, bool dependent) {
  const Extent blocks = {grid.x, grid.y, grid.z};
  const Extent threads = {block.x, block.y, block.z};
  if (grid.y > 65535 || grid.z > 65535 ||
      shared_bytes > SharedMemory::kMaxBytes ||
      threads.count() > kMaxBlockThreads) {
    return cudaErrorInvalidValue;
  }
  if (stream->device != current_device) return cudaErrorInvalidResourceHandle;
  const std::string short_name = KernelName(name);
  if (!HasRegisters(short_name, static_cast<int>(threads.count()))) {
    return cudaErrorLaunchOutOfResources;
  }
  if (stream->capture == nullptr) ++direct_launches;
  const KernelLaunch launch = {name,    std::move(kernel), blocks,
                               threads, shared_bytes,      dependent};
  return Enqueue(
      [launch, short_name] {
        {
          const std::lock_guard<std::mutex> lock(kernel_counts_mutex);
          ++kernel_counts[short_name];
        }
        RunGrid(launch);
      },
      stream);
}

int RegistersOf(const std::string& kernel) {
  static const auto& registers = *new std::map<std::string, int>([] {
    std::map<std::string, int> most;
    for (const KernelResources& resources : kKernelResources) {
      int& found = most[resources.kernel];
      found = std::max(found, resources.registers);
    }
    return most;
  }());
  const auto found = registers.find(kernel);
  return found == registers.end() ? kMaxRegisters : found->second;
}

Counts CountsSoFar() {
  return {graph_launches,   direct_launches, captures, allocations,
          copies_to_device, copies_to_host,  waits,    spinning_waits};
}

std::map<std::string, int64_t> TakeKernelCounts() {
  const std::lock_guard<std::mutex> lock(kernel_counts_mutex);
  return std::exchange(kernel_counts, {});
}

void FailWith(cudaError_t error) { failure = error; }
void SetDriverVersion(int version) { driver_version = version; }

}  // namespace cuda_emulation

using namespace cuda_emulation;  // NOLINT: these are its functions

// ---- Devices

cudaError_t cudaDriverGetVersion(int* version) {
  *version = driver_version;
  return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = kRuntimeVersion;
  return cudaSuccess;
}

cudaError_t cudaGetDeviceCount(int* count) {
  *count = 0;
  if (driver_version < kRuntimeVersion) return cudaErrorInsufficientDriver;
  *count = kNumDevices;
  return Failure();
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  if (device < 0 || device >= kNumDevices) return cudaErrorInvalidDevice;
  *properties = {};
  std::strcpy(properties->name, "emulated");
  properties->major = 9;
  properties->totalGlobalMem = size_t{1} << 34;
  return Failure();
}

cudaError_t cudaSetDevice(int device) {
  if (device < 0 || device >= kNumDevices) return cudaErrorInvalidDevice;
  current_device = device;
  return Failure();
}

cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  *free = *total = size_t{1} << 34;
  return Failure();
}

const char* cudaGetErrorString(cudaError_t error) {
  switch (error) {
    case cudaErrorLaunchOutOfResources:
      return "too many resources requested for launch";
    case cudaErrorInvalidResourceHandle:
      return "invalid resource handle";
    case cudaErrorInvalidValue:
      return "invalid argument";
    default:
      return "an injected error";
  }
}
const char* cudaGetErrorName(cudaError_t) { return "cudaErrorInjected"; }
cudaError_t cudaGetLastError() { return Failure(); }

// ---- Memory

cudaError_t cudaMalloc(void** data, size_t bytes) {
  return Allocate(data, bytes, current_device);
}
cudaError_t cudaFree(void* data) {
  FreeMemory(data);
  return cudaSuccess;
}
cudaError_t cudaHostAlloc(void** data, size_t bytes, unsigned) {
  return Allocate(data, bytes, kHostMemory);
}
cudaError_t cudaFreeHost(void* data) { return cudaFree(data); }

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes,
                            cudaMemcpyKind kind, cudaStream_t stream) {
  const bool to_device = kind != cudaMemcpyDeviceToHost;
  const bool from_device = kind != cudaMemcpyHostToDevice;
  if (IsDeviceMemory(to, bytes) != to_device ||
      IsDeviceMemory(from, bytes) != from_device) {
    return cudaErrorInvalidValue;
  }
  if (kind == cudaMemcpyHostToDevice) ++copies_to_device;
  if (kind == cudaMemcpyDeviceToHost) ++copies_to_host;
  return Enqueue([=] { CopyBytes(to, from, bytes); }, stream);
}

cudaError_t cudaMemsetAsync(void* to, int value, size_t bytes,
                            cudaStream_t stream) {
  if (!IsDeviceMemory(to, bytes)) return cudaErrorInvalidValue;
  return Enqueue([=] { SetBytes(to, value, bytes); }, stream);
}

// ---- Streams and events

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  if (Failure() != cudaSuccess) return Failure();
  *stream = new Stream;
  (*stream)->device = current_device;
  return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  delete stream;
  return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  ++waits;
  ++spinning_waits;
  PEREGRINE_CHECK(stream->capture == nullptr) << "waited for while captured";
  while (Failure() == cudaSuccess && !stream->pending.empty()) {
    stream->RunNext();
  }
  if (Failure() != cudaSuccess) stream->pending.clear();
  return Failure();
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
  if (Failure() != cudaSuccess) return Failure();
  *event = new Event;
  (*event)->device = current_device;
  (*event)->flags = flags;
  return cudaSuccess;
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete event;
  return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  if (event->device != stream->device) return cudaErrorInvalidResourceHandle;
  event->stream = stream;
  event->number = ++stream->events;
  event->time = std::make_shared<std::chrono::steady_clock::time_point>();
  return Enqueue(
      [stream, number = event->number, time = event->time] {
        stream->reached = number;
        *time = std::chrono::steady_clock::now();
      },
      stream);
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  if ((event->flags & cudaEventBlockingSync) == 0) ++spinning_waits;
  Stream* const stream = event->stream;
  if (stream == nullptr) return Failure();
  if (event->number == stream->events) ++waits;
  while (Failure() == cudaSuccess && stream->reached < event->number) {
    stream->RunNext();
  }
  if (Failure() != cudaSuccess) stream->pending.clear();
  return Failure();
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
  if (Failure() != cudaSuccess) return Failure();
  return event->stream == nullptr || event->stream->reached >= event->number
             ? cudaSuccess
             : cudaErrorNotReady;
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t begin,
                                 cudaEvent_t end) {
  if (Failure() != cudaSuccess) return Failure();
  for (const Event* event : {begin, end}) {
    if ((event->flags & cudaEventDisableTiming) != 0 ||
        event->time == nullptr) {
      return cudaErrorInvalidResourceHandle;
    }
    if (event->stream->reached < event->number) return cudaErrorNotReady;
  }
  *milliseconds =
      std::chrono::duration<float, std::milli>(*end->time - *begin->time)
          .count();
  return cudaSuccess;
}

// ---- Graphs

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  ++captures;
  stream->capture = std::make_unique<Graph>();
  stream->capture->device = stream->device;
  return Failure();
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  *graph = stream->capture.release();
  return Failure();
}

cudaError_t cudaGraphInstantiateWithFlags(cudaGraphExec_t* exec,
                                          cudaGraph_t graph,
                                          unsigned long long) {
  *exec = new Graph(*graph);
  return Failure();
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream) {
  if (exec->device != stream->device) return cudaErrorInvalidResourceHandle;
  ++graph_launches;
  for (const Operation& operation : exec->operations) {
    if (const cudaError_t error = Enqueue(operation, stream)) return error;
  }
  return Failure();
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return cudaSuccess;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) {
  delete exec;
  return cudaSuccess;
}
