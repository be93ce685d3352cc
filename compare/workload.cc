#include "compare/workload.h"

#include <algorithm>
#include <cmath>
#include <random>

namespace peregrine::compare {
namespace {

constexpr double kMeanLength = 27.0;
constexpr double kLengthDeviation = 15.5;
constexpr int kShortest = 3;
constexpr int kLongest = 100;

double NormalDistribution(double x) { return 0.5 * std::erfc(-x / M_SQRT2); }

// Its inverse, by bisection.
double NormalQuantile(double probability) {
  double low = -10;
  double high = 10;
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    (NormalDistribution(middle) < probability ? low : high) = middle;
  }
  return low;
}

}  // namespace

std::vector<int> SentenceLengths(int count, std::uint32_t seed, int longest) {
  const double ratio = kLengthDeviation / kMeanLength;
  const double variance = std::log1p(ratio * ratio);
  const double mu = std::log(kMeanLength) - variance / 2;
  std::vector<int> lengths(count);
  for (int i = 0; i < count; ++i) {
    const double quantile = NormalQuantile((i + 0.5) / count);
    const double length = std::exp(mu + std::sqrt(variance) * quantile);
    lengths[i] =
        std::clamp(static_cast<int>(std::lround(length)), kShortest, kLongest);
    lengths[i] = std::min(lengths[i], longest);
  }
  std::shuffle(lengths.begin(), lengths.end(), std::mt19937(seed));
  return lengths;
}

std::vector<decode::SentenceInput> MakeSentences(
    const std::vector<int>& lengths, const model::ModelConfig& config,
    int beam_size) {
  // The lowest ids are those of symbols.
  const int vocab_size = config.architecture.source_vocab_size;
  const int first = std::min(4, vocab_size - 1);
  std::mt19937 random(17);
  std::uniform_int_distribution<std::int32_t> token(first, vocab_size - 1);
  std::vector<decode::SentenceInput> sentences(lengths.size());
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    decode::SentenceInput& sentence = sentences[i];
    sentence.source.resize(lengths[i]);
    for (std::int32_t& id : sentence.source) id = token(random);
    sentence.options.beam_size = beam_size;
    sentence.options.min_length = lengths[i];
    sentence.options.max_length = lengths[i];
    sentence.options.rules = config.decoding.rules;
  }
  std::stable_sort(sentences.begin(), sentences.end(),
                   [](const auto& a, const auto& b) {
                     return a.source.size() > b.source.size();
                   });
  return sentences;
}

}  // namespace peregrine::compare
