#include "compare/gpu_energy_meter.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace peregrine::compare {
namespace {

using ::testing::HasSubstr;

TEST(GpuEnergyMeterTest, JoulesOfAGpu) {
  GpuEnergyMeter meter(PEREGRINE_FAKE_NVML);
  EXPECT_FALSE(meter.JoulesSinceLast("0000:01:00.0").has_value());
  const absl::Status status = meter.Watch("0000:01:00.0");
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_DOUBLE_EQ(meter.JoulesSinceLast("0000:01:00.0").value(), 1.5);
  EXPECT_DOUBLE_EQ(meter.JoulesSinceLast("0000:01:00.0").value(), 1.5);
}

TEST(GpuEnergyMeterTest, NotReported) {
  GpuEnergyMeter meter(PEREGRINE_FAKE_NVML);
  EXPECT_THAT(std::string(meter.Watch("0000:02:00.0").message()),
              HasSubstr("0000:02:00.0: Not Supported"));
  EXPECT_THAT(std::string(meter.Watch("0000:03:00.0").message()),
              HasSubstr("0000:03:00.0: Not Found"));
  EXPECT_FALSE(meter.JoulesSinceLast("0000:02:00.0").has_value());
}

TEST(GpuEnergyMeterTest, NoLibrary) {
  GpuEnergyMeter absent("libno-such-library.so.1");
  EXPECT_THAT(std::string(absent.Watch("0000:01:00.0").message()),
              HasSubstr("not reported by this machine: no libno-such-library"));
  // One that is there, but is not NVML.
  GpuEnergyMeter other("libc.so.6");
  EXPECT_THAT(std::string(other.Watch("0000:01:00.0").message()),
              HasSubstr("libc.so.6 has no nvml"));
}

}  // namespace
}  // namespace peregrine::compare
