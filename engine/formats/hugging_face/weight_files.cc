#include "engine/formats/hugging_face/weight_files.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/base/file.h"
#include "engine/base/json_object.h"
#include "engine/base/status_macros.h"
#include "engine/formats/files/safetensors.h"
#include "engine/formats/files/torch_file.h"

namespace peregrine::formats {
namespace {

constexpr size_t kMaxIndexBytes = 16 << 20;
constexpr size_t kMaxShards = 1000;  // each is an open file

absl::Status Error(const std::string& path, absl::string_view message) {
  return absl::InvalidArgumentError(absl::StrCat(path, ": ", message));
}

// A file beside the index, and nowhere else.
bool IsFileName(const Json& value) {
  if (!value.is_string()) return false;
  const std::string& name = value.get_ref<const std::string&>();
  return (absl::EndsWith(name, ".safetensors") ||
          absl::EndsWith(name, ".bin")) &&
         !absl::StrContains(name, "/");
}

}  // namespace

absl::StatusOr<std::map<std::string, std::string>> ParseWeightMap(
    absl::string_view json, const std::string& path) {
  PEREGRINE_ASSIGN_OR_RETURN(const Json index, ParseJson(json, path));
  const Json none;
  const Json& map = index.is_object() && index.contains("weight_map")
                        ? index["weight_map"]
                        : none;
  if (!map.is_object() || map.empty()) {
    return Error(path, absl::StrCat("weight_map: found ", Shown(map),
                                    ", expected a JSON object from tensors to "
                                    "files"));
  }
  std::map<std::string, std::string> shard_of;
  for (const auto& [tensor, file] : map.items()) {
    if (!IsFileName(file)) {
      return Error(path, absl::StrCat("weight_map: tensor ", tensor, ": found ",
                                      Shown(file),
                                      ", expected the name of a .safetensors "
                                      "or .bin file, without a folder"));
    }
    shard_of[tensor] = file.get<std::string>();
  }
  return shard_of;
}

absl::StatusOr<std::unique_ptr<TensorFile>> OpenTensorFile(
    const std::string& path) {
  if (absl::EndsWith(path, ".safetensors")) return SafetensorsFile::Open(path);
  return TorchFile::Open(path);
}

absl::StatusOr<std::unique_ptr<WeightFiles>> WeightFiles::Open(
    const std::string& path) {
  auto weights = absl::WrapUnique(new WeightFiles(path));
  if (!absl::EndsWith(path, ".json")) {
    PEREGRINE_ASSIGN_OR_RETURN(auto file, OpenTensorFile(path));
    for (const std::string& tensor : file->Unread()) {
      weights->shard_of_[tensor] = path;
    }
    weights->shards_[path] = std::move(file);
    return weights;
  }
  PEREGRINE_ASSIGN_OR_RETURN(
      const std::string json,
      ReadFile(path, kMaxIndexBytes, "an index of tensors"));
  PEREGRINE_ASSIGN_OR_RETURN(weights->shard_of_, ParseWeightMap(json, path));
  PEREGRINE_RETURN_IF_ERROR(weights->OpenShards());
  PEREGRINE_RETURN_IF_ERROR(weights->CheckIndex());
  return weights;
}

bool WeightFiles::AreSame(const std::string& a, const std::string& b) const {
  return shards_.at(shard_of_.at(a))
      ->IsSame(a, *shards_.at(shard_of_.at(b)), b);
}

absl::Status WeightFiles::OpenShards() {
  const std::filesystem::path folder =
      std::filesystem::path(path_).parent_path();
  for (const auto& [tensor, file] : shard_of_) {
    if (shards_.count(file) != 0) continue;
    if (shards_.size() == kMaxShards) {
      return Error(path_,
                   absl::StrCat("weight_map: found more than ", kMaxShards,
                                " files, expected at most as many"));
    }
    PEREGRINE_ASSIGN_OR_RETURN(shards_[file],
                               OpenTensorFile((folder / file).string()));
  }
  return absl::OkStatus();
}

absl::Status WeightFiles::CheckIndex() const {
  for (const auto& [tensor, file] : shard_of_) {
    const TensorFile& shard = *shards_.at(file);
    if (shard.Has(tensor)) continue;
    return Error(shard.path(),
                 absl::StrCat("tensor ", tensor,
                              ": found none, expected it as ", path_, " says"));
  }
  for (const auto& [file, shard] : shards_) {
    for (const std::string& tensor : shard->Unread()) {
      const auto place = shard_of_.find(tensor);
      if (place != shard_of_.end() && place->second == file) continue;
      return Error(
          shard->path(),
          absl::StrCat("tensor ", tensor, ": found here, expected ",
                       place == shard_of_.end()
                           ? "nowhere"
                           : absl::StrCat("in ", place->second, " alone"),
                       " as ", path_, " says"));
    }
  }
  return absl::OkStatus();
}

bool WeightFiles::Has(const std::string& name) const {
  return shard_of_.count(name) != 0;
}

absl::StatusOr<TensorFile*> WeightFiles::ShardOf(
    const std::string& name, absl::Span<const int64_t> shape) const {
  const auto file = shard_of_.find(name);
  if (file == shard_of_.end()) {
    return absl::NotFoundError(absl::StrCat(
        path_, ": tensor ", name, ": found none, expected one of shape ",
        model::ShapeString(shape)));
  }
  return shards_.at(file->second).get();
}

absl::StatusOr<std::vector<float>> WeightFiles::Read(
    const std::string& name, absl::Span<const int64_t> shape) {
  PEREGRINE_ASSIGN_OR_RETURN(TensorFile * shard, ShardOf(name, shape));
  return shard->Read(name, shape);
}

absl::StatusOr<std::unique_ptr<const model::TensorRows>> WeightFiles::OpenRows(
    const std::string& name, absl::Span<const int64_t> shape) {
  PEREGRINE_ASSIGN_OR_RETURN(TensorFile * shard, ShardOf(name, shape));
  return shard->OpenRows(name, shape);
}

std::vector<std::string> WeightFiles::Unread() const {
  std::vector<std::string> names;
  for (const auto& [file, shard] : shards_) {
    for (std::string& name : shard->Unread()) names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace peregrine::formats
