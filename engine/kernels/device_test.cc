#include "engine/kernels/device.h"

#include <cstdlib>

#include "engine/base/float16.h"
#include "engine/base/float8.h"
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
                           "avx512-vnni", "avx512-bf16", "avx512-amx"}) {
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
       {Precision::kFloat32, Precision::kBFloat16, Precision::kFloat16,
        Precision::kInt8, Precision::kFloat8}) {
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
              isa == Isa::kGeneric ? Precision::kFloat32 : Precision::kInt8)
        << IsaName(isa);
  }
}

TEST(PrecisionTest, AnUnknownNameIsNamedWithTheKnownOnes) {
  const absl::Status status = ParsePrecision("int4", Device::kCpu).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("'int4', expected 'float32', 'bf16', 'fp16', 'int8', "
                        "'fp8' or 'auto'"));
}

// The definition: the nearest number of e4m3, ties to even, never NaN of a
// number.
TEST(PrecisionTest, Float8IsRoundedToTheNearest) {
  const auto value = [](int bits) {
    const int exponent = bits >> 3;
    return exponent == 0 ? std::ldexp(bits, -9)
                         : std::ldexp(8 + bits % 8, exponent - 10);
  };
  for (int bits = 0; bits < 0x7e; ++bits) {
    const double low = value(bits);
    const float middle = static_cast<float>((low + value(bits + 1)) / 2);
    ASSERT_EQ(FromFloat8(bits), low);
    ASSERT_EQ(FromFloat8(bits | 0x80), -low);
    ASSERT_EQ(ToFloat8(static_cast<float>(low)), bits);
    ASSERT_EQ(ToFloat8(static_cast<float>(-low)), bits | 0x80);
    ASSERT_EQ(ToFloat8(middle), bits + bits % 2) << "a tie";
    ASSERT_EQ(ToFloat8(std::nextafter(middle, 0.0f)), bits);
    ASSERT_EQ(ToFloat8(std::nextafter(middle, 1e6f)), bits + 1);
  }
  EXPECT_EQ(FromFloat8(0x7e), kMaxFloat8);
  EXPECT_EQ(ToFloat8(1e30f), 0x7e);
  EXPECT_EQ(ToFloat8(-INFINITY), 0xfe);
  EXPECT_EQ(ToFloat8(NAN) & 0x7f, 0x7f);
  EXPECT_TRUE(std::isnan(FromFloat8(0x7f)));
}

// The definition: the nearest half, ties to even, never infinite.
TEST(PrecisionTest, Float16IsRoundedToTheNearest) {
  const auto value = [](int bits) {
    const int exponent = bits >> 10;
    return exponent == 0 ? std::ldexp(bits, -24)
                         : std::ldexp(1024 + bits % 1024, exponent - 25);
  };
  for (int bits = 0; bits < 0x7bff; ++bits) {
    const double low = value(bits);
    const double high = value(bits + 1);
    const float middle = static_cast<float>((low + high) / 2);
    ASSERT_EQ(ToFloat16(static_cast<float>(low)), bits);
    ASSERT_EQ(ToFloat16(static_cast<float>(-low)), bits | 0x8000);
    ASSERT_EQ(ToFloat16(middle), bits + bits % 2) << "a tie";
    ASSERT_EQ(ToFloat16(std::nextafter(middle, 0.0f)), bits);
    ASSERT_EQ(ToFloat16(std::nextafter(middle, 1e6f)), bits + 1);
  }
  EXPECT_EQ(ToFloat16(65504.0f), 0x7bff);
  EXPECT_EQ(ToFloat16(1e30f), 0x7bff);
  EXPECT_EQ(ToFloat16(-INFINITY), 0xfbff);
}

TEST(DeviceTest, GpusHaveNumbers) {
  EXPECT_EQ(*ParseDevice("cuda"), (Device{Device::Kind::kCuda, 0}));
  EXPECT_EQ(*ParseDevice("cuda:3"), (Device{Device::Kind::kCuda, 3}));
  EXPECT_EQ(*ParseDevice("cuda-own:3"),
            (Device{Device::Kind::kCuda, 3, 0, true}));
  EXPECT_NE(*ParseDevice("cuda-own"), *ParseDevice("cuda"));
  for (const char* name : {"cuda:", "cuda:x", "cuda:-1", "cuda1", "cuda:0:1"}) {
    EXPECT_EQ(ParseDevice(name).status().code(),
              absl::StatusCode::kInvalidArgument)
        << name;
  }
}

// Whatever is missing here, the error says what was asked and why not.
TEST(DeviceTest, AnAbsentGpuIsNamed) {
  const absl::Status status = MakeKernels({Device::Kind::kCuda, 1000}).status();
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(std::string(status.message()), HasSubstr("cuda:1000 asked"));
}

TEST(DeviceTest, ParsesTheTuningOfAGpu) {
  const GpuTuning none = ParseGpuTuning("").value();
  EXPECT_FALSE(none.vector_keys || none.keys_ahead || none.split_top_k ||
               none.tiles_ahead || none.dependent_launch || none.fused_norms ||
               none.one_upload || none.eight_bits);
  const GpuTuning all =
      ParseGpuTuning(
          "split-top-k,graphs=256,vector-keys,keys-ahead,tiles-ahead,"
          "dependent-launch,fused-norms,one-upload,eight-bits")
          .value();
  EXPECT_TRUE(all.vector_keys && all.keys_ahead && all.split_top_k &&
              all.tiles_ahead && all.dependent_launch && all.fused_norms &&
              all.one_upload && all.eight_bits);
  EXPECT_EQ(all.max_graphs, 256);
  for (const char* wrong : {"vector", "graphs=", "graphs=0", "graphs=x"}) {
    EXPECT_THAT(std::string(ParseGpuTuning(wrong).status().message()),
                AllOf(HasSubstr(wrong), HasSubstr("split-top-k")));
  }
}

TEST(DeviceTest, TellsWhatMultiplies) {
  EXPECT_EQ(DescribeProducts(Device::kCpu), "own kernels");
  EXPECT_THAT(DescribeProducts(Device::kCpuOneDnn),
              testing::MatchesRegex("oneDNN [0-9]+\\.[0-9]+\\.[0-9]+"));
  Device gpu{Device::Kind::kCuda};
  EXPECT_THAT(DescribeProducts(gpu),
              testing::AnyOf(HasSubstr("cuBLASLt"), HasSubstr("without CUDA")));
  gpu.own_products = true;
  EXPECT_EQ(DescribeProducts(gpu), "own kernels");
}

TEST(PrecisionTest, AutoOnAGpuIsFloat16) {
  EXPECT_EQ(*ParsePrecision("auto", {Device::Kind::kCuda}),
            Precision::kFloat16);
}

TEST(DeviceTest, ACpuRefusesPrecisionsOfGpusByName) {
  const std::vector<float> weight(4, 1.0f);
  for (Device device : {Device::kCpu, Device::kCpuOneDnn}) {
    for (Precision precision : {Precision::kFloat16, Precision::kFloat8}) {
      const absl::Status status =
          MakeKernels(device)
              .value()
              ->PackLinear({weight, {}, 2, 2, precision})
              .status();
      EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
      EXPECT_THAT(std::string(status.message()),
                  HasSubstr(PrecisionName(precision)));
    }
  }
}

}  // namespace
}  // namespace peregrine::kernels
