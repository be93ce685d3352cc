// Any bytes are the name of a language, or none, and a text in some language,
// or in none that is known.

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "engine/base/check.h"
#include "engine/text/utf8.h"
#include "server/languages/detector.h"
#include "server/languages/routes.h"

namespace peregrine::server {
namespace {

// The tag of a tag is itself.
void TryName(absl::string_view name) {
  const auto tag = ParseLanguageTag(name);
  if (!tag.has_value()) return;
  PEREGRINE_CHECK(!tag->language.empty());
  const auto again = ParseLanguageTag(tag->text);
  PEREGRINE_CHECK(again.has_value());
  PEREGRINE_CHECK(IsSameWrittenLanguage(*tag, *again));
  PEREGRINE_CHECK(!DisplayName(*tag, "en").empty());
}

void TryRoute(const Routes& routes, absl::string_view name) {
  RouteQuery query;
  query.source = name;
  query.target = "de";
  const auto route = routes.Find(query);
  if (route.ok()) return;
  PEREGRINE_CHECK(route.status().message().size() < 2000);
  PEREGRINE_CHECK(!text::FindInvalidUtf8(route.status().message()).has_value());
}

void TryText(absl::string_view text, const LanguageList& among) {
  for (const LanguageList* list :
       {static_cast<const LanguageList*>(nullptr), &among}) {
    for (const LikelyLanguage& likely : DetectLanguages(text, list).languages) {
      PEREGRINE_CHECK(likely.confidence > 0 && likely.confidence <= 1);
      PEREGRINE_CHECK(list == nullptr || list->Find(likely.language));
    }
  }
}

}  // namespace
}  // namespace peregrine::server

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace peregrine::server;
  static const auto* const codes =
      new std::vector<std::string>{"deu_Latn", "eng_Latn", "zho_Hans"};
  static const auto* const among = new LanguageList(*codes);
  static const auto* const routes = new Routes(
      {{"a", *codes, *codes, true, false}, {"b", {"en"}, {"pt-BR"}}}, {});
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  TryName(bytes);
  // As wire.h lets through.
  if (!peregrine::text::FindInvalidUtf8(bytes).has_value()) {
    TryRoute(*routes, bytes);
  }
  TryText(bytes, *among);
  return 0;
}
