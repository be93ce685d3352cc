#include "engine/formats/marian/directory.h"

#include <algorithm>
#include <filesystem>
#include <functional>
#include <system_error>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "engine/base/file.h"
#include "engine/base/status_macros.h"
#include "engine/formats/files/marian_binary_file.h"
#include "engine/formats/files/yaml.h"

namespace peregrine::formats {
namespace {

// A vocabulary is longer, and is no configuration.
constexpr size_t kMaxConfigBytes = 1 << 18;

std::vector<std::string> FileNames(const std::string& directory) {
  std::error_code error;
  std::vector<std::string> names;
  for (std::filesystem::directory_iterator it(directory, error), end;
       !error && it != end; it.increment(error)) {
    names.push_back(it->path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> Select(
    const std::vector<std::string>& names,
    const std::function<bool(const std::string&)>& chosen) {
  std::vector<std::string> result;
  std::copy_if(names.begin(), names.end(), std::back_inserter(result), chosen);
  return result;
}

bool IsFile(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_regular_file(path, error);
}

bool IsYaml(const std::string& name) {
  return absl::EndsWith(name, ".yml") || absl::EndsWith(name, ".yaml");
}

bool IsWeights(const std::string& directory, const std::string& name) {
  return absl::EndsWith(name, ".npz") ||
         (absl::EndsWith(name, ".bin") &&
          MarianBinaryFile::IsOne(absl::StrCat(directory, "/", name)));
}

// Whether the file has a list `models`; a vocabulary may have a piece so spelt.
bool IsDecoderConfig(const std::string& path) {
  const auto text = ReadFile(path, kMaxConfigBytes, "a configuration");
  if (!text.ok()) return false;
  for (absl::string_view line : absl::StrSplit(*text, '\n')) {
    if (!absl::ConsumePrefix(&line, "models:")) continue;
    line = absl::StripAsciiWhitespace(line);
    return line.empty() || line[0] == '[' || line[0] == '#';
  }
  return false;
}

std::vector<std::string> DecoderConfigs(const std::string& directory,
                                        const std::vector<std::string>& names) {
  return Select(names, [&](const std::string& name) {
    return IsYaml(name) && IsDecoderConfig(absl::StrCat(directory, "/", name));
  });
}

bool IsVocabulary(const std::string& name) {
  return absl::StrContains(name, "vocab") &&
         (IsYaml(name) || absl::EndsWith(name, ".spm") ||
          absl::EndsWith(name, ".json") || absl::EndsWith(name, ".txt"));
}

}  // namespace

bool MarianDirectory::IsOne(const std::string& directory) {
  if (IsFile(directory)) return IsYaml(directory);
  const std::vector<std::string> names = FileNames(directory);
  return std::any_of(names.begin(), names.end(),
                     [&](const std::string& name) {
                       return IsWeights(directory, name);
                     }) ||
         !DecoderConfigs(directory, names).empty();
}

absl::StatusOr<MarianDirectory> MarianDirectory::Open(const std::string& path) {
  MarianDirectory opened;
  opened.directory_ = path;
  if (IsFile(path)) {
    opened.decoder_path_ = path;
    opened.directory_ = std::filesystem::path(path).parent_path().string();
    if (opened.directory_.empty()) opened.directory_ = ".";
  }
  opened.names_ = FileNames(opened.directory_);
  PEREGRINE_RETURN_IF_ERROR(opened.ReadDecoder());
  PEREGRINE_RETURN_IF_ERROR(opened.FindWeights());
  PEREGRINE_RETURN_IF_ERROR(opened.FindVocabularies());
  PEREGRINE_RETURN_IF_ERROR(opened.FindShortlist());
  return opened;
}

std::string MarianDirectory::Path(absl::string_view file) const {
  return absl::StrCat(directory_, "/", file);
}

absl::Status MarianDirectory::ReadDecoder() {
  is_given_ = !decoder_path_.empty();
  if (!is_given_) {
    std::vector<std::string> found = DecoderConfigs(directory_, names_);
    if (found.empty()) return absl::OkStatus();
    for (const char* name : {"config.yml", "decoder.yml"}) {
      if (std::count(found.begin(), found.end(), name) != 0) found = {name};
    }
    if (found.size() > 1) {
      return absl::InvalidArgumentError(absl::StrCat(
          directory_, ": found several configurations of a decoder: ",
          absl::StrJoin(found, ", "),
          ", expected one, or one called decoder.yml; or give the one that is "
          "meant as the model"));
    }
    decoder_path_ = Path(found[0]);
  }
  PEREGRINE_ASSIGN_OR_RETURN(
      const std::string text,
      ReadFile(decoder_path_, kMaxConfigBytes, "a configuration"));
  PEREGRINE_ASSIGN_OR_RETURN(decoder_, ParseYaml(text, decoder_path_));
  if (!decoder_.is_object()) {
    return absl::InvalidArgumentError(
        absl::StrCat(decoder_path_, ": expected a mapping of settings"));
  }
  return absl::OkStatus();
}

// The paths that a list of the decoder's configuration names, in the directory.
absl::StatusOr<std::vector<std::string>> MarianDirectory::FilesOf(
    const char* field) const {
  std::vector<std::string> paths;
  const auto found = decoder_.find(field);
  if (found == decoder_.end()) return paths;
  const bool valid =
      found->is_array() &&
      std::all_of(found->begin(), found->end(), [](const Json& file) {
        return file.is_string() && !file.get<std::string>().empty();
      });
  if (!valid) {
    return absl::InvalidArgumentError(
        absl::StrCat(decoder_path_, ": ", field, ": found ", Shown(*found),
                     ", expected a list of files"));
  }
  for (const Json& file : *found) {
    paths.push_back(Place(file.get<std::string>()));
  }
  return paths;
}

std::string MarianDirectory::Place(const std::string& file) const {
  const std::filesystem::path path = file;
  std::string here = Path(path.filename().string());
  if (FileExists(here) || !is_given_) return here;
  const std::string there =
      path.is_absolute() ? path.string() : Path(path.string());
  return FileExists(there) ? there : here;
}

absl::Status MarianDirectory::CheckThere(const std::string& path,
                                         const char* what) const {
  if (FileExists(path)) return absl::OkStatus();
  return absl::NotFoundError(absl::StrCat(
      path, ": no such file, expected ", what, ", which ",
      decoder_path_.empty() ? directory_ : decoder_path_, " names"));
}

absl::Status MarianDirectory::FindWeights() {
  PEREGRINE_ASSIGN_OR_RETURN(const std::vector<std::string> named,
                             FilesOf("models"));
  if (named.size() > 1) {
    return absl::UnimplementedError(
        absl::StrCat(decoder_path_, ": models: found an ensemble of ",
                     named.size(), ", expected one model"));
  }
  if (named.size() == 1) {
    weights_ = named[0];
    return CheckThere(weights_, "the model");
  }
  const std::vector<std::string> found = Select(
      names_,
      [&](const std::string& name) { return IsWeights(directory_, name); });
  if (found.size() != 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        directory_, ": found ",
        found.empty() ? "no weights of Marian"
                      : "several: " + absl::StrJoin(found, ", "),
        ", expected one .npz or .bin, or a .yml whose `models` names it"));
  }
  weights_ = Path(found[0]);
  return absl::OkStatus();
}

// Without a configuration: one for both sides, or one that begins with src
// and one with trg, as Firefox Translations calls them.
absl::Status MarianDirectory::FindVocabularies() {
  PEREGRINE_ASSIGN_OR_RETURN(std::vector<std::string> paths, FilesOf("vocabs"));
  if (paths.empty()) {
    for (const std::string& name : Select(names_, IsVocabulary)) {
      paths.push_back(Path(name));
    }
    if (paths.size() == 2 && !(absl::StartsWith(paths[0], Path("src")) &&
                               absl::StartsWith(paths[1], Path("trg")))) {
      paths.clear();
    }
  }
  if (paths.size() == 1 && decoder_.find("vocabs") == decoder_.end()) {
    paths.push_back(paths[0]);
  }
  if (paths.size() != 2) {
    return absl::InvalidArgumentError(absl::StrCat(
        decoder_path_.empty() ? directory_ : decoder_path_, ": found ",
        paths.size(),
        " vocabularies, expected `vocabs` to name the source's and the "
        "target's, or one file vocab*.spm or vocab*.yml, or srcvocab* and "
        "trgvocab*"));
  }
  source_vocabulary_ = paths[0];
  target_vocabulary_ = paths[1];
  PEREGRINE_RETURN_IF_ERROR(
      CheckThere(source_vocabulary_, "the source vocabulary"));
  return CheckThere(target_vocabulary_, "the target vocabulary");
}

absl::Status MarianDirectory::FindShortlist() {
  const auto named = decoder_.find("shortlist");
  if (named != decoder_.end() && named->is_array() && !named->empty() &&
      (*named)[0].is_string()) {
    shortlist_ = Place((*named)[0].get<std::string>());
    return CheckThere(shortlist_, "the lexical shortlist");
  }
  const std::vector<std::string> found =
      Select(names_, [](const std::string& name) {
        return absl::StartsWith(name, "lex") &&
               (absl::EndsWith(name, ".bin") || absl::EndsWith(name, ".s2t") ||
                absl::EndsWith(name, ".s2t.gz"));
      });
  if (found.size() == 1) shortlist_ = Path(found[0]);
  return absl::OkStatus();
}

}  // namespace peregrine::formats
