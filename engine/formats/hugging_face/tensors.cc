#include "engine/formats/hugging_face/tensors.h"

#include <string>
#include <utility>
#include <vector>

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

// A tied tensor may stand in the file under any of its names, and under several
// of them: the first that is there counts.
struct Aliases {
  const char* ours;
  std::vector<std::string> theirs;
};

std::vector<Aliases> Tables(const model::ArchitectureConfig& architecture) {
  const std::string shared = "model.shared.weight";
  const std::string encoder = "model.encoder.embed_tokens.weight";
  const std::string decoder = "model.decoder.embed_tokens.weight";
  const std::string output = "lm_head.weight";
  const bool tied = architecture.output == model::OutputProjection::kTied;
  if (architecture.share_embeddings) {
    if (tied)
      return {{"encoder.embedding", {shared, encoder, decoder, output}}};
    return {{"encoder.embedding", {shared, encoder, decoder}},
            {"output.weight", {output}}};
  }
  if (tied) {
    return {{"encoder.embedding", {encoder}},
            {"decoder.embedding", {decoder, output}}};
  }
  return {{"encoder.embedding", {encoder}},
          {"decoder.embedding", {decoder}},
          {"output.weight", {output}}};
}

// The table of what has the same shape under another name.
RenamedTensors::Table MakeTable(const model::TensorSource& file,
                                const model::ArchitectureConfig& architecture) {
  RenamedTensors::Table table;
  AddLayers(architecture, table);
  if (architecture.norm == model::NormPlacement::kPre) {
    AddLinear("encoder.norm", "model.encoder.layer_norm", table);
    AddLinear("decoder.norm", "model.decoder.layer_norm", table);
  }
  for (const Aliases& aliases : Tables(architecture)) {
    std::string found = aliases.theirs[0];
    for (const std::string& name : aliases.theirs) {
      if (file.Has(name)) {
        found = name;
        break;
      }
    }
    table[aliases.ours] = {found};
  }
  return table;
}

}  // namespace

std::unique_ptr<model::TensorSource> RenameHuggingFaceTensors(
    std::unique_ptr<model::TensorSource> file,
    const model::ArchitectureConfig& architecture,
    const HuggingFaceDirectory::Generation& generation) {
  RenamedTensors::Table table = MakeTable(*file, architecture);
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
  for (const Aliases& aliases : Tables(architecture)) {
    for (const std::string& name : aliases.theirs) tensors->Ignore(name);
  }
  // Computed from their formula, here as there.
  for (const char* stack : {"encoder", "decoder"}) {
    const std::string name =
        absl::StrCat("model.", stack, ".embed_positions.weight");
    tensors->Ignore(name);
    tensors->Ignore(name + "s");  // as M2M100 calls it
  }
  return tensors;
}

}  // namespace peregrine::formats
