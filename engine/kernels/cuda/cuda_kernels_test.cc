// What the parity tests do not ask of the device: how it waits, how long it
// says that work takes, two devices at once, and what it says without a driver.
// On emulated GPUs.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "engine/kernels/cuda/emulation/emulated_kernels.h"
#include "engine/kernels/parity_fixture.h"

namespace peregrine::kernels {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr int kDim = 64;
constexpr int kManyInputs =
    1100;  // more tiles than are under way; no whole one

// A weight and some rows, multiplied in one way or another.
class Layer {
 public:
  Layer(Kernels& kernels, Precision precision, int inputs = kDim)
      : kernels_(kernels), memory_(kernels) {
    std::vector<float> weight(kDim * inputs);
    for (size_t i = 0; i < weight.size(); ++i) {
      weight[i] = static_cast<float>(i * 7919 % 1009) / 1009.0f - 0.5f;
    }
    weight_ = kernels.PackLinear({weight, {}, kDim, inputs, precision}).value();
    Array x(9, inputs);
    for (size_t i = 0; i < x.data.size(); ++i) {
      x.data[i] = static_cast<float>(i * 104729 % 997) / 997.0f - 0.5f;
    }
    x_ = memory_.Put(x);
    y_ = memory_.Put(Array(9, kDim));
  }

  void Start() { kernels_.Linear(*weight_, x_, Activation::kRelu, y_); }
  Array Result() { return memory_.Get(y_); }

 private:
  Kernels& kernels_;
  DeviceMemory memory_;
  std::unique_ptr<LinearWeight> weight_;
  Matrix x_;
  Matrix y_;
};

TEST(CudaKernelsTest, WhoWaitsSleeps) {
  const int64_t before = CountEmulated().spinning_waits;
  {
    auto kernels = MakeEmulatedKernels().value();
    Layer layer(*kernels, Precision::kFloat16);
    layer.Start();
    layer.Result();
    kernels->Synchronize();
  }
  EXPECT_EQ(CountEmulated().spinning_waits, before);
}

// Asking for work takes no time worth the name; that of the work counts.
TEST(CudaKernelsTest, AStopwatchTellsTheTimeOfTheDevice) {
  auto kernels = MakeEmulatedKernels().value();
  Layer layer(*kernels, Precision::kFloat16);
  kernels->Synchronize();
  TakeEmulatedKernels();
  auto stopwatch = kernels->NewStopwatch();
  stopwatch->Start();
  layer.Start();
  stopwatch->Stop();
  EXPECT_TRUE(TakeEmulatedKernels().empty()) << "it is only given yet";
  EXPECT_GT(stopwatch->Elapsed().count(), 0);
  EXPECT_EQ(TakeEmulatedKernels().count("FewRowsKernel"), 1u)
      << "it was waited for";
}

// Whatever the number of tiles: none for some of the quarters, fewer than are
// under way at once, and more.
TEST(CudaKernelsTest, TilesAheadGiveTheSameBits) {
  GpuTuning tuning;
  tuning.tiles_ahead = true;
  for (bool dependent_launch : {false, true}) {
    tuning.dependent_launch = dependent_launch;
    for (Precision precision : {Precision::kFloat16, Precision::kBFloat16}) {
      for (int inputs : {1, 33, kDim, 130, 512, kManyInputs}) {
        auto plain = MakeEmulatedKernels().value();
        auto tuned =
            MakeEmulatedKernels(0, EmulatedLibrary::kAsOnDevices, 0, tuning)
                .value();
        Layer expected(*plain, precision, inputs);
        Layer found(*tuned, precision, inputs);
        expected.Start();
        const Array bits = expected.Result();
        TakeEmulatedKernels();
        found.Start();
        ExpectSameBits(found.Result(), bits);
        EXPECT_EQ(TakeEmulatedKernels().count("FewRowsAheadKernel"), 1u);
      }
    }
  }
}

// In 8 bits a product has two kernels, with a norm before it or without; in 16
// bits and few rows one, in many two.
TEST(CudaKernelsTest, FusedNormsHaveNoKernelOfTheirOwn) {
  GpuTuning tuning;
  tuning.fused_norms = tuning.eight_bits = true;
  auto kernels =
      MakeEmulatedKernels(0, EmulatedLibrary::kAbsent, 0, tuning).value();
  DeviceMemory memory(*kernels);
  const NormWeight norm = {memory.Put(std::vector<float>(kDim, 1.0f)), nullptr};
  const std::vector<float> weight(kDim * kDim, 0.5f);
  using Counts = std::map<std::string, int64_t>;
  const auto run = [&](Precision precision, int rows) {
    const auto packed =
        kernels->PackLinear({weight, {}, kDim, kDim, precision}).value();
    const Matrix x = memory.Put(Array(rows, kDim));
    const Matrix normed = memory.Put(Array(rows, kDim));
    const Matrix y = memory.Put(Array(rows, kDim));
    kernels->Synchronize();
    TakeEmulatedKernels();
    kernels->NormLinear(norm, *packed, x, normed, Activation::kNone, y);
    kernels->Synchronize();
    return TakeEmulatedKernels();
  };
  EXPECT_EQ(run(Precision::kFloat16, 9), (Counts{{"FewRowsKernel", 1}}));
  EXPECT_EQ(run(Precision::kBFloat16, 200),
            (Counts{{"NormRowsKernel", 1}, {"ManyRowsKernel", 1}}));
  for (Precision precision : {Precision::kInt8, Precision::kFloat8}) {
    for (int rows : {9, 200}) {
      EXPECT_EQ(run(precision, rows),
                (Counts{{"QuantizeRowsKernel", 1}, {"BytesKernel", 1}}));
    }
  }
  EXPECT_EQ(run(Precision::kFloat32, 9),
            (Counts{{"LayerNormKernel", 1}, {"SingleKernel", 1}}));
}

TEST(CudaKernelsTest, AStopwatchOfALostDeviceStandsStill) {
  auto kernels = MakeEmulatedKernels().value();
  auto stopwatch = kernels->NewStopwatch();
  InjectFault(EmulatedFault::kDeviceLost);
  stopwatch->Start();
  stopwatch->Stop();
  EXPECT_EQ(stopwatch->Elapsed().count(), 0);
  InjectFault(EmulatedFault::kNone);
}

// Two workers on each of two devices, as a server has them.
TEST(CudaKernelsTest, TwoDevicesWorkSideBySide) {
  constexpr int kWorkers = 4;
  std::vector<Array> results(kWorkers);
  std::vector<std::thread> workers;
  for (int i = 0; i < kWorkers; ++i) {
    workers.emplace_back([&results, i] {
      auto kernels =
          MakeEmulatedKernels(0, EmulatedLibrary::kAsOnDevices, i % 2).value();
      EXPECT_EQ(kernels->device(), i % 2 == 0 ? "cuda:0" : "cuda:1");
      Layer layer(*kernels, Precision::kBFloat16);
      for (int round = 0; round < 5; ++round) {
        layer.Start();
        results[i] = layer.Result();
      }
      EXPECT_TRUE(kernels->status().ok()) << kernels->status();
    });
  }
  for (std::thread& worker : workers) worker.join();
  for (const Array& result : results) ExpectSameBits(result, results[0]);
}

TEST(CudaKernelsTest, ADeviceThatIsNotThereIsAnError) {
  EXPECT_THAT(
      std::string(MakeEmulatedKernels(0, EmulatedLibrary::kAsOnDevices, 2)
                      .status()
                      .message()),
      HasSubstr("cuda:2 asked, found 2 devices"));
}

TEST(CudaKernelsTest, ADriverThatIsTooOldIsToldWithWhatIsNeeded) {
  SetEmulatedDriver(12040);
  const absl::Status too_old = MakeEmulatedKernels().status();
  SetEmulatedDriver(0);
  const absl::Status none = MakeEmulatedKernels().status();
  SetEmulatedDriver(kEmulatedDriver);
  EXPECT_EQ(too_old.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(too_old.message()),
              AllOf(HasSubstr("CUDA up to 12.4"),
                    HasSubstr("expected 580.65.06 or newer")));
  EXPECT_EQ(none.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(none.message()),
              HasSubstr("expected 580.65.06 or newer"));
}

}  // namespace
}  // namespace peregrine::kernels
