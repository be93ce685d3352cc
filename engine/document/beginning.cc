#include "engine/document/beginning.h"

#include <algorithm>
#include <utility>

#include "engine/document/block.h"

namespace peregrine::document {

Beginning::Beginning(const Document& document)
    : document_(document),
      translations_(document.segments().size()),
      is_finished_(document.segments().size()),
      extended_(document.segments().size()) {
  details_.sentences.resize(document.segments().size());
  Update();
}

void Beginning::Finish(size_t segment, SegmentTranslation translation) {
  translations_[segment] = std::move(translation);
  is_finished_[segment] = true;
  Update();
}

void Beginning::Extend(size_t segment, const SegmentTranslation& begun) {
  std::string text = CertainBeginning(document_.segments_[segment], begun,
                                      document_.target_language_);
  if (text.size() <= extended_[segment].size()) return;
  extended_[segment] = std::move(text);
  Update();
}

// With the segments in its tags, such as those of attributes.
bool Beginning::IsFinished(const Part& part) const {
  if (part.segment < 0) return true;
  const auto index = static_cast<size_t>(part.segment);
  if (!is_finished_[index]) return false;
  const std::vector<Insert>& inserts = document_.segments_[index].inserts;
  return std::all_of(inserts.begin(), inserts.end(), [&](const Insert& insert) {
    return std::all_of(insert.markup.begin(), insert.markup.end(),
                       [&](const Part& inner) { return IsFinished(inner); });
  });
}

// Appends the next part, or the next paragraph, if it is finished. Returns how
// many parts that was.
size_t Beginning::Advance() {
  const absl::Span<const Part> parts = document_.parts_;
  if (next_part_ == parts.size()) return 0;
  const std::vector<Paragraph>& paragraphs = document_.paragraphs_;
  const Paragraph* paragraph = nullptr;
  if (next_paragraph_ < paragraphs.size() &&
      paragraphs[next_paragraph_].first_part == next_part_) {
    paragraph = &paragraphs[next_paragraph_];
  }
  const size_t count =
      paragraph == nullptr ? 1 : paragraph->end_part - paragraph->first_part;
  const absl::Span<const Part> next = parts.subspan(next_part_, count);
  if (!std::all_of(next.begin(), next.end(),
                   [&](const Part& part) { return IsFinished(part); })) {
    return 0;
  }
  const std::string text =
      document_.AssembleParts(next, translations_, 0, &details_);
  if (paragraph == nullptr) {
    text_ += text;
    return 1;
  }
  text_ += Wrap(text, paragraph->lines, nullptr);
  ++next_paragraph_;
  return count;
}

void Beginning::Update() {
  text_.resize(whole_bytes_);
  while (const size_t count = Advance()) next_part_ += count;
  whole_bytes_ = text_.size();
  if (next_part_ == document_.parts_.size()) return;
  const Part& part = document_.parts_[next_part_];
  // Where lines of a paragraph break depends on all of it.
  const bool is_wrapped =
      next_paragraph_ < document_.paragraphs_.size() &&
      document_.paragraphs_[next_paragraph_].first_part <= next_part_;
  if (part.segment < 0 || is_wrapped) return;
  const std::string& begun = extended_[static_cast<size_t>(part.segment)];
  text_ += document_.format_ == Format::kPlain
               ? begun
               : EscapeMarkup(begun, part.in_attribute);
}

}  // namespace peregrine::document
