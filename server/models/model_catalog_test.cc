#include "server/models/model_catalog.h"

#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/match.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace peregrine::server {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

class ModelCatalogTest : public ::testing::Test {
 protected:
  ModelCatalogTest()
      : root_(fs::path(::testing::TempDir()) / "peregrine-catalog") {
    fs::remove_all(root_);
    fs::create_directories(root_);
  }
  ~ModelCatalogTest() override { fs::remove_all(root_); }

  // A folder that holds a model of this name; "": a damaged one.
  void AddModel(const std::string& folder, const std::string& name) {
    fs::create_directories(root_ / folder);
    std::ofstream(root_ / folder / "model") << name;
  }
  static absl::StatusOr<ModelInfo> Describe(const ModelSource& source) {
    std::ifstream file(source.directory + "/model");
    if (!file) return absl::NotFoundError("no model");
    ModelInfo info;
    file >> info.name;
    if (info.name.empty()) return absl::InvalidArgumentError("damaged");
    return info;
  }
  absl::StatusOr<ModelCatalog> Read() {
    return ReadModelCatalog(root_.string(), Describe);
  }

  const fs::path root_;
};

TEST_F(ModelCatalogTest, FindsModelsInATree) {
  AddModel("b", "second");
  AddModel("deep/er/a", "first");
  AddModel("broken", "");
  AddModel(".copying", "third");
  AddModel("b/inside", "fourth");  // of a model
  fs::create_directories(root_ / "nothing");
  const auto catalog = Read();
  ASSERT_TRUE(catalog.ok()) << catalog.status();
  std::string names;
  for (const auto& [name, model] : *catalog) {
    names += name + (model.sound.ok() ? " " : "! ");
  }
  EXPECT_EQ(names, "broken! first second ");
  EXPECT_TRUE(absl::EndsWith(catalog->at("first").directory, "/deep/er/a"));
  EXPECT_EQ(catalog->at("second").bytes, 12);
}

TEST_F(ModelCatalogTest, NamesAreUnique) {
  AddModel("a", "one");
  AddModel("b", "one");
  const auto catalog = Read();
  EXPECT_EQ(catalog.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(catalog.status().message()),
              HasSubstr("second model named \"one\", the first is "));
}

TEST_F(ModelCatalogTest, ATreeTellsWhatChanged) {
  AddModel("a", "first");
  AddModel("deep/b", "second");
  int described = 0;
  ModelTree tree(root_.string(), [&](const ModelSource& source) {
    ++described;
    return Describe(source);
  });
  const auto names = [](const absl::optional<ModelCatalog>& catalog) {
    if (!catalog.has_value()) return std::string("same");
    std::string told;
    for (const auto& [name, model] : *catalog) {
      told += name + (model.sound.ok() ? " " : "! ");
    }
    return told;
  };
  ASSERT_TRUE(tree.Read().ok());
  EXPECT_EQ(described, 3);
  EXPECT_EQ(names(tree.Look()), "same");

  AddModel("c", "third");
  EXPECT_EQ(names(tree.Look()), "same");  // it may not be finished
  EXPECT_EQ(names(tree.Look()), "first second third ");
  EXPECT_EQ(names(tree.Look()), "same");
  EXPECT_EQ(described, 4);

  const std::string before = Read()->at("second").version;
  AddModel("deep/b", "other");
  tree.Look();
  EXPECT_EQ(names(tree.Look()), "first other third ");
  EXPECT_EQ(described, 6);  // with the folder above it
  EXPECT_NE(Read()->at("other").version, before);

  AddModel("d", "first");  // a second one: what was told stays
  tree.Look();
  EXPECT_EQ(names(tree.Look()), "same");
  fs::remove_all(root_ / "a");
  tree.Look();
  EXPECT_EQ(names(tree.Look()), "first other third ");
  AddModel("c", "");
  tree.Look();
  EXPECT_EQ(names(tree.Look()), "c! first other ");

  fs::remove_all(root_);
  tree.Look();
  EXPECT_EQ(names(tree.Look()), "same");
  fs::create_directories(root_);
  tree.Look();
  EXPECT_EQ(names(tree.Look()), "");
}

TEST_F(ModelCatalogTest, ATreeWithoutModelsIsAnError) {
  EXPECT_THAT(std::string(Read().status().message()),
              HasSubstr("found no model in it"));
  fs::remove_all(root_);
  EXPECT_EQ(Read().status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace peregrine::server
