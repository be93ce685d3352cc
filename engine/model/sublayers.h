#ifndef PEREGRINE_ENGINE_MODEL_SUBLAYERS_H_
#define PEREGRINE_ENGINE_MODEL_SUBLAYERS_H_

#include "engine/kernels/kernels.h"
#include "engine/model/config.h"
#include "engine/model/weights.h"

namespace peregrine::model {

// What encoder and decoder layers have in common: every sub-layer f is
//   pre-norm:  x = x + f(LN(x))
//   post-norm: x = LN(x + f(x))
// and is written as
//   LinearOfInput(first, ...);           // of LN(x) or x
//   ... kernels.LinearAdd(last, ..., x);
//   End(...);                            // nothing, or x = LN(x)
class Sublayers {
 public:
  Sublayers(kernels::Kernels& kernels, const ArchitectureConfig& architecture)
      : kernels_(kernels),
        norm_placement_(architecture.norm),
        activation_(architecture.activation),
        gated_(architecture.gated_ffn) {}

  // Of the scratch memory `inner` of FeedForward.
  static int InnerWidth(const ArchitectureConfig& architecture,
                        const StackConfig& stack) {
    return (architecture.gated_ffn ? 3 : 1) * stack.ffn_dim;
  }

  // `normed` is scratch of the shape of x.
  kernels::Matrix Input(const kernels::NormWeight& norm, kernels::Matrix x,
                        kernels::Matrix normed) const {
    if (norm_placement_ == NormPlacement::kPost) return x;
    kernels_.LayerNorm(norm, x, normed);
    return normed;
  }

  // y = activation(input W^T + b) of that input.
  void LinearOfInput(const kernels::NormWeight& norm,
                     const kernels::LinearWeight& weight, kernels::Matrix x,
                     kernels::Matrix normed, kernels::Activation activation,
                     kernels::Matrix y) const {
    if (norm_placement_ == NormPlacement::kPost) {
      kernels_.Linear(weight, x, activation, y);
    } else {
      kernels_.NormLinear(norm, weight, x, normed, activation, y);
    }
  }

  void End(const kernels::NormWeight& norm, kernels::Matrix x) const {
    if (norm_placement_ == NormPlacement::kPost) kernels_.LayerNorm(norm, x, x);
  }

  // x[rows, D] in place; `normed` [rows, D] and `inner` [rows, InnerWidth] are
  // scratch. Does nothing where the layer has no feed-forward block.
  void FeedForward(const FeedForwardWeights& weights, kernels::Matrix x,
                   kernels::Matrix normed, kernels::Matrix inner) const {
    if (weights.inner == nullptr) return;
    if (gated_) {
      const int dim = weights.outer->in_dim();
      const kernels::Matrix projected = {inner.data, x.rows, 2 * dim};
      inner = {projected.row(x.rows), x.rows, dim};
      LinearOfInput(weights.norm, *weights.inner, x, normed,
                    kernels::Activation::kNone, projected);
      kernels_.ActivateGated(activation_, projected, inner);
    } else {
      LinearOfInput(weights.norm, *weights.inner, x, normed, activation_,
                    inner);
    }
    kernels_.LinearAdd(*weights.outer, inner, x);
    End(weights.norm, x);
  }

  // A norm of its own in place, where the architecture has it: after the
  // embeddings, or after the last layer of a pre-norm stack.
  void NormIfAny(const kernels::NormWeight& norm, kernels::Matrix x) const {
    if (norm.gain != nullptr) kernels_.LayerNorm(norm, x, x);
  }

 private:
  kernels::Kernels& kernels_;
  const NormPlacement norm_placement_;
  const kernels::Activation activation_;
  const bool gated_;
};

}  // namespace peregrine::model

#endif  // PEREGRINE_ENGINE_MODEL_SUBLAYERS_H_
