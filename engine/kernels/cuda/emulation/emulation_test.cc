// The emulated GPU must find what it is there for: each test commits one fault
// on purpose, in a kernel or in code of the host.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <climits>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <thread>
#include <vector>

#include "engine/kernels/cuda/cuda_device.h"
#include "engine/kernels/cuda/device_code.cuh"
#include "engine/kernels/cuda/emulation/faulty_kernels.h"
#include "engine/kernels/cuda/staging.h"
#include "engine/kernels/cuda/step_shapes.h"

namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE {
namespace {

constexpr int kBlocks = 64;
constexpr int kThreads = kFaultyThreads;

class EmulationTest : public testing::Test {
 protected:
  EmulationTest() {
    testing::FLAGS_gtest_death_test_style = "threadsafe";
    cudaSetDevice(0);
    EXPECT_EQ(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking),
              cudaSuccess);
  }
  ~EmulationTest() override {
    cudaStreamDestroy(stream_);
    for (void* data : memory_) cudaFree(data);
    cudaSetDevice(0);
  }

  // On the current device, with `count` elements of `values` or zeros.
  template <class T>
  T* New(size_t count, const std::vector<T>& values = {}) {
    void* data = nullptr;
    EXPECT_EQ(cudaMalloc(&data, count * sizeof(T)), cudaSuccess);
    memory_.push_back(data);
    EXPECT_EQ(cudaMemsetAsync(data, 0, count * sizeof(T), stream_),
              cudaSuccess);
    EXPECT_EQ(cudaMemcpyAsync(data, values.data(), values.size() * sizeof(T),
                              cudaMemcpyHostToDevice, stream_),
              cudaSuccess);
    EXPECT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
    return static_cast<T*>(data);
  }

  template <class T>
  std::vector<T> Get(const T* data, size_t count) {
    std::vector<T> values(count);
    EXPECT_EQ(cudaMemcpyAsync(values.data(), data, count * sizeof(T),
                              cudaMemcpyDeviceToHost, stream_),
              cudaSuccess);
    EXPECT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
    return values;
  }

  cudaStream_t stream_ = nullptr;
  std::vector<void*> memory_;
};
using EmulationDeathTest = EmulationTest;

TEST_F(EmulationTest, BlocksRunInNoOrder) {
  int* const values = New<int>(kBlocks + 1);
  ASSERT_EQ(
      PEREGRINE_LAUNCH(ChainKernel, kBlocks, kThreads, 0, stream_, values),
      cudaSuccess);
  EXPECT_NE(Get(values, kBlocks + 1).back(), kBlocks);
}

TEST_F(EmulationTest, BlocksTakeTurns) {
  int* const count = New<int>(1);
  for (int i = 0; i < 8; ++i) {  // not every launch has several under way
    ASSERT_EQ(PEREGRINE_LAUNCH(CountBlocksKernel, kBlocks, kThreads, 0, stream_,
                               count),
              cudaSuccess);
  }
  EXPECT_LT(Get(count, 1)[0], 8 * kBlocks);
}

TEST_F(EmulationTest, RunsAreAlike) {
  const auto run = [&] {
    std::vector<int> last;
    std::thread([&] {  // every thread begins anew
      for (int i = 0; i < 5; ++i) {
        int* const values = New<int>(kBlocks + 1);
        ASSERT_EQ(PEREGRINE_LAUNCH(ChainKernel, kBlocks, kThreads, 0, stream_,
                                   values),
                  cudaSuccess);
        last.push_back(Get(values, kBlocks + 1).back());
      }
    })
        .join();
    return last;
  };
  EXPECT_EQ(run(), run());
}

TEST_F(EmulationTest, AMissingBarrierShows) {
  std::vector<float> values(kThreads);
  for (int i = 0; i < kThreads; ++i) values[i] = static_cast<float>(i);
  float* const device = New<float>(kThreads, values);
  ASSERT_EQ(PEREGRINE_LAUNCH(ReverseKernel, 1, kThreads, 0, stream_, device),
            cudaSuccess);
  const std::vector<float> reversed(values.rbegin(), values.rend());
  EXPECT_NE(Get(device, kThreads), reversed);
}

TEST_F(EmulationTest, SharedMemoryThatNobodyWroteIsNoNumber) {
  float* const device = New<float>(kThreads);
  ASSERT_EQ(PEREGRINE_LAUNCH(ReadSharedKernel, 1, kThreads, 0, stream_, device),
            cudaSuccess);
  for (float x : Get(device, kThreads)) EXPECT_TRUE(std::isnan(x));
}

TEST_F(EmulationTest, CopiesThatNobodyWaitedForAreNotThere) {
  const std::vector<float> values(kThreads, 1.0f);
  float* const from = New<float>(kThreads, values);
  float* const to = New<float>(kThreads);
  ASSERT_EQ(PEREGRINE_LAUNCH(CopyWithoutWaitingKernel, 1, kThreads, 0, stream_,
                             from, to),
            cudaSuccess);
  for (float x : Get(to, kThreads)) EXPECT_TRUE(std::isnan(x));
}

TEST_F(EmulationTest, ANanHasTheBitsOfAGpu) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  float* const from = New<float>(1, {nan});
  uint16_t* const to = New<uint16_t>(2);
  ASSERT_EQ(PEREGRINE_LAUNCH(RoundBitsKernel, 1, 1, 0, stream_, from, to),
            cudaSuccess);
  const std::vector<uint16_t> found = Get(to, 2);
  EXPECT_EQ(found[0], 0x8000) << "-0: the fault of rounding bits";
  EXPECT_EQ(found[1], 0x7fff);
}

TEST_F(EmulationTest, MoreRegistersThanABlockHas) {
  EXPECT_EQ(cuda_emulation::RegistersOf("ManyThreadsKernel"), 255)
      << "not in the table";
  EXPECT_EQ(PEREGRINE_LAUNCH(ManyThreadsKernel, 1, 256, 0, stream_),
            cudaSuccess);
  EXPECT_EQ(PEREGRINE_LAUNCH(ManyThreadsKernel, 1, 288, 0, stream_),
            cudaErrorLaunchOutOfResources);
  EXPECT_LT(cuda_emulation::RegistersOf("LayerNormKernel"), 64);
}

TEST_F(EmulationTest, ALaunchThatNoDeviceTakes) {
  EXPECT_EQ(PEREGRINE_LAUNCH(ManyThreadsKernel, dim3(1, 65536), 1, 0, stream_),
            cudaErrorInvalidValue);
  EXPECT_EQ(PEREGRINE_LAUNCH(ManyThreadsKernel, 1, 1, (48 << 10) + 1, stream_),
            cudaErrorInvalidValue);
  EXPECT_EQ(PEREGRINE_LAUNCH(ManyThreadsKernel, 1, 1025, 0, stream_),
            cudaErrorInvalidValue);
}

TEST_F(EmulationTest, HostMemoryThatIsUsedAgainTooEarly) {
  int* const device = New<int>(1);
  int host = 1;
  ASSERT_EQ(cudaMemcpyAsync(device, &host, sizeof(host), cudaMemcpyHostToDevice,
                            stream_),
            cudaSuccess);
  host = 2;  // before the stream was waited for
  EXPECT_EQ(Get(device, 1)[0], 2);
}

TEST_F(EmulationTest, CopiesNameWhereMemoryIs) {
  int* const device = New<int>(4);
  int host[5] = {};
  const auto copy = [&](void* to, const void* from, size_t count,
                        cudaMemcpyKind kind) {
    return cudaMemcpyAsync(to, from, count * sizeof(int), kind, stream_);
  };
  EXPECT_EQ(copy(device, host, 4, cudaMemcpyHostToDevice), cudaSuccess);
  EXPECT_EQ(copy(device, host, 5, cudaMemcpyHostToDevice),
            cudaErrorInvalidValue);
  EXPECT_EQ(copy(device, host, 4, cudaMemcpyDeviceToHost),
            cudaErrorInvalidValue);
  EXPECT_EQ(copy(host, device, 4, cudaMemcpyDeviceToHost), cudaSuccess);
}

TEST_F(EmulationTest, AStreamBelongsToADevice) {
  cudaEvent_t event = nullptr;
  ASSERT_EQ(cudaSetDevice(1), cudaSuccess);
  EXPECT_EQ(PEREGRINE_LAUNCH(ManyThreadsKernel, 1, 1, 0, stream_),
            cudaErrorInvalidResourceHandle);
  ASSERT_EQ(cudaEventCreateWithFlags(&event, 0), cudaSuccess);
  EXPECT_EQ(cudaEventRecord(event, stream_), cudaErrorInvalidResourceHandle);
  cudaEventDestroy(event);
}

TEST_F(EmulationTest, EventsTellTimeOnceTheyHaveCome) {
  cudaEvent_t begin = nullptr, end = nullptr, untimed = nullptr;
  cudaEventCreateWithFlags(&begin, cudaEventBlockingSync);
  cudaEventCreateWithFlags(&end, cudaEventBlockingSync);
  cudaEventCreateWithFlags(&untimed, cudaEventDisableTiming);
  float milliseconds = -1;
  ASSERT_EQ(cudaEventRecord(begin, stream_), cudaSuccess);
  ASSERT_EQ(cudaEventRecord(untimed, stream_), cudaSuccess);
  ASSERT_EQ(cudaEventRecord(end, stream_), cudaSuccess);
  EXPECT_EQ(cudaEventElapsedTime(&milliseconds, begin, end), cudaErrorNotReady);
  EXPECT_EQ(cudaEventSynchronize(end), cudaSuccess);
  EXPECT_EQ(cudaEventElapsedTime(&milliseconds, begin, end), cudaSuccess);
  EXPECT_GE(milliseconds, 0);
  EXPECT_EQ(cudaEventElapsedTime(&milliseconds, untimed, end),
            cudaErrorInvalidResourceHandle);
  for (cudaEvent_t event : {begin, end, untimed}) cudaEventDestroy(event);
}

// ---- What ends the process.

TEST_F(EmulationDeathTest, ADivergentBarrier) {
  ASSERT_EQ(PEREGRINE_LAUNCH(DivergentBarrierKernel, 1, kThreads, 0, stream_),
            cudaSuccess);
  EXPECT_DEATH(cudaStreamSynchronize(stream_),
               "DivergentBarrierKernel.*different barriers");
}

TEST_F(EmulationDeathTest, CopiesThatAreLeft) {
  float* const device = New<float>(kThreads);
  ASSERT_EQ(
      PEREGRINE_LAUNCH(LeaveCopiesKernel, 1, kThreads, 0, stream_, device),
      cudaSuccess);
  EXPECT_DEATH(cudaStreamSynchronize(stream_), "ended with copies under way");
}

TEST_F(EmulationDeathTest, ACopyThatIsNotAligned) {
  float* const device = New<float>(kThreads);
  ASSERT_EQ(PEREGRINE_LAUNCH(CopyMisalignedKernel, 1, 1, 0, stream_, device),
            cudaSuccess);
  EXPECT_DEATH(cudaStreamSynchronize(stream_), "asynchronous copy of 16 bytes");
}

TEST_F(EmulationDeathTest, AKernelThatDoesNotWaitForTheOneBefore) {
  ASSERT_EQ(PEREGRINE_LAUNCH(HastyKernel, 1, kThreads, 0, stream_),
            cudaSuccess);
  EXPECT_EQ(cudaStreamSynchronize(stream_), cudaSuccess) << "not dependent";
  ASSERT_EQ(PEREGRINE_LAUNCH(HastyKernel, 1, kThreads, 0,
                             KernelStream(stream_, /*dependent=*/true)),
            cudaSuccess);
  EXPECT_DEATH(cudaStreamSynchronize(stream_), "has not waited for the kernel");
}

TEST_F(EmulationDeathTest, AVectorThatIsNotAligned) {
  float* const device = New<float>(16);
  ASSERT_EQ(PEREGRINE_LAUNCH(CopyVectorsKernel, 1, 1, 0, stream_, device + 4,
                             device + 8),
            cudaSuccess);
  EXPECT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
  ASSERT_EQ(PEREGRINE_LAUNCH(CopyVectorsKernel, 1, 1, 0, stream_, device + 2,
                             device + 8),
            cudaSuccess);
  EXPECT_DEATH(cudaStreamSynchronize(stream_), "");
}

TEST_F(EmulationDeathTest, AFragmentThatIsNotAligned) {
  alignas(32) __half values[16 * 16 + 16] = {};
  nvcuda::wmma::CheckAlignment(values, 16);
  nvcuda::wmma::CheckAlignment(values + 16, 24);
  EXPECT_DEATH(nvcuda::wmma::CheckAlignment(values + 8, 16), "multiple of 32");
  EXPECT_DEATH(nvcuda::wmma::CheckAlignment(values, 20), "40 bytes apart");
}

TEST_F(EmulationDeathTest, AnIndexPastTheEnd) {
  float* const device = New<float>(1024);
  ASSERT_EQ(PEREGRINE_LAUNCH(PastTheEndKernel, 1, 1, 0, stream_, device, 1024),
            cudaSuccess);
  EXPECT_DEATH(cudaStreamSynchronize(stream_), "");
}

TEST_F(EmulationDeathTest, AnIndexPastTheEndOfSharedMemory) {
  ASSERT_EQ(
      PEREGRINE_LAUNCH(PastSharedKernel, 1, kThreads, 0, stream_, kThreads + 1),
      cudaSuccess);
  EXPECT_DEATH(cudaStreamSynchronize(stream_), "past the end of shared memory");
}

TEST_F(EmulationDeathTest, MoreSharedMemoryThanABlockHas) {
  ASSERT_EQ(PEREGRINE_LAUNCH(MuchSharedKernel, 1, 1, 8 << 10, stream_),
            cudaSuccess);
  EXPECT_EQ(cudaStreamSynchronize(stream_), cudaSuccess);
  ASSERT_EQ(PEREGRINE_LAUNCH(MuchSharedKernel, 1, 1, (8 << 10) + 16, stream_),
            cudaSuccess);
  EXPECT_DEATH(cudaStreamSynchronize(stream_), "bytes of shared memory");
}

TEST_F(EmulationDeathTest, AnIndexThatOverflows) {
  float* const device = New<float>(2);
  ASSERT_EQ(
      PEREGRINE_LAUNCH(OverflowKernel, 1, 1, 0, stream_, 70000, 32000, device),
      cudaSuccess);
  EXPECT_DEATH(cudaStreamSynchronize(stream_), "");
}

TEST_F(EmulationDeathTest, MemoryOfAnotherDevice) {
  float* const first = New<float>(4);
  const auto copy_on_second = [&] {
    ASSERT_EQ(cudaSetDevice(1), cudaSuccess);
    cudaStream_t stream = nullptr;
    ASSERT_EQ(cudaStreamCreateWithFlags(&stream, 0), cudaSuccess);
    void* second = nullptr;
    ASSERT_EQ(cudaMalloc(&second, 16), cudaSuccess);
    ASSERT_EQ(PEREGRINE_LAUNCH(CopyVectorsKernel, 1, 1, 0, stream, first,
                               static_cast<float*>(second)),
              cudaSuccess);
    cudaStreamSynchronize(stream);
  };
  EXPECT_DEATH(copy_on_second(), "");
}

// ---- What sanitizers find in code of the host that works with the device.

#ifdef __SANITIZE_ADDRESS__
TEST_F(EmulationDeathTest, TheHostMayNotTouchMemoryOfADevice) {
  float* const device = New<float>(4);
  volatile float seen = 0;
  EXPECT_DEATH(seen = device[0], "use-after-poison");
}

TEST_F(EmulationDeathTest, ABucketThatOverflows) {
  EXPECT_DEATH(StepBucket({INT_MAX, 1}), "signed integer overflow");
}
#endif

#ifdef __SANITIZE_THREAD__
TEST_F(EmulationDeathTest, TwoThreadsInOneStagingRing) {
  const auto race = [] {
    auto staging = Staging::Create(1 << 20).value();
    std::vector<std::thread> threads;
    for (int i = 0; i < 2; ++i) {
      threads.emplace_back([&] {
        for (int k = 0; k < 1000; ++k) staging->Take(16);
      });
    }
    for (std::thread& thread : threads) thread.join();
    std::exit(0);
  };
  EXPECT_EXIT(race(), testing::ExitedWithCode(66), "data race");
}
#endif

}  // namespace
}  // namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE
