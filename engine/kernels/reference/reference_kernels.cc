#include "engine/kernels/reference/reference_kernels.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <vector>

#include "engine/base/check.h"
#include "engine/kernels/host_buffer.h"
#include "engine/kernels/precision.h"
#include "engine/kernels/shape_checks.h"

namespace peregrine::kernels {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

float FromBFloat16(uint16_t x) {
  const uint32_t bits = uint32_t{x} << 16;
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

float RoundToBFloat16(float x) { return FromBFloat16(ToBFloat16(x)); }

// A row of int8 times its scale.
struct Quantized {
  std::vector<int> values;
  float scale = 0.0f;
};

Quantized Quantize(const float* x, int count) {
  float largest = 0.0f;
  for (int i = 0; i < count; ++i) largest = std::max(largest, std::abs(x[i]));
  Quantized row;
  row.values.resize(count);
  if (largest < 1e-35f) return row;
  row.scale = largest / 127.0f;
  const float inverse = 127.0f / largest;
  for (int i = 0; i < count; ++i) {
    row.values[i] = static_cast<int>(std::nearbyint(x[i] * inverse));
  }
  return row;
}

class ReferenceLinearWeight final : public LinearWeight {
 public:
  explicit ReferenceLinearWeight(const LinearSource& source)
      : precision_(source.precision),
        weight_(source.weight.begin(), source.weight.end()),
        bias_(source.bias.begin(), source.bias.end()),
        out_dim_(source.out_dim),
        in_dim_(source.in_dim) {
    if (precision_ == Precision::kBFloat16) {
      for (float& w : weight_) w = RoundToBFloat16(w);
    } else if (precision_ == Precision::kInt8) {
      for (int column = 0; column < out_dim_; ++column) {
        quantized_.push_back(Quantize(Column(column), in_dim_));
      }
    }
  }

  int in_dim() const override { return in_dim_; }
  int out_dim() const override { return out_dim_; }
  size_t bytes() const override {
    return (weight_.size() + bias_.size()) * sizeof(float);
  }

  // x W^T + b of one row.
  std::vector<double> Multiply(const float* x) const {
    std::vector<double> y(out_dim_);
    if (precision_ == Precision::kInt8) {
      const Quantized input = Quantize(x, in_dim_);
      for (int j = 0; j < out_dim_; ++j) y[j] = DotInt8(input, j);
      return y;
    }
    std::vector<float> input(x, x + in_dim_);
    if (precision_ == Precision::kBFloat16) {
      for (float& value : input) value = RoundToBFloat16(value);
    }
    for (int j = 0; j < out_dim_; ++j) y[j] = Dot(input, j);
    return y;
  }

 private:
  const float* Column(int column) const {
    return &weight_[static_cast<size_t>(column) * in_dim_];
  }

  double Dot(const std::vector<float>& x, int column) const {
    const float* w = Column(column);
    double sum = bias_.empty() ? 0.0 : bias_[column];
    for (int i = 0; i < in_dim_; ++i) sum += double{x[i]} * w[i];
    return sum;
  }

  // In float32 once the sum is there: the order of these few operations is part
  // of the definition, so that devices can agree to the bit.
  float DotInt8(const Quantized& x, int column) const {
    const Quantized& w = quantized_[column];
    int64_t sum = 0;
    for (int i = 0; i < in_dim_; ++i) sum += x.values[i] * w.values[i];
    const float product = static_cast<float>(sum) * w.scale * x.scale;
    return product + (bias_.empty() ? 0.0f : bias_[column]);
  }

  const Precision precision_;
  std::vector<float> weight_;         // [out_dim, in_dim]
  std::vector<Quantized> quantized_;  // [out_dim], int8 only
  const std::vector<float> bias_;     // [out_dim] or empty
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

// context = softmax(query keys^T / sqrt(head_dim)) values, head by head.
// Nothing to attend to gives zero.
void Attend(HeadShape heads, const float* query, int length,
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
    for (int i = begin; i < end; ++i) {
      double mixed = 0.0;
      for (int t = 0; t < length; ++t) mixed += weights[t] / sum * value(t)[i];
      context[i] = static_cast<float>(mixed);
    }
  }
}

// Some cells of a cache as floats, in the order of their positions.
struct GatheredCells {
  int width = 0;
  std::vector<float> keys;
  std::vector<float> values;

  void Add(const KvCells& cache, int32_t cell) {
    width = cache.keys.cols;
    Append(cache.keys, cache.bfloat16_keys, cell, keys);
    Append(cache.values, cache.bfloat16_values, cell, values);
  }
  const float* key(int t) const { return &keys[size_t(t) * width]; }
  const float* value(int t) const { return &values[size_t(t) * width]; }

  static void Append(Matrix cells, const uint16_t* in_bfloat16, int32_t cell,
                     std::vector<float>& to) {
    for (int i = 0; i < cells.cols; ++i) {
      to.push_back(
          in_bfloat16 == nullptr
              ? cells.row(cell)[i]
              : FromBFloat16(in_bfloat16[size_t(cell) * cells.cols + i]));
    }
  }
};

void Attend(HeadShape heads, const float* query, int length,
            const GatheredCells& cells, float* context) {
  Attend(
      heads, query, length, [&](int t) { return cells.key(t); },
      [&](int t) { return cells.value(t); }, context);
}

void StoreRow(const float* x, int32_t cell, Matrix cells,
              uint16_t* in_bfloat16) {
  if (in_bfloat16 == nullptr) {
    std::copy_n(x, cells.cols, cells.row(cell));
    return;
  }
  for (int i = 0; i < cells.cols; ++i) {
    in_bfloat16[size_t(cell) * cells.cols + i] = ToBFloat16(x[i]);
  }
}

// `kv` is the key and the value of one position, one after the other.
void StoreCell(const float* kv, int32_t cell, const KvCells& cache) {
  StoreRow(kv, cell, cache.keys, cache.bfloat16_keys);
  StoreRow(kv + cache.keys.cols, cell, cache.values, cache.bfloat16_values);
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
    const float* position = table.positions + positions[r] * dim;
    for (size_t i = 0; i < dim; ++i) {
      const size_t place = tokens[r] * dim + i;
      const float token = table.table != nullptr
                              ? table.table[place]
                              : FromBFloat16(table.bfloat16_table[place]);
      y.row(r)[i] = double{table.scale} * token + position[i];
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
    const std::vector<double> product = reference.Multiply(x.row(r));
    for (int j = 0; j < y.cols; ++j) {
      y.row(r)[j] = Activate(activation, product[j]);
    }
  }
}

void ReferenceKernels::LinearAdd(const LinearWeight& weight, Matrix x,
                                 Matrix y) {
  CheckLinear(weight, x, y);
  const ReferenceLinearWeight& reference = AsReference(weight);
  for (int r = 0; r < y.rows; ++r) {
    const std::vector<double> product = reference.Multiply(x.row(r));
    for (int j = 0; j < y.cols; ++j) y.row(r)[j] = y.row(r)[j] + product[j];
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
      Attend(heads, qkv.row(r), end - begin, key, value, context.row(r));
    }
  }
}

void ReferenceKernels::SelfAttentionStep(HeadShape heads, const StepRows& rows,
                                         Matrix qkv, KvCells cache,
                                         Matrix context) {
  CheckSelfAttentionStep(heads, rows, qkv, cache, context);
  for (int r = 0; r < rows.num_rows; ++r) {
    const int32_t* cells = rows.cells + size_t(r) * rows.cells_stride;
    const int length = rows.lengths[r];
    StoreCell(qkv.row(r) + heads.width(), cells[length - 1], cache);
    GatheredCells gathered;
    for (int t = 0; t < length; ++t) gathered.Add(cache, cells[t]);
    Attend(heads, qkv.row(r), length, gathered, context.row(r));
  }
}

void ReferenceKernels::StoreKeysValues(const int32_t* cells, Matrix kv,
                                       KvCells cache) {
  CheckStoreKeysValues(kv, cache);
  for (int r = 0; r < kv.rows; ++r) StoreCell(kv.row(r), cells[r], cache);
}

void ReferenceKernels::CrossAttentionStep(HeadShape heads,
                                          const SourceSpans& spans,
                                          Matrix queries, KvCells cache,
                                          Matrix context) {
  CheckCrossAttentionStep(heads, spans, queries, cache, context);
  for (int r = 0; r < spans.num_rows; ++r) {
    GatheredCells gathered;
    for (int t = 0; t < spans.lengths[r]; ++t) {
      gathered.Add(cache, spans.begins[r] + t);
    }
    Attend(heads, queries.row(r), spans.lengths[r], gathered, context.row(r));
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
    float* row = logits.row(r);
    const TokenConstraint& constraint = constraints[r];
    if (constraint.forbidden_before_softmax && constraint.forbidden >= 0) {
      row[constraint.forbidden] = -kInfinity;
    }
    std::vector<int32_t> allowed;
    for (int32_t token = 0; token < logits.cols; ++token) {
      if (row[token] > -kInfinity && IsAllowed(token, suppressed, constraint)) {
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
