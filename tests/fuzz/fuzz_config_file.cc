// Any text is a config file, or an error that names the line.

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "engine/base/check.h"
#include "server/config_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto lines = peregrine::server::ParseConfigText(
      absl::string_view(reinterpret_cast<const char*>(data), size));
  if (!lines.ok()) {
    PEREGRINE_CHECK(absl::StartsWith(lines.status().message(), "line "));
    return 0;
  }
  int last = 0;
  for (const peregrine::server::ConfigLine& line : *lines) {
    PEREGRINE_CHECK(line.number > last && !line.name.empty());
    last = line.number;
  }
  return 0;
}
