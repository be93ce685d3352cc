#include "engine/formats/torch_checkpoints/torch_checkpoint.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/base/file.h"
#include "engine/base/status_macros.h"
#include "engine/formats/files/torch_file.h"
#include "engine/formats/torch_checkpoints/fairseq.h"
#include "engine/formats/torch_checkpoints/opennmt.h"
#include "engine/formats/torch_checkpoints/settings.h"

namespace peregrine::formats {
namespace {

constexpr const char* kEnding = ".pt";
constexpr const char* kBest = "checkpoint_best.pt";
constexpr size_t kMaxNamesInError = 10;

}  // namespace

absl::StatusOr<absl::optional<std::string>> FindTorchCheckpoint(
    const std::string& path) {
  const absl::optional<std::string> none;
  std::error_code error;
  if (std::filesystem::is_regular_file(path, error)) {
    if (std::filesystem::path(path).extension() != kEnding) return none;
    return absl::optional<std::string>(path);
  }
  std::vector<std::string> names;
  for (std::filesystem::directory_iterator it(path, error), end;
       !error && it != end; it.increment(error)) {
    if (it->path().extension() != kEnding) continue;
    names.push_back(it->path().filename().string());
    if (names.back() == kBest) {
      return absl::optional<std::string>(absl::StrCat(path, "/", kBest));
    }
  }
  if (names.empty()) return none;
  if (names.size() == 1) {
    return absl::optional<std::string>(absl::StrCat(path, "/", names[0]));
  }
  std::sort(names.begin(), names.end());
  if (names.size() > kMaxNamesInError) names.resize(kMaxNamesInError);
  return absl::InvalidArgumentError(absl::StrCat(
      path, ": found several checkpoints: ", absl::StrJoin(names, ", "),
      ", expected ", kBest, ", one alone, or its path as the model"));
}

absl::StatusOr<Checkpoint> OpenTorchCheckpoint(const std::string& path) {
  PEREGRINE_ASSIGN_OR_RETURN(
      auto file, TorchFile::OpenCheckpoint(
                     path, {{"model", ""}, {"generator", "generator."}}));
  const std::string directory =
      std::filesystem::path(path).parent_path().string();
  const Settings all(file->content(), path);
  if (all.Has("vocab") && all.Has("opt")) {
    return OpenOpenNmt(std::move(file), directory);
  }
  if (all.Has("args") || all.Has("cfg")) {
    return OpenFairseq(std::move(file), directory);
  }
  return absl::UnimplementedError(absl::StrCat(
      path, ": found ", file->content().Shown(file->content().root),
      " without the settings of fairseq (args or cfg) or OpenNMT-py (opt and "
      "vocab), expected a checkpoint of one of them"));
}

}  // namespace peregrine::formats
