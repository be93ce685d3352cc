#include "engine/formats/marian.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <initializer_list>
#include <map>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "engine/base/file.h"
#include "engine/base/json_object.h"
#include "engine/base/status_macros.h"
#include "engine/formats/marian_directory.h"
#include "engine/formats/marian_file.h"
#include "engine/formats/renamed_tensors.h"
#include "engine/formats/vocabulary_files.h"
#include "engine/formats/yaml.h"
#include "engine/text/sentencepiece.h"
#include "engine/text/vocabulary_tokenizer.h"

namespace peregrine::formats {
namespace {

using kernels::Activation;
using model::ArchitectureConfig;
using model::DecoderState;
using model::NormPlacement;
using model::OutputProjection;
using model::PositionEncoding;

constexpr const char* kSettings = "special:model.yml";
constexpr size_t kMaxSettingsBytes = 1 << 20;
constexpr int kMaxDim = 1 << 16;
constexpr int kMaxVocab = 1 << 22;
constexpr int kMaxLayers = 1024;
// Computed positions have no limit there; marian-decoder's max-length is 1000
// by default.
constexpr int kComputedPositions = 1024;
// Marian's GELU is x · sigmoid(1.702 x).
constexpr float kGeluFactor = 1.702f;

// ---- Settings

// What the model was trained as: inside the weights, else in WEIGHTS.yml beside
// them, as marian writes it, too.
struct Settings {
  Json values;
  std::string path;
};

absl::StatusOr<Settings> ReadSettings(const MarianDirectory& directory,
                                      MarianFile& file) {
  Settings settings;
  std::string text;
  if (const auto inside = file.Text(kSettings)) {
    settings.path = absl::StrCat(file.path(), ": ", kSettings);
    text = *inside;
  } else {
    settings.path = directory.weights() + ".yml";
    PEREGRINE_ASSIGN_OR_RETURN(
        text,
        ReadFile(settings.path, kMaxSettingsBytes,
                 absl::StrCat("the settings of the model, since ", file.path(),
                              " has no ", kSettings, " inside")));
  }
  PEREGRINE_ASSIGN_OR_RETURN(settings.values, ParseYaml(text, settings.path));
  return settings;
}

// ---- Architecture

// In the words of Marian, what of the architecture decides on names of tensors.
struct Naming {
  bool gelu = false;
  std::vector<int> decoder_layers;  // which of Marian's, from 1, each one is
};

class ArchitectureReader {
 public:
  ArchitectureReader(const Settings& settings, const MarianFile& file,
                     ArchitectureConfig& architecture, Naming& naming)
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
    naming_.gelu = activation == "gelu";
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
    const std::string version = reader_.String("version", "none");
    const std::vector<absl::string_view> parts =
        absl::StrSplit(absl::StripPrefix(version, "v"), '.');
    int major = 0;
    int minor = 0;
    if (parts.size() >= 2 && absl::SimpleAtoi(parts[0], &major) &&
        absl::SimpleAtoi(parts[1], &minor) &&
        (major > 1 || (major == 1 && minor >= 11))) {
      return;
    }
    Unsupported("version", version,
                "v1.11 or later with transformer-preprocess n: earlier ones "
                "do not norm keys and values");
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
    for (const char* field : {"transformer-no-projection", "transformer-pool",
                              "transformer-disable-position-embeddings", "ulr",
                              "transformer-no-bias", "transformer-no-affine"}) {
      RequireFalse(field);
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
  Naming& naming_;
  absl::Status unsupported_;
};

// ---- Tensors

class Names {
 public:
  Names(const ArchitectureConfig& architecture, const Naming& naming,
        const MarianFile& file)
      : architecture_(architecture), naming_(naming), file_(file) {}

  RenamedTensors::Table Table() && {
    for (int n = 0; n < architecture_.encoder.num_layers; ++n) {
      const std::string ours = absl::StrCat("encoder.layers.", n, ".");
      const std::string theirs = absl::StrCat("encoder_l", n + 1);
      AddAttention(ours + "self_attention.", theirs + "_self");
      AddFeedForward(ours + "ffn.", theirs + "_ffn");
    }
    for (int n = 0; n < architecture_.decoder.num_layers; ++n) {
      const std::string ours = absl::StrCat("decoder.layers.", n, ".");
      const std::string theirs =
          absl::StrCat("decoder_l", naming_.decoder_layers[n]);
      AddState(ours, theirs);
      AddAttention(ours + "cross_attention.", theirs + "_context");
      AddFeedForward(ours + "ffn.", theirs + "_ffn");
    }
    for (const char* stack : {"encoder", "decoder"}) {
      AddVector(absl::StrCat(stack, ".norm.weight"),
                absl::StrCat(stack, "_top_ln_scale"));
      AddVector(absl::StrCat(stack, ".norm.bias"),
                absl::StrCat(stack, "_top_ln_bias"));
    }
    AddTables();
    return std::move(table_);
  }

 private:
  void AddMatrix(const std::string& ours, const std::string& theirs,
                 float scale = 1.0f) {
    TensorPlace& place = table_[ours] = {theirs};
    place.transposed = true;
    place.scale = scale;
  }

  void AddVector(const std::string& ours, const std::string& theirs,
                 float scale = 1.0f) {
    TensorPlace& place = table_[ours] = {theirs};
    place.leading_one = true;
    place.scale = scale;
  }

  void AddLinear(const std::string& ours, const std::string& theirs,
                 const std::string& suffix) {
    AddMatrix(ours + ".weight", theirs + "_W" + suffix);
    AddVector(ours + ".bias", theirs + "_b" + suffix);
  }

  // Marian names a norm differently before and after a sub-layer.
  void AddNorm(const std::string& ours, const std::string& before,
               const std::string& after) {
    const bool is_pre = architecture_.norm == NormPlacement::kPre;
    const std::string suffix = is_pre ? "_pre" : "";
    const std::string& theirs = is_pre ? before : after;
    AddVector(ours + "norm.weight", theirs + "_ln_scale" + suffix);
    AddVector(ours + "norm.bias", theirs + "_ln_bias" + suffix);
  }

  void AddAttention(const std::string& ours, const std::string& theirs) {
    AddLinear(ours + "query", theirs, "q");
    AddLinear(ours + "key", theirs, "k");
    AddLinear(ours + "value", theirs, "v");
    AddLinear(ours + "output", theirs, "o");
    AddNorm(ours, theirs + "_Wo", theirs + "_Wo");
  }

  // With a GELU, x · sigmoid(c x) = swish(c x) / c: the factors go into the
  // matrices.
  void AddTwoLayers(const std::string& ours, const std::string& theirs) {
    const float factor = naming_.gelu ? kGeluFactor : 1.0f;
    AddMatrix(ours + "inner.weight", theirs + "_W1", factor);
    AddVector(ours + "inner.bias", theirs + "_b1", factor);
    AddMatrix(ours + "outer.weight", theirs + "_W2", 1.0f / factor);
    AddVector(ours + "outer.bias", theirs + "_b2");
  }

  void AddFeedForward(const std::string& ours, const std::string& theirs) {
    AddTwoLayers(ours, theirs);
    AddNorm(ours, theirs + "_ffn", theirs + "_ffn");
  }

  void AddState(const std::string& ours, const std::string& theirs) {
    switch (architecture_.decoder_state) {
      case DecoderState::kSelfAttention:
        return AddAttention(ours + "self_attention.", theirs + "_self");
      case DecoderState::kSsru:
        AddMatrix(ours + "ssru.input.weight", theirs + "_rnn_W");
        AddLinear(ours + "ssru.forget_gate", theirs + "_rnn", "f");
        return AddNorm(ours + "ssru.", theirs + "_rnn", theirs + "_rnn_ffn");
      case DecoderState::kAan: {
        const std::string prefix = ours + "average_attention.";
        if (architecture_.aan_ffn_dim > 0) {
          AddTwoLayers(prefix, theirs + "_aan");
        }
        AddLinear(prefix + "input_gate", theirs + "_aan", "i");
        AddLinear(prefix + "forget_gate", theirs + "_aan", "f");
        return AddNorm(prefix, theirs + "_aan_ffn", theirs + "_aan_ffn");
      }
      case DecoderState::kCan:
        break;  // Marian has none
    }
  }

  // Tables and the output have a row of zeros more than Marian's.
  void AddTables() {
    const bool shared = architecture_.share_embeddings;
    table_["encoder.embedding"] = {shared ? "Wemb" : "encoder_Wemb"};
    table_["encoder.embedding"].zero_rows = shared ? 1 : 0;
    table_["decoder.embedding"] = {"decoder_Wemb"};
    table_["decoder.embedding"].zero_rows = 1;
    for (const char* side : {"encoder.positions", "decoder.positions"}) {
      table_[side] = {"Wpos"};
    }
    TensorPlace& output = table_["output.weight"];
    // Models of old have it as other matrices are.
    output.transposed = file_.Has("decoder_ff_logit_out_W");
    output.name = output.transposed ? "decoder_ff_logit_out_W"
                                    : "decoder_ff_logit_out_Wt";
    output.zero_rows = 1;
    AddVector("output.bias", "decoder_ff_logit_out_b");
    table_["output.bias"].zero_rows = 1;
  }

  const ArchitectureConfig& architecture_;
  const Naming& naming_;
  const MarianFile& file_;
  RenamedTensors::Table table_;
};

std::unique_ptr<model::TensorSource> Rename(
    std::unique_ptr<MarianFile> file, const ArchitectureConfig& architecture,
    const Naming& naming) {
  // The scales with which Marian would quantise activations.
  std::vector<std::string> scales;
  for (const std::string& name : file->Unread()) {
    if (absl::EndsWith(name, "_QuantMultA")) scales.push_back(name);
  }
  const bool has_bias = file->Has("decoder_ff_logit_out_b");
  RenamedTensors::Table table = Names(architecture, naming, *file).Table();
  auto tensors =
      std::make_unique<RenamedTensors>(std::move(file), std::move(table));
  for (const std::string& name : scales) tensors->Ignore(name);
  const int vocab_size = architecture.target_vocab_size;
  if (!has_bias) {
    tensors->Supply("output.bias", std::vector<float>(vocab_size, 0.0f));
  }
  tensors->Exclude("output.bias", {vocab_size - 1});
  return tensors;
}

// ---- Vocabularies

struct Side {
  std::shared_ptr<const text::Tokenizer> tokenizer;
  int32_t eos = -1;
};

// The id of a symbol; where it has none, that of `old_id`, if that one has no
// spelling or the one that Nematus used.
absl::StatusOr<int32_t> RequiredId(const std::vector<std::string>& pieces,
                                   const std::string& path, const char* piece,
                                   const char* old_piece, int32_t old_id) {
  const size_t old_place = static_cast<size_t>(old_id);
  if (old_place < pieces.size() &&
      (pieces[old_place].empty() || pieces[old_place] == old_piece)) {
    return old_id;
  }
  const auto found = std::find(pieces.begin(), pieces.end(), piece);
  if (found == pieces.end()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": found no piece \"", piece, "\", expected one"));
  }
  return static_cast<int32_t>(found - pieces.begin());
}

// The SentencePiece model NAME.spm with which texts were cut before Marian saw
// them; null where there is none.
absl::StatusOr<std::shared_ptr<const text::SentencePieceModel>> LoadSplitter(
    const std::string& path) {
  std::error_code error;
  std::shared_ptr<const text::SentencePieceModel> splitter;
  if (!std::filesystem::exists(path, error)) return splitter;
  PEREGRINE_ASSIGN_OR_RETURN(splitter, text::SentencePieceModel::Load(path));
  return splitter;
}

absl::StatusOr<Side> LoadWordList(const std::string& path,
                                  const std::string& splitter_path,
                                  int num_rows) {
  std::vector<std::string> pieces;
  if (absl::EndsWith(path, ".txt")) {
    PEREGRINE_ASSIGN_OR_RETURN(pieces, ReadVocabularyList(path));
    if (pieces.size() > static_cast<size_t>(num_rows)) {
      return absl::InvalidArgumentError(absl::StrCat(
          path, ": found ", pieces.size(), " pieces, expected at most the ",
          num_rows, " rows of the embedding"));
    }
    pieces.resize(num_rows);
  } else {
    PEREGRINE_ASSIGN_OR_RETURN(pieces, ReadVocabularyMap(path, num_rows));
  }
  Side side;
  PEREGRINE_ASSIGN_OR_RETURN(side.eos,
                             RequiredId(pieces, path, "</s>", "eos", 0));
  PEREGRINE_ASSIGN_OR_RETURN(const int32_t unk,
                             RequiredId(pieces, path, "<unk>", "UNK", 1));
  PEREGRINE_ASSIGN_OR_RETURN(auto splitter, LoadSplitter(splitter_path));
  auto vocabulary = std::make_shared<const text::Vocabulary>(
      std::move(pieces), unk, absl::flat_hash_set<int32_t>{side.eos});
  side.tokenizer = std::make_shared<text::VocabularyTokenizer>(
      std::move(vocabulary), std::move(splitter));
  return side;
}

absl::StatusOr<Side> LoadSentencePiece(const std::string& path, int num_rows) {
  Side side;
  PEREGRINE_ASSIGN_OR_RETURN(side.tokenizer,
                             text::SentencePieceModel::Load(path));
  if (side.tokenizer->vocab_size() > num_rows) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": found ", side.tokenizer->vocab_size(),
        " pieces, expected at most the ", num_rows, " rows of the embedding"));
  }
  const auto eos = side.tokenizer->id("</s>");
  if (!eos.has_value()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": found no piece \"</s>\", expected one"));
  }
  side.eos = *eos;
  return side;
}

absl::StatusOr<Side> LoadSide(const std::string& path,
                              const std::string& splitter_path, int num_rows) {
  if (absl::EndsWith(path, ".fsv")) {
    return absl::UnimplementedError(absl::StrCat(
        path, ": found a factored vocabulary, expected .spm, .yml or .txt"));
  }
  if (absl::EndsWith(path, ".spm")) return LoadSentencePiece(path, num_rows);
  return LoadWordList(path, splitter_path, num_rows);
}

// ---- Decoding

// Without a configuration a quantised model is a student of Firefox
// Translations, whose program decodes so; else marian-decoder's own defaults.
struct Defaults {
  int beam_size = 12;
  float normalize = 0.0f;
  float max_length_factor = 3.0f;
};

Defaults DefaultsOf(const MarianDirectory& directory, const MarianFile& file) {
  if (directory.decoder_path().empty() &&
      (file.Has("Wemb_QuantMultA") || file.Has("none_QuantMultA") ||
       file.Has("encoder_l1_self_Wq_QuantMultA"))) {
    return {1, 1.0f, 2.0f};
  }
  return {};
}

absl::Status ReadDecoding(const MarianDirectory& directory,
                          const Defaults& defaults,
                          model::DecodingConfig& decoding, bool& allow_unk) {
  JsonObjectReader reader(directory.decoder(), directory.decoder_path(), "");
  decoding.beam_size = reader.Int("beam-size", 1, 1024, defaults.beam_size);
  // A flag in the oldest files.
  const auto normalize = directory.decoder().find("normalize");
  decoding.length_penalty =
      normalize != directory.decoder().end() && normalize->is_boolean()
          ? (normalize->get<bool>() ? 1.0f : 0.0f)
          : reader.Float("normalize", -5.0f, 5.0f, defaults.normalize);
  decoding.rules.word_penalty =
      reader.Float("word-penalty", -100.0f, 100.0f, 0.0f);
  decoding.max_length_factor = reader.Float("max-length-factor", 0.0f, 100.0f,
                                            defaults.max_length_factor);
  decoding.rules.stopping = model::Stopping::kShrinkingBeam;
  decoding.rules.length_limit = model::LengthLimit::kCut;
  allow_unk = reader.Bool("allow-unk", false);
  const auto sampling = directory.decoder().find("output-sampling");
  if (sampling != directory.decoder().end() && !sampling->empty() &&
      *sampling != false) {
    reader.FailField(
        "output-sampling",
        absl::StrCat("found ", Shown(*sampling),
                     ", expected none: sampling is not supported"));
  }
  return reader.status();
}

// What is never generated: the token that stands for the decoder's start, the
// unknown one, and control characters that were spelt as bytes.
std::vector<int32_t> Suppressed(const text::Tokenizer& target, int32_t start,
                                bool allow_unk) {
  std::vector<int32_t> tokens{start};
  if (!allow_unk) tokens.push_back(target.unk_id());
  for (int byte = 0; byte < 32; ++byte) {
    std::string hex = absl::StrCat(absl::Hex(byte, absl::kZeroPad2));
    absl::AsciiStrToUpper(&hex);
    if (const auto id = target.id("<0x" + hex + ">")) tokens.push_back(*id);
  }
  return tokens;
}

}  // namespace

bool IsMarian(const std::string& directory) {
  return MarianDirectory::IsOne(directory);
}

absl::StatusOr<Checkpoint> OpenMarian(const std::string& directory_path) {
  PEREGRINE_ASSIGN_OR_RETURN(const MarianDirectory directory,
                             MarianDirectory::Open(directory_path));
  PEREGRINE_ASSIGN_OR_RETURN(auto file, MarianFile::Open(directory.weights()));
  PEREGRINE_ASSIGN_OR_RETURN(const Settings settings,
                             ReadSettings(directory, *file));
  Checkpoint checkpoint;
  checkpoint.format = absl::EndsWith(directory.weights(), ".npz")
                          ? "Marian, .npz"
                          : "Marian, binary";
  model::ModelConfig& model = checkpoint.config;
  model.name = NameOfDirectory(directory_path);
  model.source_language = model.target_language = LanguageTag("");
  Naming naming;
  PEREGRINE_RETURN_IF_ERROR(
      ArchitectureReader(settings, *file, model.architecture, naming).Read());

  const ArchitectureConfig& architecture = model.architecture;
  const int32_t start = architecture.target_vocab_size - 1;
  const int source_rows =
      architecture.source_vocab_size - (architecture.share_embeddings ? 1 : 0);
  PEREGRINE_ASSIGN_OR_RETURN(
      Side source, LoadSide(directory.source_vocabulary(),
                            directory.Path("source.spm"), source_rows));
  PEREGRINE_ASSIGN_OR_RETURN(Side target,
                             LoadSide(directory.target_vocabulary(),
                                      directory.Path("target.spm"), start));
  model.tokens.pad = model.tokens.bos = model.tokens.decoder_start = start;
  model.tokens.eos = target.eos;
  model.tokens.unk = source.tokenizer->unk_id();
  model.tokens.source_suffix = {source.eos};
  bool allow_unk = false;
  PEREGRINE_RETURN_IF_ERROR(ReadDecoding(
      directory, DefaultsOf(directory, *file), model.decoding, allow_unk));
  model.decoding.suppressed_tokens =
      Suppressed(*target.tokenizer, start, allow_unk);
  checkpoint.source_tokenizer = std::move(source.tokenizer);
  checkpoint.target_tokenizer = std::move(target.tokenizer);
  checkpoint.tensors = Rename(std::move(file), architecture, naming);
  return checkpoint;
}

absl::StatusOr<std::unique_ptr<const MarianShortlist>> OpenMarianShortlist(
    const std::string& directory_path, const text::Tokenizer& source,
    const text::Tokenizer& target) {
  PEREGRINE_ASSIGN_OR_RETURN(const MarianDirectory directory,
                             MarianDirectory::Open(directory_path));
  if (directory.shortlist().empty()) {
    return std::unique_ptr<const MarianShortlist>();
  }
  MarianShortlist::TextOptions options;
  const Json none = Json::array();
  const auto found = directory.decoder().find("shortlist");
  const Json& values =
      found != directory.decoder().end() && found->is_array() ? *found : none;
  // Of a binary one the second says whether to check it, which we always do.
  const auto number = [&](size_t place, auto absent) {
    return values.size() > place && values[place].is_number()
               ? values[place].get<decltype(absent)>()
               : absent;
  };
  options.first_n = std::max(0, number(1, options.first_n));
  options.best_n = std::max(0, number(2, options.best_n));
  options.threshold = number(3, options.threshold);
  return MarianShortlist::Open(directory.shortlist(), source, target, options);
}

}  // namespace peregrine::formats
