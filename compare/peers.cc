#include "compare/peers.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "compare/model_process.h"
#include "compare/peer_script.h"
#include "engine/base/status_macros.h"

namespace peregrine::compare {
namespace {

constexpr const char* kPeers[] = {"ctranslate2", "marian", "onnxruntime",
                                  "openvino", "transformers"};

// Their decoders have self-attention in all heads and a feed-forward network,
// and a full output projection.
bool PeersCanRun(const model::ArchitectureConfig& architecture) {
  return architecture.decoder_state == model::DecoderState::kSelfAttention &&
         architecture.output != model::OutputProjection::kFactorized &&
         architecture.decoder.ffn_dim > 0 &&
         architecture.decoder.num_heads == architecture.encoder.num_heads;
}

std::string ShapeJson(const model::ArchitectureConfig& architecture) {
  return Json{{"encoder_layers", architecture.encoder.num_layers},
              {"decoder_layers", architecture.decoder.num_layers},
              {"vocabulary", architecture.target_vocab_size},
              {"dim", architecture.encoder.model_dim},
              {"ffn", architecture.encoder.ffn_dim},
              {"heads", architecture.encoder.num_heads}}
      .dump();
}

absl::StatusOr<RunningModel> StartPeer(const ComparisonOptions& options,
                                       const std::string& python,
                                       const std::string& peer,
                                       const Shape& shape,
                                       const std::string& precision) {
  RunningModel model;
  PEREGRINE_ASSIGN_OR_RETURN(
      model.process,
      ModelProcess::Start({python, "-c", kPeerScript, peer,
                           ShapeJson(shape.config.architecture), precision,
                           absl::StrCat(options.num_workers)}));
  PEREGRINE_ASSIGN_OR_RETURN(const Json said, model.process->Read());
  PEREGRINE_ASSIGN_OR_RETURN(model.contestant.facts, ParseFacts(said));
  model.contestant.facts.multiply_adds =
      model::CountMultiplyAdds(shape.config.architecture);
  model.contestant.model = shape.name;
  model.contestant.label = shape.label;
  model.contestant.engine = model.contestant.facts.format;
  model.contestant.device = "cpu";
  return model;
}

// By the first interpreter that can run it. The error is that of one that has
// the packages, if any has them.
absl::StatusOr<RunningModel> StartPeer(const ComparisonOptions& options,
                                       const std::string& peer,
                                       const Shape& shape,
                                       const std::string& precision) {
  absl::Status error;
  for (const absl::string_view python :
       absl::StrSplit(options.peer_python, ',')) {
    absl::StatusOr<RunningModel> model =
        StartPeer(options, std::string(python), peer, shape, precision);
    if (model.ok()) return model;
    if (error.ok() ||
        !absl::StrContains(model.status().message(), "ModuleNotFoundError")) {
      error = model.status();
    }
  }
  return error;
}

// The precisions of what is running already, each once.
std::vector<std::string> Precisions(const std::vector<RunningModel>& running) {
  std::vector<std::string> precisions;
  for (const RunningModel& model : running) {
    const std::string& precision = model.contestant.precision();
    if (std::find(precisions.begin(), precisions.end(), precision) ==
        precisions.end()) {
      precisions.push_back(precision);
    }
  }
  return precisions;
}

}  // namespace

absl::Status StartPeers(const ComparisonOptions& options,
                        const Progress& progress,
                        std::vector<RunningModel>* running,
                        std::vector<std::string>* notes) {
  std::vector<RunningModel> peers;
  std::vector<std::string> failures;
  for (const std::string& precision : Precisions(*running)) {
    for (const char* peer : kPeers) {
      for (const Shape& shape : options.shapes) {
        if (!PeersCanRun(shape.config.architecture)) continue;
        progress(
            absl::StrCat("loading ", peer, ", ", shape.name, ", ", precision),
            /*milestone=*/false);
        absl::StatusOr<RunningModel> model =
            StartPeer(options, peer, shape, precision);
        if (model.ok()) {
          peers.push_back(*std::move(model));
          continue;
        }
        failures.push_back(
            absl::StrCat(peer, " in ", precision,
                         " is left out: ", model.status().message()));
        break;  // another shape would not fare better
      }
    }
  }
  if (peers.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat("--peer-python: none of the peers can run: ",
                     failures.empty() ? "none of the shapes is one of theirs"
                                      : absl::StrJoin(failures, "; ")));
  }
  for (RunningModel& peer : peers) running->push_back(std::move(peer));
  notes->insert(notes->end(), failures.begin(), failures.end());
  return absl::OkStatus();
}

}  // namespace peregrine::compare
