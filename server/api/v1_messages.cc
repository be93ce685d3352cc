#include "server/api/v1_messages.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace peregrine::server {
namespace {

constexpr FieldNames kOfRequest = {"texts", true, ".text", ".options"};
constexpr FieldNames kOfStream = {"text", false, ".text", ".options"};

RequestPhrase ReadPhrase(const v1::Phrase& proto) {
  return {proto.text(), {proto.tokens().begin(), proto.tokens().end()}};
}

absl::optional<model::Stopping> ReadStopping(v1::Stopping stopping) {
  if (stopping == v1::STOPPING_UNSPECIFIED) return absl::nullopt;
  static_assert(static_cast<int>(model::Stopping::kNever) ==
                v1::STOPPING_NEVER - v1::STOPPING_FIRST_FINISHED);
  // Checked later: the contract may have others than this program knows.
  return static_cast<model::Stopping>(stopping - v1::STOPPING_FIRST_FINISHED);
}

decode::Sampling ReadSampling(const v1::Sampling& proto) {
  decode::Sampling sampling;
  sampling.top_k = proto.top_k();
  if (proto.has_top_p()) sampling.top_p = proto.top_p();
  if (proto.has_temperature()) sampling.temperature = proto.temperature();
  sampling.seed = proto.seed();
  return sampling;
}

// What a translation must be like.
void ReadDemands(const v1::DecodingOptions& proto, RequestOptions& options) {
  if (proto.has_repetition_penalty()) {
    options.repetition_penalty = proto.repetition_penalty();
  }
  if (proto.has_no_repeat_ngram_size()) {
    options.no_repeat_ngram_size = proto.no_repeat_ngram_size();
  }
  if (proto.has_allow_unknown()) options.allow_unknown = proto.allow_unknown();
  if (proto.has_min_probability()) {
    options.min_probability = proto.min_probability();
  }
  if (proto.has_word_reward()) options.word_reward = proto.word_reward();
  if (proto.has_coverage_penalty()) {
    options.coverage_penalty = proto.coverage_penalty();
  }
  if (proto.has_beam_groups()) options.beam_groups = proto.beam_groups();
  if (proto.has_diversity_penalty()) {
    options.diversity_penalty = proto.diversity_penalty();
  }
  if (proto.has_sampling()) options.sampling = ReadSampling(proto.sampling());
  if (proto.has_return_alternatives()) {
    options.return_alternatives = proto.return_alternatives();
  }
  if (proto.has_target_prefix()) {
    options.target_prefix = ReadPhrase(proto.target_prefix());
  }
  for (const v1::Phrase& phrase : proto.must_contain()) {
    options.must_contain.push_back(ReadPhrase(phrase));
  }
  if (proto.has_must_contain_in_order()) {
    options.must_contain_in_order = proto.must_contain_in_order();
  }
  for (const v1::Phrase& phrase : proto.must_not_contain()) {
    options.must_not_contain.push_back(ReadPhrase(phrase));
  }
}

RequestOptions ReadOptions(const v1::DecodingOptions& proto) {
  RequestOptions options;
  if (proto.has_beam_size()) options.beam_size = proto.beam_size();
  if (proto.has_length_penalty()) {
    options.length_penalty = proto.length_penalty();
  }
  if (proto.has_num_hypotheses()) {
    options.num_hypotheses = proto.num_hypotheses();
  }
  if (proto.has_min_length()) options.min_length = proto.min_length();
  if (proto.has_max_length()) options.max_length = proto.max_length();
  if (proto.has_use_shortlist()) options.use_shortlist = proto.use_shortlist();
  if (proto.has_patience()) options.patience = proto.patience();
  options.stopping = ReadStopping(proto.stopping());
  if (proto.has_return_token_scores()) {
    options.return_token_scores = proto.return_token_scores();
  }
  if (proto.has_return_alignments()) {
    options.return_alignments = proto.return_alignments();
  }
  ReadDemands(proto, options);
  return options;
}

// Of a message of any kind, but for the options.
template <typename Message>
RequestHead ReadHead(Message& message) {
  RequestHead head;
  head.model = std::move(*message.mutable_model());
  head.priority = message.priority();
  head.source_language = std::move(*message.mutable_source_language());
  head.target_language = std::move(*message.mutable_target_language());
  return head;
}

RequestText ReadText(v1::Text& text) {
  RequestText read;
  read.text = std::move(*text.mutable_text());
  read.options = ReadOptions(text.options());
  for (const v1::ByteRange& range : text.protected_ranges()) {
    // A negative one is no place of any text.
    read.protected_ranges.push_back(
        {static_cast<size_t>(range.begin()), static_cast<size_t>(range.end())});
  }
  return read;
}

document::Format ReadFormat(v1::Format format) {
  if (format == v1::FORMAT_UNSPECIFIED) return document::Format::kPlain;
  static_assert(static_cast<int>(document::Format::kXml) ==
                v1::FORMAT_XML - v1::FORMAT_PLAIN);
  // Checked later: the contract may have others than this program knows.
  return static_cast<document::Format>(format - v1::FORMAT_PLAIN);
}

RequestTextOptions ReadTextOptions(const v1::TextOptions& proto) {
  RequestTextOptions options;
  options.format = ReadFormat(proto.format());
  options.hard_wrapped = proto.hard_wrapped();
  options.translate_attributes = proto.translate_attributes();
  options.keep_capitals = proto.keep_capitals();
  options.unprotected = {proto.unprotected().begin(),
                         proto.unprotected().end()};
  options.patterns = {proto.patterns().begin(), proto.patterns().end()};
  for (const v1::Term& term : proto.terms()) {
    options.terms.push_back({term.source(),
                             {term.targets().begin(), term.targets().end()},
                             term.case_sensitive()});
  }
  // Checked later, likewise.
  options.number_format =
      static_cast<document::NumberFormat>(proto.number_format());
  options.glossaries = {proto.glossaries().begin(), proto.glossaries().end()};
  return options;
}

void WriteRange(const document::ByteRange& range, v1::ByteRange& proto) {
  proto.set_begin(static_cast<int32_t>(range.begin));
  proto.set_end(static_cast<int32_t>(range.end));
}

// What only texts have.
template <typename To>
void WriteTextFlags(const TextTranslation& from, To& to) {
  if (from.source_split) to.add_flags(v1::FLAG_SOURCE_SPLIT);
  if (!from.lost.empty()) to.add_flags(v1::FLAG_SPAN_LOST);
  if (from.numbers_differ) to.add_flags(v1::FLAG_NUMBERS_DIFFER);
  if (from.source_copied) to.add_flags(v1::FLAG_SOURCE_COPIED);
  if (from.empty) to.add_flags(v1::FLAG_EMPTY);
}

void WriteDocument(const TextTranslation& from, v1::Translation& to) {
  WriteTextFlags(from, to);
  for (const document::LostSpan& lost : from.lost) {
    v1::LostSpan& span = *to.add_lost_spans();
    span.set_kind(std::string(document::SpanKindName(lost.kind)));
    span.set_text(lost.text);
    span.set_found(lost.found);
    span.set_expected(lost.expected);
  }
  for (const document::SentenceRanges& ranges : from.sentences) {
    v1::SentenceRanges& sentence = *to.add_sentences();
    WriteRange(ranges.source, *sentence.mutable_source());
    WriteRange(ranges.target, *sentence.mutable_target());
  }
  for (size_t i = 0; i < from.confidences.size(); ++i) {
    if (!from.confidences[i].has_value()) continue;
    to.mutable_sentences(static_cast<int>(i))
        ->set_confidence(*from.confidences[i]);
  }
  for (const document::ByteRange& word : from.source_words) {
    WriteRange(word, *to.add_source_words());
  }
}

void SetDuration(absl::Duration duration, google::protobuf::Duration& proto) {
  const int64_t nanos = absl::ToInt64Nanoseconds(duration);
  proto.set_seconds(nanos / 1000000000);
  proto.set_nanos(static_cast<int32_t>(nanos % 1000000000));
}

void WriteCost(const Cost& cost, v1::Cost& proto) {
  SetDuration(cost.queue, *proto.mutable_queue());
  SetDuration(cost.encode, *proto.mutable_encode());
  SetDuration(cost.decode, *proto.mutable_decode());
  proto.set_source_tokens(cost.source_tokens);
  proto.set_target_tokens(cost.target_tokens);
  proto.set_sentences(cost.sentences);
  proto.set_cached_sentences(cost.cached_sentences);
  proto.set_device(cost.device);
}

void WritePivot(PivotModel pivot, v1::Pivot& proto) {
  proto.set_language(std::move(pivot.language));
  proto.set_model(std::move(pivot.model));
  proto.set_revision(std::move(pivot.revision));
}

// Of either kind of translation.
template <typename From, typename To>
void WriteFlags(const From& from, To& to) {
  if (from.truncated) to.add_flags(v1::FLAG_TRUNCATED);
  if (from.repetition) to.add_flags(v1::FLAG_REPETITION);
  if (from.unknown_source) to.add_flags(v1::FLAG_UNKNOWN_SOURCE);
}

void WriteToken(TargetToken token, v1::TargetToken& proto) {
  proto.set_token(std::move(token.token));
  if (token.score.has_value()) proto.set_score(*token.score);
  if (!token.source.has_value()) return;
  proto.set_source(*token.source);
  proto.set_first_source(token.first_source);
  proto.mutable_attention()->Add(token.attention.begin(),
                                 token.attention.end());
}

void WriteWord(const document::TranslatedWord& word, v1::TargetWord& proto) {
  WriteRange(word.target, *proto.mutable_range());
  proto.set_first_source(static_cast<int32_t>(word.first_source));
  proto.mutable_weights()->Add(word.weights.begin(), word.weights.end());
  const auto best = std::max_element(word.weights.begin(), word.weights.end());
  if (best == word.weights.end() || !(*best > 0.0f)) return;
  proto.set_source(static_cast<int32_t>(
      word.first_source + static_cast<size_t>(best - word.weights.begin())));
}

void WriteDetected(const DetectedSource& detected,
                   v1::DetectedLanguage& proto) {
  proto.set_language(detected.language);
  proto.set_confidence(detected.confidence);
  proto.set_certainty(detected.is_default ? v1::CERTAINTY_DEFAULT
                                          : WriteCertainty(detected.certainty));
}

void WriteText(TranslatedText text, v1::Translation& proto) {
  for (size_t n = 0; n < text.translation.hypotheses.size(); ++n) {
    TextHypothesis& hypothesis = text.translation.hypotheses[n];
    v1::Hypothesis* to = proto.add_hypotheses();
    to->set_text(std::move(hypothesis.text));
    to->set_score(hypothesis.score);
    for (const document::TranslatedWord& word : hypothesis.words) {
      WriteWord(word, *to->add_words());
    }
    if (n >= text.tokens.size()) continue;
    for (TargetToken& token : text.tokens[n]) {
      WriteToken(std::move(token), *to->add_tokens());
    }
  }
  for (std::string& token : text.source_tokens) {
    proto.add_source_tokens(std::move(token));
  }
  WriteFlags(text.translation, proto);
  WriteDocument(text.translation, proto);
  if (text.detected.has_value()) {
    WriteDetected(*text.detected, *proto.mutable_detected());
  }
  if (text.intermediate.has_value()) {
    TextTranslation& first = text.intermediate->translation;
    v1::Intermediate& intermediate = *proto.mutable_intermediate();
    intermediate.set_text(std::move(first.hypotheses[0].text));
    WriteFlags(first, intermediate);
    WriteTextFlags(first, intermediate);
    WriteCost(text.intermediate->cost, *intermediate.mutable_cost());
  }
  if (text.route.has_value()) {
    v1::TextRoute& route = *proto.mutable_route();
    route.set_model(text.route->model);
    route.set_revision(text.route->revision);
    route.set_target_language(text.route->target_language);
    if (text.route->pivot.has_value()) {
      WritePivot(*std::move(text.route->pivot), *route.mutable_pivot());
    }
  }
  WriteCost(text.cost, *proto.mutable_cost());
}

void WriteScore(ScoredText text, v1::TextScore& proto) {
  proto.set_score(text.score);
  proto.set_log_probability(static_cast<float>(text.log_probability));
  for (TargetToken& token : text.tokens) {
    WriteToken(std::move(token), *proto.add_tokens());
  }
  for (std::string& token : text.source_tokens) {
    proto.add_source_tokens(std::move(token));
  }
  for (const document::ByteRange& word : text.words.source_words) {
    WriteRange(word, *proto.add_source_words());
  }
  for (const document::TranslatedWord& word : text.words.words) {
    WriteWord(word, *proto.add_words());
  }
  if (text.unknown_source) proto.add_flags(v1::FLAG_UNKNOWN_SOURCE);
  WriteCost(text.cost, *proto.mutable_cost());
}

void WriteTokens(TranslatedTokens tokens, v1::TokenTranslation& proto) {
  for (TranslatedTokens::Hypothesis& hypothesis : tokens.hypotheses) {
    v1::TokenHypothesis* to = proto.add_hypotheses();
    for (std::string& piece : hypothesis.tokens) {
      to->add_tokens(std::move(piece));
    }
    to->set_score(hypothesis.score);
    for (TargetToken& token : hypothesis.details) {
      WriteToken(std::move(token), *to->add_details());
    }
  }
  WriteFlags(tokens, proto);
  WriteCost(tokens.cost, *proto.mutable_cost());
}

}  // namespace

TextRequest ReadRequest(v1::TranslateRequest message) {
  TextRequest request;
  request.head = ReadHead(message);
  request.head.options = ReadOptions(message.options());
  request.texts.reserve(message.texts_size());
  for (v1::Text& text : *message.mutable_texts()) {
    request.texts.push_back(ReadText(text));
  }
  request.text_options = ReadTextOptions(message.text_options());
  request.single_sentence = message.single_sentence();
  request.head.no_cache = message.no_cache();
  request.names = &kOfRequest;
  return request;
}

TextRequest ReadRequest(v1::TranslateStreamRequest message) {
  TextRequest request;
  request.head = ReadHead(message);
  request.texts.push_back(ReadText(*message.mutable_text()));
  if (message.has_timeout()) {
    request.head.timeout = absl::Seconds(message.timeout().seconds()) +
                           absl::Nanoseconds(message.timeout().nanos());
  }
  request.text_options = ReadTextOptions(message.text_options());
  request.single_sentence = message.single_sentence();
  request.head.no_cache = message.no_cache();
  request.returns_stable_text = message.return_stable_text();
  request.names = &kOfStream;
  return request;
}

TokenRequest ReadRequest(v1::TranslateTokensRequest message) {
  TokenRequest request;
  request.head = ReadHead(message);
  request.head.no_cache = message.no_cache();
  request.head.options = ReadOptions(message.options());
  request.sources.reserve(message.sources_size());
  for (v1::TokenSequence& sequence : *message.mutable_sources()) {
    request.sources.emplace_back(
        std::make_move_iterator(sequence.mutable_tokens()->begin()),
        std::make_move_iterator(sequence.mutable_tokens()->end()));
  }
  return request;
}

ScoreRequest ReadRequest(v1::ScoreTextsRequest message) {
  ScoreRequest request;
  request.head = ReadHead(message);
  RequestOptions& options = request.head.options;
  if (message.has_length_penalty()) {
    options.length_penalty = message.length_penalty();
  }
  options.return_token_scores = true;
  options.return_alignments = message.return_alignments();
  request.pairs.reserve(message.pairs_size());
  for (const v1::TextPair& pair : message.pairs()) {
    request.pairs.push_back(
        {ReadPhrase(pair.source()), ReadPhrase(pair.target())});
  }
  return request;
}

v1::TranslateResponse WriteAnswer(TextAnswer answer) {
  v1::TranslateResponse response;
  response.set_model(std::move(answer.model));
  response.set_revision(std::move(answer.revision));
  response.set_source_language(std::move(answer.source_language));
  response.set_target_language(std::move(answer.target_language));
  if (answer.pivot.has_value()) {
    WritePivot(*std::move(answer.pivot), *response.mutable_pivot());
  }
  response.mutable_translations()->Reserve(
      static_cast<int>(answer.texts.size()));
  for (TranslatedText& text : answer.texts) {
    WriteText(std::move(text), *response.add_translations());
  }
  return response;
}

void WriteAnswer(TextAnswer answer, v1::TranslateStreamResponse& response) {
  response.set_model(std::move(answer.model));
  response.set_revision(std::move(answer.revision));
  response.set_source_language(std::move(answer.source_language));
  response.set_target_language(std::move(answer.target_language));
  if (answer.pivot.has_value()) {
    WritePivot(*std::move(answer.pivot), *response.mutable_pivot());
  }
  WriteText(std::move(answer.texts[0]), *response.mutable_translation());
}

v1::TranslateTokensResponse WriteAnswer(TokenAnswer answer) {
  v1::TranslateTokensResponse response;
  response.set_model(std::move(answer.model));
  response.set_revision(std::move(answer.revision));
  for (TranslatedTokens& tokens : answer.sequences) {
    WriteTokens(std::move(tokens), *response.add_translations());
  }
  return response;
}

v1::ScoreTextsResponse WriteAnswer(ScoreAnswer answer) {
  v1::ScoreTextsResponse response;
  response.set_model(std::move(answer.model));
  response.set_revision(std::move(answer.revision));
  for (ScoredText& text : answer.texts) {
    WriteScore(std::move(text), *response.add_scores());
  }
  return response;
}

}  // namespace peregrine::server
