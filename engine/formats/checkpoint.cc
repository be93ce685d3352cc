#include "engine/formats/checkpoint.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "engine/formats/limits.h"

namespace peregrine::formats {
namespace {

constexpr absl::string_view kWordMark = "\xe2\x96\x81";  // ▁

// Remembers the first value that is out of its range.
class RangeCheck {
 public:
  explicit RangeCheck(const std::string& path) : path_(path) {}

  void operator()(absl::string_view name, int64_t value, int64_t least,
                  int64_t most) {
    if (!status_.ok() || (value >= least && value <= most)) return;
    status_ = absl::InvalidArgumentError(
        absl::StrCat(path_, ": ", name, ": found ", value, ", expected ", least,
                     " to ", most));
  }

  const absl::Status& status() const { return status_; }

 private:
  const std::string& path_;
  absl::Status status_;
};

void CheckStack(absl::string_view name, const model::StackConfig& stack,
                int max_positions, RangeCheck& check) {
  const auto part = [&](absl::string_view what) {
    return absl::StrCat(what, " of the ", name);
  };
  check(part("layers"), stack.num_layers, 1, kMaxLayers);
  check(part("width"), stack.model_dim, 2, kMaxDim);
  check(part("remainder of 2 in the width"), stack.model_dim % 2, 0, 0);
  check(part("feed-forward width"), stack.ffn_dim, 0, kMaxDim);
  check(part("heads"), stack.num_heads, 1, kMaxDim);
  check(part("head width"), stack.head_dim, 1, kMaxDim);
  check(part("width of all heads"), int64_t{stack.num_heads} * stack.head_dim,
        1, kMaxDim);
  check(part("elements of positions"), int64_t{max_positions} * stack.model_dim,
        1, kMaxPositionElements);
}

}  // namespace

absl::Status CheckConfig(const model::ModelConfig& config,
                         const std::string& path) {
  const model::ArchitectureConfig& architecture = config.architecture;
  const model::TokenConfig& tokens = config.tokens;
  RangeCheck check(path);
  check("source vocabulary", architecture.source_vocab_size, 1, kMaxVocab);
  check("target vocabulary", architecture.target_vocab_size, 1, kMaxVocab);
  // The offset comes on top of what a file may ask for.
  check("positions", architecture.max_positions,
        architecture.position_offset + 2, 2 * kMaxPositions);
  CheckStack("encoder", architecture.encoder, architecture.max_positions,
             check);
  CheckStack("decoder", architecture.decoder, architecture.max_positions,
             check);
  if (architecture.positions == model::PositionEncoding::kDistances) {
    const model::DistanceBuckets& distances = architecture.distances;
    check("buckets of distances", distances.num_buckets, 4, kMaxPositions);
    // Buckets widen only from half of them on.
    check("longest distance with a bucket of its own", distances.max_distance,
          distances.num_buckets / 2 + 1, kMaxPositions);
    for (const model::StackConfig* stack :
         {&architecture.encoder, &architecture.decoder}) {
      check("elements of distances",
            int64_t{stack->num_heads} * (2 * distances.max_distance + 1), 1,
            kMaxPositionElements);
    }
    check("remainder of 2 in the buckets of distances",
          distances.num_buckets % 2, 0, 0);
  }
  check("rank of the output", architecture.output_rank, 0, kMaxDim);
  const int last_source = architecture.source_vocab_size - 1;
  const int last_target = architecture.target_vocab_size - 1;
  check("eos", tokens.eos, 0, last_target);
  check("decoder start", tokens.decoder_start, 0, last_target);
  check("pad", tokens.pad, -1, last_target);
  check("bos", tokens.bos, -1, last_target);
  for (const auto* added : {&tokens.source_prefix, &tokens.source_suffix}) {
    for (int32_t id : *added) check("token of the source", id, 0, last_source);
  }
  for (int32_t id : config.decoding.suppressed_tokens) {
    check("suppressed token", id, 0, last_target);
  }
  for (const model::Language& language : config.languages) {
    check(absl::StrCat("token of the language ", language.code), language.token,
          0, std::min(last_source, last_target));
  }
  check("source tokens that are added", tokens.num_added(), 0,
        architecture.max_positions - architecture.position_offset - 1);
  return check.status();
}
std::string NameOfDirectory(const std::string& directory) {
  std::error_code error;
  const std::filesystem::path path =
      std::filesystem::weakly_canonical(directory, error);
  const std::string name = path.filename().string();
  return name.empty() ? "model" : name;
}

std::string LanguageTag(absl::string_view name) {
  const std::string tag = absl::StrReplaceAll(name, {{"_", "-"}});
  bool first = true;
  for (absl::string_view part : absl::StrSplit(tag, '-')) {
    const bool valid =
        part.size() >= (first ? 2 : 1) && part.size() <= 8 &&
        std::all_of(part.begin(), part.end(), [&](unsigned char c) {
          return first ? absl::ascii_isalpha(c) : absl::ascii_isalnum(c);
        });
    if (!valid) return "und";
    first = false;
  }
  return tag;
}

bool HasSentencePieces(const std::vector<std::string>& pieces) {
  return std::any_of(pieces.begin(), pieces.end(), [](const auto& piece) {
    return piece.size() > kWordMark.size() &&
           absl::StartsWith(piece, kWordMark);
  });
}

}  // namespace peregrine::formats
