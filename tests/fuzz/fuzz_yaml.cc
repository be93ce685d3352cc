// Any text is YAML of the kind that we read or an error that names its file.

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "engine/base/check.h"
#include "engine/formats/files/yaml.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const auto json = peregrine::formats::ParseYaml(text, "fuzz.yml");
  if (!json.ok()) {
    PEREGRINE_CHECK(absl::StartsWith(json.status().message(), "fuzz.yml: "));
  }
  return 0;
}
