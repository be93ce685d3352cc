#ifndef PEREGRINE_ENGINE_KERNELS_CUDA_EMULATION_CUDA_RUNTIME_H_
#define PEREGRINE_ENGINE_KERNELS_CUDA_EMULATION_CUDA_RUNTIME_H_

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <type_traits>

#include "engine/base/check.h"
#include "engine/base/float16.h"
#include "engine/base/float8.h"
#include "engine/kernels/cuda/emulation/grid.h"

// What the kernels and the host code of this folder use of CUDA, on the host
// alone, so that tests can run them without a GPU. It shows what would be wrong
// on any device:
//   - indices and bounds: device memory is host memory with guard pages, shared
//     memory starts as NaN and ends at bytes that no one may write;
//   - missing barriers: the threads of a block run one at a time, each as far
//     as it gets, in turn upwards and downwards; divergent ones are fatal;
//   - races between blocks: they run in random order, and take turns;
//   - vectors that are not aligned (fatal), more shared memory or registers
//     than a block may have, NaN that are not those of the host;
//   - asynchronous copies that are used too early: they are done when their
//     thread waits for them, and not before; a kernel that may overlap with the
//     one before it and does not wait for it (fatal);
//   - host memory reused too early: a stream does nothing before it, or an
//     event in it, is waited for;
//   - two devices: the memory of one faults while the other works.
// emulation_test.cc holds it to each. It says nothing of speed, of the rounding
// of tensor cores, nor of races that need more than turns at barriers.

// ---- Qualifiers.

#define __global__
#define __device__
#define __host__
#define __launch_bounds__(...)
#define PEREGRINE_DYNAMIC_SHARED(name) \
  unsigned char* const name = ::cuda_emulation::DynamicShared()
// In a kernel each on a line of its own.
#define PEREGRINE_SHARED(type, name)                  \
  using name##_shared = type;                         \
  name##_shared& name = *static_cast<name##_shared*>( \
      ::cuda_emulation::SharedVariable(__LINE__, sizeof(type)))

// ---- The runtime's interface.

enum cudaError_t {
  cudaSuccess = 0,
  cudaErrorInvalidValue = 1,
  cudaErrorMemoryAllocation = 2,
  cudaErrorInsufficientDriver = 35,
  cudaErrorNoDevice = 100,
  cudaErrorInvalidDevice = 101,
  cudaErrorInvalidResourceHandle = 400,
  cudaErrorNotReady = 600,
  cudaErrorIllegalAddress = 700,
  cudaErrorLaunchOutOfResources = 701,
  cudaErrorLaunchFailure = 719,
};

struct dim3 {
  unsigned x, y, z;
  dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1)
      : x(x_), y(y_), z(z_) {}
};
struct alignas(8) uint2 {
  uint32_t x, y;
};
struct alignas(16) uint4 {
  uint32_t x, y, z, w;
};
struct alignas(16) float4 {
  float x, y, z, w;
};
inline uint4 make_uint4(uint32_t x, uint32_t y, uint32_t z, uint32_t w) {
  return {x, y, z, w};
}

namespace cuda_emulation {
struct Stream;
struct Graph;
struct Event;
}  // namespace cuda_emulation
using cudaStream_t = cuda_emulation::Stream*;
using cudaEvent_t = cuda_emulation::Event*;
using cudaGraph_t = cuda_emulation::Graph*;
using cudaGraphExec_t = cuda_emulation::Graph*;

struct cudaDeviceProp {
  char name[256];
  int major, minor;
  size_t totalGlobalMem;
};
enum cudaMemcpyKind {
  cudaMemcpyHostToDevice = 1,
  cudaMemcpyDeviceToHost = 2,
  cudaMemcpyDeviceToDevice = 3,
};
enum cudaStreamCaptureMode { cudaStreamCaptureModeThreadLocal = 1 };
constexpr unsigned cudaStreamNonBlocking = 1;
constexpr unsigned cudaEventBlockingSync = 1;
constexpr unsigned cudaEventDisableTiming = 2;
constexpr unsigned cudaHostAllocPortable = 1;

cudaError_t cudaDriverGetVersion(int* version);
cudaError_t cudaRuntimeGetVersion(int* version);
cudaError_t cudaGetDeviceCount(int* count);
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device);
cudaError_t cudaSetDevice(int device);
cudaError_t cudaMemGetInfo(size_t* free, size_t* total);
const char* cudaGetErrorString(cudaError_t error);
const char* cudaGetErrorName(cudaError_t error);
cudaError_t cudaGetLastError();
cudaError_t cudaMalloc(void** data, size_t bytes);
cudaError_t cudaFree(void* data);
cudaError_t cudaHostAlloc(void** data, size_t bytes, unsigned flags);
cudaError_t cudaFreeHost(void* data);
cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes,
                            cudaMemcpyKind kind, cudaStream_t stream);
cudaError_t cudaMemsetAsync(void* to, int value, size_t bytes,
                            cudaStream_t stream);
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags);
cudaError_t cudaStreamDestroy(cudaStream_t stream);
cudaError_t cudaStreamSynchronize(cudaStream_t stream);
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags);
cudaError_t cudaEventDestroy(cudaEvent_t event);
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream);
cudaError_t cudaEventSynchronize(cudaEvent_t event);
cudaError_t cudaEventQuery(cudaEvent_t event);
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t begin,
                                 cudaEvent_t end);
cudaError_t cudaStreamBeginCapture(cudaStream_t stream,
                                   cudaStreamCaptureMode mode);
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph);
cudaError_t cudaGraphInstantiateWithFlags(cudaGraphExec_t* exec,
                                          cudaGraph_t graph,
                                          unsigned long long flags);
cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream);
cudaError_t cudaGraphDestroy(cudaGraph_t graph);
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec);

// ---- Inside a kernel.

inline int min(int a, int b) { return a < b ? a : b; }
inline int max(int a, int b) { return a > b ? a : b; }

extern thread_local dim3 threadIdx, blockIdx, blockDim, gridDim;

inline void __syncthreads() { cuda_emulation::Wait(/*whole_block=*/true); }
inline void __syncwarp() { cuda_emulation::Wait(/*whole_block=*/false); }

// cuda_pipeline.h: copies of a thread from global to shared memory, in groups.
inline void __pipeline_memcpy_async(void* to, const void* from, size_t bytes) {
  cuda_emulation::CopyAsync(to, from, bytes);
}
inline void __pipeline_commit() { cuda_emulation::CommitCopies(); }
inline void __pipeline_wait_prior(size_t groups) {
  cuda_emulation::AwaitCopies(groups);
}
inline void cudaGridDependencySynchronize() {
  cuda_emulation::AwaitEarlierGrid();
}

inline float __uint_as_float(uint32_t bits) {
  float x;
  std::memcpy(&x, &bits, sizeof(x));
  return x;
}
// Arithmetic of a GPU makes one NaN only.
inline uint32_t __float_as_uint(float x) {
  if (std::isnan(x)) return 0x7fffffff;
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof(bits));
  return bits;
}

namespace cuda_emulation {

// Work for the host to do when the stream gets to it.
cudaError_t Enqueue(std::function<void()> work, cudaStream_t stream);
// `name`: the beginning of what the code says the kernel is.
// `dependent`: it may begin before the kernel ahead of it in the stream ends.
cudaError_t Launch(const char* name, std::function<void()> kernel, dim3 grid,
                   dim3 block, size_t shared_bytes, cudaStream_t stream,
                   bool dependent);

// Registers of a thread of a kernel, the most on any architecture of
// resources.tsv; as many as a thread may have where it is not in there.
int RegistersOf(const std::string& kernel);

// How many graphs were launched and kernels started, by all streams of the
// process: for tests of what is captured.
struct Counts {
  int64_t graph_launches = 0;
  int64_t direct_launches = 0;
  int64_t captures = 0;
  int64_t allocations = 0;
  int64_t copies_to_device = 0;
  int64_t copies_to_host = 0;
  int64_t waits = 0;           // for a whole stream
  int64_t spinning_waits = 0;  // for it, or for an event that does not block
};
Counts CountsSoFar();

// Kernels that have run since the last call, by name.
std::map<std::string, int64_t> TakeKernelCounts();

// From now on every call and kernel fails with `error`, as after a lost device;
// cudaSuccess: no longer.
void FailWith(cudaError_t error);

// The driver's, as 12040 for CUDA 12.4; 0: there is none. The runtime's is
// 13000.
void SetDriverVersion(int version);

}  // namespace cuda_emulation

template <class T>
T __shfl_xor_sync(unsigned /*mask*/, T value, int lanes) {
  static_assert(sizeof(T) == 4, "the kernels exchange words of 4 bytes");
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  bits = cuda_emulation::ShuffleXor(bits, lanes);
  std::memcpy(&value, &bits, 4);
  return value;
}

// ---- 16-bit types.

struct __half {
  uint16_t bits;
};
struct __nv_bfloat16 {
  uint16_t bits;
};
inline float __half2float(__half x) { return peregrine::FromFloat16(x.bits); }
inline __half __float2half_rn(float x) {  // no kernel rounds to infinity
  if (std::isnan(x)) return {0x7fff};
  return {peregrine::ToFloat16(x)};
}
inline float __bfloat162float(__nv_bfloat16 x) {
  return __uint_as_float(uint32_t{x.bits} << 16);
}
inline __nv_bfloat16 __float2bfloat16_rn(float x) {
  if (std::isnan(x)) return {0x7fff};
  return {peregrine::ToBFloat16(x)};
}
inline __nv_bfloat16 __ushort_as_bfloat16(uint16_t bits) { return {bits}; }
inline uint16_t __bfloat16_as_ushort(__nv_bfloat16 x) { return x.bits; }

inline __half __ushort_as_half(uint16_t bits) { return {bits}; }

// ---- cuda_fp8.h

enum __nv_saturation_t { __NV_SATFINITE };
enum __nv_fp8_interpretation_t { __NV_E4M3 };
struct __half_raw {
  uint16_t x;
};
inline uint8_t __nv_cvt_float_to_fp8(float x, __nv_saturation_t,
                                     __nv_fp8_interpretation_t) {
  return std::isnan(x) ? 0x7f : peregrine::ToFloat8(x);
}
inline __half_raw __nv_cvt_fp8_to_halfraw(uint8_t x,
                                          __nv_fp8_interpretation_t) {
  return {__float2half_rn(peregrine::FromFloat8(x)).bits};
}

// To nearest, ties to even; a NaN becomes 0, what is too large the largest.
inline int __float2int_rn(float x) {
  if (std::isnan(x)) return 0;
  if (x >= 2147483648.0f) return 0x7fffffff;
  if (x < -2147483648.0f) return -0x7fffffff - 1;
  return static_cast<int>(std::nearbyint(x));
}

// ---- Matrix fragments. The first lane of a warp holds and computes them
// whole; others pass by, as the kernels may only use them through these calls.

namespace nvcuda::wmma {

struct matrix_a {};
struct matrix_b {};
struct accumulator {};
struct row_major {};
struct col_major {};
enum layout_t { mem_row_major };

constexpr int kSide = 16;

inline float ToNumber(__half x) { return __half2float(x); }
inline float ToNumber(__nv_bfloat16 x) { return __bfloat162float(x); }
inline int32_t ToNumber(int8_t x) { return x; }

// What elements of a fragment of T are held as.
template <class T>
using Number = std::conditional_t<std::is_integral_v<T>, int32_t, float>;

template <class Use, int M, int N, int K, class T, class Layout = void>
struct fragment {
  static_assert(M == kSide && N == kSide && K == kSide, "only 16 x 16 x 16");
  static constexpr int num_elements = kSide * kSide;
  Number<T> x[num_elements] = {};  // row-major
};

// What the hardware demands of a matrix in memory.
template <class T>
void CheckAlignment(const T* data, unsigned stride) {
  PEREGRINE_CHECK(reinterpret_cast<uintptr_t>(data) % 32 == 0 &&
                  stride * sizeof(T) % 16 == 0)
      << "a fragment at " << static_cast<const void*>(data)
      << ", expected a multiple of 32 bytes, with rows " << stride * sizeof(T)
      << " bytes apart, expected a multiple of 16";
}

template <class T>
void load_matrix_sync(fragment<matrix_a, kSide, kSide, kSide, T, row_major>& a,
                      const T* from, unsigned stride) {
  if (!cuda_emulation::IsFirstLane()) return;
  CheckAlignment(from, stride);
  for (int i = 0; i < kSide; ++i)
    for (int j = 0; j < kSide; ++j)
      a.x[i * kSide + j] = ToNumber(from[size_t(i) * stride + j]);
}

template <class T>
void load_matrix_sync(fragment<matrix_b, kSide, kSide, kSide, T, col_major>& b,
                      const T* from, unsigned stride) {
  if (!cuda_emulation::IsFirstLane()) return;
  CheckAlignment(from, stride);
  for (int i = 0; i < kSide; ++i)
    for (int j = 0; j < kSide; ++j)
      b.x[i * kSide + j] = ToNumber(from[size_t(j) * stride + i]);
}

template <class Fragment, class T>
void fill_fragment(Fragment& fragment, T value) {
  for (auto& x : fragment.x) x = value;
}

template <class C, class A, class B>
void mma_sync(C& d, const A& a, const B& b, const C& c) {
  if (!cuda_emulation::IsFirstLane()) return;
  for (int i = 0; i < kSide; ++i) {
    for (int j = 0; j < kSide; ++j) {
      auto sum = c.x[i * kSide + j];
      for (int k = 0; k < kSide; ++k) {
        sum += a.x[i * kSide + k] * b.x[k * kSide + j];
      }
      d.x[i * kSide + j] = sum;
    }
  }
}

template <class T, class C>
void store_matrix_sync(T* to, const C& c, unsigned stride, layout_t) {
  if (!cuda_emulation::IsFirstLane()) return;
  CheckAlignment(to, stride);
  for (int i = 0; i < kSide; ++i)
    for (int j = 0; j < kSide; ++j)
      to[size_t(i) * stride + j] = c.x[i * kSide + j];
}

}  // namespace nvcuda::wmma

#endif  // PEREGRINE_ENGINE_KERNELS_CUDA_EMULATION_CUDA_RUNTIME_H_
