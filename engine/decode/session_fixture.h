#ifndef PEREGRINE_ENGINE_DECODE_SESSION_FIXTURE_H_
#define PEREGRINE_ENGINE_DECODE_SESSION_FIXTURE_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/decode/session.h"
#include "engine/kernels/cuda/emulation/emulated_kernels.h"
#include "engine/kernels/device.h"
#include "engine/kernels/precision.h"
#include "engine/shapes/random_tensors.h"

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
  config.tokens = {3, 1, 2, 0, 1, {2}, {}};
  config.decoding.suppressed_tokens = {3, 1};
  return config;
}

constexpr model::DecoderState kDecoderStates[] = {
    model::DecoderState::kSelfAttention, model::DecoderState::kAan,
    model::DecoderState::kSsru, model::DecoderState::kCan};

// What a session may compute with.
struct Computation {
  kernels::Device device;
  kernels::Precision precision = kernels::Precision::kFloat32;
  model::DecoderState state = model::DecoderState::kSelfAttention;
  bool emulated = false;  // the GPU of `device`
  kernels::EmulatedLibrary library = kernels::EmulatedLibrary::kAsOnDevices;
};

// UNAVAILABLE and the like where there is no such device.
inline absl::StatusOr<std::unique_ptr<kernels::Kernels>> MakeKernels(
    const Computation& computation) {
  return computation.emulated
             ? kernels::MakeEmulatedKernels(
                   /*memory_bytes=*/0, computation.library,
                   computation.device.index, computation.device.tuning)
             : kernels::MakeKernels(computation.device);
}

// For the name of a test, like "cpu_int8_can".
inline std::string ComputationName(const Computation& computation) {
  const char* const states[] = {"self_attention", "aan", "ssru", "can"};
  const char* device = "cpu";
  if (computation.device == kernels::Device::kReference) device = "reference";
  if (computation.device.kind == kernels::Device::Kind::kCuda) {
    device = !computation.emulated ? "cuda_0"
             : computation.library == kernels::EmulatedLibrary::kForAll
                 ? "cuda_emulated_library"
                 : "cuda_emulated";
  }
  return absl::StrCat(device, "_",
                      kernels::PrecisionName(computation.precision), "_",
                      states[static_cast<int>(computation.state)]);
}

// Self-attention in every precision; the other states in float32 and in int8,
// whose caches are those of bf16, too.
inline std::vector<Computation> ComputationsOn(kernels::Device device) {
  using kernels::Precision;
  std::vector<Computation> computations = {{device, Precision::kBFloat16}};
  for (model::DecoderState state : kDecoderStates) {
    computations.push_back({device, Precision::kFloat32, state});
    computations.push_back({device, Precision::kInt8, state});
  }
  return computations;
}

// Every source token brings `count` targets of its own.
inline std::unique_ptr<const model::Shortlist> SmallShortlist(int count) {
  model::Shortlist::Lists lists = {{5, 4}, {0}, {}};
  for (int source = 0; source < kVocabSize; ++source) {
    for (int i = 0; i < count; ++i) {
      lists.targets.push_back((source * 31 + i) % kVocabSize);
    }
    lists.offsets.push_back(static_cast<int32_t>(lists.targets.size()));
  }
  return *model::Shortlist::Create(std::move(lists), kVocabSize, kVocabSize,
                                   "shortlist");
}

// The first GPU in all states, and in every precision unless it is emulated,
// which takes its time.
inline std::vector<Computation> ComputationsOnGpu(bool emulated) {
  using kernels::Precision;
  const kernels::Device gpu{kernels::Device::Kind::kCuda};
  std::vector<Computation> computations;
  for (Precision precision : {Precision::kFloat32, Precision::kBFloat16}) {
    if (emulated) continue;
    computations.push_back({gpu, precision});
  }
  for (model::DecoderState state : kDecoderStates) {
    computations.push_back({gpu, Precision::kFloat16, state, emulated});
  }
  if (emulated) {
    computations.push_back({gpu, Precision::kBFloat16,
                            model::DecoderState::kSelfAttention, emulated,
                            kernels::EmulatedLibrary::kForAll});
  }
  return computations;
}

// A model with the kernels of one device; makes sessions.
class Engine {
 public:
  explicit Engine(const Computation& computation,
                  std::unique_ptr<const model::Shortlist> shortlist = nullptr)
      : Engine(computation, MakeKernels(computation).value(),
               std::move(shortlist)) {}

  Engine(const Computation& computation,
         std::unique_ptr<kernels::Kernels> kernels,
         std::unique_ptr<const model::Shortlist> shortlist = nullptr)
      : Engine(SmallRandomConfig(computation.state), computation.precision,
               std::move(kernels), std::move(shortlist)) {}

  Engine(const model::ModelConfig& config, kernels::Precision precision,
         std::unique_ptr<kernels::Kernels> kernels,
         std::unique_ptr<const model::Shortlist> shortlist = nullptr)
      : kernels_(std::move(kernels)) {
    shapes::RandomTensors tensors(/*seed=*/1);
    auto model = model::Model::Load(config, tensors, *kernels_, precision,
                                    std::move(shortlist));
    EXPECT_TRUE(model.ok()) << model.status();
    model_ = *std::move(model);
  }

  std::unique_ptr<Session> NewSession(const SessionLimits& limits = {}) {
    auto session = TryNewSession(limits);
    EXPECT_TRUE(session.ok()) << session.status();
    return *std::move(session);
  }

  absl::StatusOr<std::unique_ptr<Session>> TryNewSession(
      const SessionLimits& limits) {
    return Session::Create(*model_, *kernels_, limits);
  }

 private:
  std::unique_ptr<kernels::Kernels> kernels_;
  std::unique_ptr<const model::Model> model_;
};

}  // namespace peregrine::decode

#endif  // PEREGRINE_ENGINE_DECODE_SESSION_FIXTURE_H_
