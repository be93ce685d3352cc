#ifndef PEREGRINE_ENGINE_FORMATS_DAMAGED_DIRECTORY_H_
#define PEREGRINE_ENGINE_FORMATS_DAMAGED_DIRECTORY_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <string>

#include "engine/base/damage.h"
#include "engine/base/json_object.h"
#include "engine/translation_model.h"

namespace peregrine::formats {

// For the tests of readers: a copy of a golden model that a test may damage.
class DamagedDirectory {
 public:
  explicit DamagedDirectory(const std::string& golden)
      : path_(std::filesystem::path(testing::TempDir()) /
              (golden + "_" + std::to_string(getpid()))) {
    std::filesystem::remove_all(path_);
    std::filesystem::copy(
        std::filesystem::path(PEREGRINE_SOURCE_DIR) / "tests/golden" / golden,
        path_);
  }
  ~DamagedDirectory() { std::filesystem::remove_all(path_); }

  std::string File(const std::string& name) const { return path_ / name; }

  // What loading says, or nothing where it loads.
  std::string Error() const {
    const auto model = TranslationModel::Load(path_, kernels::Device::kCpu);
    return model.ok() ? "" : std::string(model.status().message());
  }

  std::string Read(const std::string& name) const {
    std::ifstream file(File(name), std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  }

  void Write(const std::string& name, const std::string& content) const {
    std::ofstream(File(name), std::ios::binary) << content;
  }

  void Remove(const std::string& name) const {
    std::filesystem::remove(File(name));
  }

  void Truncate(const std::string& name, double share) const {
    const std::string content = Read(name);
    Write(name,
          content.substr(0, static_cast<size_t>(
                                share * static_cast<double>(content.size()))));
  }

  // Sets a field of a JSON file.
  void Set(const std::string& name, const std::string& field,
           const Json& value) const {
    Json json = Json::parse(Read(name));
    json[field] = value;
    Write(name, json.dump());
  }

 private:
  const std::filesystem::path path_;
};

// Loads the model with each of `files` damaged: it loads, or says in which file
// of the model the fault is.
inline void SurvivesDamage(const DamagedDirectory& model,
                           std::initializer_list<const char*> files,
                           const DamageOptions& options = {60}) {
  for (const char* file : files) {
    const std::string content = model.Read(file);
    ForEachDamage(content, options, [&](const std::string& damaged) {
      model.Write(file, damaged);
      const std::string error = model.Error();  // it need not be one
      EXPECT_THAT(error, testing::AnyOf(testing::IsEmpty(),
                                        testing::HasSubstr(model.File(""))));
    });
    model.Write(file, content);
  }
}

}  // namespace peregrine::formats

#endif  // PEREGRINE_ENGINE_FORMATS_DAMAGED_DIRECTORY_H_
