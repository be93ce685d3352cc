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

// Those that overlap become one, which keeps its kind if it holds the other.
void Merge(std::vector<Span>* spans) {
  std::sort(spans->begin(), spans->end(), [](const Span& a, const Span& b) {
    return a.range.begin != b.range.begin ? a.range.begin < b.range.begin
                                          : a.range.end > b.range.end;
  });
  size_t kept = 0;
  for (const Span& span : *spans) {
    if (kept == 0 || span.range.begin >= (*spans)[kept - 1].range.end) {
      (*spans)[kept++] = span;
      continue;
    }
    Span& last = (*spans)[kept - 1];
    if (span.range.end <= last.range.end) continue;
    last = {{last.range.begin, span.range.end}, SpanKind::kUnknown};
  }
  spans->resize(kept);
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
  Merge(spans);
}

}  // namespace peregrine::document
