#include "engine/kernels/reference/reference_kernels.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <vector>

#include "engine/base/check.h"
#include "engine/kernels/host_buffer.h"
#include "engine/kernels/shape_checks.h"

namespace peregrine::kernels {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

class ReferenceLinearWeight final : public LinearWeight {
 public:
  explicit ReferenceLinearWeight(const LinearSource& source)
      : weight_(source.weight.begin(), source.weight.end()),
        bias_(source.bias.begin(), source.bias.end()),
        out_dim_(source.out_dim),
        in_dim_(source.in_dim) {}

  int in_dim() const override { return in_dim_; }
  int out_dim() const override { return out_dim_; }
  size_t bytes() const override {
    return (weight_.size() + bias_.size()) * sizeof(float);
  }

  // x W^T + b of one row and one column.
  double Dot(const float* x, int column) const {
    const float* w = &weight_[static_cast<size_t>(column) * in_dim_];
    double sum = bias_.empty() ? 0.0 : bias_[column];
    for (int i = 0; i < in_dim_; ++i) sum += double{x[i]} * w[i];
    return sum;
  }

 private:
  const std::vector<float> weight_;  // [out_dim, in_dim]
  const std::vector<float> bias_;    // [out_dim] or empty
  const int out_dim_;
  const int in_dim_;
};

const ReferenceLinearWeight& AsReference(const LinearWeight& weight) {
  auto* reference = dynamic_cast<const ReferenceLinearWeight*>(&weight);
  PEREGRINE_CHECK(reference != nullptr) << "weight of another device";
  return *reference;
}

double Activate(Activation activation, double x) {
  switch (activation) {
    case Activation::kNone:
      return x;
    case Activation::kRelu:
      return std::max(x, 0.0);
    case Activation::kGelu:  // the exact one, not the approximation by tanh
      return 0.5 * x * (1.0 + std::erf(x / std::sqrt(2.0)));
    case Activation::kSwish:
      return x / (1.0 + std::exp(-x));
  }
  PEREGRINE_CHECK(false) << "unknown activation";
  return 0.0;
}

// Where attention finds the key and the value of a position.
using RowOfPosition = std::function<const float*(int position)>;

// context = softmax(query keys^T / sqrt(head_dim)) values, head by head, with
// values of num_heads * value_dim. Nothing to attend to gives zero.
void Attend(HeadShape heads, int value_dim, const float* query, int length,
            const RowOfPosition& key, const RowOfPosition& value,
            float* context) {
  const double scale = 1.0 / std::sqrt(double(heads.head_dim));
  for (int h = 0; h < heads.num_heads; ++h) {
    const int begin = h * heads.head_dim;
    const int end = begin + heads.head_dim;

    std::vector<double> weights(length);
    double max_score = -kInfinity;
    for (int t = 0; t < length; ++t) {
      double score = 0.0;
      for (int i = begin; i < end; ++i) score += double{query[i]} * key(t)[i];
      weights[t] = score * scale;
      max_score = std::max(max_score, weights[t]);
    }
    double sum = 0.0;
    for (double& weight : weights) {
      weight = std::exp(weight - max_score);
      sum += weight;
    }
    for (int i = h * value_dim; i < (h + 1) * value_dim; ++i) {
      double mixed = 0.0;
      for (int t = 0; t < length; ++t) mixed += weights[t] / sum * value(t)[i];
      context[i] = static_cast<float>(mixed);
    }
  }
}

double Sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }

const int32_t* CellsOf(const StepRows& rows, int r) {
  return rows.cells + size_t(r) * rows.cells_stride;
}

// The state of the position before row r's new one, element i.
double StateBefore(const StepRows& rows, int r, Matrix states, int i) {
  const int length = rows.lengths[r];
  return length == 1 ? 0.0 : states.row(CellsOf(rows, r)[length - 2])[i];
}

bool IsAllowed(int32_t token, absl::Span<const int32_t> suppressed,
               const TokenConstraint& constraint) {
  if (constraint.only >= 0) return token == constraint.only;
  return token != constraint.forbidden &&
         std::find(suppressed.begin(), suppressed.end(), token) ==
             suppressed.end();
}

double LogSumExp(const float* logits, int count) {
  const double max = *std::max_element(logits, logits + count);
  double sum = 0.0;
  for (int i = 0; i < count; ++i) sum += std::exp(logits[i] - max);
  return max + std::log(sum);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Buffer>> ReferenceKernels::Allocate(
    size_t bytes) {
  return AllocateHostBuffer(bytes);
}

absl::StatusOr<std::unique_ptr<LinearWeight>> ReferenceKernels::PackLinear(
    const LinearSource& source) {
  CheckLinearSource(source);
  return std::make_unique<ReferenceLinearWeight>(source);
}

void ReferenceKernels::CopyToDevice(const void* host, size_t bytes,
                                    void* device) {
  if (bytes > 0) std::memcpy(device, host, bytes);
}

void ReferenceKernels::CopyToHost(const void* device, size_t bytes,
                                  void* host) {
  if (bytes > 0) std::memcpy(host, device, bytes);
}

void ReferenceKernels::Embed(const EmbeddingTable& table, const int32_t* tokens,
                             const int32_t* positions, Matrix y) {
  CheckEmbed(table, y);
  const size_t dim = y.cols;
  for (int r = 0; r < y.rows; ++r) {
    const float* token = table.table + tokens[r] * dim;
    const float* position = table.positions + positions[r] * dim;
    for (size_t i = 0; i < dim; ++i) {
      y.row(r)[i] = double{table.scale} * token[i] + position[i];
    }
  }
}

void ReferenceKernels::LayerNorm(const NormWeight& norm, Matrix x, Matrix y) {
  CheckLayerNorm(norm, x, y);
  const int dim = x.cols;
  for (int r = 0; r < x.rows; ++r) {
    double mean = 0.0;
    for (int i = 0; i < dim; ++i) mean += x.row(r)[i];
    mean /= dim;
    double variance = 0.0;
    for (int i = 0; i < dim; ++i) {
      const double difference = x.row(r)[i] - mean;
      variance += difference * difference;
    }
    variance /= dim;
    const double inverse = 1.0 / std::sqrt(variance + norm.epsilon);
    for (int i = 0; i < dim; ++i) {
      y.row(r)[i] =
          (x.row(r)[i] - mean) * inverse * norm.gain[i] + norm.bias[i];
    }
  }
}

void ReferenceKernels::Linear(const LinearWeight& weight, Matrix x,
                              Activation activation, Matrix y) {
  CheckLinear(weight, x, y);
  const ReferenceLinearWeight& reference = AsReference(weight);
  for (int r = 0; r < y.rows; ++r) {
    for (int j = 0; j < y.cols; ++j) {
      y.row(r)[j] = Activate(activation, reference.Dot(x.row(r), j));
    }
  }
}

void ReferenceKernels::LinearAdd(const LinearWeight& weight, Matrix x,
                                 Matrix y) {
  CheckLinear(weight, x, y);
  const ReferenceLinearWeight& reference = AsReference(weight);
  for (int r = 0; r < y.rows; ++r) {
    for (int j = 0; j < y.cols; ++j) {
      y.row(r)[j] = y.row(r)[j] + reference.Dot(x.row(r), j);
    }
  }
}

void ReferenceKernels::EncoderAttention(HeadShape heads,
                                        const PackedSequences& sequences,
                                        Matrix qkv, Matrix context) {
  CheckEncoderAttention(heads, sequences, qkv, context);
  const int width = heads.width();
  for (int s = 0; s < sequences.num_sequences; ++s) {
    const int begin = sequences.offsets[s];
    const int end = sequences.offsets[s + 1];
    const auto key = [&](int t) { return qkv.row(begin + t) + width; };
    const auto value = [&](int t) { return qkv.row(begin + t) + 2 * width; };
    for (int r = begin; r < end; ++r) {
      Attend(heads, heads.head_dim, qkv.row(r), end - begin, key, value,
             context.row(r));
    }
  }
}

void ReferenceKernels::SelfAttentionStep(HeadShape heads, const StepRows& rows,
                                         Matrix qkv, KvCells cache,
                                         Matrix context) {
  CheckSelfAttentionStep(heads, rows, qkv, cache, context);
  const int width = heads.width();
  for (int r = 0; r < rows.num_rows; ++r) {
    const int32_t* cells = CellsOf(rows, r);
    const int length = rows.lengths[r];
    const int32_t last = cells[length - 1];
    std::copy_n(qkv.row(r) + width, width, cache.keys.row(last));
    std::copy_n(qkv.row(r) + 2 * width, width, cache.values.row(last));
    const auto key = [&](int t) { return cache.keys.row(cells[t]); };
    const auto value = [&](int t) { return cache.values.row(cells[t]); };
    Attend(heads, heads.head_dim, qkv.row(r), length, key, value,
           context.row(r));
  }
}

void ReferenceKernels::StoreKeysValues(const int32_t* cells, Matrix kv,
                                       KvCells cache) {
  CheckStoreKeysValues(kv, cache);
  const int width = cache.keys.cols;
  for (int r = 0; r < kv.rows; ++r) {
    std::copy_n(kv.row(r), width, cache.keys.row(cells[r]));
    std::copy_n(kv.row(r) + width, cache.values.cols,
                cache.values.row(cells[r]));
  }
}

void ReferenceKernels::CrossAttentionStep(HeadShape heads,
                                          const SourceSpans& spans,
                                          Matrix queries, KvCells cache,
                                          Matrix context) {
  CheckCrossAttentionStep(heads, spans, queries, cache, context);
  for (int r = 0; r < spans.num_rows; ++r) {
    const int begin = spans.begins[r];
    const auto key = [&](int t) { return cache.keys.row(begin + t); };
    const auto value = [&](int t) { return cache.values.row(begin + t); };
    Attend(heads, heads.head_dim, queries.row(r), spans.lengths[r], key, value,
           context.row(r));
  }
}

void ReferenceKernels::CompressedAttentionStep(HeadShape heads,
                                               const CompressedCells& cells,
                                               Matrix projected,
                                               Matrix context) {
  CheckCompressedAttentionStep(heads, cells, projected, context);
  const int width = heads.width();
  const int value_width = context.cols;
  for (int r = 0; r < context.rows; ++r) {
    const int32_t* own = CellsOf(cells.rows, r);
    const int length = cells.rows.lengths[r];
    const int source_length = cells.spans.lengths[r];
    const int begin = cells.spans.begins[r];
    const float* new_key = projected.row(r) + width;
    const float* new_value = new_key + width;
    const float* inner = new_value + value_width;
    std::copy_n(new_key, width, cells.target.keys.row(own[length - 1]));
    std::copy_n(new_value, value_width,
                cells.target.values.row(own[length - 1]));
    const auto key = [&](int t) {
      return t < source_length ? cells.source.keys.row(begin + t)
                               : cells.target.keys.row(own[t - source_length]);
    };
    const auto value = [&](int t) {
      return t < source_length
                 ? cells.source.values.row(begin + t)
                 : cells.target.values.row(own[t - source_length]);
    };
    Attend(heads, value_width / heads.num_heads, projected.row(r),
           source_length + length, key, value, context.row(r));
    for (int i = 0; i < value_width; ++i) {
      context.row(r)[i] = std::max(context.row(r)[i] + inner[i], 0.0f);
    }
  }
}

void ReferenceKernels::AverageStep(const StepRows& rows, Matrix x,
                                   Matrix states, Matrix mean) {
  CheckAverageStep(rows, x, states, mean);
  for (int r = 0; r < x.rows; ++r) {
    const int length = rows.lengths[r];
    float* state = states.row(CellsOf(rows, r)[length - 1]);
    for (int i = 0; i < x.cols; ++i) {
      const double before = StateBefore(rows, r, states, i);
      state[i] = ((length - 1) * before + x.row(r)[i]) / length;
    }
    std::copy_n(state, x.cols, mean.row(r));
  }
}

void ReferenceKernels::SsruStep(const StepRows& rows, Matrix projected,
                                Matrix states, Matrix y) {
  CheckSsruStep(rows, projected, states, y);
  for (int r = 0; r < y.rows; ++r) {
    const float* input = projected.row(r);
    float* state = states.row(CellsOf(rows, r)[rows.lengths[r] - 1]);
    for (int i = 0; i < y.cols; ++i) {
      const double forget = Sigmoid(input[y.cols + i]);
      state[i] =
          forget * StateBefore(rows, r, states, i) + (1.0 - forget) * input[i];
      y.row(r)[i] += std::max(state[i], 0.0f);
    }
  }
}

void ReferenceKernels::AddGated(const Gated& a, const Gated& b, Matrix y) {
  CheckAddGated(a, b, y);
  for (int r = 0; r < y.rows; ++r) {
    for (int i = 0; i < y.cols; ++i) {
      y.row(r)[i] += Sigmoid(a.gate.row(r)[i]) * a.value.row(r)[i] +
                     Sigmoid(b.gate.row(r)[i]) * b.value.row(r)[i];
    }
  }
}

void ReferenceKernels::OutputTopK(const LinearWeight& projection, Matrix x,
                                  absl::Span<const int32_t> suppressed,
                                  absl::Span<const TokenConstraint> constraints,
                                  Matrix logits, TopK result) {
  CheckOutputTopK(projection, x, suppressed, constraints, logits, result);
  Linear(projection, x, Activation::kNone, logits);
  const int k = result.k;
  for (int r = 0; r < x.rows; ++r) {
    const float* row = logits.row(r);
    std::vector<int32_t> allowed;
    for (int32_t token = 0; token < logits.cols; ++token) {
      if (row[token] > -kInfinity &&
          IsAllowed(token, suppressed, constraints[r])) {
        allowed.push_back(token);
      }
    }
    std::stable_sort(allowed.begin(), allowed.end(),
                     [row](int32_t a, int32_t b) { return row[a] > row[b]; });
    const double log_sum = LogSumExp(row, logits.cols);
    for (int i = 0; i < k; ++i) {
      const bool exists = i < static_cast<int>(allowed.size());
      result.tokens[r * k + i] = exists ? allowed[i] : -1;
      result.log_probs[r * k + i] =
          exists ? static_cast<float>(row[allowed[i]] - log_sum) : -kInfinity;
    }
  }
}

}  // namespace peregrine::kernels
