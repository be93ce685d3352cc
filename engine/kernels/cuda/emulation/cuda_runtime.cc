#include "engine/kernels/cuda/emulation/cuda_runtime.h"

#include <setjmp.h>
#include <ucontext.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "engine/base/check.h"
#include "engine/kernels/host_buffer.h"

thread_local dim3 threadIdx, blockIdx, blockDim, gridDim;

namespace cuda_emulation {
namespace {

using Operation = std::function<void()>;
using peregrine::kernels::AllocateHostBuffer;
using peregrine::kernels::Buffer;

constexpr int kWarpSize = 32;
constexpr int kMaxBlockThreads = 1024;
constexpr size_t kStackBytes = 128 << 10;

std::atomic<int> failure{cudaSuccess};
std::atomic<int64_t> graph_launches, direct_launches, captures, allocations,
    waits;

cudaError_t Failure() { return static_cast<cudaError_t>(failure.load()); }

// Runs the threads of a block one at a time, each until it ends or waits at a
// barrier. Their stacks are kept from block to block.
class BlockRunner {
 public:
  void Run(const Operation& kernel, int num_threads, size_t shared_bytes) {
    PEREGRINE_CHECK(num_threads <= kMaxBlockThreads) << num_threads;
    kernel_ = &kernel;
    num_threads_ = num_threads;
    // Not a number in every type: what is read was written before.
    shared_.assign(shared_bytes / sizeof(uint4) + 1, {~0u, ~0u, ~0u, ~0u});
    while (static_cast<int>(threads_.size()) < num_threads) AddThread();
    for (int t = 0; t < num_threads; ++t) threads_[t]->state = State::kReady;
    while (RunReady()) Release();
  }

  void Wait(bool whole_block) {
    Thread& thread = *threads_[current_];
    thread.state = whole_block ? State::kAtBlockBarrier : State::kAtWarpBarrier;
    Yield(thread);
  }

  uint32_t ShuffleXor(uint32_t bits, int lanes) {
    Thread& thread = *threads_[current_];
    const int parity = thread.shuffles++ & 1;
    thread.exchange[parity] = bits;
    Wait(/*whole_block=*/false);
    return threads_[current_ ^ lanes]->exchange[parity];
  }

  unsigned char* shared() {
    return reinterpret_cast<unsigned char*>(shared_.data());
  }
  int current() const { return current_; }

 private:
  enum class State { kReady, kAtWarpBarrier, kAtBlockBarrier, kDone };
  struct Thread {
    State state = State::kDone;
    uint32_t shuffles = 0;
    uint32_t exchange[2] = {};
    bool started = false;
    ucontext_t start;
    jmp_buf resume;
    std::unique_ptr<Buffer> stack;
  };

  void AddThread() {
    auto thread = std::make_unique<Thread>();
    thread->stack = AllocateHostBuffer(kStackBytes).value();
    getcontext(&thread->start);
    thread->start.uc_stack.ss_sp = thread->stack->data();
    thread->start.uc_stack.ss_size = kStackBytes;
    thread->start.uc_link = nullptr;
    makecontext(&thread->start, &BlockRunner::ThreadMain, 0);
    threads_.push_back(std::move(thread));
  }

  static void ThreadMain();

  void Yield(Thread& thread) {
    if (_setjmp(thread.resume) == 0) _longjmp(scheduler_, 1);
  }

  void Resume(int t) {
    Thread& thread = *threads_[t];
    current_ = t;
    threadIdx.x = t % blockDim.x;
    threadIdx.y = t / blockDim.x % blockDim.y;
    threadIdx.z = t / (blockDim.x * blockDim.y);
    if (_setjmp(scheduler_) != 0) return;
    if (!thread.started) {
      thread.started = true;
      setcontext(&thread.start);
    }
    _longjmp(thread.resume, 1);
  }

  // Runs every thread that can, once: in turn upwards and downwards, so that
  // neither order hides that a barrier is missing. False when all have ended.
  bool RunReady() {
    bool live = false;
    downwards_ = !downwards_;
    for (int i = 0; i < num_threads_; ++i) {
      const int t = downwards_ ? num_threads_ - 1 - i : i;
      if (threads_[t]->state == State::kReady) Resume(t);
      live = live || threads_[t]->state != State::kDone;
    }
    return live;
  }

  // Opens the barriers that all have reached; there must be one.
  void Release() {
    bool released = false;
    for (int begin = 0; begin < num_threads_; begin += kWarpSize) {
      const int end = std::min(begin + kWarpSize, num_threads_);
      released |= ReleaseIfAll(begin, end, State::kAtWarpBarrier);
    }
    if (!released)
      released = ReleaseIfAll(0, num_threads_, State::kAtBlockBarrier);
    PEREGRINE_CHECK(released)
        << "threads of a block wait at different barriers, or have ended";
  }

  // A warp's barrier needs all its lanes; the block's only those not ended
  // (as on devices), though none of ours relies on it.
  bool ReleaseIfAll(int begin, int end, State state) {
    for (int t = begin; t < end; ++t) {
      if (threads_[t]->state != state) return false;
    }
    for (int t = begin; t < end; ++t) threads_[t]->state = State::kReady;
    return true;
  }

  const Operation* kernel_ = nullptr;
  int num_threads_ = 0;
  int current_ = 0;
  bool downwards_ = false;
  jmp_buf scheduler_;
  std::vector<uint4> shared_;
  std::vector<std::unique_ptr<Thread>> threads_;
};

thread_local BlockRunner runner;

void BlockRunner::ThreadMain() {
  while (true) {
    (*runner.kernel_)();
    Thread& thread = *runner.threads_[runner.current_];
    thread.state = State::kDone;
    runner.Yield(thread);
  }
}

void RunGrid(const Operation& kernel, dim3 grid, dim3 block,
             size_t shared_bytes) {
  gridDim = grid;
  blockDim = block;
  for (unsigned z = 0; z < grid.z; ++z) {
    for (unsigned y = 0; y < grid.y; ++y) {
      for (unsigned x = 0; x < grid.x; ++x) {
        blockIdx = dim3(x, y, z);
        runner.Run(kernel, block.x * block.y * block.z, shared_bytes);
      }
    }
  }
}

// The allocations of the process, for freeing them.
std::mutex buffers_mutex;
std::map<void*, std::unique_ptr<Buffer>> buffers;

cudaError_t Allocate(void** data, size_t bytes) {
  if (Failure() != cudaSuccess) return Failure();
  ++allocations;
  auto buffer = AllocateHostBuffer(bytes);
  if (!buffer.ok()) return cudaErrorMemoryAllocation;
  *data = (*buffer)->data();
  const std::lock_guard<std::mutex> lock(buffers_mutex);
  buffers[*data] = *std::move(buffer);
  return cudaSuccess;
}

cudaError_t Free(void* data) {
  const std::lock_guard<std::mutex> lock(buffers_mutex);
  buffers.erase(data);
  return cudaSuccess;
}

}  // namespace

struct Graph {
  std::vector<Operation> operations;
};

struct Stream {
  std::deque<Operation> pending;
  std::unique_ptr<Graph> capture;
  int64_t events = 0;   // recorded
  int64_t reached = 0;  // the last of them that has come
};

struct Event {
  Stream* stream = nullptr;
  int64_t number = 0;  // of its stream
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

cudaError_t Launch(Operation kernel, dim3 grid, dim3 block, size_t shared_bytes,
                   cudaStream_t stream) {
  if (grid.y > 65535 || grid.z > 65535 || shared_bytes > 48 << 10 ||
      block.x * block.y * block.z > kMaxBlockThreads) {
    return cudaErrorInvalidValue;
  }
  if (stream->capture == nullptr) ++direct_launches;
  return Enqueue([kernel = std::move(kernel), grid, block,
                  shared_bytes] { RunGrid(kernel, grid, block, shared_bytes); },
                 stream);
}

unsigned char* DynamicShared() { return runner.shared(); }
uint32_t ShuffleXor(uint32_t bits, int lanes) {
  return runner.ShuffleXor(bits, lanes);
}
bool IsFirstLane() { return runner.current() % kWarpSize == 0; }
Counts CountsSoFar() {
  return {graph_launches, direct_launches, captures, allocations, waits};
}
void FailWith(cudaError_t error) { failure = error; }

}  // namespace cuda_emulation

using namespace cuda_emulation;  // NOLINT: these are its functions

void __syncthreads() { runner.Wait(/*whole_block=*/true); }
void __syncwarp() { runner.Wait(/*whole_block=*/false); }

cudaError_t cudaGetDeviceCount(int* count) {
  *count = 1;
  return Failure();
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  if (device != 0) return cudaErrorInvalidDevice;
  *properties = {};
  std::strcpy(properties->name, "emulated");
  properties->major = 9;
  properties->totalGlobalMem = size_t{1} << 34;
  return Failure();
}

cudaError_t cudaSetDevice(int device) {
  return device == 0 ? Failure() : cudaErrorInvalidDevice;
}

cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  *free = *total = size_t{1} << 34;
  return Failure();
}

const char* cudaGetErrorString(cudaError_t) { return "an injected error"; }
const char* cudaGetErrorName(cudaError_t) { return "cudaErrorInjected"; }
cudaError_t cudaGetLastError() { return Failure(); }
cudaError_t cudaMalloc(void** data, size_t bytes) {
  return Allocate(data, bytes);
}
cudaError_t cudaFree(void* data) { return Free(data); }
cudaError_t cudaHostAlloc(void** data, size_t bytes, unsigned) {
  return Allocate(data, bytes);
}
cudaError_t cudaHostGetDevicePointer(void** device, void* host, unsigned) {
  *device = host;
  return Failure();
}
cudaError_t cudaFreeHost(void* data) { return Free(data); }

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes,
                            cudaMemcpyKind, cudaStream_t stream) {
  return Enqueue([=] { std::memcpy(to, from, bytes); }, stream);
}

cudaError_t cudaMemsetAsync(void* to, int value, size_t bytes,
                            cudaStream_t stream) {
  return Enqueue([=] { std::memset(to, value, bytes); }, stream);
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  *stream = new Stream;
  return Failure();
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  delete stream;
  return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  ++waits;
  PEREGRINE_CHECK(stream->capture == nullptr) << "waited for while captured";
  while (Failure() == cudaSuccess && !stream->pending.empty()) {
    stream->pending.front()();
    stream->pending.pop_front();
  }
  if (Failure() != cudaSuccess) stream->pending.clear();
  return Failure();
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  *event = new Event;
  return Failure();
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete event;
  return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  *event = {stream, ++stream->events};
  return Enqueue([stream, number = event->number] { stream->reached = number; },
                 stream);
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  Stream* const stream = event->stream;
  while (Failure() == cudaSuccess && stream->reached < event->number) {
    stream->pending.front()();
    stream->pending.pop_front();
  }
  return Failure();
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  ++captures;
  stream->capture = std::make_unique<Graph>();
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
