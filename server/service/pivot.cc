#include "server/service/pivot.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"

namespace peregrine::server {
namespace {

using document::ByteRange;
using document::SentenceRanges;

bool Overlap(const ByteRange& a, const ByteRange& b) {
  return a.begin < b.end && b.begin < a.end;
}

// Both in one.
void Widen(const ByteRange& by, ByteRange& range) {
  range.begin = std::min(range.begin, by.begin);
  range.end = std::max(range.end, by.end);
}

// Sentences of the source with those of the translation that they became. The
// models may cut the text in between differently: then several are one.
std::vector<SentenceRanges> Joined(const std::vector<SentenceRanges>& first,
                                   const std::vector<SentenceRanges>& last) {
  std::vector<SentenceRanges> joined;
  for (const SentenceRanges& sentence : last) {
    SentenceRanges whole;
    bool is_known = false;
    for (const SentenceRanges& before : first) {
      if (!Overlap(before.target, sentence.source)) continue;
      if (is_known) {
        Widen(before.source, whole.source);
      } else {
        whole = {before.source, sentence.target};
        is_known = true;
      }
    }
    if (!is_known) continue;
    if (!joined.empty() && Overlap(joined.back().source, whole.source)) {
      Widen(whole.source, joined.back().source);
      Widen(whole.target, joined.back().target);
    } else {
      joined.push_back(whole);
    }
  }
  return joined;
}

Cost Sum(const Cost& first, const Cost& last) {
  Cost sum = last;
  sum.queue += first.queue;
  sum.encode += first.encode;
  sum.decode += first.decode;
  sum.source_tokens += first.source_tokens;
  sum.target_tokens += first.target_tokens;
  sum.sentences += first.sentences;
  sum.cached_sentences += first.cached_sentences;
  return sum;
}

// Of the search alone: what it costs, and that it does not repeat itself.
RequestOptions FirstLegOf(const RequestOptions& options) {
  RequestOptions first;
  first.beam_size = options.beam_size;
  first.use_shortlist = options.use_shortlist;
  first.patience = options.patience;
  first.repetition_penalty = options.repetition_penalty;
  first.no_repeat_ngram_size = options.no_repeat_ngram_size;
  return first;
}

}  // namespace

TextRequest FirstLegOf(const TextRequest& request) {
  TextRequest first = request;
  first.head.options = FirstLegOf(request.head.options);
  first.returns_stable_text = false;
  for (RequestText& text : first.texts) {
    text.options = FirstLegOf(text.options);
  }
  for (document::Term& term : first.text_options.terms) term.targets.clear();
  return first;
}

void CheckPivotOptions(const RequestOptions& options, const std::string& path,
                       Violations& violations) {
  if (!options.return_alignments.value_or(false)) return;
  violations.Add(absl::StrCat(path, ".return_alignments"),
                 "found true, but two models translate this pair in a row, and "
                 "the last one does not see the source: name a model, or leave "
                 "it out");
}

std::vector<ByteRange> RangesIn(absl::string_view intermediate,
                                absl::string_view source,
                                const std::vector<ByteRange>& ranges) {
  std::vector<ByteRange> found;
  for (const ByteRange& range : ranges) {
    const absl::string_view text =
        source.substr(range.begin, range.end - range.begin);
    size_t at = intermediate.find(text);
    while (at != intermediate.npos) {
      const ByteRange place = {at, at + text.size()};
      const bool is_taken = std::any_of(
          found.begin(), found.end(),
          [&](const ByteRange& other) { return Overlap(place, other); });
      if (!is_taken) {
        found.push_back(place);
        break;
      }
      at = intermediate.find(text, at + 1);
    }
  }
  return found;
}

void AddFirstLeg(TranslatedText first, TranslatedText& translated) {
  TextTranslation& before = first.translation;
  TextTranslation& all = translated.translation;
  TextTranslation own;  // of the first model: its flags
  own.truncated = before.truncated;
  own.repetition = before.repetition;
  own.unknown_source = before.unknown_source;
  own.source_split = before.source_split;
  own.numbers_differ = before.numbers_differ;
  own.source_copied = before.source_copied;
  own.empty = before.empty;
  own.lost = before.lost;
  own.hypotheses.push_back(std::move(before.hypotheses[0]));

  all.truncated |= own.truncated;
  all.repetition |= own.repetition;
  all.unknown_source |= own.unknown_source;
  all.source_split |= own.source_split;
  all.numbers_differ |= own.numbers_differ;
  all.source_copied |= own.source_copied;
  all.empty |= own.empty;
  all.lost.insert(all.lost.begin(), before.lost.begin(), before.lost.end());
  all.sentences = Joined(before.sentences, all.sentences);
  all.confidences.clear();  // of what the last model was given, not the source
  translated.detected = std::move(first.detected);
  translated.intermediate = {std::move(own), std::move(first.cost)};
  translated.cost = Sum(translated.intermediate->cost, translated.cost);
}

}  // namespace peregrine::server
