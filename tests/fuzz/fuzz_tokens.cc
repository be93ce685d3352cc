// Any text is a file of tokens or an error that repeats none of its hashes;
// any header is a traceparent that can be passed on, or none.

#include "absl/strings/string_view.h"
#include "engine/base/check.h"
#include "server/clients/token_table.h"
#include "server/service/call_ids.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace peregrine::server;
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const auto table = ParseTokenTable(text);
  if (table.ok()) {
    for (const auto& [hash, owner] : *table) {
      PEREGRINE_CHECK(hash.size() == 32 && !owner.name.empty());
      PEREGRINE_CHECK(owner.limits.weight > 0);
    }
  } else {
    PEREGRINE_CHECK(!table.status().message().empty());
  }
  if (const auto context = peregrine::ParseTraceparent(text)) {
    const std::string header = FormatTraceContext(*context);
    const auto again = peregrine::ParseTraceparent(header);
    PEREGRINE_CHECK(again.has_value() && FormatTraceContext(*again) == header);
  }
  (void)IsRequestId(text);
  return 0;
}
