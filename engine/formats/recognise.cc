#include "engine/formats/recognise.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/base/file.h"
#include "engine/base/json_object.h"
#include "engine/base/status_macros.h"
#include "engine/formats/ctranslate2/ctranslate2.h"
#include "engine/formats/hugging_face/m2m100.h"
#include "engine/formats/hugging_face/marian.h"
#include "engine/formats/limits.h"
#include "engine/formats/marian/marian.h"
#include "engine/formats/peregrine/directory.h"

namespace peregrine::formats {
namespace {

constexpr size_t kMaxNamesInError = 10;

// "README.md, notes.txt", or what stands in the way of saying so.
std::string FilesIn(const std::string& directory) {
  std::error_code error;
  std::vector<std::string> names;
  for (std::filesystem::directory_iterator it(directory, error), end;
       !error && it != end; it.increment(error)) {
    names.push_back(it->path().filename().string());
  }
  if (error) return error.message();
  if (names.empty()) return "no files";
  std::sort(names.begin(), names.end());
  const bool more = names.size() > kMaxNamesInError;
  if (more) names.resize(kMaxNamesInError);
  return absl::StrCat(absl::StrJoin(names, ", "), more ? ", ..." : "");
}

// config.json with a model_type is Hugging Face's.
absl::StatusOr<Checkpoint> OpenHuggingFace(const std::string& directory,
                                           const std::string& config_path,
                                           const Json& config) {
  const Json& type = config["model_type"];
  if (type == "marian") return OpenHuggingFaceMarian(directory, config);
  if (type == "m2m_100") return OpenHuggingFaceM2M100(directory, config);
  return absl::UnimplementedError(
      absl::StrCat(config_path, ": model_type: found ", Shown(type),
                   ", expected \"marian\" or \"m2m_100\""));
}

absl::StatusOr<Checkpoint> Open(const std::string& directory) {
  const std::string config_path = absl::StrCat(directory, "/config.json");
  const bool is_ctranslate2 = FileExists(directory + "/model.bin");
  if (!FileExists(config_path)) {
    if (IsMarian(directory)) return OpenMarian(directory);
    if (is_ctranslate2) return OpenCTranslate2(directory);
    return absl::NotFoundError(
        absl::StrCat(config_path, ": no such file. Found in ", directory, ": ",
                     FilesIn(directory),
                     "; expected the files of a model in one of the formats of "
                     "docs/formats.md"));
  }
  PEREGRINE_ASSIGN_OR_RETURN(
      const Json config,
      ReadJson(config_path, kMaxConfigBytes, "the config.json of a model"));
  if (config.is_object() && config.contains("model_type")) {
    return OpenHuggingFace(directory, config_path, config);
  }
  if (is_ctranslate2) return OpenCTranslate2(directory);
  return OpenPeregrineDirectory(directory);
}

}  // namespace

absl::StatusOr<Checkpoint> OpenCheckpoint(const std::string& directory) {
  PEREGRINE_ASSIGN_OR_RETURN(Checkpoint checkpoint, Open(directory));
  PEREGRINE_RETURN_IF_ERROR(CheckConfig(checkpoint.config, directory));
  return checkpoint;
}

}  // namespace peregrine::formats
