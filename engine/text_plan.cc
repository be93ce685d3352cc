#include "engine/text_plan.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "engine/base/check.h"
#include "engine/confidence.h"
#include "engine/decode/steering_checks.h"
#include "engine/document/units.h"
#include "engine/text/characters.h"
#include "engine/text/open_prefix.h"
#include "engine/text/piece_table.h"
#include "engine/text_beginning.h"
#include "engine/word_alignment.h"

namespace peregrine {
namespace {

constexpr size_t kMaxLoopTokens = 8;  // length of the repeated phrase
constexpr size_t kMinLoopRepeats = 4;
constexpr size_t kMinLoopSpan = 8;  // tokens that the repetition covers
// Words of a sentence that is more than a name that stays as it is.
constexpr size_t kMinCopiedWords = 4;

// The most tokens that the repetition of a short phrase covers, or 0.
size_t LoopSpan(absl::Span<const int32_t> tokens) {
  size_t longest = 0;
  for (size_t period = 1; period <= kMaxLoopTokens; ++period) {
    size_t run = 0;  // tokens that equal the one a period before
    for (size_t i = period; i < tokens.size(); ++i) {
      run = tokens[i] == tokens[i - period] ? run + 1 : 0;
      const size_t span = run + period;
      if (span >= period * kMinLoopRepeats && span >= kMinLoopSpan) {
        longest = std::max(longest, span);
      }
    }
  }
  return longest;
}

// A model's source vocabulary, as documents ask of it.
class SourceVocabulary final : public document::VocabularyView {
 public:
  SourceVocabulary(const TranslationModel& model, absl::string_view code)
      : model_(model),
        tokenizer_(*model.source_tokenizer()),
        max_tokens_(static_cast<size_t>(model.max_source_tokens())),
        code_(code) {}

  bool Fits(absl::string_view sentence) const override {
    return tokenizer_.Encode(absl::StrCat(code_, sentence)).size() <=
           max_tokens_;
  }

  size_t NumPieces(absl::string_view word) const override {
    return tokenizer_.Encode(word).size();
  }

  bool Keeps(absl::string_view character) const override {
    return tokenizer_.Decode(tokenizer_.Encode(character)) == character;
  }

  bool ReadsMarkers(absl::string_view sentence,
                    absl::Span<const std::string> markers) const override {
    const std::vector<int32_t> ids =
        tokenizer_.Encode(absl::StrCat(code_, sentence));
    return std::all_of(markers.begin(), markers.end(), [&](const auto& marker) {
      return std::count(ids.begin(), ids.end(), *tokenizer_.id(marker)) == 1;
    });
  }

  std::vector<document::ByteRange> Unknown(
      absl::string_view text) const override {
    std::vector<document::ByteRange> unknown;
    if (!HasUnknown(text)) return unknown;
    absl::flat_hash_map<int32_t, bool> seen;
    for (size_t at = 0; at < text.size();) {
      const text::Character c = text::FirstCharacter(text.substr(at));
      if (!text::IsSpace(c.code_point)) {
        const auto known = seen.try_emplace(c.code_point, false);
        if (known.second) {
          known.first->second = !model_.HasSourceCharacter(c.code_point) &&
                                HasUnknown(text.substr(at, c.size));
        }
        if (known.first->second) unknown.push_back({at, at + c.size});
      }
      at += c.size;
    }
    return unknown;
  }

 private:
  bool HasUnknown(absl::string_view text) const {
    const std::vector<int32_t> ids = tokenizer_.Encode(text);
    return std::any_of(ids.begin(), ids.end(), [&](int32_t id) {
      // A byte is of a character that has no piece.
      return id == tokenizer_.unk_id() ||
             text::ParseBytePiece(tokenizer_.piece(id)).has_value();
    });
  }

  const TranslationModel& model_;
  const text::Tokenizer& tokenizer_;
  const size_t max_tokens_;
  const std::string code_;
};

// Of the tokens of `segment`, those of markers that stand for nothing become
// unknown: text that is spelled so. Returns the others, in the target's
// vocabulary.
std::vector<int32_t> TakeMarkers(const Markers& markers,
                                 const document::Segment& segment,
                                 int32_t unknown,
                                 std::vector<int32_t>* tokens) {
  std::vector<int32_t> shown;
  for (size_t i = 0; i < markers.texts.size(); ++i) {
    const int32_t id = markers.source_ids[i];
    if (std::find(tokens->begin(), tokens->end(), id) == tokens->end()) {
      continue;
    }
    const bool is_shown = std::any_of(
        segment.kept.begin(), segment.kept.end(),
        [&](const document::Kept& kept) {
          return kept.is_marked() && kept.stand_in == markers.texts[i];
        });
    if (is_shown) {
      shown.push_back(markers.target_ids[i]);
    } else {
      std::replace(tokens->begin(), tokens->end(), id, unknown);
    }
  }
  return shown;
}

bool HasWordOrNumber(absl::string_view text) {
  for (const document::ByteRange& unit : document::Units(text)) {
    const int32_t c = text::FirstCharacter(text.substr(unit.begin)).code_point;
    if (text::IsLetter(c) || text::IsDigit(c)) return true;
  }
  return false;
}

bool IsCopy(absl::string_view source, absl::string_view target) {
  if (text::Lower(source) != text::Lower(target)) return false;
  size_t words = 0;
  for (const document::ByteRange& unit : document::Units(source)) {
    words += text::IsLetter(
        text::FirstCharacter(source.substr(unit.begin)).code_point);
  }
  return words >= kMinCopiedWords;
}

}  // namespace

bool LooksLikeLoop(absl::Span<const int32_t> tokens,
                   absl::Span<const int32_t> source) {
  const size_t span = LoopSpan(tokens);
  return span > 0 && span > 2 * LoopSpan(source);
}

TextPlan TextPlan::Make(const TranslationModel& model, absl::string_view text,
                        const document::DocumentOptions& options) {
  PEREGRINE_CHECK(model.source_tokenizer() != nullptr) << model.config().name;
  const text::Tokenizer& tokenizer = *model.source_tokenizer();
  const std::string code(tokenizer.LanguageCode(text));
  document::DocumentOptions document_options = options;
  if (options.source_language.empty()) {
    document_options.source_language = model.config().source_language;
  }
  if (options.target_language.empty()) {
    document_options.target_language = model.config().target_language;
  }
  if (model.patterns() != nullptr) {
    document_options.patterns.push_back(model.patterns());
  }
  const Markers& markers = model.markers();
  document_options.markers = markers.texts;
  size_t begin = 0;
  if (!code.empty()) {
    const absl::string_view rest = text::TrimLeft(text.substr(code.size()));
    const size_t removed = text.size() - rest.size();
    begin = removed;
    for (document::ByteRange& range : document_options.ranges) {
      range.begin = std::max(range.begin, removed) - removed;
      range.end = std::max(range.end, removed) - removed;
    }
    text = rest;
  }
  TextPlan plan(document::Document::Parse(
      text, document_options, model.splitter(options.source_language),
      SourceVocabulary(model, code)));
  plan.code_ = code;
  plan.begin_ = begin;
  plan.all_markers_ = markers.texts;
  const auto max_tokens = static_cast<size_t>(model.max_source_tokens());
  const std::vector<document::Segment>& segments = plan.document_.segments();
  for (size_t i = 0; i < segments.size(); ++i) {
    std::vector<int32_t> tokens =
        tokenizer.Encode(absl::StrCat(code, segments[i].shown));
    // What cannot be cut, and is too long all the same.
    if (tokens.size() > max_tokens) tokens.resize(max_tokens);
    // Normalisation may leave nothing of it: control characters, say.
    if (tokens.empty()) continue;
    plan.markers_.push_back(
        TakeMarkers(markers, segments[i], tokenizer.unk_id(), &tokens));
    plan.sentences_.push_back(std::move(tokens));
    plan.segments_.push_back(i);
  }
  return plan;
}

TextPlan TextPlan::Make(const TranslationModel& model, absl::string_view text,
                        bool single_sentence,
                        absl::string_view source_language) {
  document::DocumentOptions options;
  options.single_sentence = single_sentence;
  options.source_language = std::string(source_language);
  return Make(model, text, options);
}

void TextPlan::DemandMarkers(const TranslationModel& model, size_t sentence,
                             decode::DecodingOptions* options) const {
  const std::vector<int32_t>& markers = markers_[sentence];
  // A caller's phrases may have an order.
  if (markers.empty() || !options->steering.must_contain.empty()) return;
  decode::DecodingOptions demanding = *options;
  for (int32_t marker : markers) {
    demanding.steering.must_contain.push_back({marker});
  }
  if (decode::CheckSteering(demanding, model.config()).ok()) {
    *options = std::move(demanding);
  }
}

bool TextPlan::NeedsAlignment(size_t sentence) const {
  const document::Segment& segment = document_.segments()[segments_[sentence]];
  return !segment.inserts.empty() || !segment.kept.empty();
}

TextPlan::Begun TextPlan::BeginWith(const TranslationModel& model,
                                    absl::string_view text) {
  PEREGRINE_CHECK(sentences_.size() == 1 && markers_[0].empty());
  const text::Tokenizer& tokenizer = *model.target_tokenizer();
  const std::string& language = model.config().target_language;
  Given given;
  given.beginning =
      document::BeginWith(document_.segments()[segments_[0]], text, language);
  Begun begun;
  begun.tokens = tokenizer.Encode(given.beginning.shown);
  given.decoded = tokenizer.Decode(begun.tokens);
  text::OpenPrefix open =
      text::OpenLastWord(tokenizer, given.beginning.shown, begun.tokens);
  begun.prefix = std::move(open.tokens);
  begun.completion = std::move(open.completion);
  given_ = std::make_unique<const Given>(std::move(given));
  return begun;
}

void TextPlan::BeginWith(const TranslationModel& model,
                         const std::vector<int32_t>& tokens) {
  PEREGRINE_CHECK(sentences_.size() == 1 && markers_[0].empty());
  Given given;
  given.decoded =
      std::string(StableText(model.target_tokenizer()->Decode(tokens)));
  given.beginning = document::BeginWithShown(document_.segments()[segments_[0]],
                                             given.decoded);
  given_ = std::make_unique<const Given>(std::move(given));
}

absl::string_view TextPlan::SetAsideIn(size_t sentence,
                                       absl::string_view phrase) const {
  for (const std::string& marker : all_markers_) {
    const size_t at = phrase.find(marker);
    if (at != phrase.npos) return phrase.substr(at, marker.size());
  }
  return document::SetAsideIn(document_.segments()[segments_[sentence]],
                              phrase);
}

// Without what stands for nothing: unknown characters, and markers that the
// sentence was not shown.
std::string TextPlan::DropUnwanted(absl::string_view text,
                                   absl::string_view source) const {
  std::string result = document::DropUnknown(text, source);
  for (const std::string& marker : all_markers_) {
    if (absl::StrContains(source, marker)) continue;
    absl::StrReplaceAll({{absl::StrCat(" ", marker), ""}, {marker, ""}},
                        &result);
    if (!absl::StartsWith(text, " "))
      absl::StripLeadingAsciiWhitespace(&result);
  }
  return result;
}

// With what was given as it was given, whatever became of it as tokens.
TextPlan::Spelled TextPlan::Spell(size_t sentence,
                                  absl::string_view decoded) const {
  const std::string& shown = document_.segments()[segments_[sentence]].shown;
  Spelled spelled;
  const Given* const given = GivenOf(sentence);
  if (given == nullptr) {
    spelled.decoded = DropUnwanted(decoded, shown);
    spelled.text = spelled.decoded;
    return spelled;
  }
  const std::string& begun = given->decoded;
  spelled.given_decoded = static_cast<size_t>(
      std::mismatch(begun.begin(), begun.end(), decoded.begin(), decoded.end())
          .first -
      begun.begin());
  const std::string rest =
      DropUnwanted(decoded.substr(spelled.given_decoded), shown);
  spelled.decoded =
      absl::StrCat(decoded.substr(0, spelled.given_decoded), rest);
  spelled.text = given->beginning.text;
  absl::string_view more = rest;
  // The model does not see that an address stands in front of its first word.
  const std::vector<size_t>& places = given->beginning.places;
  const bool ends_aside = !spelled.text.empty() &&
                          (places.size() < 2 ||
                           places[places.size() - 2] + 1 < spelled.text.size());
  const int32_t next = text::FirstCharacter(more).code_point;
  if (ends_aside && !text::IsHanOrKana(next) &&
      (text::IsLetter(next) || text::IsDigit(next))) {
    spelled.text += ' ';
  }
  spelled.given_text = spelled.text.size();
  const bool has_space =
      spelled.text.empty() ||
      text::IsSpace(text::LastCharacter(spelled.text).code_point);
  if (has_space && absl::ConsumePrefix(&more, " ")) spelled.dropped = 1;
  absl::StrAppend(&spelled.text, more);
  return spelled;
}

document::SegmentTranslation TextPlan::Translated(
    const TranslationModel& model, size_t sentence,
    const decode::Hypothesis& hypothesis, bool with_words) const {
  const std::string& shown = document_.segments()[segments_[sentence]].shown;
  const Spelled spelled =
      Spell(sentence, model.target_tokenizer()->Decode(hypothesis.tokens));
  document::SegmentTranslation translation;
  translation.text = spelled.text;
  translation.given_bytes = spelled.given_text;
  if (with_words || NeedsAlignment(sentence)) {
    translation.alignment =
        AlignTokens(model, {shown, sentences_[sentence], !code_.empty()},
                    spelled.decoded, hypothesis);
  }
  if (const Given* const given = GivenOf(sentence)) {
    translation.holds = given->beginning.holds;
    MoveRanges(*given, spelled, &translation.alignment.target);
  }
  return translation;
}

// From what the tokens say to the text.
void TextPlan::MoveRanges(const Given& given, const Spelled& spelled,
                          std::vector<document::ByteRange>* ranges) {
  const std::vector<size_t>& places = given.beginning.places;
  const bool is_as_shown = given.decoded == given.beginning.shown;
  const auto move = [&](size_t at) {
    if (at > spelled.given_decoded) {
      const size_t behind = at - spelled.given_decoded;
      return spelled.given_text + behind - std::min(behind, spelled.dropped);
    }
    return is_as_shown ? places[std::min(at, places.size() - 1)]
                       : std::min(at, spelled.given_text);
  };
  for (document::ByteRange& range : *ranges) {
    range = {move(range.begin), move(range.end)};
  }
}

TextTranslation TextPlan::Assemble(
    const TranslationModel& model,
    absl::Span<const std::vector<decode::Hypothesis>> hypotheses,
    bool with_words) const {
  PEREGRINE_CHECK(hypotheses.size() == sentences_.size());
  TextTranslation translation;
  translation.unknown_source = document_.has_unknown();
  translation.source_split = document_.was_cut();

  size_t count = 1;
  for (const auto& of_sentence : hypotheses) {
    PEREGRINE_CHECK(!of_sentence.empty());
    count = std::max(count, of_sentence.size());
  }
  translation.hypotheses.resize(count);
  const std::vector<document::Segment>& segments = document_.segments();
  std::vector<document::SegmentTranslation> parts(segments.size());
  // What has no tokens stays as it is.
  for (size_t i = 0; i < segments.size(); ++i)
    parts[i].text = segments[i].shown;
  for (size_t n = 0; n < count; ++n) {
    TextHypothesis& whole = translation.hypotheses[n];
    for (size_t i = 0; i < hypotheses.size(); ++i) {
      const auto& of_sentence = hypotheses[i];
      const decode::Hypothesis& part =
          of_sentence[std::min(n, of_sentence.size() - 1)];
      parts[segments_[i]] = Translated(model, i, part, with_words);
      whole.score += part.score;
    }
    document::AssembledDocument assembled =
        document_.Assemble(parts, with_words);
    whole.text = std::move(assembled.text);
    whole.words = std::move(assembled.words);
    if (n > 0) continue;
    TakeBest(std::move(assembled), &translation);
    Measure(model, hypotheses, &translation);
    Check(hypotheses, parts, &translation);
  }
  return translation;
}

void TextPlan::TakeBest(document::AssembledDocument assembled,
                        TextTranslation* translation) const {
  translation->lost = std::move(assembled.lost);
  translation->numbers_differ = assembled.numbers_differ;
  translation->sentences = std::move(assembled.sentences);
  translation->source_words = std::move(assembled.source_words);
  const auto move = [&](document::ByteRange& range) {
    range.begin += begin_;
    range.end += begin_;
  };
  for (document::SentenceRanges& sentence : translation->sentences) {
    move(sentence.source);
  }
  for (document::ByteRange& word : translation->source_words) move(word);
}

void TextPlan::Measure(
    const TranslationModel& model,
    absl::Span<const std::vector<decode::Hypothesis>> hypotheses,
    TextTranslation* translation) const {
  const std::optional<model::ConfidenceConfig>& config =
      model.config().confidence;
  if (!config.has_value()) return;
  translation->confidences.resize(translation->sentences.size());
  for (size_t i = 0; i < hypotheses.size(); ++i) {
    translation->confidences[segments_[i]] =
        Confidence(*config, hypotheses[i][0]);
  }
}

void TextPlan::Check(
    absl::Span<const std::vector<decode::Hypothesis>> hypotheses,
    absl::Span<const document::SegmentTranslation> best,
    TextTranslation* translation) const {
  for (size_t i = 0; i < hypotheses.size(); ++i) {
    const std::string& source = document_.segments()[segments_[i]].shown;
    const std::string& target = best[segments_[i]].text;
    translation->truncated |= hypotheses[i][0].truncated;
    translation->repetition |=
        LooksLikeLoop(hypotheses[i][0].tokens, sentences_[i]);
    translation->source_copied |= IsCopy(source, target);
    translation->empty |= !HasWordOrNumber(DropUnwanted(target, ""));
  }
}

}  // namespace peregrine
