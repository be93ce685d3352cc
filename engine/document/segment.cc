#include "engine/document/segment.h"

#include <unicode/uchar.h>

#include <algorithm>
#include <utility>

#include "engine/text/characters.h"

namespace peregrine::document {
namespace {

using text::Character;
using text::FirstCharacter;

bool IsPunctuation(int32_t c) { return c >= 0 && u_ispunct(c); }

// Writes what the model is shown, and notes what it is not.
class Builder {
 public:
  explicit Builder(Segment* segment) : segment_(*segment) {}

  void AddText(absl::string_view text) {
    for (size_t at = 0; at < text.size();) {
      const Character c = FirstCharacter(text.substr(at));
      if (text::IsSpace(c.code_point)) {
        const size_t begin = at;
        while (at < text.size() &&
               text::IsSpace(FirstCharacter(text.substr(at)).code_point)) {
          at += FirstCharacter(text.substr(at)).size;
        }
        AddSpace(text.substr(begin, at - begin));
        continue;
      }
      const bool behind_cut = last_cut_ >= 0;
      if (behind_cut) {
        Insert& cut = segment_.inserts[static_cast<size_t>(last_cut_)];
        cut.letter_after = !cut.space_after && text::IsLetter(c.code_point) &&
                           !text::IsHanOrKana(c.code_point);
        // "Line<br>break"
        if (cut.letter_after && !pending_space_) {
          pending_space_ =
              text::IsLetter(text::LastCharacter(segment_.shown).code_point);
        }
        last_cut_ = -1;
      }
      // "word {x}, next": no space is left in front of the comma.
      const bool drops = behind_cut && !space_behind_cut_ &&
                         IsPunctuation(c.code_point) &&
                         u_charType(c.code_point) != U_START_PUNCTUATION;
      if (pending_space_ && !drops && !segment_.shown.empty()) {
        segment_.shown.push_back(' ');
      }
      pending_space_ = false;
      space_behind_cut_ = false;
      segment_.shown.append(text.data() + at, c.size);
      at += c.size;
    }
  }

  void AddCut(Insert insert) {
    insert.space_before = last_cut_ >= 0 ? space_behind_cut_ : pending_space_;
    insert.at = segment_.shown.size();
    last_cut_ = static_cast<int>(segment_.inserts.size());
    space_behind_cut_ = false;
    segment_.inserts.push_back(std::move(insert));
  }

  void AddTag(Insert insert) {
    insert.at = segment_.shown.size();
    segment_.inserts.push_back(std::move(insert));
  }

 private:
  void AddSpace(absl::string_view space) {
    if (last_cut_ >= 0) {
      segment_.inserts[static_cast<size_t>(last_cut_)].space_after = true;
      space_behind_cut_ = true;
    }
    pending_space_ = true;
    if (space == " ") return;
    Insert insert;
    insert.kind = Insert::Kind::kSpace;
    insert.text = std::string(space);
    insert.at = segment_.shown.size();
    segment_.inserts.push_back(std::move(insert));
  }

  Segment& segment_;
  bool pending_space_ = false;
  int last_cut_ = -1;  // the insert directly in front, or -1
  bool space_behind_cut_ = false;
};

}  // namespace

Segment MakeSegment(const SentenceParts& parts) {
  Segment segment;
  segment.capitals = parts.capitals;
  Builder builder(&segment);
  const std::string sentence =
      AsSentence(parts.text.substr(parts.range.begin, parts.range.size()),
                 parts.capitals, parts.language);
  size_t at = parts.range.begin;
  const auto add_until = [&](size_t end) {
    if (end <= at) return;
    builder.AddText(
        absl::string_view(sentence).substr(at - parts.range.begin, end - at));
    at = end;
  };
  size_t mark = 0;
  const auto add_marks = [&](size_t until) {
    for (; mark < parts.marks.size() && parts.marks[mark].at <= until; ++mark) {
      const Mark& m = parts.marks[mark];
      add_until(m.at);
      Insert insert;
      insert.kind = m.kind;
      insert.markup = m.markup;
      insert.pair = m.pair;
      if (m.kind == Insert::Kind::kOpaque) {
        builder.AddCut(std::move(insert));
      } else {
        builder.AddTag(std::move(insert));
      }
    }
  };
  for (const Span& span : parts.cut) {
    add_marks(span.range.begin);
    add_until(span.range.begin);
    Insert insert;
    insert.kind = Insert::Kind::kSpan;
    insert.span = span.kind;
    insert.text =
        std::string(parts.text.substr(span.range.begin, span.range.size()));
    builder.AddCut(std::move(insert));
    at = span.range.end;
  }
  add_marks(parts.range.end);
  add_until(parts.range.end);
  return segment;
}

}  // namespace peregrine::document
