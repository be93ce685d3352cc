// Any text is a config.json or an error.

#include "absl/strings/string_view.h"
#include "engine/base/check.h"
#include "engine/formats/peregrine/config_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto config = peregrine::formats::ParseConfig(
      absl::string_view(reinterpret_cast<const char*>(data), size),
      "config.json");
  if (!config.ok()) {
    PEREGRINE_CHECK(!config.status().message().empty());
    return 0;
  }
  PEREGRINE_CHECK(
      !peregrine::model::DescribeArchitecture(config->architecture).empty());
  return 0;
}
