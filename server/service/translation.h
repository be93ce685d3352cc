#ifndef PEREGRINE_SERVER_SERVICE_TRANSLATION_H_
#define PEREGRINE_SERVER_SERVICE_TRANSLATION_H_

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "engine/decode/decoding_options.h"
#include "engine/document/document.h"
#include "engine/text_plan.h"
#include "engine/word_alignment.h"
#include "server/languages/detector.h"
#include "server/languages/routes.h"

// What is asked and what is answered, in words of the server's own. Each API
// turns its messages into these and back (api/v1_messages.h), so that the life
// of a request (request.h) and its checks know none of them.
namespace peregrine::server {

// How large a share of a busy server a request gets.
enum class Priority { kUnspecified = 0, kBulk = 1, kInteractive = 2 };
inline constexpr int kPriorities = 3;

// A part of a translation: text, or pieces of the target vocabulary.
struct RequestPhrase {
  std::string text;
  std::vector<std::string> tokens;
  // Of a text: its tokens, then other ways to write it. See EncodePhrases.
  std::vector<std::vector<int32_t>> spellings = {};

  bool empty() const { return text.empty() && tokens.empty(); }
};

// How to decode. What is absent is the model's default.
struct RequestOptions {
  absl::optional<int> beam_size;
  absl::optional<float> length_penalty;
  absl::optional<int> num_hypotheses;
  absl::optional<int> min_length;
  absl::optional<int> max_length;
  absl::optional<bool> use_shortlist;
  absl::optional<float> patience;
  absl::optional<model::Stopping> stopping;
  absl::optional<float> repetition_penalty;
  absl::optional<int> no_repeat_ngram_size;
  absl::optional<bool> allow_unknown;
  absl::optional<float> min_probability;
  absl::optional<float> word_reward;
  absl::optional<float> coverage_penalty;
  absl::optional<decode::Sampling> sampling;
  absl::optional<bool> return_alternatives;
  absl::optional<RequestPhrase> target_prefix;
  std::vector<RequestPhrase> must_contain;  // empty: absent
  absl::optional<bool> must_contain_in_order;
  std::vector<RequestPhrase> must_not_contain;
  absl::optional<int> beam_groups;
  absl::optional<float> diversity_penalty;
  absl::optional<bool> return_token_scores;
  absl::optional<bool> return_alignments;

  // Whether its hypotheses are no beam: each goes on by itself.
  bool is_independent() const {
    return sampling.has_value() || return_alternatives.value_or(false);
  }
  bool returns_tokens() const {
    return return_token_scores.value_or(false) ||
           return_alignments.value_or(false);
  }

  // Whether it says what a translation must be like.
  bool demands_something() const;

  // These, and `upper` instead where it says something.
  RequestOptions OverriddenBy(const RequestOptions& upper) const;
};

// What requests of every kind hold.
struct RequestHead {
  std::string model;  // empty: that of the languages, or the only one
  int priority = 0;   // a Priority, once it is checked
  std::string source_language;
  std::string target_language;
  // Each text is in a language of its own, which is to be found out.
  bool detect_source = false;
  LanguageFields fields;  // where the API has these
  RequestOptions options;
  absl::Duration timeout = absl::InfiniteDuration();  // beside that of its call
  bool no_cache = false;                              // nor keep anything of it
};

struct RequestText {
  std::string text;
  RequestOptions options;  // override those of the request
  std::vector<document::ByteRange> protected_ranges;
  // Once more a text that stands before it, as it is without any term. Not
  // counted as another one.
  bool without_terms = false;
};

// What a text is and what of it must come through, unchecked.
struct RequestTextOptions {
  document::Format format = document::Format::kPlain;
  bool hard_wrapped = false;
  bool translate_attributes = false;
  document::XmlElements xml_elements;
  bool keep_capitals = false;
  std::vector<std::string> unprotected;  // names of kinds
  std::vector<std::string> patterns;
  std::vector<document::Term> terms;
  document::NumberFormat number_format = document::NumberFormat::kEither;
  std::vector<std::string> glossaries;  // names of stored ones
  bool glossaries_in_any_case = false;  // even terms that say otherwise
};

// How an API names in its errors what it has under names of its own.
struct FieldNames {
  const char* texts;         // the field that has them
  bool is_list = true;       // a text is "texts[3]", or else "texts", alone
  const char* text = "";     // within a text: what is translated
  const char* options = "";  // within a text: its options
  // Those of all texts, in an API in which no text has its own.
  const char* common_options = nullptr;
  // The stored glossaries, each of them; null: as "text_options.glossaries[0]".
  const char* glossaries = nullptr;

  std::string path(int index) const;  // of a text with all that belongs to it
  std::string text_path(int index) const;
  std::string options_path(int index) const;
};

struct TextRequest {
  RequestHead head;
  std::vector<RequestText> texts;
  RequestTextOptions text_options;
  bool single_sentence = false;
  bool returns_stable_text = false;   // of a single text
  const FieldNames* names = nullptr;  // outlives the request

  // Of texts that are a part of a request: where each stands in it, for errors;
  // how many texts it has, and what the answers to the others may take.
  std::vector<int> places;
  size_t num_texts_elsewhere = 0;
  int64_t answer_bytes_elsewhere = 0;

  int place(int index) const {
    return places.empty() ? index : places[static_cast<size_t>(index)];
  }
};

// What a text was taken for.
struct DetectedSource {
  std::string language;  // as the model names it
  float confidence = 0;
  Certainty certainty = Certainty::kUnsure;
  bool is_default = false;  // of the server, since the text did not tell
  // It is in the language already that it is to be in: it stays as it is.
  bool stays = false;
};

// The languages of a request, as its model names them.
struct ChosenLanguages {
  std::string source;                    // empty: the default of the model
  std::string target;                    // likewise
  std::vector<DetectedSource> detected;  // of each text; none: as named
};

// Pieces of the model's vocabulary, each sequence one sentence.
struct TokenRequest {
  RequestHead head;
  std::vector<std::vector<std::string>> sources;
};

// Translations that are given, to be scored.
struct ScoreRequest {
  struct Pair {
    RequestPhrase source;
    RequestPhrase target;
  };
  RequestHead head;
  std::vector<Pair> pairs;
};

// What an answer took. For several sentences: the longest times of any, and the
// sums of tokens.
struct Cost {
  absl::Duration queue, encode, decode;
  int source_tokens = 0;
  int target_tokens = 0;
  int sentences = 0;
  int cached_sentences = 0;  // of them: answered from the cache
  std::string device;
};

// See v1.TargetToken.
struct TargetToken {
  std::string token;
  absl::optional<float> score;
  absl::optional<int> source;
  int first_source = 0;
  std::vector<float> attention;
};

// What the first of two models made of a text: one hypothesis.
struct Intermediate {
  TextTranslation translation;
  Cost cost;
};

// The first of two models in a row.
struct PivotModel {
  std::string language;  // into which it translated
  std::string model;
  std::string revision;
};

// Who translated a text, as TextAnswer tells of all. Without a model: nobody,
// it stayed as it was.
struct TextRoute {
  std::string model;
  std::string revision;
  std::string target_language;
  absl::optional<PivotModel> pivot;
};

struct TranslatedText {
  TextTranslation translation;
  absl::optional<DetectedSource> detected;
  absl::optional<Intermediate> intermediate;
  Cost cost;
  std::vector<std::vector<TargetToken>> tokens;  // of each hypothesis, or none
  std::vector<std::string> source_tokens;
  // Where texts of one request took different models; then the fields of the
  // answer are empty.
  absl::optional<TextRoute> route;

  const std::string& model_of(const std::string& of_all) const {
    return route.has_value() ? route->model : of_all;
  }
};

struct TextAnswer {
  std::string model;
  std::string revision;
  absl::optional<PivotModel> pivot;
  std::string source_language;  // empty: each text has its own, or none is said
  std::string target_language;
  std::vector<TranslatedText> texts;
};

struct TranslatedTokens {
  struct Hypothesis {
    std::vector<std::string> tokens;
    float score = 0;
    std::vector<TargetToken> details;
  };
  std::vector<Hypothesis> hypotheses;  // best first, never empty
  bool truncated = false;
  bool repetition = false;
  bool unknown_source = false;
  Cost cost;
};

struct ScoredText {
  float score = 0;
  double log_probability = 0;
  std::vector<TargetToken> tokens;  // the last is the end symbol
  std::vector<std::string> source_tokens;
  AlignedWords words;  // of texts, with alignments
  bool unknown_source = false;
  Cost cost;
};

struct ScoreAnswer {
  std::string model;
  std::string revision;
  std::vector<ScoredText> texts;
};

struct TokenAnswer {
  std::string model;
  std::string revision;
  std::vector<TranslatedTokens> sequences;
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_SERVICE_TRANSLATION_H_
