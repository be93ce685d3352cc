#include "engine/formats/ctranslate2/tensors.h"

#include <cmath>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/formats/renamed_tensors.h"

namespace peregrine::formats {
namespace {

// GELU by a sigmoid is x · sigmoid(1.702 x).
constexpr float kGeluFactor = 1.702f;

class Names {
 public:
  Names(const CTranslate2File& file, const CTranslate2Architecture& found)
      : file_(file), found_(found) {}

  // A linear layer of `width` outputs, part of `parts` that are one in the
  // file. A bias that the file lacks is zero.
  void AddLinear(const std::string& ours, const std::string& theirs, int width,
                 int part = 0, int parts = 1) {
    table_[ours + ".weight"] = {theirs + "/weight", part, parts};
    if (file_.Has(theirs + "/bias")) {
      table_[ours + ".bias"] = {theirs + "/bias", part, parts};
    } else {
      zeros_.emplace_back(ours + ".bias", width);
    }
  }

  void AddNorm(const std::string& ours, const std::string& theirs) {
    table_[ours + ".weight"] = {theirs + "/gamma"};
    if (!found_.config.rms_norm) table_[ours + ".bias"] = {theirs + "/beta"};
  }

  void AddLayer(const std::string& ours, const std::string& theirs,
                const model::StackConfig& stack, bool is_decoder) {
    const int width = stack.heads().width();
    const std::string self = ours + "self_attention.";
    AddNorm(self + "norm", theirs + "self_attention/layer_norm");
    AddLinear(self + "query", theirs + "self_attention/linear_0", width, 0, 3);
    ScaleQuery(self);
    AddLinear(self + "key", theirs + "self_attention/linear_0", width, 1, 3);
    AddLinear(self + "value", theirs + "self_attention/linear_0", width, 2, 3);
    AddLinear(self + "output", theirs + "self_attention/linear_1",
              stack.model_dim);
    if (is_decoder) {
      const std::string cross = ours + "cross_attention.";
      AddNorm(cross + "norm", theirs + "attention/layer_norm");
      AddLinear(cross + "query", theirs + "attention/linear_0", width);
      ScaleQuery(cross);
      AddLinear(cross + "key", theirs + "attention/linear_1", width, 0, 2);
      AddLinear(cross + "value", theirs + "attention/linear_1", width, 1, 2);
      AddLinear(cross + "output", theirs + "attention/linear_2",
                stack.model_dim);
    }
    AddNorm(ours + "ffn.norm", theirs + "ffn/layer_norm");
    AddLinear(ours + "ffn.inner", theirs + "ffn/linear_0", stack.ffn_dim);
    if (found_.config.gated_ffn) {
      AddLinear(ours + "ffn.factor", theirs + "ffn/linear_0_noact",
                stack.ffn_dim);
    }
    AddLinear(ours + "ffn.outer", theirs + "ffn/linear_1", stack.model_dim);
    if (found_.sigmoid_gelu) {
      // x · sigmoid(c x) = swish(c x) / c: the factors go into the matrices.
      table_[ours + "ffn.inner.weight"].scale = kGeluFactor;
      table_[ours + "ffn.inner.bias"].scale = kGeluFactor;
      table_[ours + "ffn.outer.weight"].scale = 1.0f / kGeluFactor;
    }
  }

  void AddStack(const std::string& stack, const model::StackConfig& config) {
    for (int n = 0; n < config.num_layers; ++n) {
      AddLayer(absl::StrCat(stack, ".layers.", n, "."),
               absl::StrCat(stack, "/layer_", n, "/"), config,
               stack == "decoder");
    }
    AddNorm(stack + ".norm", stack + "/layer_norm");
    table_[stack + ".positions"] = {stack + "/position_encodings/encodings"};
    TensorPlace& distances = table_[stack + ".distances"];
    distances.name = stack + "/layer_0/self_attention/relative_attention_bias";
    distances.scale = std::sqrt(static_cast<float>(config.head_dim));
  }

  // Tables and the output, which may have a row of zeros more than the file.
  void AddTables() {
    const bool shared = found_.config.share_embeddings;
    AddRows("encoder.embedding", found_.source_embedding,
            shared ? found_.extra_rows() : 0);
    AddRows("decoder.embedding", "decoder/embeddings/weight",
            found_.extra_rows());
    AddRows("output.weight", "decoder/projection/weight", found_.extra_rows());
    table_["output.weight"].scale = found_.output_scale;
    if (file_.Has("decoder/projection/bias")) {
      AddRows("output.bias", "decoder/projection/bias", found_.extra_rows());
    } else {
      zeros_.emplace_back("output.bias", found_.config.target_vocab_size);
    }
  }

  std::unique_ptr<model::TensorSource> Apply(
      std::unique_ptr<CTranslate2File> file) && {
    auto tensors =
        std::make_unique<RenamedTensors>(std::move(file), std::move(table_));
    for (const auto& [name, size] : zeros_) {
      tensors->Supply(name, std::vector<float>(size, 0.0f));
    }
    if (found_.zero_start) {
      tensors->Exclude("output.bias", {found_.config.target_vocab_size - 1});
    }
    return tensors;
  }

 private:
  void ScaleQuery(const std::string& attention) {
    for (const char* part : {"query.weight", "query.bias"}) {
      const auto place = table_.find(attention + part);
      if (place != table_.end()) place->second.scale = found_.queries_scale;
    }
  }

  void AddRows(const std::string& ours, const std::string& theirs,
               int zero_rows) {
    TensorPlace& place = table_[ours] = {theirs};
    place.zero_rows = zero_rows;
  }

  const CTranslate2File& file_;
  const CTranslate2Architecture& found_;
  RenamedTensors::Table table_;
  std::vector<std::pair<std::string, int>> zeros_;
};

}  // namespace

std::unique_ptr<model::TensorSource> RenameCTranslate2Tensors(
    std::unique_ptr<CTranslate2File> file,
    const CTranslate2Architecture& architecture) {
  Names names(*file, architecture);
  names.AddStack("encoder", architecture.config.encoder);
  names.AddStack("decoder", architecture.config.decoder);
  names.AddTables();
  return std::move(names).Apply(std::move(file));
}

}  // namespace peregrine::formats
