#ifndef PEREGRINE_ENGINE_MODEL_POSITIONS_H_
#define PEREGRINE_ENGINE_MODEL_POSITIONS_H_

#include <vector>

#include "absl/types/span.h"
#include "engine/model/config.h"

namespace peregrine::model {

// The table [max_positions, dim] of a sinusoidal encoding, as specified in
// docs/model-format.md. `dim` is even.
std::vector<float> SinusoidalPositions(PositionEncoding encoding,
                                       int max_positions, int dim);

// The bucket of `distance`, key position minus query position. A decoder's
// queries have no keys behind them, so that it has all buckets for the others.
int BucketOfDistance(const DistanceBuckets& buckets, bool is_encoder,
                     int distance);

// The table of kernels::DistanceBias, [num_heads, 2 * max_distance + 1], from
// that of the buckets, [num_buckets, num_heads].
std::vector<float> DistanceTable(const DistanceBuckets& buckets,
                                 bool is_encoder, int num_heads,
                                 absl::Span<const float> by_bucket);

}  // namespace peregrine::model

#endif  // PEREGRINE_ENGINE_MODEL_POSITIONS_H_
