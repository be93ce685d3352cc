#include "engine/document/target_units.h"

#include "absl/strings/str_cat.h"

namespace peregrine::document {

TargetUnits::TargetUnits(absl::string_view text,
                         const std::vector<ByteRange>& ranges) {
  size_t at = 0;
  for (const ByteRange& range : ranges) {
    gaps.emplace_back(text.substr(at, range.begin - at));
    units.emplace_back(text.substr(range.begin, range.size()));
    at = range.end;
  }
  gaps.emplace_back(text.substr(at));
  for (const std::string& gap : gaps) has_space.push_back(!gap.empty());
}

std::string TargetUnits::Text() const {
  std::string text;
  for (size_t t = 0; t < units.size(); ++t) {
    absl::StrAppend(&text, gaps[t], units[t]);
  }
  return text + gaps.back();
}

void TargetUnits::Replace(UnitRange range, absl::string_view text) {
  units[range.begin] = std::string(text);
  for (size_t t = range.begin + 1; t < range.end; ++t) {
    units[t].clear();
    gaps[t].clear();
    has_space[t] = false;
  }
}

}  // namespace peregrine::document
