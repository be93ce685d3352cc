#include "engine/document/block.h"

#include <unicode/uchar.h>

#include <algorithm>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "engine/document/block_spans.h"
#include "engine/document/built_in_spans.h"
#include "engine/document/marker_texts.h"
#include "engine/document/numbers.h"
#include "engine/document/odd_characters.h"
#include "engine/text/characters.h"
#include "engine/text/cut_point.h"

namespace peregrine::document {
namespace {

using text::Character;
using text::FirstCharacter;

// The bytes of a list mark and the white space behind it: "- ", "• ", "1. ",
// "a) ", "## ", "> ".
size_t ListMarkSize(absl::string_view text) {
  size_t at = 0;
  const Character first = FirstCharacter(text);
  const absl::string_view kBullets = "-*+>•‣◦▪▫·–—●○■□►➤✓✔☐☑→";
  if (text.empty()) return 0;
  if (absl::ascii_isdigit(text[0])) {
    while (at < text.size() && absl::ascii_isdigit(text[at])) ++at;
    if (at > 3 || at >= text.size() || (text[at] != '.' && text[at] != ')')) {
      return 0;
    }
    ++at;
  } else if (text[0] == '#') {
    while (at < text.size() && text[at] == '#') ++at;
  } else if (absl::StrContains(kBullets, text.substr(0, first.size))) {
    at = first.size;
  } else if (absl::ascii_isalpha(text[0]) && text.size() > 1 &&
             text[1] == ')') {
    at = 2;
  } else {
    return 0;
  }
  const size_t mark = at;
  while (at < text.size() &&
         text::IsSpace(FirstCharacter(text.substr(at)).code_point)) {
    at += FirstCharacter(text.substr(at)).size;
  }
  return at > mark && at < text.size() ? at : 0;
}

}  // namespace

std::string EscapeMarkup(absl::string_view text, bool in_attribute) {
  std::string escaped;
  escaped.reserve(text.size());
  for (char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += in_attribute ? "&quot;" : "\"";
        break;
      default:
        escaped.push_back(c);
    }
  }
  return escaped;
}

// Works through one block.
class DocumentBuilder::BlockCutter {
 public:
  BlockCutter(DocumentBuilder& builder, const Block& block,
              std::vector<Part>* parts)
      : builder_(builder),
        options_(builder.options_),
        block_(block),
        text_(block.text),
        parts_(*parts) {}

  void Run() {
    FindAll();
    for (const ByteRange& sentence : Sentences()) {
      AddBetween(sentence.begin);
      AddSentence(sentence);
    }
    AddBetween(text_.size());
    AddMarks(block_.marks.size());
  }

 private:
  void FindAll() {
    BlockSpans found = FindBlockSpans(block_, options_, builder_.vocabulary_);
    builder_.document_.has_unknown_ |= found.has_unknown;
    spans_ = std::move(found.spans);
    targets_ = std::move(found.targets);
    AddMarkerTexts(text_, options_.markers, &spans_);
  }

  // No boundary is inside a span.
  std::vector<ByteRange> Sentences() const {
    std::vector<ByteRange> sentences;
    const auto position = [&](absl::string_view part) {
      return static_cast<size_t>(part.data() - text_.data());
    };
    if (options_.single_sentence || block_.in_attribute) {
      const absl::string_view all = text::Trim(text_);
      if (!all.empty()) {
        sentences.push_back({position(all), position(all) + all.size()});
      }
      return sentences;
    }
    const bool is_plain = options_.format == Format::kPlain;
    const std::string masked = ForSplitter();
    for (const text::SentenceSegment& segment :
         builder_.splitter_.Split(masked)) {
      if (segment.sentence.empty()) continue;
      const auto begin =
          static_cast<size_t>(segment.sentence.data() - masked.data());
      const ByteRange range{begin, begin + segment.sentence.size()};
      if (!sentences.empty() && InsideSpan(sentences.back().end, begin)) {
        sentences.back().end = range.end;
      } else if (!is_plain) {
        sentences.push_back(range);
      } else {
        AddWithoutTabs(range, &sentences);
      }
    }
    return sentences;
  }

  // The text with line breaks where sentences end, of as many bytes. In markup
  // a line break is a space.
  std::string ForSplitter() const {
    std::string masked(text_);
    if (options_.format != Format::kPlain) {
      std::replace_if(
          masked.begin(), masked.end(),
          [](char c) { return absl::ascii_isspace(c); }, ' ');
    }
    for (const Span& span : spans_) {
      if (span.kind != SpanKind::kPlaceholder ||
          !IsLineBreakPlaceholder(
              text_.substr(span.range.begin, span.range.size()))) {
        continue;
      }
      std::fill(masked.begin() + static_cast<std::ptrdiff_t>(span.range.begin),
                masked.begin() + static_cast<std::ptrdiff_t>(span.range.end),
                '\n');
    }
    return masked;
  }

  // What tabs separate are cells of their own.
  void AddWithoutTabs(ByteRange range,
                      std::vector<ByteRange>* sentences) const {
    size_t begin = range.begin;
    for (size_t at = range.begin; at <= range.end; ++at) {
      if (at < range.end && (text_[at] != '\t' || InsideSpan(at, at))) continue;
      const absl::string_view cell =
          text::Trim(text_.substr(begin, at - begin));
      if (!cell.empty()) {
        const auto cell_begin = static_cast<size_t>(cell.data() - text_.data());
        sentences->push_back({cell_begin, cell_begin + cell.size()});
      }
      begin = at + 1;
    }
  }

  // Whether a cut between `end` and `begin` would be inside a span.
  bool InsideSpan(size_t end, size_t begin) const {
    const auto span = std::upper_bound(
        spans_.begin(), spans_.end(), end,
        [](size_t at, const Span& s) { return at < s.range.end; });
    return span != spans_.end() && span->range.begin < begin &&
           span->range.begin < end;
  }

  // Text between sentences, with the marks in it.
  void AddBetween(size_t end) {
    while (next_mark_ < block_.marks.size()) {
      const Mark& mark = block_.marks[next_mark_];
      if (mark.at > end || (mark.at == end && end != text_.size())) break;
      AddLiteralText(mark.at);
      AppendParts(mark.markup);
      ++next_mark_;
    }
    AddLiteralText(end);
  }

  void AddMarks(size_t end) {
    for (; next_mark_ < end; ++next_mark_) {
      AppendParts(block_.marks[next_mark_].markup);
    }
  }

  void AppendParts(const std::vector<Part>& parts) {
    parts_.insert(parts_.end(), parts.begin(), parts.end());
  }

  void AddLiteralText(size_t end) {
    if (end <= at_) return;
    const absl::string_view literal = text_.substr(at_, end - at_);
    builder_.AddLiteral(options_.format == Format::kPlain
                            ? std::string(literal)
                            : EscapeMarkup(literal, block_.in_attribute),
                        &parts_);
    at_ = end;
  }

  void AddSentence(ByteRange sentence) {
    TrimInvisible(&sentence);
    AddBetween(sentence.begin);
    // List marks, and emoji at either end, need no model.
    for (;;) {
      const size_t size =
          ListMarkSize(text_.substr(sentence.begin, sentence.size()));
      const bool marked = next_mark_ < block_.marks.size() &&
                          block_.marks[next_mark_].at < sentence.begin + size;
      if (size == 0 || marked) break;
      AddBetween(sentence.begin);
      sentence.begin += size;
      AddLiteralText(sentence.begin);
    }
    TrimSpans(&sentence);
    AddBetween(sentence.begin);
    Cut(sentence);
  }

  static bool IsUnseen(int32_t c) { return IsInvisible(c) || text::IsSpace(c); }

  bool IsInSpan(size_t at) const {
    const auto span = std::upper_bound(
        spans_.begin(), spans_.end(), at,
        [](size_t a, const Span& s) { return a < s.range.end; });
    return span != spans_.end() && span->range.begin <= at;
  }

  // What is not seen stays at the ends.
  void TrimInvisible(ByteRange* sentence) const {
    for (;;) {
      const Character first =
          FirstCharacter(text_.substr(sentence->begin, sentence->size()));
      if (!IsUnseen(first.code_point) || IsInSpan(sentence->begin)) break;
      sentence->begin += first.size;
    }
    for (;;) {
      const Character last =
          text::LastCharacter(text_.substr(sentence->begin, sentence->size()));
      const size_t end = sentence->end - last.size;
      if (!IsUnseen(last.code_point) || IsInSpan(end)) break;
      sentence->end = end;
    }
  }

  // Spans at the ends stay where they are, with the punctuation between.
  void TrimSpans(ByteRange* sentence) {
    for (const Span& span : spans_) {
      if (span.range.begin != sentence->begin) continue;
      if (span.kind != SpanKind::kEmoji) break;
      if (span.range.end >= sentence->end) break;
      const absl::string_view rest = text::TrimLeft(
          text_.substr(span.range.end, sentence->end - span.range.end));
      sentence->begin = static_cast<size_t>(rest.data() - text_.data());
    }
  }

  bool HasLetterToTranslate(ByteRange range) const {
    size_t at = range.begin;
    for (const Span& span : spans_) {
      if (span.range.end <= range.begin) continue;
      if (span.range.begin >= range.end) break;
      if (span.range.begin > at &&
          text::HasLetter(text_.substr(at, span.range.begin - at))) {
        return true;
      }
      at = std::max(at, span.range.end);
    }
    return at < range.end && text::HasLetter(text_.substr(at, range.end - at));
  }

  // Cuts `range` until each part fits the model.
  void Cut(ByteRange range) {
    if (range.empty()) return;
    if (!HasLetterToTranslate(range)) {
      AddUntranslated(range);
      return;
    }
    Segment segment = Make(range, options_.marks_spans);
    if (!ReadsMarkers(segment)) segment = Make(range, /*marks_spans=*/false);
    if (builder_.vocabulary_.Fits(segment.shown)) {
      Add(range, std::move(segment));
      return;
    }
    const absl::string_view sentence = text_.substr(range.begin, range.size());
    const size_t cut = text::CutPoint(sentence, [&](size_t at) {
      return !InsideSpan(range.begin + at, range.begin + at);
    });
    if (cut == 0) {  // what is in there is one character, or one span
      Add(range, std::move(segment));
      return;
    }
    builder_.document_.was_cut_ = true;
    const absl::string_view head = text::TrimRight(sentence.substr(0, cut));
    const absl::string_view tail = text::TrimLeft(sentence.substr(cut));
    Cut({range.begin, range.begin + head.size()});
    const auto begin = static_cast<size_t>(tail.data() - text_.data());
    AddBetween(begin);
    Cut({begin, range.end});
  }

  void AddUntranslated(ByteRange range) { AddBetween(range.end); }

  bool ReadsMarkers(const Segment& segment) const {
    std::vector<std::string> markers;
    for (const Kept& kept : segment.kept) {
      if (kept.is_marked()) markers.push_back(kept.stand_in);
    }
    return markers.empty() ||
           builder_.vocabulary_.ReadsMarkers(segment.shown, markers);
  }

  std::vector<Span> SpansIn(ByteRange range) const {
    std::vector<Span> inside;
    for (const Span& span : spans_) {
      if (span.range.begin >= range.begin && span.range.end <= range.end) {
        inside.push_back(span);
      }
    }
    return inside;
  }

  // The marks that stand in the sentence: of those at its end only tags that
  // close what was opened in it.
  size_t MarksEnd(ByteRange range) const {
    size_t end = next_mark_;
    int open = 0;
    for (; end < block_.marks.size(); ++end) {
      const Mark& mark = block_.marks[end];
      if (mark.at > range.end) break;
      if (mark.at == range.end &&
          (mark.kind != Insert::Kind::kClose || open == 0)) {
        break;
      }
      open += mark.kind == Insert::Kind::kOpen;
      open -= mark.kind == Insert::Kind::kClose && open > 0;
    }
    return end;
  }

  Segment Make(ByteRange range, bool marks_spans) const {
    SentenceParts parts;
    const std::vector<Span> cut = SpansIn(range);
    const size_t marks_end = MarksEnd(range);
    parts.text = text_;
    parts.range = range;
    parts.cut = cut;
    parts.marks = absl::MakeConstSpan(block_.marks)
                      .subspan(next_mark_, marks_end - next_mark_);
    parts.language = options_.source_language;
    parts.targets = &targets_;
    parts.count_pieces = [this](absl::string_view word) {
      return builder_.vocabulary_.NumPieces(word);
    };
    Segment segment = MakeSegment(parts);
    if (options_.restore_capitals) {
      parts.capitals = CapitalsOf(segment.shown, options_.source_language);
    }
    if (marks_spans && !segment.inserts.empty()) {
      parts.markers = options_.markers;
    }
    return parts.capitals == Capitals::kAsTheyAre && parts.markers.empty()
               ? segment
               : MakeSegment(parts);
  }

  void Add(ByteRange range, Segment segment) {
    next_mark_ = MarksEnd(range);
    at_ = range.end;
    AddKept(&segment);
    segment.checks_numbers = options_.kinds.Has(SpanKind::kNumber);
    segment.runs = InDocument(segment.runs);
    segment.source = {SourceOf(range.begin, /*is_end=*/false),
                      SourceOf(range.end, /*is_end=*/true)};
    Document& document = builder_.document_;
    Part part;
    part.segment = static_cast<int>(document.segments_.size());
    part.in_attribute = block_.in_attribute;
    parts_.push_back(std::move(part));
    document.segments_.push_back(std::move(segment));
  }

  // An end belongs to what is in front of it.
  size_t SourceOf(size_t at, bool is_end) const {
    size_t source = 0;
    for (const Block::Anchor& anchor : block_.anchors) {
      const bool is_behind = is_end && anchor.at == at && at > 0;
      if (anchor.at > at || (is_behind && !anchor.ends_entity)) break;
      source = anchor.source + (at - anchor.at);
    }
    return source;
  }

  // Runs in the block become runs in the document.
  std::vector<ShownRun> InDocument(const std::vector<ShownRun>& runs) const {
    std::vector<ShownRun> placed;
    for (const ShownRun& run : runs) {
      if (!run.is_literal()) {
        placed.push_back({run.shown,
                          {SourceOf(run.source.begin, /*is_end=*/false),
                           SourceOf(run.source.end, /*is_end=*/true)}});
        continue;
      }
      size_t at = run.source.begin;
      const auto place_until = [&](size_t end) {
        const size_t shown = run.shown.begin + (at - run.source.begin);
        placed.push_back(
            {{shown, shown + (end - at)},
             {SourceOf(at, /*is_end=*/false), SourceOf(end, /*is_end=*/true)}});
        at = end;
      };
      for (const Block::Anchor& anchor : block_.anchors) {
        if (anchor.at >= run.source.end) break;
        if (anchor.at > at) place_until(anchor.at);
      }
      place_until(run.source.end);
    }
    return placed;
  }

  // Terms, versions and numbers, which the model sees.
  void AddKept(Segment* segment) const {
    const absl::string_view shown = segment->shown;
    std::vector<ByteRange> taken;
    for (Kept& kept : segment->kept) {
      taken.push_back(kept.shown);
      if (kept.kind == SpanKind::kNumber) SetFormat(&kept);
    }
    const auto is_free = [&](const ByteRange& candidate) {
      return std::none_of(
          taken.begin(), taken.end(), [&](const ByteRange& other) {
            return candidate.begin < other.end && other.begin < candidate.end;
          });
    };
    for (const auto& glossary : options_.glossaries) {
      if (!options_.kinds.Has(SpanKind::kTerm)) break;
      for (TermMatch& match : glossary->Find(shown)) {
        if (!is_free(match.range)) continue;
        taken.push_back(match.range);
        Kept kept;
        kept.shown = match.range;
        kept.kind = SpanKind::kTerm;
        kept.source =
            std::string(shown.substr(match.range.begin, match.range.size()));
        kept.wanted = std::move(match.targets);
        kept.may_repeat = true;
        for (std::string& wanted : kept.wanted) {
          if (segment->capitals == Capitals::kAll) {
            wanted = Restore(wanted, Capitals::kAll, options_.target_language);
          }
        }
        segment->kept.push_back(std::move(kept));
      }
    }
    for (const Span& span : FindKept(shown, options_.kinds)) {
      if (!is_free(span.range)) continue;
      Kept kept;
      kept.shown = span.range;
      kept.kind = span.kind;
      kept.source =
          std::string(shown.substr(span.range.begin, span.range.size()));
      kept.wanted = {kept.source};
      kept.may_repeat = kept.kind == SpanKind::kVersion &&
                        absl::c_all_of(kept.source, absl::ascii_isalpha);
      if (kept.kind == SpanKind::kNumber) SetFormat(&kept);
      segment->kept.push_back(std::move(kept));
    }
  }

  void SetFormat(Kept* number) const {
    number->is_exact = options_.number_format != NumberFormat::kEither;
    if (options_.number_format == NumberFormat::kTarget) {
      number->wanted = {InLanguage(number->source, options_.source_language,
                                   options_.target_language)};
    }
  }

  DocumentBuilder& builder_;
  const DocumentOptions& options_;
  const Block& block_;
  const absl::string_view text_;
  std::vector<Part>& parts_;
  std::vector<Span> spans_;
  absl::flat_hash_map<size_t, std::string> targets_;  // of terms among them
  size_t at_ = 0;         // what is before is in `parts_`
  size_t next_mark_ = 0;  // likewise
};

DocumentBuilder::DocumentBuilder(const DocumentOptions& options,
                                 const text::SentenceSplitter& splitter,
                                 const VocabularyView& vocabulary,
                                 Document* document)
    : options_(options),
      splitter_(splitter),
      vocabulary_(vocabulary),
      document_(*document) {}

void DocumentBuilder::AddLiteral(absl::string_view literal,
                                 std::vector<Part>* parts) {
  if (literal.empty()) return;
  if (parts->empty() || parts->back().segment >= 0) parts->emplace_back();
  parts->back().literal.append(literal.data(), literal.size());
}

void DocumentBuilder::BecomePlain() {
  options_.format = Format::kPlain;
  options_.kinds.Add(SpanKind::kPlaceholder);
  document_.format_ = Format::kPlain;
}

void DocumentBuilder::AddBlock(const Block& block, std::vector<Part>* parts) {
  BlockCutter(*this, block, parts).Run();
}

}  // namespace peregrine::document
