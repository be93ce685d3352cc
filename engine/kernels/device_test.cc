#include "engine/kernels/device.h"

#include <cstdlib>

#include "engine/kernels/cpu/isa.h"
#include "engine/kernels/precision.h"
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

TEST(PrecisionTest, ParsesTheNamesOfPrecisions) {
  for (Precision precision :
       {Precision::kFloat32, Precision::kBFloat16, Precision::kInt8}) {
    EXPECT_EQ(ParsePrecision(PrecisionName(precision), Device::kCpu).value(),
              precision);
  }
}

TEST(PrecisionTest, AutoFollowsTheDeviceAndTheInstructionSet) {
  EXPECT_EQ(ParsePrecision("auto", Device::kCpuOneDnn).value(),
            Precision::kFloat32);
  EXPECT_EQ(ParsePrecision("auto", Device::kReference).value(),
            Precision::kFloat32);
  for (Isa isa : SupportedIsas()) {
    const IsaCap cap(IsaName(isa).data());
    EXPECT_EQ(ParsePrecision("auto", Device::kCpu).value(),
              isa == Isa::kGeneric || isa == Isa::kAvx2 ? Precision::kFloat32
                                                        : Precision::kInt8)
        << IsaName(isa);
  }
}

TEST(PrecisionTest, AnUnknownNameIsNamedWithTheKnownOnes) {
  const absl::Status status = ParsePrecision("int4", Device::kCpu).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(
      std::string(status.message()),
      HasSubstr("'int4', expected 'float32', 'bf16', 'int8' or 'auto'"));
}

}  // namespace
}  // namespace peregrine::kernels
