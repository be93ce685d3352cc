// What the parity tests cannot see from outside.

#include "engine/kernels/cpu/onednn_kernels.h"

#include <dlfcn.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "engine/kernels/cpu/cpu_kernels.h"
#include "engine/kernels/cpu/isa.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace peregrine::kernels {
namespace {

using ::testing::Each;

std::unique_ptr<OneDnnKernels> Make() {
  return OneDnnKernels::Create(SupportedIsas().back()).value();
}

// All ones: each element of a product is in_dim.
std::unique_ptr<LinearWeight> PackOnes(Kernels& kernels, int out_dim,
                                       int in_dim) {
  const std::vector<float> ones(size_t(out_dim) * in_dim, 1.0f);
  return kernels.PackLinear({ones, {}, out_dim, in_dim}).value();
}

std::vector<float> MultiplyOnes(Kernels& kernels, const LinearWeight& weight,
                                int rows) {
  std::vector<float> x(size_t(rows) * weight.in_dim(), 1.0f);
  std::vector<float> y(size_t(rows) * weight.out_dim());
  kernels.Linear(weight, {x.data(), rows, weight.in_dim()}, Activation::kNone,
                 {y.data(), rows, weight.out_dim()});
  return y;
}

TEST(OneDnnKernelsTest, AWorkerIsOneThread) {
  const auto get =
      reinterpret_cast<int (*)()>(dlsym(RTLD_DEFAULT, "omp_get_max_threads"));
  const auto set = reinterpret_cast<void (*)(int)>(
      dlsym(RTLD_DEFAULT, "omp_set_num_threads"));
  if (get == nullptr) GTEST_SKIP() << "this oneDNN does without OpenMP";
  const auto kernels = Make();
  const auto weight = PackOnes(*kernels, 8, 8);
  std::thread([&] {
    set(3);
    ASSERT_EQ(get(), 3);
    MultiplyOnes(*kernels, *weight, 2);
    EXPECT_EQ(get(), 1);
  }).join();
}

// Each worker makes the same primitives at the same time, out of the cache that
// oneDNN has for the process.
TEST(OneDnnKernelsTest, WorkersShareWeightsAtTheSameTime) {
  const auto packer = Make();
  const auto weight = PackOnes(*packer, 70, 40);
  std::vector<std::thread> workers;
  for (int i = 0; i < 3; ++i) {
    workers.emplace_back([&] {
      const auto kernels = Make();
      for (int rows = 1; rows <= 40; ++rows) {
        EXPECT_THAT(MultiplyOnes(*kernels, *weight, rows), Each(40.0f));
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
}

TEST(OneDnnKernelsTest, WeightsOutliveThePacker) {
  auto packer = Make();
  const auto weight = PackOnes(*packer, 70, 40);
  packer = nullptr;
  EXPECT_THAT(MultiplyOnes(*Make(), *weight, 5), Each(40.0f));
}

TEST(OneDnnKernelsTest, AWeightTooLargeIsAnError) {
  // Never read: the address space ends before that.
  const std::vector<float> one(1);
  constexpr int kDim = 1 << 30;
  const LinearSource source = {
      absl::MakeConstSpan(one.data(), size_t{kDim} * kDim), {}, kDim, kDim};
  const auto weight = Make()->PackLinear(source);
  EXPECT_FALSE(weight.ok());
  EXPECT_THAT(std::string(weight.status().message()),
              ::testing::Not(::testing::IsEmpty()));
}

TEST(OneDnnKernelsDeathTest, RefusesWeightsOfTheOtherCpuKernels) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  CpuKernels ours(SupportedIsas().back());
  const auto theirs = Make();
  const auto our_weight = PackOnes(ours, 4, 4);
  const auto their_weight = PackOnes(*theirs, 4, 4);
  EXPECT_DEATH(MultiplyOnes(*theirs, *our_weight, 1), "another device");
  EXPECT_DEATH(MultiplyOnes(ours, *their_weight, 1), "another device");
}

}  // namespace
}  // namespace peregrine::kernels
