#include "engine/text/cut_point.h"

#include <unicode/brkiter.h>
#include <unicode/locid.h>
#include <unicode/utext.h>

#include <cstdint>
#include <memory>

#include "engine/text/characters.h"

namespace peregrine::text {
namespace {

// Punctuation behind which a clause ends: before white space, or anywhere for
// that of Chinese and Japanese.
bool EndsClauseBeforeSpace(int32_t c) {
  return c == ',' || c == ';' || c == ':' || c == 0x060C || c == 0x061B ||
         c == 0x2013 || c == 0x2014 || c == '.' || c == '!' || c == '?';
}

bool EndsClauseAnywhere(int32_t c) {
  return c == 0x3001 || c == 0x3002 || c == 0xFF0C || c == 0xFF1B ||
         c == 0xFF1A || c == 0xFF01 || c == 0xFF1F;
}

// The place nearest to the middle among those it is shown.
class Nearest {
 public:
  explicit Nearest(std::size_t middle) : middle_(middle) {}
  void See(std::size_t at) {
    if (best_ == 0 || Distance(at) < Distance(best_)) best_ = at;
  }
  std::size_t best() const { return best_; }

 private:
  std::size_t Distance(std::size_t at) const {
    return at < middle_ ? middle_ - at : at - middle_;
  }
  const std::size_t middle_;
  std::size_t best_ = 0;
};

std::size_t GraphemeCut(absl::string_view text,
                        absl::FunctionRef<bool(std::size_t)> allowed) {
  Nearest nearest(text.size() / 2);
  UErrorCode status = U_ZERO_ERROR;
  UText view = UTEXT_INITIALIZER;
  utext_openUTF8(&view, text.data(), static_cast<int64_t>(text.size()),
                 &status);
  const std::unique_ptr<icu::BreakIterator> graphemes(
      icu::BreakIterator::createCharacterInstance(icu::Locale::getRoot(),
                                                  status));
  if (U_SUCCESS(status)) graphemes->setText(&view, status);
  if (U_SUCCESS(status)) {
    for (int32_t at = graphemes->next(); at != icu::BreakIterator::DONE;
         at = graphemes->next()) {
      const auto place = static_cast<std::size_t>(at);
      if (place < text.size() && allowed(place)) nearest.See(place);
    }
  }
  utext_close(&view);
  return nearest.best();
}

}  // namespace

std::size_t CutPoint(absl::string_view text,
                     absl::FunctionRef<bool(std::size_t)> allowed) {
  const std::size_t middle = text.size() / 2;
  Nearest clause(middle);
  Nearest space(middle);
  int32_t last = -1;
  for (std::size_t at = 0; at < text.size();) {
    const Character c = FirstCharacter(text.substr(at));
    const std::size_t end = at + c.size;
    if (end >= text.size()) break;
    if (at > 0 && IsSpace(c.code_point) && allowed(at)) {
      space.See(at);
      if (EndsClauseBeforeSpace(last)) clause.See(at);
    } else if (EndsClauseAnywhere(c.code_point) && allowed(end)) {
      clause.See(end);
    }
    last = c.code_point;
    at = end;
  }
  const bool clause_is_central = clause.best() >= text.size() / 4 &&
                                 clause.best() <= text.size() - text.size() / 4;
  if (clause.best() != 0 && clause_is_central) return clause.best();
  if (space.best() != 0) return space.best();
  if (clause.best() != 0) return clause.best();
  return GraphemeCut(text, allowed);
}

std::size_t CutPoint(absl::string_view text) {
  return CutPoint(text, [](std::size_t) { return true; });
}

}  // namespace peregrine::text
