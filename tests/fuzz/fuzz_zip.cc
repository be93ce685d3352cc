// Any bytes are a ZIP archive or an error; every member of one can be unpacked
// or is an error, and is never longer than the archive says.

#include <string>

#include "absl/status/status.h"
#include "engine/base/check.h"
#include "engine/formats/files/zip_archive.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using peregrine::formats::ZipArchive;
  using peregrine::formats::ZipCompression;
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto archive = ZipArchive::Open(bytes, "input", ZipCompression::kRead);
  if (!archive.ok()) {
    PEREGRINE_CHECK(!archive.status().message().empty());
    return 0;
  }
  for (const auto& [name, member] : archive->members()) {
    uint64_t written = 0;
    const absl::Status status =
        archive->Extract(name, [&](absl::string_view part) {
          written += part.size();
          return absl::OkStatus();
        });
    PEREGRINE_CHECK(written <= member.size);
    PEREGRINE_CHECK(!status.ok() || written == member.size);
  }
  return 0;
}
