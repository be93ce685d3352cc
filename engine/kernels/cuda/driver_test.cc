#include "engine/kernels/cuda/driver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace peregrine::kernels {
namespace {

TEST(DriverTest, ReadsTheVersionOfTheKernelModule) {
  EXPECT_EQ(DriverVersionIn("NVRM version: NVIDIA UNIX x86_64 Kernel Module  "
                            "535.161.08  Sat Feb 24 02:03:04 UTC 2024\n"
                            "GCC version:  gcc version 12.2.0 (Debian)\n"),
            "535.161.08");
  EXPECT_EQ(DriverVersionIn("NVRM version: NVIDIA UNIX Open Kernel Module for "
                            "x86_64  580.65.06  Release Build  (root)\n"),
            "580.65.06");
  EXPECT_EQ(DriverVersionIn("GCC version:  gcc version 12.2.0\n"), "");
  EXPECT_EQ(DriverVersionIn(""), "");
}

TEST(DriverTest, SaysWhatWasFoundAndWhatIsNeeded) {
  EXPECT_EQ(DriverProblem(12020, 13000, "535.161.08"),
            "found the NVIDIA driver 535.161.08, for CUDA up to 12.2, expected "
            "580.65.06 or newer, since this program was built with CUDA 13.0");
  EXPECT_EQ(
      DriverProblem(11040, 12080, ""),
      "found the NVIDIA driver for CUDA up to 11.4, expected 525.60.13 or "
      "newer, since this program was built with CUDA 12.8");
  EXPECT_EQ(DriverProblem(0, 11080, ""),
            "no NVIDIA driver found, expected 450.80.02 or newer, since this "
            "program was built with CUDA 11.8");
  EXPECT_EQ(DriverProblem(0, 13000, "580.65.06"),
            "found the NVIDIA driver 580.65.06 in the kernel, but not its "
            "library libcuda.so.1, expected 580.65.06 or newer, since this "
            "program was built with CUDA 13.0");
}

}  // namespace
}  // namespace peregrine::kernels
