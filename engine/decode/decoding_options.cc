#include "engine/decode/decoding_options.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace peregrine::decode {

double NormalizedScore(const DecodingOptions& options, double sum, int length) {
  const double penalty = static_cast<double>(options.rules.word_penalty);
  return (sum - penalty * length) / std::pow(length, options.length_penalty);
}

std::vector<int> HardAlignment(const Hypothesis& hypothesis) {
  std::vector<int> sources;
  if (hypothesis.tokens.empty()) return sources;
  const size_t width = hypothesis.alignment.size() / hypothesis.tokens.size();
  if (width == 0) return sources;
  for (size_t i = 0; i < hypothesis.tokens.size(); ++i) {
    const auto row = hypothesis.alignment.begin() + i * width;
    sources.push_back(
        static_cast<int>(std::max_element(row, row + width) - row));
  }
  return sources;
}

}  // namespace peregrine::decode
