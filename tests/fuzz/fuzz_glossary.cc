// Any file is a glossary or an error; a glossary finds its terms in any text.

#include <utility>

#include "absl/strings/string_view.h"
#include "engine/base/check.h"
#include "engine/document/glossary.h"

using peregrine::document::Glossary;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view content(reinterpret_cast<const char*>(data), size);
  const auto tbx = Glossary::ParseTbx(content, "en", "de");
  if (tbx.ok()) Glossary::Create(*tbx).status().IgnoreError();
  auto terms = Glossary::ParseTsv(content);
  if (!terms.ok()) return 0;
  const auto glossary = Glossary::Create(*std::move(terms));
  if (!glossary.ok()) return 0;
  size_t end = 0;
  for (const auto& match : (*glossary)->Find(content)) {
    PEREGRINE_CHECK(match.range.begin >= end && match.range.end <= size);
    PEREGRINE_CHECK(!match.targets.empty());
    end = match.range.end;
  }
  return 0;
}
