#include "engine/decode/sentence_aligner.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace peregrine::decode {

SentenceAligner::SentenceAligner(const AlignedTarget& target,
                                 const AlignedSource& source,
                                 const model::AlignmentConfig& config,
                                 kernels::HeadShape heads,
                                 std::vector<float> keys)
    : source_(source),
      shifted_(config.shifted),
      heads_(heads),
      head_numbers_(config.heads),
      keys_(std::move(keys)) {
  if (head_numbers_.empty()) {
    head_numbers_.resize(heads.num_heads);
    std::iota(head_numbers_.begin(), head_numbers_.end(), 0);
  }
  const size_t length = source.length;
  rows_.resize(target.rows * length);
  nodes_.resize(target.nodes * length);
  scores_.resize(length);
  coverage_.resize(length);
}

void SentenceAligner::Attend(const float* queries, float* mean) {
  const int length = source_.length;
  std::fill_n(mean, length, 0.0f);
  const float scale = 1.0f / std::sqrt(static_cast<float>(heads_.head_dim));
  const float share = 1.0f / static_cast<float>(head_numbers_.size());
  for (int head : head_numbers_) {
    const int begin = head * heads_.head_dim;
    for (int i = 0; i < length; ++i) {
      const float* key = keys_.data() + i * heads_.width() + begin;
      scores_[i] = scale * std::inner_product(key, key + heads_.head_dim,
                                              queries + begin, 0.0f);
    }
    const float largest = *std::max_element(scores_.begin(), scores_.end());
    float sum = 0.0f;
    for (float& score : scores_) sum += score = std::exp(score - largest);
    for (int i = 0; i < length; ++i) mean[i] += share * scores_[i] / sum;
  }
}

void SentenceAligner::TakeQueries(const BeamSearch& search, size_t row,
                                  const float* queries) {
  float* const mean = rows_.data() + row * source_.length;
  Attend(queries, mean);
  const int node = search.live()[row].node;
  if (shifted_ && node >= 0) std::copy_n(mean, source_.length, OfNode(node));
}

void SentenceAligner::TakePosition(int position, const float* queries) {
  const int node = shifted_ ? position - 1 : position;
  if (node >= 0) Attend(queries, OfNode(node));
}

void SentenceAligner::Follow(const BeamSearch& search) {
  const auto nodes = search.nodes();
  for (; num_nodes_ < nodes.size(); ++num_nodes_) {
    std::copy_n(rows_.data() + nodes[num_nodes_].row * source_.length,
                source_.length, OfNode(num_nodes_));
  }
}

double SentenceAligner::Coverage(const BeamSearch& search, int row, int node) {
  std::copy_n(rows_.data() + row * source_.length, source_.length,
              coverage_.begin());
  for (; node >= 0; node = search.nodes()[node].parent) {
    if (static_cast<size_t>(node) >= num_nodes_) continue;  // that is the row
    for (int i = 0; i < source_.length; ++i) coverage_[i] += OfNode(node)[i];
  }
  double sum = 0.0;
  for (float covered : coverage_) sum += std::log(std::min(1.0f, covered));
  return sum;
}

std::vector<float> SentenceAligner::Alignment(
    absl::Span<const int> nodes) const {
  std::vector<float> alignment;
  alignment.reserve(nodes.size() * source_.num_tokens);
  for (int node : nodes) {
    const float* const row = OfNode(node) + source_.first_token;
    alignment.insert(alignment.end(), row, row + source_.num_tokens);
  }
  return alignment;
}

}  // namespace peregrine::decode
