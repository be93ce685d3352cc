#include "engine/document/given_beginning.h"

#include <algorithm>
#include <cstdint>
#include <numeric>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "engine/document/capitals.h"
#include "engine/text/characters.h"

namespace peregrine::document {
namespace {

// Bytes of a given text that the model is not shown as they are.
struct Hidden {
  ByteRange range;
  std::string shown;  // what it is shown instead
};

bool IsSpaceAt(absl::string_view text, size_t at) {
  return at < text.size() &&
         text::IsSpace(text::FirstCharacter(text.substr(at)).code_point);
}

class Maker {
 public:
  Maker(const Segment& segment, absl::string_view text)
      : segment_(segment), text_(text) {
    given_.holds.assign(segment.inserts.size(), false);
  }

  GivenBeginning Make(absl::string_view language) {
    FindInserts();
    FinishInsert();
    FindStandIns();
    Show();
    // The model is shown small letters, and writes them.
    if (segment_.capitals != Capitals::kAsTheyAre) {
      given_.shown = AsSentence(given_.shown, segment_.capitals, language);
    }
    given_.text = std::move(text_);
    return std::move(given_);
  }

  GivenBeginning MakeShown() {
    FindInserts();
    hidden_.clear();
    Show();
    given_.text = std::move(text_);
    return std::move(given_);
  }

 private:
  bool IsHidden(const ByteRange& range) const {
    return std::any_of(
        hidden_.begin(), hidden_.end(), [&](const Hidden& other) {
          return range.begin < other.range.end && other.range.begin < range.end;
        });
  }

  // The first place of `wanted` that stands for nothing else yet.
  bool Hide(absl::string_view wanted, absl::string_view shown) {
    if (wanted.empty()) return false;
    for (size_t at = text_.find(wanted.data(), 0, wanted.size());
         at != std::string::npos;
         at = text_.find(wanted.data(), at + 1, wanted.size())) {
      const ByteRange range = {at, at + wanted.size()};
      if (IsHidden(range)) continue;
      hidden_.push_back({range, std::string(shown)});
      return true;
    }
    return false;
  }

  // The longest first: one may be a part of another.
  void FindInserts() {
    std::vector<size_t> order(segment_.inserts.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
      return segment_.inserts[a].text.size() > segment_.inserts[b].text.size();
    });
    for (size_t i : order) {
      const Insert& insert = segment_.inserts[i];
      if (insert.kind != Insert::Kind::kSpan) continue;
      given_.holds[i] = Hide(insert.text, "");
    }
  }

  // Where the text ends inside of something that is set aside: with more than
  // letters of it, which may as well be the start of a word.
  void FinishInsert() {
    size_t best = segment_.inserts.size();
    size_t longest = 0;
    for (size_t i = 0; i < segment_.inserts.size(); ++i) {
      const Insert& insert = segment_.inserts[i];
      if (insert.kind != Insert::Kind::kSpan || given_.holds[i]) continue;
      const size_t begun = Begun(insert.text);
      if (begun <= longest) continue;
      longest = begun;
      best = i;
    }
    if (longest == 0) return;
    const std::string& whole = segment_.inserts[best].text;
    hidden_.push_back(
        {{text_.size() - longest, text_.size() - longest + whole.size()}, ""});
    text_ += whole.substr(longest);
    given_.holds[best] = true;
  }

  // How many bytes of `whole` the text ends with.
  size_t Begun(absl::string_view whole) const {
    for (size_t size = std::min(whole.size(), text_.size() + 1) - 1; size > 0;
         --size) {
      const absl::string_view part = whole.substr(0, size);
      if (!absl::EndsWith(text_, part)) continue;
      const size_t at = text_.size() - size;
      const bool is_marked =
          std::any_of(part.begin(), part.end(), [](unsigned char c) {
            return c < 0x80 && !absl::ascii_isalpha(c) && c != ' ';
          });
      const int32_t before =
          text::LastCharacter(absl::string_view(text_).substr(0, at))
              .code_point;
      if (is_marked && !text::IsLetter(before) && !text::IsDigit(before) &&
          !IsHidden({at, text_.size()})) {
        return size;
      }
    }
    return 0;
  }

  // The model is shown other numbers, and so writes these.
  void FindStandIns() {
    for (const Kept& kept : segment_.kept) {
      if (kept.stand_in.empty()) continue;
      if (Hide(kept.source, kept.stand_in)) continue;
      for (const std::string& wanted : kept.wanted) {
        if (Hide(wanted, kept.stand_in)) break;
      }
    }
  }

  void Add(absl::string_view shown, size_t place, size_t step) {
    for (size_t i = 0; i < shown.size(); ++i) {
      given_.shown.push_back(shown[i]);
      given_.places.push_back(place + i * step);
    }
  }

  void Show() {
    std::sort(hidden_.begin(), hidden_.end(),
              [](const Hidden& a, const Hidden& b) {
                return a.range.begin < b.range.begin;
              });
    size_t at = 0;
    for (const Hidden& hidden : hidden_) {
      Add(absl::string_view(text_).substr(at, hidden.range.begin - at), at, 1);
      Add(hidden.shown, hidden.range.begin, 0);
      at = hidden.range.end;
      // Of the white space on either side of what is gone, one is enough.
      const bool is_space_before =
          given_.shown.empty() || given_.shown.back() == ' ';
      if (hidden.shown.empty() && is_space_before && IsSpaceAt(text_, at)) {
        at += text::FirstCharacter(absl::string_view(text_).substr(at)).size;
      }
    }
    Add(absl::string_view(text_).substr(at), at, 1);
    given_.places.push_back(text_.size());
  }

  const Segment& segment_;
  std::string text_;
  std::vector<Hidden> hidden_;
  GivenBeginning given_;
};

}  // namespace

GivenBeginning BeginWith(const Segment& segment, absl::string_view text,
                         absl::string_view language) {
  return Maker(segment, text).Make(language);
}

GivenBeginning BeginWithShown(const Segment& segment, absl::string_view text) {
  return Maker(segment, text).MakeShown();
}

absl::string_view SetAsideIn(const Segment& segment, absl::string_view phrase) {
  for (const Insert& insert : segment.inserts) {
    if (insert.kind != Insert::Kind::kSpan || insert.text.empty()) continue;
    const size_t at = phrase.find(insert.text);
    if (at != phrase.npos) return phrase.substr(at, insert.text.size());
  }
  return "";
}

}  // namespace peregrine::document
