#include "engine/kernels/device.h"

#include <cstdlib>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace peregrine::kernels {
namespace {

using ::testing::HasSubstr;

// The environment variable for as long as a test runs.
class IsaCap {
 public:
  explicit IsaCap(const char* name) { setenv("PEREGRINE_ISA", name, 1); }
  ~IsaCap() { unsetenv("PEREGRINE_ISA"); }
};

TEST(DeviceTest, ParsesTheNamesOfDevices) {
  EXPECT_EQ(ParseDevice("cpu").value(), Device::kCpu);
  EXPECT_EQ(ParseDevice("cpu-onednn").value(), Device::kCpuOneDnn);
  EXPECT_EQ(ParseDevice("reference").value(), Device::kReference);
}

TEST(DeviceTest, AnUnknownNameIsNamedWithTheKnownOnes) {
  const absl::Status status = ParseDevice("gpu7").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("'gpu7'"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("'cpu'"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("'cpu-onednn'"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("'reference'"));
  EXPECT_FALSE(ParseDevice("").ok());
}

TEST(DeviceTest, MakesKernelsOfEachDevice) {
  EXPECT_EQ(MakeKernels(Device::kCpu).value()->device(), "cpu");
  EXPECT_EQ(MakeKernels(Device::kCpuOneDnn).value()->device(), "cpu-onednn");
  EXPECT_EQ(MakeKernels(Device::kReference).value()->device(), "reference");
}

TEST(DeviceTest, TheInstructionSetCanBeCapped) {
  for (const char* name : {"", "generic", "avx2", "avx-vnni", "avx512",
                           "avx512-vnni", "avx512-bf16"}) {
    const IsaCap cap(name);
    EXPECT_TRUE(MakeKernels(Device::kCpu).ok()) << name;
  }
}

TEST(DeviceTest, AnUnknownInstructionSetIsRefused) {
  const IsaCap cap("mmx");
  const absl::Status status = MakeKernels(Device::kCpu).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("'mmx'"));
}

}  // namespace
}  // namespace peregrine::kernels
