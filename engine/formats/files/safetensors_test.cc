#include "engine/formats/files/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include "engine/base/damage.h"

namespace peregrine::formats {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class SafetensorsTest : public testing::Test {
 protected:
  ~SafetensorsTest() override { std::remove(path_.c_str()); }

  // A file of this header and data, with a true or a given header length.
  void Write(const std::string& header, const std::string& data,
             int64_t length = -1) {
    const uint64_t header_bytes =
        length < 0 ? header.size() : static_cast<uint64_t>(length);
    std::string bytes(reinterpret_cast<const char*>(&header_bytes), 8);
    WriteBytes(bytes + header + data);
  }

  void WriteBytes(const std::string& bytes) {
    std::ofstream(path_, std::ios::binary) << bytes;
  }

  std::string OpenError() {
    const auto file = SafetensorsFile::Open(path_);
    EXPECT_FALSE(file.ok());
    return file.ok() ? "" : std::string(file.status().message());
  }

  const std::string path_ = testing::TempDir() + "/safetensors_test_" +
                            std::to_string(getpid()) + ".safetensors";
};

std::string Bytes(std::initializer_list<float> values) {
  return {reinterpret_cast<const char*>(values.begin()),
          values.size() * sizeof(float)};
}

std::string Bytes16(std::initializer_list<uint16_t> values) {
  return {reinterpret_cast<const char*>(values.begin()),
          values.size() * sizeof(uint16_t)};
}

constexpr char kTwoFloats[] =
    R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";

TEST_F(SafetensorsTest, ReadsAndRemembersWhatWasRead) {
  Write(R"({"__metadata__":{"by":"test"},
            "a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},
            "b":{"dtype":"F32","shape":[],"data_offsets":[8,12]}})",
        Bytes({1.5f, -2.0f, 3.0f}));
  auto file = SafetensorsFile::Open(path_);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_TRUE((*file)->Has("a"));
  EXPECT_FALSE((*file)->Has("__metadata__"));
  const auto values = (*file)->Read("a", {2, 1});
  ASSERT_TRUE(values.ok()) << values.status();
  EXPECT_THAT(*values, ElementsAre(1.5f, -2.0f));
  EXPECT_THAT((*file)->Unread(), ElementsAre("b"));
}

TEST_F(SafetensorsTest, ConvertsHalfPrecision) {
  Write(R"({"h":{"dtype":"F16","shape":[5],"data_offsets":[0,10]},
            "b":{"dtype":"BF16","shape":[2],"data_offsets":[10,14]}})",
        // 1, -2, largest, smallest subnormal, -0; then 1, -2.5
        Bytes16({0x3c00, 0xc000, 0x7bff, 0x0001, 0x8000, 0x3f80, 0xc020}));
  auto file = SafetensorsFile::Open(path_);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_THAT(
      *(*file)->Read("h", {5}),
      ElementsAre(1.0f, -2.0f, 65504.0f, 5.9604644775390625e-8f, -0.0f));
  EXPECT_THAT(*(*file)->Read("b", {2}), ElementsAre(1.0f, -2.5f));
}

TEST_F(SafetensorsTest, ReadsByRows) {
  Write(R"({"f":{"dtype":"F32","shape":[3,2],"data_offsets":[0,24]},
            "h":{"dtype":"F16","shape":[3],"data_offsets":[24,30]}})",
        Bytes({1, 2, 3, 4, 5, std::numeric_limits<float>::infinity()}) +
            Bytes16({0x3c00, 0xc000, 0x8000}));
  auto file = SafetensorsFile::Open(path_);
  ASSERT_TRUE(file.ok()) << file.status();
  const auto matrix = (*file)->OpenRows("f", {3, 2});
  ASSERT_TRUE(matrix.ok()) << matrix.status();
  std::vector<float> values(2);
  ASSERT_TRUE((*matrix)->Read(1, 1, values.data()).ok());
  EXPECT_THAT(values, ElementsAre(3.0f, 4.0f));
  EXPECT_THAT(std::string((*matrix)->Read(2, 1, values.data()).message()),
              HasSubstr("tensor f: found inf at element 5"));
  const auto vector = (*file)->OpenRows("h", {3});
  ASSERT_TRUE(vector.ok()) << vector.status();
  ASSERT_TRUE((*vector)->Read(1, 2, values.data()).ok());
  EXPECT_THAT(values, ElementsAre(-2.0f, -0.0f));
  EXPECT_THAT((*file)->Unread(), ElementsAre());
  EXPECT_THAT(std::string((*file)->OpenRows("f", {2, 3}).status().message()),
              HasSubstr("tensor f: found shape [3, 2], expected [2, 3]"));
}

TEST_F(SafetensorsTest, ReadErrorsNameTensorFoundAndExpected) {
  Write(kTwoFloats, Bytes({1, 2}));
  auto file = SafetensorsFile::Open(path_);
  ASSERT_TRUE(file.ok());
  EXPECT_THAT(std::string((*file)->Read("a", {3}).status().message()),
              HasSubstr("tensor a: found shape [2], expected [3]"));
  const auto missing = (*file)->Read("x", {3, 4});
  EXPECT_EQ(missing.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(missing.status().message()),
              HasSubstr("tensor x: found none, expected one of shape [3, 4]"));
}

TEST_F(SafetensorsTest, RefusesNumbersThatAreNotFinite) {
  Write(kTwoFloats, Bytes({1, std::numeric_limits<float>::quiet_NaN()}));
  auto file = SafetensorsFile::Open(path_);
  ASSERT_TRUE(file.ok());
  EXPECT_THAT(std::string((*file)->Read("a", {2}).status().message()),
              HasSubstr("tensor a: found nan at element 1"));
}

TEST_F(SafetensorsTest, RefusesHeadersThatLie) {
  EXPECT_THAT(OpenError(), HasSubstr(path_));  // no such file
  WriteBytes("abc");
  EXPECT_THAT(OpenError(), HasSubstr("found 3 bytes"));
  Write(kTwoFloats, Bytes({1, 2}), int64_t{1} << 60);
  EXPECT_THAT(OpenError(),
              HasSubstr("found a header length of 1152921504606846976"));
  Write("{", "");
  EXPECT_THAT(OpenError(), HasSubstr("not valid JSON"));
  Write(kTwoFloats, Bytes({1}));
  EXPECT_THAT(OpenError(), HasSubstr("tensor a: found data_offsets 0 to 8"));
  Write(kTwoFloats, Bytes({1, 2, 3}));
  EXPECT_THAT(OpenError(), HasSubstr("found 12 bytes of data, expected 8"));
  Write(R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})",
        Bytes({1, 2}));
  EXPECT_THAT(OpenError(),
              HasSubstr("found 8 bytes for shape [3] of \"F32\", expected 12"));
  Write(R"({"a":{"dtype":"F32","shape":[2147483647,2147483647,2147483647],
            "data_offsets":[0,8]}})",
        Bytes({1, 2}));
  EXPECT_THAT(OpenError(), HasSubstr("expected a smaller shape"));
  Write(R"({"a":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}})",
        Bytes({1, 2}));
  EXPECT_THAT(OpenError(), HasSubstr("found dtype \"F64\""));
  Write(R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,8]}})",
        Bytes({1, 2}));
  EXPECT_THAT(OpenError(), HasSubstr("a dimension is not a number from 0"));
  Write(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},
            "b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})",
        Bytes({1, 2}));
  EXPECT_THAT(OpenError(),
              HasSubstr("tensor b: found data from byte 0, expected from 4"));
  Write(R"({"a":{"dtype":"F32"}})", "");
  EXPECT_THAT(OpenError(), HasSubstr("tensor a: expected an object with"));
}

// Any damage is an error or harmless, never a crash (run under asan, too).
TEST_F(SafetensorsTest, BoundsWhatAHeaderCosts) {
  Write(std::string(1 << 20, '['), "");
  EXPECT_THAT(OpenError(), HasSubstr("found JSON more than 32 deep"));
  Write(std::string((16 << 20) + 1, ' '), "");
  EXPECT_THAT(OpenError(),
              HasSubstr("found a header length of 16777217, expected at most"));
}

TEST_F(SafetensorsTest, SurvivesRandomDamage) {
  Write(kTwoFloats, Bytes({1, 2}));
  std::string intact;
  {
    std::ifstream file(path_, std::ios::binary);
    intact.assign(std::istreambuf_iterator<char>(file), {});
  }
  int refused = 0;
  ForEachDamage(intact, {2000, 1}, [&](const std::string& damaged) {
    WriteBytes(damaged);
    auto file = SafetensorsFile::Open(path_);
    if (!file.ok()) {
      ++refused;
    } else if ((*file)->Has("a")) {
      (void)(*file)->Read("a", {2});
    }
  });
  EXPECT_GT(refused, 1000);
}

}  // namespace
}  // namespace peregrine::formats
