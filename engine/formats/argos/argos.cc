#include "engine/formats/argos/argos.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "engine/base/file.h"
#include "engine/base/json_object.h"
#include "engine/base/status_macros.h"
#include "engine/formats/ctranslate2/ctranslate2.h"
#include "engine/formats/limits.h"

namespace peregrine::formats {
namespace {

constexpr const char* kMetadata = "/metadata.json";
constexpr const char* kModel = "/model";
constexpr const char* kCodes = "/bpe.model";
// As Argos Translate asks CTranslate2 to decode. It also puts source words in
// the place of unknown tokens, which is not done here.
constexpr int kBeamSize = 4;
constexpr float kLengthPenalty = 0.2f;

// What translations begin with, where several languages share a model.
absl::Status SetTargetPrefix(const std::string& prefix, const std::string& path,
                             Checkpoint& checkpoint) {
  if (prefix.empty()) return absl::OkStatus();
  const absl::optional<int32_t> token = checkpoint.target_tokenizer->id(prefix);
  if (!token.has_value()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": target_prefix: found \"", prefix,
                     "\", expected a token of the target vocabulary"));
  }
  checkpoint.config.decoding.rules.forced_first_token = *token;
  return absl::OkStatus();
}

}  // namespace

bool IsArgos(const std::string& directory) {
  return FileExists(directory + kMetadata) &&
         FileExists(directory + kModel + "/model.bin");
}

absl::StatusOr<Checkpoint> OpenArgos(const std::string& directory) {
  const std::string path = directory + kMetadata;
  PEREGRINE_ASSIGN_OR_RETURN(
      const Json json, ReadJson(path, kMaxConfigBytes, "an Argos package's"));
  JsonObjectReader reader(json, path, "");
  const std::string from = reader.String("from_code");
  const std::string to = reader.String("to_code");
  const std::string prefix = reader.String("target_prefix", "");
  PEREGRINE_RETURN_IF_ERROR(reader.status());
  PEREGRINE_ASSIGN_OR_RETURN(Checkpoint checkpoint,
                             OpenCTranslate2(directory + kModel, directory));
  checkpoint.format = "Argos package, " + checkpoint.format;
  model::ModelConfig& model = checkpoint.config;
  model.name = NameOfDirectory(directory);
  if (model.languages.empty()) {
    model.source_language = LanguageTag(from);
    model.target_language = LanguageTag(to);
  }
  model.decoding.beam_size = kBeamSize;
  model.decoding.length_penalty = kLengthPenalty;
  PEREGRINE_RETURN_IF_ERROR(SetTargetPrefix(prefix, path, checkpoint));
  if (FileExists(directory + kCodes)) {
    checkpoint.text_refusal =
        "it cuts text by bpe.model and Moses, which is not done here";
  }
  return checkpoint;
}

}  // namespace peregrine::formats
