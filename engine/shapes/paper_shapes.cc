#include "engine/shapes/paper_shapes.h"

#include <utility>

namespace peregrine::shapes {
namespace {

using model::ArchitectureConfig;
using model::DecoderState;
using model::ModelConfig;
using model::OutputProjection;

constexpr int kModelDim = 512;
constexpr int kFfnDim = 2048;
constexpr int kHeadDim = 64;

// Transformer-base: separate embeddings, the output tied to the target's.
ModelConfig Base() {
  ModelConfig config;
  config.source_language = config.target_language = "und";
  ArchitectureConfig& architecture = config.architecture;
  architecture.source_vocab_size = architecture.target_vocab_size = 32000;
  architecture.encoder = {6, kModelDim, kFfnDim, 8, kHeadDim};
  architecture.decoder = architecture.encoder;
  architecture.scale_embeddings = true;
  architecture.max_positions = 256;
  config.tokens.unk = 0;
  config.tokens.bos = config.tokens.decoder_start = 1;
  config.tokens.eos = 2;
  config.tokens.pad = 3;
  config.tokens.source_suffix = {2};
  config.decoding.suppressed_tokens = {1, 3};
  return config;
}

// Rungs are added one after the other, each a change of the one before.
class Ladder {
 public:
  Ladder() { config_ = Base(); }

  template <class Change>
  void Add(const std::string& name, const std::string& label, Change change) {
    change(config_.architecture);
    config_.name = name;
    shapes_.push_back({name, label, /*is_rung=*/true, config_});
  }

  // Beside the last rung, not above it.
  template <class Change>
  void AddVariant(const std::string& name, const std::string& label,
                  Change change) {
    ModelConfig config = config_;
    change(config.architecture);
    config.name = name;
    shapes_.push_back({name, label, /*is_rung=*/false, std::move(config)});
  }

  std::vector<PaperShape> Take() { return std::move(shapes_); }

 private:
  ModelConfig config_;
  std::vector<PaperShape> shapes_;
};

std::vector<PaperShape> MakeShapes() {
  using Architecture = ArchitectureConfig;
  Ladder ladder;
  ladder.Add("base-32k", "Transformer-base 6-6, 32K vocabulary",
             [](Architecture&) {});
  ladder.Add("base-10k", "+ 10K vocabulary", [](Architecture& a) {
    a.source_vocab_size = a.target_vocab_size = 10000;
  });
  ladder.Add("deep-22-1", "+ deep encoder, shallow decoder (22-1)",
             [](Architecture& a) {
               a.encoder.num_layers = 22;
               a.decoder.num_layers = 1;
             });
  ladder.AddVariant("deep-12-1", "deep-22-1 with 12 encoder layers",
                    [](Architecture& a) { a.encoder.num_layers = 12; });
  ladder.Add("single-head", "+ single-head decoder attention",
             [](Architecture& a) { a.decoder.num_heads = 1; });
  ladder.Add("no-ffn", "+ no decoder FFN",
             [](Architecture& a) { a.decoder.ffn_dim = 0; });
  ladder.Add("mdn", "+ factorised output = MDN", [](Architecture& a) {
    a.output = OutputProjection::kFactorized;
    a.output_rank = 64;
  });
  ladder.AddVariant("mdn-aan", "MDN with AAN", [](Architecture& a) {
    a.decoder_state = DecoderState::kAan;
  });
  ladder.AddVariant("mdn-can", "MDN with CAN", [](Architecture& a) {
    a.decoder_state = DecoderState::kCan;
    a.decoder.ffn_dim = kFfnDim;  // the width of its values
  });
  ladder.AddVariant("mdn-ssru", "MDN with SSRU", [](Architecture& a) {
    a.decoder_state = DecoderState::kSsru;
  });
  ladder.AddVariant("mdn-12-1", "MDN, 12 encoder layers",
                    [](Architecture& a) { a.encoder.num_layers = 12; });
  ladder.AddVariant("mdn-6-1", "MDN, 6 encoder layers",
                    [](Architecture& a) { a.encoder.num_layers = 6; });
  return ladder.Take();
}

}  // namespace

const std::vector<PaperShape>& PaperShapes() {
  static const auto& shapes = *new std::vector<PaperShape>(MakeShapes());
  return shapes;
}

const PaperShape* FindPaperShape(absl::string_view name) {
  for (const PaperShape& shape : PaperShapes()) {
    if (shape.name == name) return &shape;
  }
  return nullptr;
}

}  // namespace peregrine::shapes
