#include "engine/formats/vocabulary_files.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "engine/base/file.h"
#include "engine/base/json_object.h"
#include "engine/base/status_macros.h"
#include "engine/formats/files/yaml.h"

namespace peregrine::formats {
namespace {

// Of M2M100, the largest there is, it has 4 MB.
constexpr size_t kMaxVocabularyBytes = 16 << 20;

absl::Status Error(const std::string& path, absl::string_view message) {
  return absl::InvalidArgumentError(absl::StrCat(path, ": ", message));
}

absl::StatusOr<std::vector<std::string>> ParseArray(const std::string& text,
                                                    const std::string& path) {
  PEREGRINE_ASSIGN_OR_RETURN(const Json json, ParseJson(text, path));
  if (!json.is_array()) return Error(path, "expected a JSON array of pieces");
  std::vector<std::string> pieces;
  for (const Json& value : json) {
    if (!value.is_string()) {
      return Error(path, absl::StrCat("piece ", pieces.size(), ": found ",
                                      Shown(value), ", expected a string"));
    }
    pieces.push_back(value.get<std::string>());
  }
  return pieces;
}

// A carriage return belongs to the piece, unless all lines end in one.
std::vector<std::string> SplitLines(absl::string_view text) {
  std::vector<std::string> lines =
      absl::StrSplit(absl::StripSuffix(text, "\n"), '\n');
  const bool all = std::all_of(
      lines.begin(), lines.end(),
      [](const std::string& line) { return absl::EndsWith(line, "\r"); });
  if (all) {
    for (std::string& line : lines) line.pop_back();
  }
  return lines;
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ReadVocabularyList(
    const std::string& path) {
  PEREGRINE_ASSIGN_OR_RETURN(
      const std::string text,
      ReadFile(path, kMaxVocabularyBytes, "a vocabulary"));
  if (absl::EndsWith(path, ".json")) return ParseArray(text, path);
  return SplitLines(text);
}

absl::StatusOr<std::vector<std::string>> ReadVocabularyMap(
    const std::string& path, int vocab_size) {
  PEREGRINE_ASSIGN_OR_RETURN(
      const std::string text,
      ReadFile(path, kMaxVocabularyBytes, "a vocabulary"));
  const bool is_yaml =
      absl::EndsWith(path, ".yml") || absl::EndsWith(path, ".yaml");
  PEREGRINE_ASSIGN_OR_RETURN(
      const Json json, is_yaml ? ParseYaml(text, path) : ParseJson(text, path));
  return ParseVocabularyMap(json, path, vocab_size);
}

absl::StatusOr<std::vector<std::string>> ParseVocabularyMap(
    const Json& json, const std::string& path, int vocab_size) {
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
