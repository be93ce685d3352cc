#include "engine/formats/marian/architecture.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "engine/base/status_macros.h"
#include "engine/formats/limits.h"

namespace peregrine::formats {
namespace {

using kernels::Activation;
using model::ArchitectureConfig;
using model::DecoderState;
using model::NormPlacement;
using model::OutputProjection;
using model::PositionEncoding;

// Computed positions have no limit there; marian-decoder's max-length is 1000
// by default.
constexpr int kComputedPositions = 1024;

// What of a model depends on the Marian that trained it.
using Version = std::array<int, 3>;
constexpr Version kNormedKeys = {1, 11, 0};
constexpr Version kExactGelu = {1, 12, 3};  // x · sigmoid(1.702 x) before

class ArchitectureReader {
 public:
  ArchitectureReader(const MarianSettings& settings, const MarianFile& file,
                     ArchitectureConfig& architecture, MarianNaming& naming)
      : reader_(settings.values, settings.path, ""),
        values_(settings.values),
        path_(settings.path),
        file_(file),
        architecture_(architecture),
        naming_(naming) {}

  absl::Status Read() {
    PEREGRINE_RETURN_IF_ERROR(reader_.status());
    const std::string type = reader_.String("type", "transformer");
    if (type != "transformer") Unsupported("type", type, "transformer");
    ReadStacks();
    ReadDecoderState();
    ReadAlignment();
    ReadNorms();
    ReadEmbeddings();
    RefuseOthers();
    PEREGRINE_RETURN_IF_ERROR(unsupported_);
    return reader_.status();
  }

 private:
  void Unsupported(const char* field, absl::string_view found,
                   absl::string_view expected) {
    if (!unsupported_.ok()) return;
    unsupported_ = absl::UnimplementedError(absl::StrCat(
        path_, ": ", field, ": found ", found, ", expected ", expected));
  }

  void ReadStacks() {
    const int dim = reader_.Int("dim-emb", 2, kMaxDim);
    const int heads = reader_.Int("transformer-heads", 1, kMaxDim);
    if (dim % 2 != 0 || dim % std::max(1, heads) != 0) {
      reader_.FailField(
          "dim-emb",
          absl::StrCat("found ", dim, ", expected an even number ",
                       "that transformer-heads = ", heads, " divides"));
    }
    const int ffn_dim = reader_.Int("transformer-dim-ffn", 1, kMaxDim);
    const int decoder_ffn =
        reader_.Int("transformer-decoder-dim-ffn", 0, kMaxDim, 0);
    const int depth = dim / std::max(1, heads);
    architecture_.encoder = {reader_.Int("enc-depth", 1, kMaxLayers), dim,
                             ffn_dim, heads, depth};
    architecture_.decoder = {reader_.Int("dec-depth", 1, kMaxLayers), dim,
                             decoder_ffn == 0 ? ffn_dim : decoder_ffn, heads,
                             depth};
    const std::string activation =
        reader_.String("transformer-ffn-activation", "swish");
    if (activation != "relu" && activation != "swish" && activation != "gelu") {
      Unsupported("transformer-ffn-activation", activation,
                  "relu, swish or gelu");
    }
    architecture_.activation =
        activation == "relu" ? Activation::kRelu : Activation::kSwish;
    if (activation == "gelu" && IsVersionFrom(kExactGelu)) {
      architecture_.activation = Activation::kGelu;
    } else {
      naming_.sigmoid_gelu = activation == "gelu";
    }
    ReadDecoderLayers();
  }

  // transformer-tied-layers: layers that are others of the decoder again.
  void ReadDecoderLayers() {
    const int count = architecture_.decoder.num_layers;
    const std::vector<int32_t> tied =
        reader_.Ids("transformer-tied-layers", count + 1, {}, false);
    if (!tied.empty() && static_cast<int>(tied.size()) != count) {
      reader_.FailField("transformer-tied-layers",
                        absl::StrCat("found ", tied.size(),
                                     " numbers, expected dec-depth, ", count));
    }
    for (int n = 1; n <= count; ++n) {
      naming_.decoder_layers.push_back(
          static_cast<int>(tied.size()) == count ? tied[n - 1] : n);
    }
  }

  // The first head of one layer, counted from 1: whether a model was trained
  // with guided alignment or not, Marian aligns by that alone.
  void ReadAlignment() {
    constexpr char kField[] = "transformer-guided-alignment-layer";
    const int last = architecture_.decoder.num_layers;
    const auto value = values_.find(kField);
    const bool is_last = value == values_.end() || *value == "last";
    const int layer = is_last ? last : reader_.Int(kField, 1, last);
    naming_.alignment.layer = layer - 1;
    naming_.alignment.heads = {0};
  }

  void ReadDecoderState() {
    const std::string state =
        reader_.String("transformer-decoder-autoreg", "self-attention");
    if (state == "self-attention") return;
    if (state == "average-attention") {
      architecture_.decoder_state = DecoderState::kAan;
      ReadAan();
      return;
    }
    const std::string cell = reader_.String("dec-cell", "gru");
    if (state == "rnn" && cell == "ssru") {
      architecture_.decoder_state = DecoderState::kSsru;
      RequireFalse("layer-normalization");
      RequireFalse("transformer-rnn-projection");
      return;
    }
    Unsupported("transformer-decoder-autoreg",
                state == "rnn" ? "rnn with dec-cell " + cell : state,
                "self-attention, average-attention, or rnn with dec-cell ssru");
  }

  void ReadAan() {
    const int depth = reader_.Int("transformer-aan-depth", 1, kMaxLayers, 2);
    const int dim = reader_.Int("transformer-dim-aan", 1, kMaxDim, 2048);
    const std::string ffn =
        reader_.String("transformer-ffn-activation", "swish");
    const std::string activation =
        reader_.String("transformer-aan-activation", "swish");
    RequireFalse("transformer-aan-nogate");
    if (depth > 2 || (depth == 2 && dim == architecture_.decoder.model_dim)) {
      Unsupported("transformer-aan-depth", absl::StrCat(depth),
                  "1, or 2 with transformer-dim-aan other than dim-emb");
    }
    if (depth == 2 && activation != ffn) {
      Unsupported("transformer-aan-activation", activation,
                  absl::StrCat("transformer-ffn-activation, ", ffn));
    }
    architecture_.aan_ffn_dim = depth == 1 ? 0 : dim;
  }

  void RequireFalse(const char* field) {
    if (reader_.Bool(field, false)) Unsupported(field, "true", "false");
  }

  // The letters of an option, but for d, dropout, which only training does.
  std::string Operations(const char* field, absl::string_view absent) {
    const auto found = values_.find(field);
    std::string operations(absent);
    if (found != values_.end() && found->is_string()) {
      operations = found->get<std::string>();
    } else if (found != values_.end() && found->is_null()) {
      operations = "";
    } else if (found != values_.end()) {
      reader_.FailField(
          field, absl::StrCat("found ", Shown(*found), ", expected letters"));
    }
    operations.erase(std::remove(operations.begin(), operations.end(), 'd'),
                     operations.end());
    return operations;
  }

  void ReadNorms() {
    architecture_.layer_norm_epsilon = 1e-6f;
    const std::string before = Operations("transformer-preprocess", "");
    const std::string after = Operations("transformer-postprocess", "dan");
    const std::string top = Operations("transformer-postprocess-top", "");
    const std::string embedded = Operations("transformer-postprocess-emb", "d");
    if (!embedded.empty()) {
      Unsupported("transformer-postprocess-emb", embedded, "d or nothing");
    }
    if (before.empty() && after == "an" && top.empty()) {
      architecture_.norm = NormPlacement::kPost;
    } else if (before == "n" && after == "a" && (top.empty() || top == "n")) {
      architecture_.norm = NormPlacement::kPre;
      architecture_.final_norm = top == "n";
      CheckVersion();
      if (architecture_.decoder_state == DecoderState::kAan) {
        Unsupported("transformer-decoder-autoreg",
                    "average-attention with transformer-preprocess n",
                    "it with transformer-postprocess dan");
      }
    } else {
      Unsupported(
          "transformer-preprocess, transformer-postprocess and "
          "transformer-postprocess-top",
          absl::StrCat("\"", before, "\", \"", after, "\" and \"", top,
                       "\" beside dropout"),
          "\"\", \"an\" and \"\" (post-norm), or \"n\", \"a\" and \"n\" or "
          "\"\" (pre-norm)");
    }
  }

  // Before 1.11 Marian left out the norm of keys and values in pre-norm
  // self-attention.
  void CheckVersion() {
    if (IsVersionFrom(kNormedKeys)) return;
    Unsupported("version", reader_.String("version", "none"),
                "v1.11 or later with transformer-preprocess n: earlier ones "
                "do not norm keys and values");
  }

  // Whether a Marian of `first` or later trained the model; "v1.12.42 b7be0e9".
  bool IsVersionFrom(const Version& first) {
    const std::string name = reader_.String("version", "");
    absl::string_view text = absl::StripPrefix(name, "v");
    text = text.substr(0, text.find(' '));
    Version version = {0, 0, 0};
    size_t place = 0;
    for (absl::string_view part : absl::StrSplit(text, '.')) {
      if (place == version.size() || !absl::SimpleAtoi(part, &version[place])) {
        break;
      }
      ++place;
    }
    return version >= first;
  }

  void ReadEmbeddings() {
    const bool all = reader_.Bool("tied-embeddings-all", false);
    architecture_.share_embeddings =
        all || reader_.Bool("tied-embeddings-src", false);
    architecture_.output = all || reader_.Bool("tied-embeddings", false)
                               ? OutputProjection::kTied
                               : OutputProjection::kSeparate;
    architecture_.output_bias = true;
    if (reader_.Bool("transformer-train-positions", false)) {
      architecture_.positions = PositionEncoding::kLearned;
      architecture_.max_positions = Rows("Wpos", 2, kMaxDim);
    } else {
      architecture_.positions = PositionEncoding::kSinusoidalConcatenated;
      architecture_.max_positions = kComputedPositions;
      architecture_.scale_embeddings = true;
    }
    const bool shared = architecture_.share_embeddings;
    // One more row each: the decoder starts from an embedding of zeros.
    architecture_.target_vocab_size =
        Rows(shared ? "Wemb" : "decoder_Wemb", 1, kMaxVocab - 1) + 1;
    architecture_.source_vocab_size = shared
                                          ? architecture_.target_vocab_size
                                          : Rows("encoder_Wemb", 1, kMaxVocab);
  }

  int Rows(const char* name, int min, int max) {
    const auto shape = file_.Shape(name);
    if (shape.has_value() && shape->size() == 2 && (*shape)[0] >= min &&
        (*shape)[0] <= max) {
      return static_cast<int>((*shape)[0]);
    }
    if (unsupported_.ok()) {
      unsupported_ = absl::InvalidArgumentError(
          absl::StrCat(file_.path(), ": tensor ", name, ": found ",
                       shape.has_value() ? model::ShapeString(*shape) : "none",
                       ", expected a matrix of ", min, " to ", max, " rows"));
    }
    return min;
  }

  // Settings that change what is computed, at any value but one.
  void RefuseOthers() {
    for (const char* field :
         {"right-left", "transformer-no-projection", "transformer-pool",
          "transformer-disable-position-embeddings", "ulr",
          "transformer-no-bias", "transformer-no-affine", "output-omit-bias",
          "transformer-alibi-shift"}) {
      RequireFalse(field);
    }
    const std::string mask =
        reader_.String("transformer-attention-mask", "default");
    if (mask != "default") {
      Unsupported("transformer-attention-mask", mask, "default");
    }
    for (const char* field :
         {"transformer-ffn-depth", "transformer-decoder-ffn-depth"}) {
      const bool of_decoder = absl::StrContains(field, "decoder");
      const int depth = reader_.Int(field, 0, kMaxLayers, 2);
      if (depth != 2 && !(of_decoder && depth == 0)) {
        Unsupported(field, absl::StrCat(depth), "2");
      }
    }
    if (reader_.Int("lemma-dim-emb", -100, kMaxDim, 0) != 0) {
      Unsupported("lemma-dim-emb", "a factored vocabulary", "0");
    }
  }

  JsonObjectReader reader_;
  const Json& values_;
  const std::string& path_;
  const MarianFile& file_;
  ArchitectureConfig& architecture_;
  MarianNaming& naming_;
  absl::Status unsupported_;
};

}  // namespace

absl::Status ReadMarianArchitecture(const MarianSettings& settings,
                                    const MarianFile& file,
                                    ArchitectureConfig& architecture,
                                    MarianNaming& naming) {
  return ArchitectureReader(settings, file, architecture, naming).Read();
}

}  // namespace peregrine::formats
