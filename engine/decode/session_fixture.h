#ifndef PEREGRINE_ENGINE_DECODE_SESSION_FIXTURE_H_
#define PEREGRINE_ENGINE_DECODE_SESSION_FIXTURE_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <utility>

#include "engine/decode/session.h"
#include "engine/kernels/device.h"
#include "engine/model/random_tensors.h"

namespace peregrine::decode {

// For the tests of sessions: a small model of random weights.
constexpr int kVocabSize = 97;

inline model::ModelConfig SmallRandomConfig(
    model::DecoderState state = model::DecoderState::kSelfAttention) {
  model::ModelConfig config;
  config.name = "random";
  model::ArchitectureConfig& architecture = config.architecture;
  architecture.source_vocab_size = kVocabSize;
  architecture.target_vocab_size = kVocabSize;
  architecture.encoder = {3, 48, 96, 3, 16};
  architecture.decoder = {2, 48, 64, 2, 16};
  architecture.decoder_state = state;
  if (state == model::DecoderState::kAan) architecture.aan_ffn_dim = 40;
  architecture.scale_embeddings = true;
  architecture.max_positions = 64;
  architecture.output = model::OutputProjection::kSeparate;
  config.tokens = {3, 1, 2, 0, 1, {2}};
  config.decoding.suppressed_tokens = {3, 1};
  return config;
}

constexpr model::DecoderState kDecoderStates[] = {
    model::DecoderState::kSelfAttention, model::DecoderState::kAan,
    model::DecoderState::kSsru, model::DecoderState::kCan};

// A model with the kernels of one device; makes sessions.
class Engine {
 public:
  explicit Engine(
      kernels::Device device,
      model::DecoderState state = model::DecoderState::kSelfAttention) {
    kernels_ = *kernels::MakeKernels(device);
    model::RandomTensors tensors(1);
    auto model =
        model::Model::Load(SmallRandomConfig(state), tensors, *kernels_);
    EXPECT_TRUE(model.ok()) << model.status();
    model_ = *std::move(model);
  }

  std::unique_ptr<Session> NewSession(const SessionLimits& limits = {}) {
    auto session = Session::Create(*model_, *kernels_, limits);
    EXPECT_TRUE(session.ok()) << session.status();
    return *std::move(session);
  }

 private:
  std::unique_ptr<kernels::Kernels> kernels_;
  std::unique_ptr<const model::Model> model_;
};

}  // namespace peregrine::decode

#endif  // PEREGRINE_ENGINE_DECODE_SESSION_FIXTURE_H_
