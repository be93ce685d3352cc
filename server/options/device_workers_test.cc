#include "server/options/device_workers.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace peregrine::server {
namespace {

using kernels::Device;
using ::testing::HasSubstr;

TEST(DeviceWorkersTest, ReadsDevicesWithAndWithoutWorkers) {
  EXPECT_EQ(ParseDeviceWorkers("cpu")->device, Device::kCpu);
  EXPECT_EQ(ParseDeviceWorkers("cpu")->num_workers, 0);
  EXPECT_EQ(ParseDeviceWorkers("cpu:2")->num_workers, 2);
  EXPECT_EQ(ParseDeviceWorkers("cpu-onednn:3")->device, Device::kCpuOneDnn);
  const DeviceWorkers second = *ParseDeviceWorkers("cuda:1");
  EXPECT_EQ(second.device, (Device{Device::Kind::kCuda, 1}));
  EXPECT_EQ(second.num_workers, 0);
  EXPECT_EQ(ParseDeviceWorkers("cuda:1:2")->num_workers, 2);
  EXPECT_EQ(ParseDeviceWorkers("cuda")->device, (Device{Device::Kind::kCuda}));
  const DeviceWorkers own = *ParseDeviceWorkers("cuda-own:1:2");
  EXPECT_EQ(own.device, (Device{Device::Kind::kCuda, 1, 0, true}));
  EXPECT_NE(own.device, second.device);
  EXPECT_EQ(own.num_workers, 2);
}

TEST(DeviceWorkersTest, NamesWhatIsWrong) {
  for (const char* text : {"gpu", "", "cuda:x", "cuda:-1", "cuda:"}) {
    const absl::Status status = ParseDeviceWorkers(text).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(status.message()), HasSubstr("cuda:N"));
  }
  for (const char* text : {"cpu:0", "cpu:x", "cpu:1:1", "cuda:0:1:1"}) {
    EXPECT_THAT(std::string(ParseDeviceWorkers(text).status().message()),
                HasSubstr("expected DEVICE or DEVICE:WORKERS"))
        << text;
  }
}

TEST(DeviceWorkersTest, NamesThem) {
  EXPECT_EQ(DeviceNames({*ParseDeviceWorkers("cuda-own:1:2")}), "cuda-own:1");
  EXPECT_EQ(DeviceNames({*ParseDeviceWorkers("cpu:2")}), "cpu");
  EXPECT_EQ(DeviceNames(
                {*ParseDeviceWorkers("cpu:2"), *ParseDeviceWorkers("cuda:0")}),
            "cpu+cuda:0");
}

}  // namespace
}  // namespace peregrine::server
