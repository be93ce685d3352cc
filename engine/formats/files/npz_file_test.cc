#include "engine/formats/files/npz_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
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

std::string Npy(const std::string& type, const std::string& shape,
                const std::string& data, const char* fortran = "False") {
  const std::string header =
      absl::StrCat("{'descr': '", type, "', 'fortran_order': ", fortran,
                   ", 'shape': ", shape, ", }\n");
  return std::string("\x93NUMPY\1\0", 8) + Bytes<uint16_t>(header.size()) +
         header + data;
}

struct Entry {
  std::string name;
  std::string content;
  uint16_t method = 0;
  uint32_t size_off_by = 0;
};

std::string Npz(const std::vector<Entry>& entries) {
  std::string file;
  std::string directory;
  for (const Entry& entry : entries) {
    const uint32_t size = entry.content.size() + entry.size_off_by;
    const std::string common =
        Bytes(entry.method) + Bytes<uint64_t>(0) + Bytes(size) + Bytes(size) +
        Bytes<uint16_t>(entry.name.size()) + Bytes<uint16_t>(0);
    directory += "PK\1\2" + Bytes<uint32_t>(20) + Bytes<uint16_t>(0) + common +
                 Bytes<uint16_t>(0) + Bytes<uint32_t>(0) + Bytes<uint32_t>(0) +
                 Bytes<uint32_t>(file.size()) + entry.name;
    file += "PK\3\4" + Bytes<uint16_t>(20) + Bytes<uint16_t>(0) + common +
            entry.name + entry.content;
  }
  return file + directory + "PK\5\6" + Bytes<uint32_t>(0) +
         Bytes<uint16_t>(entries.size()) + Bytes<uint16_t>(entries.size()) +
         Bytes<uint32_t>(directory.size()) + Bytes<uint32_t>(file.size()) +
         Bytes<uint16_t>(0);
}

class NpzFileTest : public testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<MarianFile>> Open(const std::string& content) {
    path_ = testing::TempDir() + "/npz_file_test.npz";
    std::ofstream(path_, std::ios::binary) << content;
    return NpzFile::Open(path_);
  }
  std::string Error(const std::string& content) {
    const auto file = Open(content);
    return file.ok() ? "" : std::string(file.status().message());
  }
  std::string path_;
};

TEST_F(NpzFileTest, ReadsEveryType) {
  const auto file = Open(
      Npz({{"float32.npy", Npy("<f4", "(1, 2)", Bytes(0.5f) + Bytes(-3.0f))},
           {"float64.npy", Npy("<f8", "(1,)", Bytes(2.5))},
           {"float16.npy", Npy("<f2", "(1, 1)", Bytes<uint16_t>(0x3e00))},
           {"text.npy", Npy("|i1", "(4,)", std::string("ab\0c", 4))}}));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_THAT(*(*file)->Read("float32", {1, 2}), ElementsAre(0.5f, -3.0f));
  EXPECT_THAT(*(*file)->Read("float64", {1, 1}), ElementsAre(2.5f));
  EXPECT_THAT(*(*file)->Read("float16", {1, 1}), ElementsAre(1.5f));
  EXPECT_THAT((*file)->Unread(), ElementsAre("text"));
  EXPECT_EQ((*file)->Text("text"), "ab");
  EXPECT_EQ((*file)->Text("float32"), absl::nullopt);
  EXPECT_THAT((*file)->Unread(), IsEmpty());
  EXPECT_EQ((*file)->Shape("none"), absl::nullopt);
}

TEST_F(NpzFileTest, RefusesFilesThatLie) {
  const std::string one = Npy("<f4", "(1, 1)", Bytes(1.0f));
  EXPECT_THAT(Error(Npz({{"w.npy", one}})), IsEmpty());
  EXPECT_THAT(Error(""), HasSubstr("found no end of a ZIP archive"));
  EXPECT_THAT(
      Error(Npz({{"w.npy", one, 8}})),
      HasSubstr("member w.npy: found it compressed or encrypted (method 8"));
  EXPECT_THAT(Error(Npz({{"w.npy", one, 0, 1000}})),
              HasSubstr("expected them before the directory at"));
  EXPECT_THAT(Error(Npz({{"w.npy", one}, {"w.npy", one}})),
              HasSubstr("member w.npy: found it twice"));
  EXPECT_THAT(Error(Npz({{"w.npy", "text and more"}})),
              HasSubstr("found no NumPy array"));
  EXPECT_THAT(Error(Npz({{"w.npy", Npy("<f4", "(2, 1)", Bytes(1.0f))}})),
              HasSubstr("found 4 bytes for shape [2, 1] of <f4, expected 8"));
  EXPECT_THAT(
      Error(Npz({{"w.npy", Npy("<f4", "(4294967296, 4294967296)", "")}})),
      HasSubstr("expected a smaller shape"));
  EXPECT_THAT(Error(Npz({{"w.npy", Npy("<f4", "(-1, 1)", "")}})),
              HasSubstr("found the header"));
  EXPECT_THAT(
      Error(Npz({{"w.npy", Npy("<f4", "(1, 1)", Bytes(1.0f), "True")}})),
      HasSubstr("found it column-major"));
  const std::string whole = Npz({{"w.npy", one}, {"v.npy", one}});
  ForEachBeginning(whole, [&](const std::string& beginning) {
    EXPECT_THAT(Error(beginning), Not(IsEmpty())) << beginning.size();
  });
}

TEST_F(NpzFileTest, ReadErrorsNameTensorFoundAndExpected) {
  const auto file =
      *Open(Npz({{"w.npy", Npy("<f4", "(1, 1)", Bytes(1.0f))},
                 {"i.npy", Npy("<i4", "(1, 1)", Bytes(1))},
                 {"nan.npy", Npy("<f4", "(1, 1)", Bytes(std::nanf("")))}}));
  const auto error = [&](const char* name, std::vector<int64_t> shape) {
    return std::string(file->Read(name, shape).status().message());
  };
  EXPECT_THAT(error("v", {3}),
              HasSubstr("tensor v: found none, expected one of shape [3]"));
  EXPECT_THAT(error("w", {2, 1}), HasSubstr("found shape [1, 1], expected [2"));
  EXPECT_THAT(error("i", {1, 1}), HasSubstr("found elements of type <i4"));
  EXPECT_THAT(error("nan", {1, 1}), HasSubstr("expected finite numbers"));
}

TEST_F(NpzFileTest, SurvivesDamage) {
  const std::string one = Npy("<f4", "(1, 2)", Bytes(1.0f) + Bytes(2.0f));
  const std::string whole = Npz({{"w.npy", one}, {"v.npy", one}});
  ForEachDamage(whole, {}, [&](const std::string& damaged) {
    const auto file = Open(damaged);
    if (!file.ok()) {
      EXPECT_THAT(std::string(file.status().message()), HasSubstr(path_));
      return;
    }
    for (const std::string& name : (*file)->Unread()) {
      (void)(*file)->Read(name, {1, 2});  // it need not be an error
    }
  });
}

}  // namespace
}  // namespace peregrine::formats
