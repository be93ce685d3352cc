#include "engine/document/document.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/document/block.h"
#include "engine/document/markup.h"
#include "engine/document/units.h"

namespace peregrine::document {
namespace {

// The caller's ranges that are in [begin, end), relative to begin; others are
// cut off at its ends.
std::vector<ByteRange> RangesWithin(const std::vector<ByteRange>& ranges,
                                    size_t begin, size_t end) {
  std::vector<ByteRange> within;
  for (const ByteRange& range : ranges) {
    const ByteRange common{std::max(range.begin, begin),
                           std::min(range.end, end)};
    if (!common.empty()) {
      within.push_back({common.begin - begin, common.end - begin});
    }
  }
  return within;
}

void ParsePlain(absl::string_view text, const DocumentOptions& options,
                DocumentBuilder* builder) {
  Block block;
  block.text = std::string(text);
  block.ranges = RangesWithin(options.ranges, 0, text.size());
  block.anchors = {{0, 0}};
  builder->AddBlock(block, builder->parts());
}

}  // namespace

void ParseTagsAsSpans(absl::string_view text, const DocumentOptions& options,
                      DocumentBuilder* builder) {
  builder->BecomePlain();
  ParsePlain(text, options, builder);
}

namespace {

void ParseHardWrapped(absl::string_view text, DocumentBuilder* builder,
                      std::vector<Paragraph>* paragraphs) {
  for (const WrappedParagraph& wrapped : FindParagraphs(text)) {
    Paragraph paragraph;
    paragraph.lines = wrapped.lines;
    // A part of its own, so that no literal is shared with the one before.
    builder->parts()->emplace_back();
    paragraph.first_part = builder->parts()->size() - 1;
    Block block;
    block.text = wrapped.text;
    for (const WrappedParagraph::Place& place : wrapped.line_places) {
      block.anchors.push_back({place.at, place.source});
    }
    if (block.anchors.empty()) block.anchors.push_back({0, wrapped.begin});
    builder->AddBlock(block, builder->parts());
    paragraph.end_part = builder->parts()->size();
    paragraphs->push_back(std::move(paragraph));
    builder->parts()->emplace_back();
    builder->AddLiteral(wrapped.behind, builder->parts());
  }
}

int Count(absl::string_view text, absl::string_view part) {
  int count = 0;
  for (size_t at = text.find(part); at != absl::string_view::npos;
       at = text.find(part, at + part.size())) {
    ++count;
  }
  return count;
}

// Compares what came out with what had to.
void CheckSegment(const Segment& segment, absl::string_view translated,
                  std::vector<LostSpan>* lost) {
  absl::flat_hash_map<absl::string_view, int> expected;
  const auto expect = [&](absl::string_view text) { ++expected[text]; };
  // Each text once.
  const auto check = [&](const std::string& text, SpanKind kind) {
    const auto count = expected.find(text);
    if (count == expected.end()) return;
    const int found = Count(translated, text);
    // Its neighbours, or a longer span, may hold the same text.
    const int most = std::max(count->second, Count(segment.original, text));
    if (found < count->second || found > most) {
      lost->push_back({kind, text, found, count->second});
    }
    expected.erase(count);
  };
  for (const Insert& insert : segment.inserts) {
    if (insert.kind == Insert::Kind::kSpan) expect(insert.text);
  }
  for (const Kept& kept : segment.kept) {
    if (kept.is_marked()) {
      expect(kept.wanted[0]);
    } else if (kept.kind == SpanKind::kVersion && !kept.may_repeat) {
      expect(kept.source);
    }
  }
  for (const Insert& insert : segment.inserts) {
    if (insert.kind == Insert::Kind::kSpan) check(insert.text, insert.span);
  }
  for (const Kept& kept : segment.kept) {
    if (kept.is_marked()) {
      check(kept.wanted[0], kept.kind);
      continue;
    }
    if (kept.kind == SpanKind::kVersion) check(kept.source, kept.kind);
    if (!kept.may_repeat) continue;
    const bool found = std::any_of(
        kept.wanted.begin(), kept.wanted.end(), [&](const std::string& wanted) {
          return absl::StrContains(translated, wanted);
        });
    if (!found) lost->push_back({kept.kind, kept.source, 0, 1});
  }
}

// Of the numbers that the model was to keep, those that are not there.
void CheckNumbers(const Segment& segment, absl::string_view translated,
                  std::vector<LostSpan>* lost) {
  if (segment.kept.empty()) return;
  const std::vector<Span> found = FindKept(translated, SpanKinds::All());
  for (const Kept& kept : segment.kept) {
    if (kept.kind != SpanKind::kNumber) continue;
    const bool is_there =
        absl::StrContains(translated, kept.wanted[0]) ||
        std::any_of(found.begin(), found.end(), [&](const Span& span) {
          return SameNumber(kept.source, translated.substr(span.range.begin,
                                                           span.range.size()));
        });
    if (!is_there) lost->push_back({kept.kind, kept.source, 0, 1});
  }
}

}  // namespace

Document Document::Parse(absl::string_view text, const DocumentOptions& options,
                         const text::SentenceSplitter& splitter,
                         const VocabularyView& vocabulary) {
  Document document;
  document.format_ = options.format;
  document.target_language_ = options.target_language;
  DocumentBuilder builder(options, splitter, vocabulary, &document);
  switch (options.format) {
    case Format::kPlain:
      if (options.hard_wrapped && !options.single_sentence) {
        ParseHardWrapped(text, &builder, &document.paragraphs_);
      } else {
        ParsePlain(text, options, &builder);
      }
      break;
    case Format::kHtml:
      ParseHtml(text, options, &builder);
      break;
    case Format::kXml:
      ParseXml(text, options, &builder);
      break;
  }
  return document;
}

// `offset` is where the result will stand in the document.
std::string Document::AssembleParts(
    absl::Span<const Part> parts,
    absl::Span<const SegmentTranslation> translations, size_t offset,
    AssembledDocument* out) const {
  std::string result;
  for (const Part& part : parts) {
    if (part.segment < 0) {
      result += part.literal;
      continue;
    }
    const auto index = static_cast<size_t>(part.segment);
    const Segment& segment = segments_[index];
    AssembledSegment assembled = document::Assemble(
        segment, translations[index], target_language_, out->has_words);
    const size_t begin = offset + result.size();
    std::string translated;  // without markup
    std::vector<size_t> begins;
    for (const OutputPiece& piece : assembled.pieces) {
      begins.push_back(offset + result.size());
      if (piece.markup != nullptr) {
        result += AssembleParts(*piece.markup, translations,
                                offset + result.size(), out);
        continue;
      }
      translated += piece.text;
      result += format_ == Format::kPlain
                    ? piece.text
                    : EscapeMarkup(piece.text, part.in_attribute);
    }
    CheckSegment(segment, translated, &out->lost);
    CheckNumbers(segment, translated, &out->lost);
    out->numbers_differ |= assembled.numbers_differ;
    out->sentences[index] = {segment.source, {begin, offset + result.size()}};
    if (out->has_words) AddWords(part, std::move(assembled), begins, out);
  }
  return result;
}

// Of all segments, in their order.
void Document::FindSourceWords(AssembledDocument* out) const {
  for (const Segment& segment : segments_) {
    out->first_words.push_back(out->source_words.size());
    for (const ByteRange& unit : Units(segment.shown)) {
      out->source_words.push_back(SourceOf(segment, unit));
    }
  }
}

void Document::AddWords(const Part& part, AssembledSegment assembled,
                        const std::vector<size_t>& begins,
                        AssembledDocument* out) const {
  for (PlacedUnit& unit : assembled.units) {
    const absl::string_view text = assembled.pieces[unit.piece].text;
    const auto place = [&](size_t at) {
      const absl::string_view before = text.substr(0, at);
      return begins[unit.piece] +
             (format_ == Format::kPlain
                  ? at
                  : EscapeMarkup(before, part.in_attribute).size());
    };
    TranslatedWord& word = out->words.emplace_back();
    word.target = {place(unit.range.begin), place(unit.range.end)};
    word.first_source = out->first_words[static_cast<size_t>(part.segment)];
    word.weights = std::move(unit.weights);
  }
}

AssembledDocument Document::Assemble(
    absl::Span<const SegmentTranslation> translations, bool with_words) const {
  PEREGRINE_CHECK(translations.size() == segments_.size());
  AssembledDocument out;
  out.has_words = with_words;
  if (with_words) FindSourceWords(&out);
  out.sentences.resize(segments_.size());
  const absl::Span<const Part> parts = parts_;
  size_t next = 0;
  for (const Paragraph& paragraph : paragraphs_) {
    out.text += AssembleParts(parts.subspan(next, paragraph.first_part - next),
                              translations, out.text.size(), &out);
    next = paragraph.end_part;
    const absl::Span<const Part> inside = parts.subspan(
        paragraph.first_part, paragraph.end_part - paragraph.first_part);
    const size_t first_word = out.words.size();
    const std::string text = AssembleParts(inside, translations, 0, &out);
    std::vector<size_t> places;
    const std::string wrapped = Wrap(text, paragraph.lines, &places);
    const auto move = [&](ByteRange& target) {
      target = {out.text.size() + places[target.begin],
                out.text.size() + places[target.end]};
    };
    for (const Part& part : inside) {
      if (part.segment < 0) continue;
      move(out.sentences[static_cast<size_t>(part.segment)].target);
    }
    for (size_t i = first_word; i < out.words.size(); ++i) {
      move(out.words[i].target);
    }
    out.text += wrapped;
  }
  out.text +=
      AssembleParts(parts.subspan(next), translations, out.text.size(), &out);
  return out;
}

}  // namespace peregrine::document
