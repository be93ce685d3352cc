// Any file is a glossary or an error; a glossary finds its terms in any text.

#include <utility>

#include "absl/strings/string_view.h"
#include "engine/base/check.h"
#include "engine/document/glossary.h"
#include "server/glossaries/stored_glossary.h"
#include "server/glossaries/term_lists.h"

using peregrine::document::Glossary;
using peregrine::server::ReadCsv;
using peregrine::server::ReadTsv;
using peregrine::server::StoredGlossary;
using peregrine::server::TermsOf;
using peregrine::server::WriteTsv;

namespace {

// As the APIs of others bring them.
void TryLists(absl::string_view content) {
  for (const auto& rows : {ReadTsv(content), ReadCsv(content)}) {
    if (!rows.ok()) continue;
    const auto terms = TermsOf(*rows, {});
    if (!terms.ok()) continue;
    const auto again = ReadTsv(WriteTsv(*terms));
    PEREGRINE_CHECK(again.ok());
  }
}

// What is stored is read as it was.
void TryFile(absl::string_view content) {
  const auto stored = StoredGlossary::FromTsv("x", content, {});
  if (!stored.ok()) return;
  const auto again = StoredGlossary::FromTsv("x", (*stored)->ToTsv(), {});
  PEREGRINE_CHECK(again.ok());
  PEREGRINE_CHECK((*again)->head().title == (*stored)->head().title);
  PEREGRINE_CHECK((*again)->dictionaries().size() ==
                  (*stored)->dictionaries().size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view content(reinterpret_cast<const char*>(data), size);
  TryLists(content);
  TryFile(content);
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
