#include "engine/formats/checkpoint.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"

namespace peregrine::formats {

std::string NameOfDirectory(const std::string& directory) {
  std::error_code error;
  const std::filesystem::path path =
      std::filesystem::weakly_canonical(directory, error);
  const std::string name = path.filename().string();
  return name.empty() ? "model" : name;
}

std::string LanguageTag(absl::string_view name) {
  const std::string tag = absl::StrReplaceAll(name, {{"_", "-"}});
  bool first = true;
  for (absl::string_view part : absl::StrSplit(tag, '-')) {
    const bool valid =
        part.size() >= (first ? 2 : 1) && part.size() <= 8 &&
        std::all_of(part.begin(), part.end(), [&](unsigned char c) {
          return first ? absl::ascii_isalpha(c) : absl::ascii_isalnum(c);
        });
    if (!valid) return "und";
    first = false;
  }
  return tag;
}

}  // namespace peregrine::formats
