#include "engine/formats/vocabulary_files.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "engine/base/json_object.h"
#include "engine/base/status_macros.h"

namespace peregrine::formats {
namespace {

// Of M2M100, the largest there is, it has 4 MB.
constexpr size_t kMaxVocabularyBytes = 16 << 20;

absl::Status Error(const std::string& path, absl::string_view message) {
  return absl::InvalidArgumentError(absl::StrCat(path, ": ", message));
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ReadVocabularyMap(
    const std::string& path, int vocab_size) {
  PEREGRINE_ASSIGN_OR_RETURN(
      const Json json, ReadJson(path, kMaxVocabularyBytes, "a vocabulary"));
  if (!json.is_object()) {
    return Error(path, "expected a JSON object from pieces to ids");
  }
  std::vector<std::string> pieces(vocab_size);
  for (const auto& [piece, value] : json.items()) {
    if (!value.is_number_unsigned() ||
        value.get<uint64_t>() >= static_cast<uint64_t>(vocab_size)) {
      return Error(path,
                   absl::StrCat("piece \"", piece, "\": found ", Shown(value),
                                ", expected an id from 0 to ", vocab_size - 1));
    }
    std::string& spelling = pieces[value.get<uint64_t>()];
    if (!spelling.empty()) {
      return Error(path, absl::StrCat("found the pieces \"", spelling,
                                      "\" and \"", piece, "\" both at id ",
                                      Shown(value), ", expected one"));
    }
    spelling = piece;
  }
  return pieces;
}

}  // namespace peregrine::formats
