#ifndef PEREGRINE_ENGINE_KERNELS_SHAPE_CHECKS_H_
#define PEREGRINE_ENGINE_KERNELS_SHAPE_CHECKS_H_

#include "engine/kernels/kernels.h"

namespace peregrine::kernels {

// What the operations of every device demand of their arguments; each is fatal
// on a mismatch, which is a bug of the caller.
void CheckLinearSource(const LinearSource& source);
void CheckEmbed(const EmbeddingTable& table, Matrix y);
void CheckLayerNorm(const NormWeight& norm, Matrix x, Matrix y);
void CheckActivateGated(Matrix projected, Matrix y);
void CheckLinear(const LinearWeight& weight, Matrix x, Matrix y);
void CheckEncoderAttention(HeadShape heads, const PackedSequences& sequences,
                           Matrix qkv, Matrix context);
void CheckSelfAttentionStep(HeadShape heads, const StepRows& rows, Matrix qkv,
                            const KvCells& cache, Matrix context);
void CheckStoreKeysValues(Matrix kv, const KvCells& cache);
void CheckCrossAttentionStep(HeadShape heads, const SourceSpans& spans,
                             Matrix queries, const KvCells& cache,
                             Matrix context);
void CheckCompressedAttentionStep(HeadShape heads, const CompressedCells& cells,
                                  Matrix projected, Matrix context);
void CheckAverageStep(const StepRows& rows, Matrix x, Matrix states,
                      Matrix mean);
void CheckSsruStep(const StepRows& rows, Matrix projected, Matrix states,
                   Matrix y);
void CheckAddGated(const Gated& a, const Gated& b, Matrix y);
void CheckOutputTopK(const LinearWeight& projection, Matrix x,
                     absl::Span<const int32_t> suppressed,
                     absl::Span<const TokenConstraint> constraints,
                     Matrix logits, const TopK& result);
void CheckSelectOutputs(const LinearWeight& projection,
                        absl::Span<const int32_t> tokens);

}  // namespace peregrine::kernels

#endif  // PEREGRINE_ENGINE_KERNELS_SHAPE_CHECKS_H_
