#include "engine/model/config.h"

#include "absl/strings/str_cat.h"

namespace peregrine::model {
namespace {

std::string DescribeState(const ArchitectureConfig& architecture) {
  switch (architecture.decoder_state) {
    case DecoderState::kSelfAttention:
      return "";
    case DecoderState::kAan:
      return architecture.aan_ffn_dim == 0
                 ? std::string("aan, ")
                 : absl::StrCat("aan with ffn ", architecture.aan_ffn_dim,
                                ", ");
    case DecoderState::kSsru:
      return "ssru, ";
    case DecoderState::kCan:
      return "can, ";
  }
  return "";
}

std::string DescribeStack(const StackConfig& stack, const std::string& state) {
  return absl::StrCat(
      stack.num_layers, " x ", stack.model_dim, " (", state, stack.num_heads,
      stack.num_heads == 1 ? " head of " : " heads of ", stack.head_dim,
      stack.ffn_dim == 0 ? std::string(", no ffn")
                         : absl::StrCat(", ffn ", stack.ffn_dim),
      ")");
}

}  // namespace

absl::Span<const int32_t> TokenConfig::WithoutAdded(
    absl::Span<const int32_t> source) const {
  if (!source.empty() && !source_suffix.empty() &&
      source.back() == source_suffix[0]) {
    source.remove_suffix(1);
  }
  if (!source.empty() && !source_prefix.empty() &&
      source_prefix[0] == source_language && source[0] == source_language) {
    source.remove_prefix(1);
  }
  return source;
}

std::string DescribeArchitecture(const ArchitectureConfig& architecture) {
  return absl::StrCat(
      architecture.norm == NormPlacement::kPre ? "pre" : "post",
      architecture.final_norm ? "-norm, encoder "
                              : "-norm without a final one, encoder ",
      DescribeStack(architecture.encoder, ""), ", decoder ",
      DescribeStack(architecture.decoder, DescribeState(architecture)),
      architecture.embedding_norm ? ", normalised embeddings" : "",
      architecture.rms_norm ? ", RMS norms" : "",
      architecture.gated_ffn ? ", gated ffn" : "",
      architecture.positions == PositionEncoding::kDistances
          ? ", biases by distance"
          : "",
      architecture.output == OutputProjection::kFactorized
          ? absl::StrCat(", output rank ", architecture.output_rank)
          : std::string(architecture.output == OutputProjection::kTied
                            ? ", tied output"
                            : ", separate output"));
}

}  // namespace peregrine::model
