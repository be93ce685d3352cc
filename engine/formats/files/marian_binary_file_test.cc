#include "engine/formats/files/marian_binary_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "engine/base/damage.h"

namespace peregrine::formats {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

template <typename T>
std::string Bytes(T value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof(value));
}

struct Item {
  std::string name;
  uint64_t type;
  std::vector<int32_t> shape;
  std::string data;
};

std::string File(const std::vector<Item>& items, uint64_t version = 1) {
  std::string file = Bytes(version) + Bytes<uint64_t>(items.size());
  for (const Item& item : items) {
    file += Bytes<uint64_t>(item.name.size() + 1) + Bytes(item.type) +
            Bytes<uint64_t>(item.shape.size()) +
            Bytes<uint64_t>(item.data.size());
  }
  for (const Item& item : items) file += item.name + '\0';
  for (const Item& item : items) {
    for (int32_t dim : item.shape) file += Bytes(dim);
  }
  file += Bytes<uint64_t>(3) + "pad";
  for (const Item& item : items) file += item.data;
  return file;
}

class MarianBinaryFileTest : public testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<MarianFile>> Open(const std::string& content) {
    path_ = testing::TempDir() + "/marian_binary_file_test.bin";
    std::ofstream(path_, std::ios::binary) << content;
    return MarianBinaryFile::Open(path_);
  }
  std::string Error(const std::string& content) {
    const auto file = Open(content);
    return file.ok() ? "" : std::string(file.status().message());
  }
  std::string path_;
};

// Integers stand in the order of the transposed matrix, but for embeddings.
TEST_F(MarianBinaryFileTest, ReadsEveryType) {
  const std::string int8("\1\2\3\4\5\6", 6);
  const std::string multiplier = Bytes(2.0f);
  const auto file = Open(
      File({{"float32", 0x404, {1, 2}, Bytes(0.5f) + Bytes(-3.0f) + "padding"},
            {"float16", 0x402, {1}, Bytes<uint16_t>(0x3e00)},
            {"old_W", 0x4101, {2, 3}, int8 + multiplier},
            {"new_W", 0x10001, {2, 3}, int8 + multiplier},
            {"encoder_Wemb", 0x4101, {2, 3}, int8 + multiplier},
            {"int16_W",
             0x4102,
             {1, 2},
             Bytes<int16_t>(-300) + Bytes<int16_t>(3) + multiplier},
            {"text", 0x101, {3}, std::string("ab\0", 3)}}));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_TRUE(MarianBinaryFile::IsOne(path_));
  const auto read = [&](const char* name, std::vector<int64_t> shape) {
    const auto values = (*file)->Read(name, shape);
    EXPECT_TRUE(values.ok()) << values.status();
    return values.value_or(std::vector<float>());
  };
  EXPECT_THAT(read("float32", {1, 2}), ElementsAre(0.5f, -3.0f));
  EXPECT_THAT(read("float16", {1, 1}), ElementsAre(1.5f));
  EXPECT_THAT(read("old_W", {2, 3}),
              ElementsAre(0.5f, 1.5f, 2.5f, 1.0f, 2.0f, 3.0f));
  EXPECT_THAT(read("new_W", {2, 3}),
              ElementsAre(0.5f, 1.5f, 2.5f, 1.0f, 2.0f, 3.0f));
  EXPECT_THAT(read("encoder_Wemb", {2, 3}),
              ElementsAre(0.5f, 1.0f, 1.5f, 2.0f, 2.5f, 3.0f));
  EXPECT_THAT(read("int16_W", {1, 2}), ElementsAre(-150.0f, 1.5f));
  EXPECT_THAT((*file)->Unread(), ElementsAre("text"));
  EXPECT_EQ((*file)->Text("text"), "ab");
  EXPECT_EQ((*file)->Text("float32"), absl::nullopt);
}

TEST_F(MarianBinaryFileTest, RefusesFilesThatLie) {
  EXPECT_THAT(Error(""), HasSubstr("found version 0, expected"));
  EXPECT_THAT(Error(File({}, 2)), HasSubstr("found version 2, expected"));
  const Item one{"w", 0x404, {1, 1}, Bytes(1.0f)};
  EXPECT_THAT(Error(File({one})), IsEmpty());
  EXPECT_THAT(Error(Bytes<uint64_t>(1) + Bytes(~uint64_t{0})),
              HasSubstr("the file is cut off or damaged"));
  EXPECT_THAT(Error(File({one, one})), HasSubstr("tensor w: found it twice"));
  EXPECT_THAT(Error(File({{"w", 0x404, {2, 1}, Bytes(1.0f)}})),
              HasSubstr("tensor w: found 4 bytes for shape [2, 1], expected at "
                        "least 8"));
  EXPECT_THAT(Error(File({{"w", 0x400, {1 << 30, 1 << 10}, "abcd"}})),
              HasSubstr("tensor w: found type 0x400, whose elements have no"));
  EXPECT_THAT(Error(File({{"w", 0x4101, {4, 1}, "abcd"}})),
              HasSubstr("found 4 bytes for shape [4, 1], expected at least 8"));
  EXPECT_THAT(Error(File({{"w", 0x404, {-1, 1}, ""}})),
              HasSubstr("expected a smaller shape"));
  EXPECT_THAT(Error(File({{"w", 0x404, std::vector<int32_t>(9, 1), ""}})),
              HasSubstr("found 9 dimensions, expected at most 8"));
  EXPECT_THAT(Error(File({{"", 0x404, {1, 1}, Bytes(1.0f)}})),
              HasSubstr("the name of tensor 0: found 1 bytes"));
  const std::string whole = File({one});
  ForEachBeginning(whole, [&](const std::string& beginning) {
    EXPECT_THAT(Error(beginning), Not(IsEmpty())) << beginning.size();
  });
}

TEST_F(MarianBinaryFileTest, ReadErrorsNameTensorFoundAndExpected) {
  const auto file =
      *Open(File({{"w", 0x404, {1, 1}, Bytes(1.0f)},
                  {"packed", 0x1801, {1, 1}, "a"},
                  {"zero_W", 0x4101, {1, 1}, "a" + Bytes(0.0f)}}));
  const auto error = [&](const char* name, std::vector<int64_t> shape) {
    return std::string(file->Read(name, shape).status().message());
  };
  EXPECT_THAT(error("v", {3}),
              HasSubstr("tensor v: found none, expected one of shape [3]"));
  EXPECT_THAT(error("w", {2, 1}), HasSubstr("found shape [1, 1], expected [2"));
  EXPECT_THAT(error("packed", {1, 1}),
              HasSubstr("tensor packed: found elements of type 0x1801"));
  EXPECT_THAT(error("zero_W", {1, 1}),
              HasSubstr("found the quantisation multiplier 0, expected"));
}

TEST_F(MarianBinaryFileTest, SurvivesDamage) {
  const std::string whole =
      File({{"w", 0x404, {1, 1}, Bytes(1.0f)},
            {"v_W", 0x4101, {2, 2}, "abcd" + Bytes(2.0f)}});
  ForEachDamage(whole, {}, [&](const std::string& damaged) {
    const auto file = Open(damaged);
    if (!file.ok()) {
      EXPECT_THAT(std::string(file.status().message()), HasSubstr(path_));
      return;
    }
    for (const std::string& name : (*file)->Unread()) {
      (void)(*file)->Read(name, *(*file)->Shape(name));  // it need not be one
    }
  });
}

}  // namespace
}  // namespace peregrine::formats
