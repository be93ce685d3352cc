#include "client/compare/shapes.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace peregrine::compare {
namespace {

using model::DecoderState;
using model::OutputProjection;

constexpr int kModelDim = 512;
constexpr int kFfnDim = 2048;
constexpr int kHeadDim = 64;

// Transformer-base: separate embeddings, the output tied to the target's.
model::ModelConfig Base() {
  model::ModelConfig config;
  config.source_language = config.target_language = "und";
  model::ArchitectureConfig& architecture = config.architecture;
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
    shapes_.push_back({name, label, config_});
  }

  // Beside the last rung, not above it.
  template <class Change>
  void AddVariant(const std::string& name, const std::string& label,
                  Change change) {
    model::ModelConfig config = config_;
    change(config.architecture);
    config.name = name;
    shapes_.push_back({name, label, std::move(config)});
  }

  std::vector<Shape> Take() { return std::move(shapes_); }

 private:
  model::ModelConfig config_;
  std::vector<Shape> shapes_;
};

std::vector<Shape> MakeShapes() {
  using Architecture = model::ArchitectureConfig;
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

const std::vector<Shape>& Shapes() {
  static const auto& shapes = *new std::vector<Shape>(MakeShapes());
  return shapes;
}

absl::StatusOr<std::vector<Shape>> ParseShapes(
    const std::vector<std::string>& names) {
  const std::vector<Shape>& all = Shapes();
  std::vector<Shape> shapes;
  for (const std::string& name : names) {
    const std::size_t before = shapes.size();
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (name == all[i].name || name == "all" ||
          (name == "ladder" && i < kLadderLength)) {
        shapes.push_back(all[i]);
      }
    }
    if (shapes.size() == before && name != "none") {
      return absl::InvalidArgumentError(absl::StrCat(
          "--shape: found \"", name,
          "\", expected ladder, all, none or one of ",
          absl::StrJoin(all, ", ", [](std::string* out, const Shape& shape) {
            absl::StrAppend(out, shape.name);
          })));
    }
  }
  return shapes;
}

}  // namespace peregrine::compare
