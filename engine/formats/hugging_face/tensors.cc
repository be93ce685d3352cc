#include "engine/formats/hugging_face/tensors.h"

#include <algorithm>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "engine/formats/renamed_tensors.h"

namespace peregrine::formats {
namespace {

void AddLinear(const std::string& ours, const std::string& theirs,
               RenamedTensors::Table& table) {
  for (const char* part : {".weight", ".bias"}) {
    table[ours + part] = {theirs + part};
  }
}

void AddAttention(const std::string& ours, const std::string& theirs,
                  RenamedTensors::Table& table) {
  AddLinear(ours + "query", theirs + ".q_proj", table);
  AddLinear(ours + "key", theirs + ".k_proj", table);
  AddLinear(ours + "value", theirs + ".v_proj", table);
  AddLinear(ours + "output", theirs + ".out_proj", table);
  AddLinear(ours + "norm", theirs + "_layer_norm", table);
}

void AddFeedForward(const std::string& ours, const std::string& theirs,
                    RenamedTensors::Table& table) {
  AddLinear(ours + "inner", theirs + "fc1", table);
  AddLinear(ours + "outer", theirs + "fc2", table);
  AddLinear(ours + "norm", theirs + "final_layer_norm", table);
}

void AddLayers(const model::ArchitectureConfig& architecture,
               RenamedTensors::Table& table) {
  for (int n = 0; n < architecture.encoder.num_layers; ++n) {
    const std::string ours = absl::StrCat("encoder.layers.", n, ".");
    const std::string theirs = absl::StrCat("model.", ours);
    AddAttention(ours + "self_attention.", theirs + "self_attn", table);
    AddFeedForward(ours + "ffn.", theirs, table);
  }
  for (int n = 0; n < architecture.decoder.num_layers; ++n) {
    const std::string ours = absl::StrCat("decoder.layers.", n, ".");
    const std::string theirs = absl::StrCat("model.", ours);
    AddAttention(ours + "self_attention.", theirs + "self_attn", table);
    AddAttention(ours + "cross_attention.", theirs + "encoder_attn", table);
    AddFeedForward(ours + "ffn.", theirs, table);
  }
}

constexpr const char* kShared = "model.shared.weight";
constexpr const char* kEncoder = "model.encoder.embed_tokens.weight";
constexpr const char* kDecoder = "model.decoder.embed_tokens.weight";
constexpr const char* kOutput = "lm_head.weight";
constexpr const char* kTables[] = {kShared, kEncoder, kDecoder, kOutput};

// Of the transformers that wrote the model; 0: nothing says.
int MajorVersion(const Json& config) {
  const auto found = config.find("transformers_version");
  int major = 0;
  if (found == config.end() || !found->is_string()) return 0;
  const std::string& version = found->get_ref<const std::string&>();
  return absl::SimpleAtoi(version.substr(0, version.find('.')), &major) ? major
                                                                        : 0;
}

// The table of what has the same shape under another name.
RenamedTensors::Table MakeTable(const EmbeddingNames& embeddings,
                                const model::ArchitectureConfig& architecture) {
  RenamedTensors::Table table;
  AddLayers(architecture, table);
  if (architecture.norm == model::NormPlacement::kPre) {
    AddLinear("encoder.norm", "model.encoder.layer_norm", table);
    AddLinear("decoder.norm", "model.decoder.layer_norm", table);
  }
  for (const std::string& stack :
       {std::string("encoder"), std::string("decoder")}) {
    if (architecture.positions == model::PositionEncoding::kLearned) {
      table[stack + ".positions"] = {"model." + stack +
                                     ".embed_positions.weight"};
    }
    if (architecture.embedding_norm) {
      AddLinear(stack + ".embedding_norm",
                "model." + stack + ".layernorm_embedding", table);
    }
  }
  table["encoder.embedding"] = {embeddings.encoder};
  table["decoder.embedding"] = {embeddings.decoder};
  table["output.weight"] = {embeddings.output};
  return table;
}

}  // namespace

EmbeddingTables BartTables() { return {kShared, kEncoder, kDecoder, kOutput}; }

absl::StatusOr<EmbeddingNames> SettleEmbeddings(
    const WeightFiles& weights, const HuggingFaceDirectory& directory,
    const EmbeddingTables& tables, model::ArchitectureConfig& architecture) {
  const auto& [shared, encoder, decoder, output] = tables;
  const bool shares = architecture.share_embeddings;
  const bool ties = architecture.output == model::OutputProjection::kTied;
  const auto first = [&](std::initializer_list<std::string> names) {
    const auto found = std::find_if(
        names.begin(), names.end(),
        [&](const std::string& name) { return weights.Has(name); });
    return found == names.end() ? *names.begin() : *found;
  };
  const auto same = [&](const std::string& a, const std::string& b) {
    return a == b || !weights.Has(a) || !weights.Has(b) ||
           weights.AreSame(a, b);
  };
  EmbeddingNames names{encoder, decoder, output};
  const int version = MajorVersion(directory.config());
  if (version >= 5) {
    if (shares) {
      names.encoder = first({encoder, shared, decoder, output});
      names.decoder = first({decoder, shared, encoder, output});
    }
    if (ties && shares) {
      names.output = first({output, shared, decoder, encoder});
    } else if (ties) {
      names.decoder = first({decoder, output});
      names.output = first({output, decoder});
    }
    architecture.share_embeddings =
        shares && same(names.encoder, names.decoder);
    if (ties && !same(names.output, names.decoder)) {
      architecture.output = model::OutputProjection::kSeparate;
    }
    return names;
  }
  if (shares) {
    names.encoder = ties ? first({shared, encoder, decoder, output})
                         : first({shared, encoder, decoder});
    names.decoder = names.encoder;
  } else if (ties) {
    names.decoder = first({decoder, output});
  }
  if (ties) names.output = names.decoder;
  const bool is_known = version > 0 && names.encoder == shared;
  for (const std::string& other : {shared, encoder, decoder, output}) {
    const bool is_output = other == output;
    const bool is_tied = is_output ? ties : shares;
    if (is_known || !is_tied || same(names.decoder, other)) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        weights.path(), ": found the tensors ", names.decoder, " and ", other,
        " to differ, expected them equal, since config.json ties them and "
        "names no transformers_version that would say which counts"));
  }
  return names;
}

std::unique_ptr<model::TensorSource> RenameHuggingFaceTensors(
    std::unique_ptr<WeightFiles> file, const EmbeddingNames& embeddings,
    const model::ArchitectureConfig& architecture,
    const HuggingFaceDirectory::Generation& generation) {
  RenamedTensors::Table table = MakeTable(embeddings, architecture);
  const std::string bias = "final_logits_bias";
  const bool has_bias = architecture.output_bias && file->Has(bias);
  if (has_bias) table["output.bias"] = {bias, 0, 1, /*leading_one=*/true};

  auto tensors =
      std::make_unique<RenamedTensors>(std::move(file), std::move(table));
  if (architecture.output_bias && !has_bias) {
    tensors->Supply("output.bias",
                    std::vector<float>(architecture.target_vocab_size, 0.0f));
  }
  if (architecture.output_bias && generation.renormalize) {
    tensors->Exclude("output.bias", generation.decoding.suppressed_tokens);
  }
  for (const char* name : kTables) tensors->Ignore(name);
  // Computed from their formula, here as there.
  for (const char* stack : {"encoder", "decoder"}) {
    if (architecture.positions == model::PositionEncoding::kLearned) break;
    const std::string name =
        absl::StrCat("model.", stack, ".embed_positions.weight");
    tensors->Ignore(name);
    tensors->Ignore(name + "s");  // as M2M100 calls it
  }
  return tensors;
}

}  // namespace peregrine::formats
