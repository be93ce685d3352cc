#include "engine/formats/marian/marian.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/base/file.h"
#include "engine/base/json_object.h"
#include "engine/base/status_macros.h"
#include "engine/formats/files/marian_file.h"
#include "engine/formats/files/yaml.h"
#include "engine/formats/limits.h"
#include "engine/formats/marian/architecture.h"
#include "engine/formats/marian/directory.h"
#include "engine/formats/marian/shortlist.h"
#include "engine/formats/marian/vocabulary.h"
#include "engine/formats/renamed_tensors.h"

namespace peregrine::formats {
namespace {

using model::ArchitectureConfig;
using model::DecoderState;
using model::NormPlacement;

constexpr const char* kSettings = "special:model.yml";
constexpr size_t kMaxSettingsBytes = 1 << 20;
// Until 1.12.2 Marian's GELU was x · sigmoid(1.702 x).
constexpr float kGeluFactor = 1.702f;
// To a multiple of this Marian fills the list of a sentence.
constexpr int kShortlistMultiple = 8;

// ---- Settings

// Inside the weights, else in WEIGHTS.yml beside them, as marian writes it,
// too.
absl::StatusOr<MarianSettings> ReadSettings(const MarianDirectory& directory,
                                            MarianFile& file) {
  MarianSettings settings;
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

// ---- Tensors

class Names {
 public:
  Names(const ArchitectureConfig& architecture, const MarianNaming& naming,
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

  // With a GELU of old, x · sigmoid(c x) = swish(c x) / c: the factors go into
  // the matrices.
  void AddTwoLayers(const std::string& ours, const std::string& theirs) {
    const float factor = naming_.sigmoid_gelu ? kGeluFactor : 1.0f;
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
  const MarianNaming& naming_;
  const MarianFile& file_;
  RenamedTensors::Table table_;
};

// Tensors with the scales by which Marian would quantise activations.
std::vector<std::string> ActivationScales(const MarianFile& file) {
  std::vector<std::string> scales;
  for (std::string& name : file.Unread()) {
    if (absl::EndsWith(name, "_QuantMultA")) scales.push_back(std::move(name));
  }
  return scales;
}

std::unique_ptr<model::TensorSource> Rename(
    std::unique_ptr<MarianFile> file, const ArchitectureConfig& architecture,
    const MarianNaming& naming) {
  const std::vector<std::string> scales = ActivationScales(*file);
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

// ---- Decoding

// Without a configuration a quantised model is a student of Firefox
// Translations.
bool IsStudent(const MarianDirectory& directory, const MarianFile& file) {
  return directory.decoder_path().empty() && !ActivationScales(file).empty();
}

// Those of marian-decoder.
struct Defaults {
  int beam_size = 12;
  float normalize = 0.0f;
  float max_length_factor = 3.0f;
};

Defaults DefaultsOf(const MarianDirectory& directory, const MarianFile& file) {
  // As the program of Firefox Translations decodes.
  if (IsStudent(directory, file)) return {1, 1.0f, 2.0f};
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
  // They change what is translated, or what is written.
  for (const char* field : {"output-omit-bias", "force-decode", "no-spm-encode",
                            "no-spm-decode", "allow-special"}) {
    if (reader.Bool(field, false)) {
      reader.FailField(field, "found true, expected false");
    }
  }
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

// ---- Shortlist

absl::StatusOr<std::unique_ptr<const MarianShortlist>> OpenShortlist(
    const MarianDirectory& directory, const text::Tokenizer& source,
    const text::Tokenizer& target) {
  MarianShortlist::TextOptions options;
  const Json none = Json::array();
  const auto found = directory.decoder().find("shortlist");
  const Json& values =
      found != directory.decoder().end() && found->is_array() ? *found : none;
  // Of a binary one the second says whether to check it, which we always do.
  absl::Status status;
  const auto number = [&](size_t place, float absent, float most) {
    if (values.size() <= place) return absent;
    const Json& value = values[place];
    if (value.is_boolean()) return absent;
    const double given = value.is_number() ? value.get<double>() : -1.0;
    if (given >= 0.0 && given <= most) return static_cast<float>(given);
    status.Update(absl::InvalidArgumentError(absl::StrCat(
        directory.decoder_path(), ": shortlist: found ", Shown(value),
        " in place ", place, ", expected a number from 0 to ", most)));
    return absent;
  };
  options.first_n = static_cast<int>(
      number(1, static_cast<float>(options.first_n), kMaxVocab));
  options.best_n = static_cast<int>(
      number(2, static_cast<float>(options.best_n), kMaxVocab));
  options.threshold = number(3, options.threshold, 1.0f);
  PEREGRINE_RETURN_IF_ERROR(status);
  return MarianShortlist::Open(directory.shortlist(), source, target, options);
}

// Null where Marian would use none: without a file, and where nothing but its
// name speaks for it.
absl::StatusOr<std::unique_ptr<const model::Shortlist>> LoadShortlist(
    const MarianDirectory& directory, bool is_student,
    const Checkpoint& checkpoint) {
  const bool is_named = directory.decoder().contains("shortlist");
  if (directory.shortlist().empty() || !(is_named || is_student)) {
    return std::unique_ptr<const model::Shortlist>();
  }
  const text::Tokenizer& source = *checkpoint.source_tokenizer;
  const text::Tokenizer& target = *checkpoint.target_tokenizer;
  PEREGRINE_ASSIGN_OR_RETURN(const auto shortlist,
                             OpenShortlist(directory, source, target));
  model::Shortlist::Lists lists;
  const int32_t first_n = shortlist->first_n();
  for (int32_t token = 0; token < first_n; ++token) {
    lists.always.push_back(token);
  }
  // The end symbol is a token of every source, and its own list counts.
  const int32_t eos = checkpoint.config.tokens.source_suffix[0];
  const absl::Span<const int32_t> of_eos = shortlist->targets(eos);
  lists.always.insert(lists.always.end(), of_eos.begin(), of_eos.end());
  const ArchitectureConfig& architecture = checkpoint.config.architecture;
  const int num_pieces = NumPieces(target);
  const bool shared =
      directory.source_vocabulary() == directory.target_vocabulary();
  lists.offsets.push_back(0);
  for (int32_t id = 0; id < architecture.source_vocab_size; ++id) {
    const absl::Span<const int32_t> targets = shortlist->targets(id);
    lists.targets.insert(lists.targets.end(), targets.begin(), targets.end());
    if (shared && id < num_pieces) lists.targets.push_back(id);
    lists.offsets.push_back(static_cast<int32_t>(lists.targets.size()));
  }
  lists.multiple = kShortlistMultiple;
  lists.fill_begin = first_n;
  lists.fill_end = num_pieces;
  return model::Shortlist::Create(
      std::move(lists), architecture.source_vocab_size,
      architecture.target_vocab_size, directory.shortlist());
}

}  // namespace

bool IsMarian(const std::string& directory) {
  return MarianDirectory::IsOne(directory);
}

absl::StatusOr<Checkpoint> OpenMarian(const std::string& directory_path) {
  PEREGRINE_ASSIGN_OR_RETURN(const MarianDirectory directory,
                             MarianDirectory::Open(directory_path));
  PEREGRINE_ASSIGN_OR_RETURN(auto file, MarianFile::Open(directory.weights()));
  PEREGRINE_ASSIGN_OR_RETURN(const MarianSettings settings,
                             ReadSettings(directory, *file));
  Checkpoint checkpoint;
  checkpoint.format = absl::EndsWith(directory.weights(), ".npz")
                          ? "Marian, .npz"
                          : "Marian, binary";
  model::ModelConfig& model = checkpoint.config;
  model.name = NameOfDirectory(directory.directory());
  model.source_language = model.target_language = LanguageTag("");
  MarianNaming naming;
  PEREGRINE_RETURN_IF_ERROR(
      ReadMarianArchitecture(settings, *file, model.architecture, naming));
  model.alignment = naming.alignment;

  const ArchitectureConfig& architecture = model.architecture;
  const int32_t start = architecture.target_vocab_size - 1;
  const int source_rows =
      architecture.source_vocab_size - (architecture.share_embeddings ? 1 : 0);
  PEREGRINE_ASSIGN_OR_RETURN(
      MarianVocabulary source,
      LoadMarianVocabulary(
          directory.source_vocabulary(),
          {directory.Path("source.spm"), directory.Path("source.bpe")},
          source_rows));
  PEREGRINE_ASSIGN_OR_RETURN(
      MarianVocabulary target,
      LoadMarianVocabulary(
          directory.target_vocabulary(),
          {directory.Path("target.spm"), directory.Path("target.bpe")}, start));
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
  checkpoint.text_refusal = source.text_refusal;
  if (FileExists(directory.Path("source.tcmodel"))) {
    checkpoint.text_refusal =
        "texts must be tokenized by Moses and truecased by source.tcmodel, "
        "which is not done here";
  }
  PEREGRINE_ASSIGN_OR_RETURN(
      checkpoint.shortlist,
      LoadShortlist(directory, IsStudent(directory, *file), checkpoint));
  checkpoint.tensors = Rename(std::move(file), architecture, naming);
  return checkpoint;
}

}  // namespace peregrine::formats
