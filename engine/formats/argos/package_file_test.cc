#include "engine/formats/argos/package_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "engine/base/damage.h"
#include "engine/formats/recognise.h"

namespace peregrine::formats {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kPackages =
    PEREGRINE_SOURCE_DIR "/engine/formats/argos/testdata/";

std::string Content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

// The packages are made by tests/formats/argos_packages.py.
class PackageFileTest : public testing::Test {
 protected:
  void SetUp() override {
    temporary_ = testing::TempDir() + "/package_file_test";
    fs::remove_all(temporary_);
    fs::create_directories(temporary_);
    setenv("TMPDIR", temporary_.c_str(), 1);
  }
  // Whatever becomes of a package, nothing is left behind.
  void TearDown() override {
    unsetenv("TMPDIR");
    EXPECT_TRUE(!fs::exists(temporary_) || fs::is_empty(temporary_));
    fs::remove_all(temporary_);
  }

  static std::string Error(const std::string& name) {
    const auto checkpoint = OpenCheckpoint(kPackages + name);
    return checkpoint.ok() ? "" : std::string(checkpoint.status().message());
  }

  std::string temporary_;
};

TEST_F(PackageFileTest, OpensWhatZipfileAndInfoZipWrite) {
  for (const char* name :
       {"zipfile", "zipfile-pipe", "info-zip", "info-zip-pipe"}) {
    SCOPED_TRACE(name);
    const auto checkpoint =
        OpenCheckpoint(std::string(kPackages) + name + ".argosmodel");
    ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
    EXPECT_THAT(checkpoint->format, HasSubstr("Argos package, CTranslate2"));
    EXPECT_EQ(checkpoint->config.name, name);
    EXPECT_EQ(checkpoint->config.source_language, "en");
    EXPECT_EQ(checkpoint->config.target_language, "pb");
    EXPECT_EQ(checkpoint->config.decoding.beam_size, 4);
    EXPECT_EQ(checkpoint->text_refusal, "");
    // The weights are read when their file has no name any more.
    EXPECT_TRUE(fs::is_empty(temporary_));
    const model::ArchitectureConfig& architecture =
        checkpoint->config.architecture;
    const auto embedding = checkpoint->tensors->Read(
        "encoder.embedding",
        {architecture.source_vocab_size, architecture.encoder.model_dim});
    EXPECT_TRUE(embedding.ok()) << embedding.status();
  }
}

TEST_F(PackageFileTest, RefusesWhatNobodyShouldUnpack) {
  EXPECT_THAT(Error("bomb.argosmodel"), HasSubstr("16 times as large"));
  EXPECT_THAT(
      Error("leads-out.argosmodel"),
      HasSubstr("member a/model/../../../b: found a name that leads out "
                "of its folder"));
  EXPECT_THAT(Error("encrypted.argosmodel"), HasSubstr("encrypted"));
  EXPECT_THAT(Error("two.argosmodel"), HasSubstr("found 2 folders"));
  EXPECT_THAT(Error("other.argosmodel"),
              HasSubstr("found 0 folders with metadata.json and "
                        "model/model.bin, expected one"));
}

TEST_F(PackageFileTest, SaysWhereItWouldHaveToUnpack) {
  fs::remove_all(temporary_);
  EXPECT_THAT(Error("zipfile.argosmodel"),
              HasSubstr("cannot make a temporary folder in " + temporary_));
  EXPECT_THAT(Error("zipfile.argosmodel"), HasSubstr("run unzip"));
}

TEST_F(PackageFileTest, SurvivesDamage) {
  const std::string path = testing::TempDir() + "/damaged.argosmodel";
  int refused = 0;
  const auto open = [&](const std::string& content) {
    std::ofstream(path, std::ios::binary) << content;
    const auto checkpoint = OpenCheckpoint(path);
    if (checkpoint.ok()) return;
    EXPECT_THAT(std::string(checkpoint.status().message()), HasSubstr(path));
    ++refused;
  };
  const std::string package =
      Content(std::string(kPackages) + "info-zip-pipe.argosmodel");
  ForEachBeginning(package, open, 997);
  EXPECT_EQ(refused, (package.size() + 996) / 997);
  DamageOptions options;
  options.rounds = 300;
  options.edge_bytes = 2000;
  ForEachDamage(package, options, open);
  // What lies in the weights is found by their checksum.
  refused = 0;
  for (size_t place = 1000; place < 60000; place += 5000) {
    std::string damaged = package;
    damaged[place] = static_cast<char>(damaged[place] ^ 0x10);
    open(damaged);
    EXPECT_EQ(refused, static_cast<int>(place / 5000) + 1) << place;
  }
  fs::remove(path);
}

}  // namespace
}  // namespace peregrine::formats
