#include "engine/document/segment.h"

#include <unicode/uchar.h>

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "engine/document/find_spans.h"
#include "engine/document/numbers.h"
#include "engine/document/odd_characters.h"
#include "engine/document/units.h"
#include "engine/text/characters.h"

namespace peregrine::document {
namespace {

using text::Character;
using text::FirstCharacter;

bool IsPunctuation(int32_t c) { return c >= 0 && u_ispunct(c); }

// Whether words are apart that have `space` between them: marks of direction
// alone put nothing between.
bool Separates(absl::string_view space) {
  for (size_t at = 0; at < space.size();) {
    const Character c = FirstCharacter(space.substr(at));
    if (text::IsSpace(c.code_point) || c.code_point == 0x200B) return true;
    at += c.size;
  }
  return false;
}

// A character that is not seen, and not inside a word.
bool IsInvisibleBetween(absl::string_view text, size_t at) {
  const Character c = FirstCharacter(text.substr(at));
  if (!IsInvisible(c.code_point)) return false;
  return c.code_point == 0x200B ||
         !WouldJoin(text.substr(0, at), text.substr(at + c.size));
}

// Whether the end of `before` and the start of `after` would be a number or
// product.
bool WouldBeKept(absl::string_view before, absl::string_view after) {
  const absl::string_view tail =
      before.substr(before.find_last_of(' ') + 1);  // npos + 1 is 0
  const std::string joined =
      absl::StrCat(tail, after.substr(0, after.find(' ')));
  const std::vector<Span> found = FindKept(joined, SpanKinds::All());
  return std::any_of(found.begin(), found.end(), [&](const Span& span) {
    return span.range.begin < tail.size() && span.range.end > tail.size();
  });
}

// Writes what the model is shown, and notes what it is not: one space between
// two words, whatever white space there was, and none more beside what is set
// aside.
class Builder {
 public:
  explicit Builder(Segment* segment) : segment_(*segment) {}

  // Which is at `source` in the block.
  void AddText(absl::string_view text, size_t source) {
    for (size_t at = 0; at < text.size();) {
      const Character c = FirstCharacter(text.substr(at));
      const absl::string_view rest = text.substr(at);
      const absl::string_view bytes = rest.substr(0, c.size);
      const bool is_space =
          text::IsSpace(c.code_point) || IsInvisibleBetween(text, at);
      at += c.size;
      if (is_space) {
        // Of "a <b> c" the first space stays.
        if (!tag_behind_space_) space_.append(bytes.data(), bytes.size());
        continue;
      }
      if (last_cut_ < 0) NoteSpace();
      const bool needs_space =
          last_cut_ < 0
              ? had_space_ || (noted_ && WouldJoin(segment_.shown, rest))
              : NeedsSpaceBehindCut(rest);
      EndCut(stand_in_source_ == nullptr ? NeighbourOf(c.code_point)
                                         : NeighbourAtStartOf(wanted_));
      if (needs_space && !segment_.shown.empty()) segment_.shown.push_back(' ');
      had_space_ = false;
      noted_ = false;
      NoteSource({source + at - c.size, source + at});
      segment_.shown.append(bytes.data(), bytes.size());
      last_ = c.code_point;
    }
  }

  // Shown instead of what is at `source`, which becomes `wanted`.
  void AddStandIn(absl::string_view text, const ByteRange& source,
                  absl::string_view wanted) {
    stand_in_source_ = &source;
    wanted_ = wanted;
    AddText(text, source.begin);
    last_ = text::LastCharacter(wanted).code_point;
    stand_in_source_ = nullptr;
  }

  void AddCut(Insert insert) {
    if (last_cut_ < 0) {
      had_space_ |= Separates(space_);
      insert.before.neighbour = had_space_ && space_.empty()
                                    ? Beside::Neighbour::kOther
                                    : NeighbourOf(last_);
    } else {
      insert.before.neighbour = Beside::Neighbour::kOther;
      insert.follows_cut = true;
    }
    insert.before.space = space_;
    EndCut(Beside::Neighbour::kOther);
    insert.at = segment_.shown.size();
    last_cut_ = static_cast<int>(segment_.inserts.size());
    segment_.inserts.push_back(std::move(insert));
  }

  void AddTag(Insert insert) {
    // White space stays on its side of a tag, but for that of a cut.
    if (last_cut_ < 0 && space_ != " ") NoteSpace();
    tag_behind_space_ = !space_.empty();
    insert.at = segment_.shown.size();
    segment_.inserts.push_back(std::move(insert));
  }

 private:
  // Of the cut directly in front, if there is one.
  void EndCut(Beside::Neighbour neighbour) {
    if (last_cut_ >= 0) {
      Beside& after = segment_.inserts[static_cast<size_t>(last_cut_)].after;
      had_space_ |= Separates(space_);
      after.space = std::move(space_);
      after.neighbour = neighbour;
    }
    last_cut_ = -1;
    ClearSpace();
  }

  // Of what is shown next.
  void NoteSource(const ByteRange& source) {
    std::vector<ShownRun>& runs = segment_.runs;
    const size_t shown = segment_.shown.size();
    const size_t end = shown + source.size();
    if (stand_in_source_ != nullptr) {
      if (!runs.empty() &&
          runs.back().source.begin == stand_in_source_->begin) {
        runs.back().shown.end = end;
      } else {
        runs.push_back({{shown, end}, *stand_in_source_});
      }
      return;
    }
    if (!runs.empty() && runs.back().source.end == source.begin &&
        runs.back().shown.end == shown && runs.back().is_literal()) {
      runs.back().shown.end = end;
      runs.back().source.end = source.end;
    } else {
      runs.push_back({{shown, end}, source});
    }
  }

  void ClearSpace() {
    space_.clear();
    tag_behind_space_ = false;
  }

  // White space other than one space is an insert of its own.
  void NoteSpace() {
    had_space_ |= Separates(space_);
    if (!space_.empty() && space_ != " ") {
      Insert insert;
      insert.kind = Insert::Kind::kSpace;
      insert.text = space_;
      insert.at = segment_.shown.size();
      segment_.inserts.push_back(std::move(insert));
      noted_ = true;
    }
    ClearSpace();
  }

  bool NeedsSpaceBehindCut(absl::string_view rest) const {
    // "Line<br>break", "1😀2", "RX-12😀-14": none becomes one word or number.
    if (WouldJoin(segment_.shown, rest) || WouldBeKept(segment_.shown, rest)) {
      return true;
    }
    if (!had_space_ && !Separates(space_)) return false;
    // "word {x}, next": no space is left in front of the comma.
    const int32_t next = FirstCharacter(rest).code_point;
    return Separates(space_) || !IsPunctuation(next) ||
           u_charType(next) == U_START_PUNCTUATION;
  }

  Segment& segment_;
  const ByteRange* stand_in_source_ = nullptr;
  absl::string_view wanted_;  // of it
  int32_t last_ = -1;         // character, as it stands in the end
  std::string space_;         // since the last character or cut
  bool tag_behind_space_ = false;
  bool had_space_ = false;  // since the last character
  bool noted_ = false;      // white space as an insert, likewise
  int last_cut_ = -1;       // the insert directly in front, or -1
};

bool HasNumber(absl::Span<const Span> spans) {
  return std::any_of(spans.begin(), spans.end(), [](const Span& span) {
    return span.kind == SpanKind::kNumber;
  });
}

}  // namespace

Beside::Neighbour NeighbourOf(int32_t c) {
  if (c < 0) return Beside::Neighbour::kNone;
  const bool is_word = (text::IsLetter(c) && !text::IsHanOrKana(c)) ||
                       text::IsDigit(c) ||
                       (U_GET_GC_MASK(c) & U_GC_M_MASK) != 0;
  return is_word ? Beside::Neighbour::kWord : Beside::Neighbour::kOther;
}

Beside::Neighbour NeighbourAtStartOf(absl::string_view word) {
  const int32_t first = FirstCharacter(word).code_point;
  const bool is_amount = first >= 0 && u_charType(first) == U_CURRENCY_SYMBOL &&
                         text::IsDigit(text::LastCharacter(word).code_point);
  return is_amount ? Beside::Neighbour::kWord : NeighbourOf(first);
}

ByteRange SourceOf(const Segment& segment, const ByteRange& part) {
  const std::vector<ShownRun>& runs = segment.runs;
  ByteRange shown = part;
  for (const Kept& kept : segment.kept) {
    if (!kept.is_marked() || part.end <= kept.shown.begin ||
        kept.shown.end <= part.begin) {
      continue;
    }
    shown = {std::min(shown.begin, kept.shown.begin),
             std::max(shown.end, kept.shown.end)};
  }
  // The run that a byte is in.
  const auto run_of = [&](size_t at) {
    const auto behind = std::upper_bound(
        runs.begin(), runs.end(), at,
        [](size_t a, const ShownRun& run) { return a < run.shown.begin; });
    return behind == runs.begin() ? runs.begin() : std::prev(behind);
  };
  if (runs.empty() || shown.empty()) return {};
  const auto first = run_of(shown.begin);
  const auto last = run_of(shown.end - 1);
  const ByteRange source{
      std::min(first->source.begin + (shown.begin - first->shown.begin),
               first->source.end),
      shown.end >= last->shown.end
          ? last->source.end
          : std::min(last->source.begin + (shown.end - last->shown.begin),
                     last->source.end)};
  return source;
}

Segment MakeSegment(const SentenceParts& parts) {
  Segment segment;
  segment.capitals = parts.capitals;
  segment.source_language = std::string(parts.language);
  segment.original =
      std::string(parts.text.substr(parts.range.begin, parts.range.size()));
  Builder builder(&segment);
  const std::string sentence = AsSentence(segment.original, parts.capitals,
                                          parts.language, parts.count_pieces);
  size_t at = parts.range.begin;
  const auto add_until = [&](size_t end) {
    if (end <= at) return;
    builder.AddText(
        absl::string_view(sentence).substr(at - parts.range.begin, end - at),
        at);
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
  absl::flat_hash_set<std::string> stand_ins;
  if (HasNumber(parts.cut)) stand_ins = DigitRuns(segment.original);
  size_t num_marked = 0;
  for (const Span& span : parts.cut) {
    add_marks(span.range.begin);
    add_until(span.range.begin);
    at = span.range.end;
    const std::string source(
        parts.text.substr(span.range.begin, span.range.size()));
    const std::string& wanted = span.kind == SpanKind::kTerm
                                    ? parts.targets->at(span.range.begin)
                                    : source;
    const bool is_number = span.kind == SpanKind::kNumber;
    if (!is_number && num_marked == parts.markers.size()) {
      Insert insert;
      insert.kind = Insert::Kind::kSpan;
      insert.span = span.kind;
      insert.text = wanted;
      builder.AddCut(std::move(insert));
      continue;
    }
    Kept kept;
    kept.kind = span.kind;
    kept.source = source;
    kept.wanted = {wanted};
    kept.stand_in = is_number ? StandIn(&stand_ins) : parts.markers[num_marked];
    num_marked += !is_number;
    builder.AddStandIn(kept.stand_in, span.range, wanted);
    kept.shown = {segment.shown.size() - kept.stand_in.size(),
                  segment.shown.size()};
    segment.kept.push_back(std::move(kept));
  }
  add_marks(parts.range.end);
  add_until(parts.range.end);
  return segment;
}

}  // namespace peregrine::document
