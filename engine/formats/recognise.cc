#include "engine/formats/recognise.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/base/file.h"
#include "engine/base/json_object.h"
#include "engine/base/status_macros.h"
#include "engine/formats/argos/argos.h"
#include "engine/formats/argos/package_file.h"
#include "engine/formats/ctranslate2/ctranslate2.h"
#include "engine/formats/files/torch_file.h"
#include "engine/formats/hugging_face/m2m100.h"
#include "engine/formats/hugging_face/marian.h"
#include "engine/formats/hugging_face/t5.h"
#include "engine/formats/limits.h"
#include "engine/formats/marian/marian.h"
#include "engine/formats/peregrine/directory.h"
#include "engine/formats/torch_checkpoints/torch_checkpoint.h"

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

// What may be meant, where no format is recognised.
std::string Advice(const std::string& directory) {
  std::error_code error;
  std::vector<std::string> models;
  for (std::filesystem::directory_iterator it(directory, error), end;
       !error && it != end; it.increment(error)) {
    const std::string path = it->path().string();
    if (absl::EndsWith(path, ".gz")) {
      return "; its files are compressed: run gunzip on those that end in .gz";
    }
    if (FileExists(path + "/config.json") || FileExists(path + "/model.bin") ||
        IsArgos(path) || IsArgosFile(path) ||
        (it->is_directory(error) && IsMarian(path))) {
      models.push_back(path);
    }
  }
  if (models.empty()) return "";
  return absl::StrCat("; did you mean ",
                      *std::min_element(models.begin(), models.end()), "?");
}

// config.json with a model_type is Hugging Face's.
absl::StatusOr<Checkpoint> OpenHuggingFace(const std::string& directory,
                                           const std::string& config_path,
                                           const Json& config) {
  const Json& type = config["model_type"];
  struct Advice {
    const char* type;
    const char* what;
  };
  // What people ask for, and what to do instead.
  for (const Advice& advice :
       {Advice{"fsmt",
               "convert the fairseq checkpoint that it was made from: "
               "peregrine convert"},
        Advice{"IndicTrans",
               "convert the fairseq checkpoint that it was made "
               "from, by peregrine convert, and prepare texts "
               "with its toolkit"},
        Advice{"nllb-moe", "take a dense NLLB, such as nllb-200-3.3B"}}) {
    if (type != advice.type) continue;
    return absl::UnimplementedError(
        absl::StrCat(config_path, ": model_type: found ", Shown(type),
                     ", which is not served: ", advice.what));
  }
  if (type == "marian") return OpenHuggingFaceMarian(directory, config);
  if (type == "m2m_100" || type == "mbart") {
    return OpenHuggingFaceM2M100(directory, config);
  }
  if (type == "t5" || type == "mt5")
    return OpenHuggingFaceT5(directory, config);
  return absl::UnimplementedError(absl::StrCat(
      config_path, ": model_type: found ", Shown(type),
      ", expected \"marian\", \"m2m_100\", \"mbart\", \"t5\" or \"mt5\""));
}

// What is no model directory, but looks like one to who downloaded it.
absl::Status RefuseOthers(const std::string& directory) {
  const auto has = [&](absl::string_view file) {
    return FileExists(absl::StrCat(directory, "/", file));
  };
  const auto refuse = [&](absl::string_view what) {
    return absl::UnimplementedError(absl::StrCat(directory, ": found ", what));
  };
  if (has("snapshots") && has("refs")) {
    return refuse(absl::StrCat(
        "a cache of Hugging Face, expected one of its snapshots: ", directory,
        "/snapshots/", FilesIn(directory + "/snapshots")));
  }
  if (has("adapter_config.json") && !has("config.json")) {
    return refuse(
        "an adapter (LoRA), expected a whole model: load both with peft and "
        "save what merge_and_unload() returns");
  }
  if (!has("model.bin")) return absl::OkStatus();
  PEREGRINE_ASSIGN_OR_RETURN(const auto file,
                             MappedFile::Open(directory + "/model.bin"));
  if (!TorchFile::IsOne(file->bytes())) return absl::OkStatus();
  return refuse(
      "a file of PyTorch as model.bin, expected that of CTranslate2; one of "
      "transformers is called pytorch_model.bin");
}

absl::StatusOr<Checkpoint> Open(const std::string& directory) {
  const std::string config_path = absl::StrCat(directory, "/config.json");
  if (IsArgosFile(directory)) return OpenArgosFile(directory);
  PEREGRINE_RETURN_IF_ERROR(RefuseOthers(directory));
  const bool is_ctranslate2 = FileExists(directory + "/model.bin");
  if (IsArgos(directory)) return OpenArgos(directory);
  if (!FileExists(config_path)) {
    if (IsMarian(directory)) return OpenMarian(directory);
    if (is_ctranslate2) return OpenCTranslate2(directory);
    PEREGRINE_ASSIGN_OR_RETURN(const absl::optional<std::string> torch,
                               FindTorchCheckpoint(directory));
    if (torch.has_value()) return OpenTorchCheckpoint(*torch);
    return absl::NotFoundError(
        absl::StrCat(config_path, ": no such file. Found in ", directory, ": ",
                     FilesIn(directory),
                     "; expected the files of a model in one of the formats of "
                     "docs/formats.md",
                     Advice(directory)));
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
