#ifndef PEREGRINE_ENGINE_MODEL_CONFIG_H_
#define PEREGRINE_ENGINE_MODEL_CONFIG_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "engine/kernels/kernels.h"
#include "engine/model/languages.h"
#include "engine/model/search_rules.h"

namespace peregrine::model {

enum class NormPlacement { kPre, kPost };
enum class PositionEncoding {
  kSinusoidalConcatenated,
  kSinusoidalInterleaved,
  kSinusoidalSplit,
  kLearned,
  kDistances  // none; self-attention adds a bias by distance to its scores
};
enum class OutputProjection { kTied, kSeparate, kFactorized };

// How a decoder layer carries the target prefix from step to step; the formulas
// are in docs/model-format.md.
enum class DecoderState {
  kSelfAttention,
  kAan,   // average attention network
  kSsru,  // simpler simple recurrent unit
  kCan,   // compressed attention network: no cross-attention, no feed-forward
};

// One side of the Transformer.
struct StackConfig {
  int num_layers = 0;
  int model_dim = 0;
  int ffn_dim = 0;  // 0: layers without a feed-forward block
  int num_heads = 0;
  int head_dim = 0;

  kernels::HeadShape heads() const { return {num_heads, head_dim}; }
};

// Distances that share a bias: one bucket each for the shortest, then wider
// ones by the logarithm; the last holds all from max_distance on. The encoder
// has half of the buckets for keys behind the query.
struct DistanceBuckets {
  int num_buckets = 0;
  int max_distance = 0;
};

struct ArchitectureConfig {
  int source_vocab_size = 0;
  int target_vocab_size = 0;
  StackConfig encoder;
  StackConfig decoder;
  DecoderState decoder_state = DecoderState::kSelfAttention;
  int aan_ffn_dim = 0;  // 0: kAan without a feed-forward network of its own
  NormPlacement norm = NormPlacement::kPre;
  bool final_norm = true;       // one more after the last layer; kPre only
  bool embedding_norm = false;  // one before the first layer
  bool rms_norm = false;        // all norms: no mean, no bias
  bool linear_bias = true;      // of all linear layers but the output
  float layer_norm_epsilon = 1e-5f;
  kernels::Activation activation = kernels::Activation::kRelu;
  bool gated_ffn = false;  // what is activated is multiplied by a second layer
  PositionEncoding positions = PositionEncoding::kSinusoidalConcatenated;
  int position_offset = 0;
  int max_positions = 0;
  DistanceBuckets distances;  // kDistances only
  bool scale_embeddings = false;
  bool share_embeddings = false;
  OutputProjection output = OutputProjection::kTied;
  int output_rank = 0;
  bool output_bias = false;
};

struct TokenConfig {
  int32_t pad = -1;
  int32_t bos = -1;
  int32_t eos = -1;
  int32_t unk = -1;
  int32_t decoder_start = -1;
  std::vector<int32_t> source_suffix;
  std::vector<int32_t> source_prefix;
  // The one among these that stands for the source language, where a request
  // may choose another; -1: none does.
  int32_t source_language = -1;
  // The source names the target's language, not its own: source_language stands
  // for that, and the target begins with no token of a language.
  bool target_in_source = false;

  // What every source is longer by in the encoder.
  int num_added() const {
    return static_cast<int>(source_prefix.size() + source_suffix.size());
  }

  // A caller's tokens without those that the model adds itself, which are not
  // doubled: an end symbol at the end, the default language where sources begin
  // with it.
  absl::Span<const int32_t> WithoutAdded(
      absl::Span<const int32_t> source) const;
};

struct TokenizerConfig {
  enum class Type { kNone, kSentencePiece, kSubwordNmt };
  Type type = Type::kNone;
  std::string source;  // file names inside the model directory
  std::string target;
  std::string source_codes;  // kSubwordNmt; may be empty: whole words
  std::string target_codes;
};

// Which cross-attention says which source token a target token comes from.
struct AlignmentConfig {
  int layer = -1;          // of the decoder, from 0; -1: the last
  std::vector<int> heads;  // of it, from 0; none: all
  bool shifted = false;    // they look at the last token, not the next one
};

// How likely a translation is to be good, by the log-probabilities of its
// tokens: 1 / (1 + exp(-(bias + mean * their mean + worst * their least +
// length * ln(how many)))).
struct ConfidenceConfig {
  float bias = 0.0f;
  float mean = 0.0f;
  float worst = 0.0f;
  float length = 0.0f;
};

struct DecodingConfig {
  int beam_size = 1;
  float length_penalty = 1.0f;
  float max_length_factor = 2.0f;
  int max_length_offset = 0;
  int min_length = 0;
  std::vector<int32_t> suppressed_tokens;
  // Sequences of more tokens that are not generated, and tokens that are not
  // the first that is free to choose.
  std::vector<std::vector<int32_t>> suppressed_sequences;
  std::vector<int32_t> suppressed_first_tokens;
  float repetition_penalty = 1.0f;
  int no_repeat_ngram_size = 0;
  SearchRules rules;
};

// What a model is, besides its weights; in the words of docs/model-format.md.
struct ModelConfig {
  std::string name;
  // BCP 47 tags; "und": undetermined. Of a model of several languages they are
  // the codes of the defaults, and "" where a request must name one.
  std::string source_language;
  std::string target_language;
  // What a request may choose from, by code; none: the model has one pair. The
  // token of the target language is the forced_first_token.
  std::vector<Language> languages;
  ArchitectureConfig architecture;
  TokenConfig tokens;
  TokenizerConfig tokenizer;
  DecodingConfig decoding;
  AlignmentConfig alignment;
  std::optional<ConfidenceConfig> confidence;  // none: nobody has measured it
  std::string shortlist;  // file name inside the model directory, or empty
  // In the syntax of RE2: what is not to be translated.
  std::vector<std::string> protected_patterns;
};

// One line for people: "pre-norm, encoder 12 x 512 (8 heads of 64, ffn 2048),
// decoder 1 x 512 (1 head of 64, no ffn), output rank 64".
std::string DescribeArchitecture(const ArchitectureConfig& architecture);

}  // namespace peregrine::model

#endif  // PEREGRINE_ENGINE_MODEL_CONFIG_H_
