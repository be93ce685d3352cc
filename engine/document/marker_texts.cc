#include "engine/document/marker_texts.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "engine/document/find_spans.h"

namespace peregrine::document {
namespace {

void Find(absl::string_view text, absl::string_view marker,
          std::vector<Span>* found) {
  const auto is_same = [](char a, char b) {
    return absl::ascii_tolower(a) == absl::ascii_tolower(b);
  };
  for (auto at = text.begin();; at += marker.size()) {
    at = std::search(at, text.end(), marker.begin(), marker.end(), is_same);
    if (at == text.end()) return;
    const auto begin = static_cast<size_t>(at - text.begin());
    found->push_back({{begin, begin + marker.size()}, SpanKind::kUnknown});
  }
}

}  // namespace

void AddMarkerTexts(absl::string_view text,
                    absl::Span<const std::string> markers,
                    std::vector<Span>* spans) {
  std::vector<Span> found;
  for (const std::string& marker : markers) Find(text, marker, &found);
  if (found.empty()) return;
  WidenToWords(text, &found);
  spans->insert(spans->end(), found.begin(), found.end());
  SortAndSeparate(spans);
}

}  // namespace peregrine::document
