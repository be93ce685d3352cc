// Any text is a config file that CLI11 is to read, or an error that names the
// line.

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "engine/base/check.h"
#include "server/config_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::Status status = peregrine::server::CheckConfigText(
      absl::string_view(reinterpret_cast<const char*>(data), size));
  PEREGRINE_CHECK(status.ok() || absl::StartsWith(status.message(), "line "));
  return 0;
}
