#include "server/service/text_job.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "engine/base/status_macros.h"
#include "engine/document/find_spans.h"
#include "engine/document/numbers.h"
#include "engine/text/characters.h"
#include "server/languages/detector.h"
#include "server/service/job_parts.h"
#include "server/service/pivot.h"
#include "server/service/priority.h"
#include "server/service/text_options.h"

namespace peregrine::server {
namespace {

std::string TextOf(const RequestPhrase& phrase) {
  if (!phrase.text.empty()) return phrase.text;
  return absl::StrReplaceAll(absl::StrJoin(phrase.tokens, ""),
                             {{"\u2581", " "}});
}

// The numbers that the model is shown as they are.
absl::flat_hash_set<std::string> ShownNumbers(const std::string& text) {
  std::string shown = text;
  for (const auto& find : {document::FindAmounts, document::FindLongNumbers}) {
    for (const document::Span& span : find(text)) {
      std::fill_n(shown.begin() + static_cast<std::ptrdiff_t>(span.range.begin),
                  span.range.size(), ' ');
    }
  }
  absl::flat_hash_set<std::string> numbers;
  for (const document::Span& span :
       document::FindKept(shown, document::SpanKinds::All())) {
    if (span.kind != document::SpanKind::kNumber) continue;
    numbers.insert(shown.substr(span.range.begin, span.range.size()));
  }
  return numbers;
}

// A number of `phrase` that the model does not see in `text`, which has
// numbers; or "".
std::string ForeignNumber(const std::string& text, const std::string& phrase) {
  const document::SpanKinds kinds = document::SpanKinds::All();
  const std::vector<document::Span> own = document::FindKept(phrase, kinds);
  if (own.empty() || document::DigitRuns(text).empty()) return "";
  const absl::flat_hash_set<std::string> shown = ShownNumbers(text);
  for (const document::Span& span : own) {
    if (span.kind != document::SpanKind::kNumber) continue;
    std::string number = phrase.substr(span.range.begin, span.range.size());
    if (!shown.contains(number)) return number;
  }
  return "";
}

}  // namespace

absl::Status TextJob::CheckRequest(const RequestLimits& limits) {
  Violations violations;
  if (!model_->takes_text()) {
    const std::string why = model_->text_refusal();
    violations.Add("model",
                   absl::StrCat("takes tokens only: use TranslateTokens",
                                why.empty() ? "" : ", since ", why));
  }
  const auto is_counted = [](const RequestText& text) {
    return !text.without_terms;
  };
  CheckCount(request_.names->texts,
             request_.num_texts_elsewhere +
                 static_cast<size_t>(std::count_if(
                     request_.texts.begin(), request_.texts.end(), is_counted)),
             limits, violations);
  CheckPriority(request_.head.priority, violations);
  LanguagesOf(0, violations);
  CheckOptions({request_.head.options, "options"}, limits, model_->info(),
               violations);
  document_options_ = CheckTextOptions(request_.text_options, violations);
  document_options_.single_sentence = request_.single_sentence;
  stored_ = RequestGlossaries(request_.text_options,
                              {text_resources_, reader_, *request_.names},
                              violations);
  if (text_resources_ != nullptr) {
    document_options_.patterns.insert(document_options_.patterns.end(),
                                      text_resources_->patterns.begin(),
                                      text_resources_->patterns.end());
  }
  PEREGRINE_RETURN_IF_ERROR(violations.status());
  return CheckTexts(limits);
}

absl::Status TextJob::CheckTexts(const RequestLimits& limits) const {
  Violations violations;
  const int count = static_cast<int>(request_.texts.size());
  ResponseSize size;
  for (int i = 0; i < count; ++i) {
    Check(i, limits, violations);
    size.Add(AnswerBytes(request_.texts[i]), 1);
  }
  size.Add(request_.answer_bytes_elsewhere, 1);
  size.Check(request_.names->texts, limits, violations);
  PEREGRINE_RETURN_IF_ERROR(violations.status());

  CheckPhraseTokens(*model_, request_.head.options, "options", violations);
  for (int i = 0; i < count; ++i) {
    CheckPhraseTokens(*model_, request_.texts[i].options, OptionsPath(i),
                      violations);
  }
  return violations.status();
}

absl::StatusOr<Job*> TextJob::BeginPivot(const ModelBackend& model,
                                         const RequestLimits& limits,
                                         ChosenLanguages first) {
  model_ = &model;
  PEREGRINE_RETURN_IF_ERROR(CheckRequest(limits));
  Violations violations;
  CheckPivotOptions(request_.head.options, "options", violations);
  for (size_t i = 0; i < request_.texts.size(); ++i) {
    CheckPivotOptions(request_.texts[i].options,
                      OptionsPath(static_cast<int>(i)), violations);
  }
  // Neither leg is between the languages that they are for.
  AddMissingTerms(stored_.For(first.source, chosen_.target, violations),
                  request_.text_options.terms);
  request_.text_options.glossaries.clear();
  PEREGRINE_RETURN_IF_ERROR(violations.status());
  first_ = std::make_unique<TextJob>(FirstLegOf(request_));
  first_->SetLanguages(std::move(first));
  if (text_resources_ != nullptr) {
    first_->SetTextResources(*text_resources_, reader_);
  }
  return first_.get();
}

void TextJob::EndPivot(SentenceGroup* first) {
  first_answer_ = first_->Take(first);
  for (size_t i = 0; i < request_.texts.size(); ++i) {
    RequestText& text = request_.texts[i];
    const std::string& intermediate =
        first_answer_.texts[i].translation.hypotheses[0].text;
    text.protected_ranges =
        RangesIn(intermediate, text.text, text.protected_ranges);
    text.text = intermediate;
  }
}

int64_t TextJob::AnswerBytes(const RequestText& text) const {
  const int hypotheses = request_.head.options.OverriddenBy(text.options)
                             .num_hypotheses.value_or(1);
  return static_cast<int64_t>(text.text.size()) * std::max(1, hypotheses);
}

absl::StatusOr<Job*> TextJob::MakePart(const std::vector<int>& texts) {
  if (parts_.empty()) {
    for (const RequestText& text : request_.texts) {
      parts_bytes_ += AnswerBytes(text);
    }
  }
  std::vector<RequestText> all = std::move(request_.texts);
  TextRequest part = request_;  // all but the texts
  request_.texts = std::move(all);
  part.places = texts;
  part.answer_bytes_elsewhere = parts_bytes_;
  for (const RequestText& text : request_.texts) {
    part.num_texts_elsewhere += text.without_terms ? 0 : 1;
  }
  for (int i : texts) {
    RequestText& text = request_.texts[static_cast<size_t>(i)];
    part.num_texts_elsewhere -= text.without_terms ? 0 : 1;
    part.answer_bytes_elsewhere -= AnswerBytes(text);
    part.texts.push_back(std::move(text));
  }
  parts_.push_back({std::make_unique<TextJob>(std::move(part)), texts});
  return parts_.back().job.get();
}

absl::Status TextJob::KeepTexts(const std::vector<int>& texts,
                                ChosenLanguages languages,
                                const RequestLimits& limits) {
  Violations violations;
  CheckCount(request_.names->texts, request_.texts.size(), limits, violations);
  for (int i : texts) CheckBytes(i, limits, violations);
  PEREGRINE_RETURN_IF_ERROR(violations.status());
  kept_.push_back({texts, std::move(languages)});
  return absl::OkStatus();
}

absl::Status TextJob::Prepare(const ModelBackend& model,
                              const RequestLimits& limits) {
  model_ = &model;
  PEREGRINE_RETURN_IF_ERROR(CheckRequest(limits));
  EncodePhrases(*model_, request_.head.options);
  for (RequestText& text : request_.texts) {
    EncodePhrases(*model_, text.options);
  }
  Violations violations;
  const RequestLanguages languages = LanguagesOf(0, violations);
  const int count = static_cast<int>(request_.texts.size());
  texts_.reserve(count);
  ResponseSize details;
  for (int i = 0; i < count; ++i) {
    const bool is_like_the_first = chosen_.detected.empty() || i == 0;
    Plan(i, is_like_the_first ? languages : LanguagesOf(i, violations),
         violations);
    CheckSentences(i, violations);
    AddDetails(i, details);
  }
  details.Check(request_.names->texts, limits, violations);
  PEREGRINE_RETURN_IF_ERROR(violations.status());
  if (request_.returns_stable_text && num_sentences_ > 0) {
    stable_text_ = std::make_unique<StableText>(texts_[0].plan->Begin(),
                                                num_sentences_, on_stable_);
  }
  return absl::OkStatus();
}

void TextJob::CheckBytes(int index, const RequestLimits& limits,
                         Violations& violations) const {
  const size_t bytes = request_.texts[static_cast<size_t>(index)].text.size();
  if (bytes <= static_cast<size_t>(limits.max_text_bytes)) return;
  violations.Add(TextPath(index),
                 absl::StrCat("found ", bytes, " bytes, allowed at most ",
                              limits.max_text_bytes));
}

void TextJob::Check(int index, const RequestLimits& limits,
                    Violations& violations) const {
  const RequestText& text = request_.texts[index];
  CheckBytes(index, limits, violations);
  CheckRanges(text, request_.text_options,
              request_.names->path(request_.place(index)), violations);
  const OptionsLayer layer = {text.options, OptionsPath(index)};
  Violations own;
  CheckOptions(layer, limits, model_->info(), own);
  if (own.status().ok()) {
    CheckCombination(layer, {request_.head.options, "options"},
                     model_->DefaultOptions(1).beam_size, own);
  }
  violations.Append(own);
}

absl::Status TextJob::CheckPresent() const {
  if (!request_.texts.empty()) return absl::OkStatus();
  return InvalidFieldsError(
      {{request_.names->texts, "found none, needed one"}});
}

std::vector<absl::string_view> TextJob::texts() const {
  std::vector<absl::string_view> texts;
  texts.reserve(request_.texts.size());
  const bool is_plain =
      request_.text_options.format == document::Format::kPlain;
  readable_.clear();
  for (const RequestText& text : request_.texts) {
    if (is_plain) {
      texts.push_back(text.text);
    } else {
      texts.push_back(readable_.emplace_back(TextOfMarkup(text.text)));
    }
  }
  return texts;
}

std::string TextJob::ReadableText(int index) const {
  const std::string& text = request_.texts[index].text;
  return request_.text_options.format == document::Format::kPlain
             ? text
             : TextOfMarkup(text);
}

RequestLanguages TextJob::LanguagesOf(int index, Violations& violations) const {
  const bool is_detected = !chosen_.detected.empty();
  return CheckLanguages(
      is_detected ? chosen_.detected[index].language : chosen_.source,
      chosen_.target, model_->info(), violations, request_.head.fields);
}

void TextJob::Plan(int index, const RequestLanguages& languages,
                   Violations& violations) {
  Planned planned;
  // Behind the terms of the request.
  std::vector<std::shared_ptr<const document::Glossary>>& glossaries =
      document_options_.glossaries;
  glossaries.resize(request_.text_options.terms.empty() ? 0 : 1);
  const auto known = [](const std::string& code, const std::string& of_model) {
    return code.empty() ? of_model : code;
  };
  const ModelInfo& info = model_->info();
  for (auto& glossary : stored_.For(
           known(languages.source.code, info.source_language),
           known(languages.target.code, info.target_language), violations)) {
    glossaries.push_back(std::move(glossary));
  }
  document_options_.source_language = languages.source.code;
  document_options_.target_language = languages.target.code;
  document_options_.ranges = request_.texts[index].protected_ranges;
  // What a caller demands of the search goes first.
  const RequestOptions options = OptionsOf(index);
  document_options_.marks_spans =
      !options.target_prefix.has_value() && options.must_contain.empty();
  std::vector<std::shared_ptr<const document::Glossary>> put_aside;
  if (request_.texts[index].without_terms) glossaries.swap(put_aside);
  planned.plan = model_->Plan(request_.texts[index].text, document_options_);
  if (request_.texts[index].without_terms) glossaries.swap(put_aside);
  planned.languages = languages;
  planned.first_sentence = num_sentences_;
  BeginText(index, planned);
  num_sentences_ += static_cast<int>(planned.plan->sentences().size());
  texts_.push_back(std::move(planned));
}

void TextJob::BeginText(int index, Planned& planned) const {
  const RequestOptions options = OptionsOf(index);
  if (!options.target_prefix.has_value()) return;
  if (planned.plan->sentences().size() != 1) return;
  const RequestPhrase& prefix = *options.target_prefix;
  const std::vector<int32_t> tokens = TokensOf(*model_, prefix);
  if (prefix.tokens.empty()) {
    planned.begun = planned.plan->BeginWith(prefix.text, tokens);
  } else {
    planned.plan->BeginWith(tokens);
    planned.begun = {tokens, tokens, {}};
  }
}

// Of one sentence.
decode::DecodingOptions TextJob::OptionsOf(const Planned& text,
                                           const RequestOptions& options,
                                           size_t sentence) const {
  decode::DecodingOptions result = SentenceOptions(
      *model_, options, text.languages,
      static_cast<int>(text.plan->sentences()[sentence].size()));
  text.plan->DemandMarkers(sentence, &result);
  if (!options.target_prefix.has_value()) return result;
  // In other pieces it may take more tokens. Alternatives are those of the next
  // word, not of the last one.
  const size_t most = text.begun.tokens.size() + text.begun.completion.size();
  const bool is_open = most <= static_cast<size_t>(result.max_length) &&
                       !result.steering.alternatives;
  result.steering.prefix = is_open ? text.begun.prefix : text.begun.tokens;
  if (is_open) result.steering.completion = text.begun.completion;
  return result;
}

RequestOptions TextJob::OptionsOf(int index) const {
  return request_.head.options.OverriddenBy(request_.texts[index].options);
}

// A piece, and a number for each token of the source; the same of words, which
// are no more.
void TextJob::AddDetails(int index, ResponseSize& size) const {
  const RequestOptions options = OptionsOf(index);
  if (!options.returns_tokens()) return;
  for (const std::vector<int32_t>& ids : texts_[index].plan->sentences()) {
    const size_t numbers =
        options.return_alignments.value_or(false) ? ids.size() : 0;
    size.Add(ids.size() * (16 + 8 * numbers),
             options.num_hypotheses.value_or(1));
  }
}

// What is demanded, against the sentences that it is demanded of.
void TextJob::CheckSentences(int index, Violations& violations) {
  const RequestOptions options = OptionsOf(index);
  const RequestOptions& own = request_.texts[index].options;
  const auto& sentences = texts_[index].plan->sentences();
  const auto path_of = [&](bool is_own) {
    return is_own ? OptionsPath(index) : std::string("options");
  };
  const auto need_one_sentence = [&](const char* field, bool is_own) {
    violations.Add(
        absl::StrCat(path_of(is_own), ".", field),
        absl::StrCat("found a text of ", sentences.size(), " sentences, ",
                     sentences.empty()
                         ? "expected one: nothing in it is translated"
                     : request_.single_sentence
                         ? "allowed one: it is longer than the model can read"
                         : "allowed one: set single_sentence"));
  };
  const bool is_blank = text::TrimRight(request_.texts[index].text).empty();
  const bool is_one = sentences.size() == 1 || is_blank;
  if (!is_one && options.target_prefix.has_value() &&
      !options.target_prefix->empty()) {
    need_one_sentence("target_prefix", own.target_prefix.has_value());
  }
  if (!is_one && !options.must_contain.empty()) {
    need_one_sentence("must_contain", !own.must_contain.empty());
  }
  Violations of_sentences;
  CheckPhrases(index, path_of(!own.must_contain.empty()), of_sentences);
  const std::string path = path_of(own.demands_something());
  for (size_t s = 0; s < sentences.size(); ++s) {
    const decode::DecodingOptions of_one = OptionsOf(texts_[index], options, s);
    if (!demand_size_.Add(of_one.steering, path, of_sentences)) break;
    CheckDemands(*model_, of_one, path, of_sentences);
  }
  violations.Append(of_sentences);
}

// The model can write no address that it does not see, and numbers that the
// text has not are mended.
void TextJob::CheckPhrases(int index, const std::string& path,
                           Violations& violations) const {
  const PlannedText& plan = *texts_[index].plan;
  const std::vector<RequestPhrase> phrases = OptionsOf(index).must_contain;
  if (phrases.empty()) return;
  const auto refuse = [&](size_t phrase, absl::string_view found,
                          absl::string_view why, absl::string_view kind) {
    violations.Add(
        absl::StrCat(path, ".must_contain[", phrase, "]"),
        absl::StrCat("found '", found, "', ", why, ": leave it out, or name ",
                     kind, " in text_options.unprotected"));
  };
  if (document_options_.kinds.Has(document::SpanKind::kNumber)) {
    const std::string text = ReadableText(index);
    for (size_t i = 0; i < phrases.size(); ++i) {
      const std::string number = ForeignNumber(text, TextOf(phrases[i]));
      if (number.empty()) continue;
      refuse(i, number,
             "but the numbers of the translation are those of the text",
             "\"number\"");
    }
  }
  for (size_t s = 0; s < plan.sentences().size(); ++s) {
    for (size_t i = 0; i < phrases.size(); ++i) {
      const absl::string_view span = plan.SetAsideIn(s, phrases[i].text);
      if (span.empty()) continue;
      refuse(i, span,
             "which is set aside in this text and comes through by itself",
             "its kind");
    }
  }
}

std::vector<Sentence> TextJob::MakeSentences(SentenceGroup& group,
                                             const SentenceTerms& terms) const {
  std::vector<Sentence> sentences;
  sentences.reserve(num_sentences_);
  for (size_t i = 0; i < texts_.size(); ++i) {
    const SentenceMaker maker = {terms, group};
    const RequestOptions options = OptionsOf(static_cast<int>(i));
    const PlannedText& plan = *texts_[i].plan;
    for (size_t s = 0; s < plan.sentences().size(); ++s) {
      const int index = static_cast<int>(sentences.size());
      sentences.push_back(maker.Make(plan.sentences()[s],
                                     OptionsOf(texts_[i], options, s), index));
      sentences.back().options.align |= plan.NeedsAlignment(s);
      sentences.back().options.stream = stable_text_ != nullptr;
    }
  }
  group.set_listener(stable_text_.get());
  return sentences;
}

TextAnswer TextJob::TakeParts() const {
  TextAnswer answer;
  answer.texts.resize(request_.texts.size());
  for (const Part& part : parts_) {
    TextAnswer own = part.job->Take(part.group);
    for (size_t i = 0; i < part.texts.size(); ++i) {
      TranslatedText& text = answer.texts[static_cast<size_t>(part.texts[i])];
      text = std::move(own.texts[i]);
      text.route =
          TextRoute{own.model, own.revision, own.target_language, own.pivot};
    }
  }
  for (const Kept& kept : kept_) {
    for (size_t i = 0; i < kept.texts.size(); ++i) {
      const auto at = static_cast<size_t>(kept.texts[i]);
      TranslatedText& text = answer.texts[at];
      text.translation.hypotheses.emplace_back().text = request_.texts[at].text;
      text.translation.source_copied = true;
      text.detected = kept.languages.detected[i];
      text.route = TextRoute();
      text.route->target_language = kept.languages.target;
    }
  }
  return answer;
}

TextAnswer TextJob::Take(SentenceGroup* group) const {
  if (!parts_.empty() || !kept_.empty()) return TakeParts();
  TextAnswer answer;
  answer.model = model_->info().name;
  answer.revision = model_->info().revision;
  const bool is_detected = !chosen_.detected.empty();
  if (!is_detected) answer.source_language = texts_[0].languages.source.code;
  answer.target_language = texts_[0].languages.target.code;
  answer.texts.reserve(texts_.size());
  for (size_t i = 0; i < texts_.size(); ++i) {
    answer.texts.push_back(
        TakeOne(texts_[i], OptionsOf(static_cast<int>(i)), group));
    if (is_detected) answer.texts[i].detected = chosen_.detected[i];
  }
  if (first_ != nullptr) AddFirst(answer);
  return answer;
}

void TextJob::AddFirst(TextAnswer& answer) const {
  answer.source_language = first_answer_.source_language;
  answer.pivot = PivotModel{first_answer_.target_language, first_answer_.model,
                            first_answer_.revision};
  for (size_t i = 0; i < answer.texts.size(); ++i) {
    AddFirstLeg(first_answer_.texts[i], answer.texts[i]);
  }
}

TranslatedText TextJob::TakeOne(const Planned& text,
                                const RequestOptions& options,
                                SentenceGroup* group) const {
  TranslatedText translated;
  translated.cost.device = model_->info().device;
  const size_t count = text.plan->sentences().size();
  std::vector<std::vector<decode::Hypothesis>> hypotheses(count);
  for (size_t i = 0; i < count; ++i) {
    SentenceAnswer& answer =
        group->answer(text.first_sentence + static_cast<int>(i));
    AddCost(answer, translated.cost);
    hypotheses[i] = std::move(answer.hypotheses);
  }
  translated.translation = text.plan->Assemble(
      hypotheses, options.return_alignments.value_or(false));
  if (options.returns_tokens()) {
    Describe(*text.plan, options, hypotheses, translated);
  }
  return translated;
}

// As the plan puts hypotheses together: the n-th of each sentence, or its last.
void TextJob::Describe(
    const PlannedText& plan, const RequestOptions& options,
    absl::Span<const std::vector<decode::Hypothesis>> hypotheses,
    TranslatedText& translated) const {
  translated.tokens.resize(translated.translation.hypotheses.size());
  int first_source = 0;
  for (size_t i = 0; i < hypotheses.size(); ++i) {
    for (size_t n = 0; n < translated.tokens.size(); ++n) {
      const decode::Hypothesis& hypothesis =
          hypotheses[i][std::min(n, hypotheses[i].size() - 1)];
      for (TargetToken& token :
           DescribeTokens(*model_, hypothesis, options, first_source)) {
        translated.tokens[n].push_back(std::move(token));
      }
    }
    first_source += static_cast<int>(plan.sentences()[i].size());
    if (!options.return_alignments.value_or(false)) continue;
    for (int32_t id : plan.sentences()[i]) {
      translated.source_tokens.push_back(model_->SourcePiece(id));
    }
  }
}

}  // namespace peregrine::server
