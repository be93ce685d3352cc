#ifndef PEREGRINE_COMPARE_WORKLOAD_H_
#define PEREGRINE_COMPARE_WORKLOAD_H_

#include <cstdint>
#include <vector>

#include "engine/decode/session.h"
#include "engine/model/config.h"

namespace peregrine::compare {

// Lengths of sentences in tokens: log-normal, about mean 27 and deviation 15,
// from 3 to 100, as in bench/. Not drawn but the quantiles of the distribution,
// so that few sentences have its shape, too. In a random order that `seed`
// decides; none above `longest`.
std::vector<int> SentenceLengths(int count, std::uint32_t seed, int longest);

// Sentences of random tokens for a model with `config`, each translated into
// exactly as many tokens as it has, so that models whose weights mean nothing
// do comparable work. The longest first, as a batcher would have them.
std::vector<decode::SentenceInput> MakeSentences(
    const std::vector<int>& lengths, const model::ModelConfig& config,
    int beam_size);

}  // namespace peregrine::compare

#endif  // PEREGRINE_COMPARE_WORKLOAD_H_
