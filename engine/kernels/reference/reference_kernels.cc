#include "engine/kernels/reference/reference_kernels.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "engine/base/check.h"
#include "engine/base/float16.h"
#include "engine/base/float8.h"
#include "engine/base/status_macros.h"
#include "engine/kernels/host_buffer.h"
#include "engine/kernels/shape_checks.h"

namespace peregrine::kernels {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Element i of a token's row, as the table holds it.
float TokenElement(const EmbeddingTable& table, int32_t token, size_t dim,
                   size_t i) {
  const size_t place = token * dim + i;
  if (table.table != nullptr) return table.table[place];
  if (table.bfloat16_table != nullptr) {
    return FromBFloat16(table.bfloat16_table[place]);
  }
  return static_cast<float>(table.int8_table[place]) * table.int8_scales[token];
}

// What a linear layer in `precision` makes of a weight or an input.
float RoundTo(Precision precision, float x) {
  if (precision == Precision::kBFloat16) return FromBFloat16(ToBFloat16(x));
  if (precision == Precision::kFloat16) return FromFloat16(ToFloat16(x));
  return x;
}

bool IsIn8Bits(Precision precision) {
  return precision == Precision::kInt8 || precision == Precision::kFloat8;
}

// A row of numbers of 8 bits times its scale.
struct Quantized {
  std::vector<float> values;
  float scale = 0.0f;
};

Quantized Quantize(Precision precision, const float* x, int count) {
  const bool is_int8 = precision == Precision::kInt8;
  const float most = is_int8 ? 127.0f : kMaxFloat8;
  float largest = 0.0f;
  for (int i = 0; i < count; ++i) largest = std::max(largest, std::abs(x[i]));
  Quantized row;
  row.values.resize(count);
  if (largest < 1e-35f) return row;
  row.scale = largest / most;
  const float inverse = most / largest;
  for (int i = 0; i < count; ++i) {
    const float scaled = x[i] * inverse;
    row.values[i] =
        is_int8 ? std::nearbyint(scaled) : FromFloat8(ToFloat8(scaled));
  }
  return row;
}

class ReferenceLinearWeight final : public LinearWeight {
 public:
  // `weight` is that of `source`.
  ReferenceLinearWeight(const LinearSource& source, const float* weight)
      : precision_(source.precision),
        weight_(weight,
                weight + static_cast<size_t>(source.out_dim) * source.in_dim),
        bias_(source.bias.begin(), source.bias.end()),
        out_dim_(source.out_dim),
        in_dim_(source.in_dim) {
    for (float& w : weight_) w = RoundTo(precision_, w);
    if (IsIn8Bits(precision_)) {
      for (int column = 0; column < out_dim_; ++column) {
        quantized_.push_back(Quantize(precision_, Column(column), in_dim_));
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
    if (IsIn8Bits(precision_)) {
      const Quantized input = Quantize(precision_, x, in_dim_);
      for (int j = 0; j < out_dim_; ++j) y[j] = DotIn8Bits(input, j);
      return y;
    }
    std::vector<float> input(x, x + in_dim_);
    for (float& value : input) value = RoundTo(precision_, value);
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

  // In float32 once the sum is there, which is exact: the order of these few
  // operations is part of the definition, so that devices can agree to the bit.
  float DotIn8Bits(const Quantized& x, int column) const {
    const Quantized& w = quantized_[column];
    double sum = 0;
    for (int i = 0; i < in_dim_; ++i) sum += double{x.values[i]} * w.values[i];
    const float product = static_cast<float>(sum) * w.scale * x.scale;
    return product + (bias_.empty() ? 0.0f : bias_[column]);
  }

  const Precision precision_;
  std::vector<float> weight_;         // [out_dim, in_dim]
  std::vector<Quantized> quantized_;  // [out_dim], in 8 bits only
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
    case Activation::kGeluTanh:
      return 0.5 * x *
             (1.0 +
              std::tanh(std::sqrt(2.0 / M_PI) * (x + 0.044715 * x * x * x)));
  }
  PEREGRINE_CHECK(false) << "unknown activation";
  return 0.0;
}

// Where attention finds the key and the value of a position.
using RowOfPosition = std::function<const float*(int position)>;

double BiasOf(HeadShape heads, int head, int distance) {
  const DistanceBias& bias = heads.bias;
  if (bias.table == nullptr) return 0.0;
  const int max = bias.max_distance;
  return bias
      .table[head * (2 * max + 1) + max + std::clamp(distance, -max, max)];
}

// context = softmax((query keys^T + bias) / sqrt(head_dim)) values, head by
// head, with values of num_heads * value_dim. The query is at `position` among
// the keys. Nothing to attend to gives zero.
void Attend(HeadShape heads, int value_dim, const float* query, int position,
            int length, const RowOfPosition& key, const RowOfPosition& value,
            float* context) {
  const double scale = 1.0 / std::sqrt(double(heads.head_dim));
  for (int h = 0; h < heads.num_heads; ++h) {
    const int begin = h * heads.head_dim;
    const int end = begin + heads.head_dim;

    std::vector<double> weights(length);
    double max_score = -kInfinity;
    for (int t = 0; t < length; ++t) {
      double score = BiasOf(heads, h, t - position);
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

const int32_t* CellsOf(const StepRows& rows, int r) {
  return rows.cells + size_t(r) * rows.cells_stride;
}

// Of row r's new position.
int32_t LastCell(const StepRows& rows, int r) {
  return CellsOf(rows, r)[rows.lengths[r] - 1];
}

// Some cells of caches as floats, in the order of their positions.
class GatheredCells {
 public:
  explicit GatheredCells(const KvCells& like)
      : key_width_(like.keys.cols), value_width_(like.values.cols) {}

  void Add(const KvCells& cache, int32_t cell) {
    Append(cache.keys, cache.bfloat16_keys, cell, keys_);
    Append(cache.values, cache.bfloat16_values, cell, values_);
    ++length_;
  }
  void AddSpan(const KvCells& cache, const SourceSpans& spans, int r) {
    for (int t = 0; t < spans.lengths[r]; ++t) Add(cache, spans.begins[r] + t);
  }
  void AddPositions(const KvCells& cache, const StepRows& rows, int r) {
    for (int t = 0; t < rows.lengths[r]; ++t) Add(cache, CellsOf(rows, r)[t]);
  }

  int length() const { return length_; }
  int value_width() const { return value_width_; }
  const float* key(int t) const { return &keys_[size_t(t) * key_width_]; }
  const float* value(int t) const { return &values_[size_t(t) * value_width_]; }

 private:
  static void Append(const StridedMatrix& cells, const uint16_t* in_bfloat16,
                     int32_t cell, std::vector<float>& to) {
    for (int i = 0; i < cells.cols; ++i) {
      to.push_back(in_bfloat16 == nullptr
                       ? cells.row(cell)[i]
                       : FromBFloat16(in_bfloat16[cell * cells.stride + i]));
    }
  }

  const int key_width_;
  const int value_width_;
  int length_ = 0;
  std::vector<float> keys_;
  std::vector<float> values_;
};

void Attend(HeadShape heads, const float* query, const GatheredCells& cells,
            float* context) {
  Attend(
      heads, cells.value_width() / heads.num_heads, query, cells.length() - 1,
      cells.length(), [&](int t) { return cells.key(t); },
      [&](int t) { return cells.value(t); }, context);
}

void StoreRow(const float* x, int32_t cell, const StridedMatrix& cells,
              uint16_t* in_bfloat16) {
  if (in_bfloat16 == nullptr) {
    std::copy_n(x, cells.cols, cells.row(cell));
    return;
  }
  for (int i = 0; i < cells.cols; ++i) {
    in_bfloat16[cell * cells.stride + i] = ToBFloat16(x[i]);
  }
}

// `kv` is the key and the value of one position, one after the other.
void StoreCell(const float* kv, int32_t cell, const KvCells& cache) {
  StoreRow(kv, cell, cache.keys, cache.bfloat16_keys);
  StoreRow(kv + cache.keys.cols, cell, cache.values, cache.bfloat16_values);
}

double Sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }

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
  std::vector<float> buffer;
  PEREGRINE_ASSIGN_OR_RETURN(const float* weight,
                             source.Rows(0, source.out_dim, buffer));
  return std::make_unique<ReferenceLinearWeight>(source, weight);
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
      const double token = TokenElement(table, tokens[r], dim, i);
      y.row(r)[i] = table.scale * token + position[i];
    }
  }
}

void ReferenceKernels::LayerNorm(const NormWeight& norm, Matrix x, Matrix y) {
  CheckLayerNorm(norm, x, y);
  const bool is_rms = norm.bias == nullptr;
  const int dim = x.cols;
  for (int r = 0; r < x.rows; ++r) {
    double mean = 0.0;
    for (int i = 0; i < dim; ++i) mean += x.row(r)[i];
    mean = is_rms ? 0.0 : mean / dim;
    double variance = 0.0;
    for (int i = 0; i < dim; ++i) {
      const double difference = x.row(r)[i] - mean;
      variance += difference * difference;
    }
    variance /= dim;
    const double inverse = 1.0 / std::sqrt(variance + norm.epsilon);
    for (int i = 0; i < dim; ++i) {
      y.row(r)[i] = (x.row(r)[i] - mean) * inverse * norm.gain[i] +
                    (is_rms ? 0.0f : norm.bias[i]);
    }
  }
}

void ReferenceKernels::ActivateGated(Activation activation, Matrix projected,
                                     Matrix y) {
  CheckActivateGated(projected, y);
  for (int r = 0; r < y.rows; ++r) {
    const float* const gate = projected.row(r);
    for (int i = 0; i < y.cols; ++i) {
      y.row(r)[i] =
          static_cast<float>(Activate(activation, gate[i]) * gate[y.cols + i]);
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
      Attend(heads, heads.head_dim, qkv.row(r), r - begin, end - begin, key,
             value, context.row(r));
    }
  }
}

void ReferenceKernels::SelfAttentionStep(HeadShape heads, const StepRows& rows,
                                         Matrix qkv, KvCells cache,
                                         Matrix context) {
  CheckSelfAttentionStep(heads, rows, qkv, cache, context);
  for (int r = 0; r < rows.num_rows; ++r) {
    StoreCell(qkv.row(r) + heads.width(), LastCell(rows, r), cache);
    GatheredCells gathered(cache);
    gathered.AddPositions(cache, rows, r);
    Attend(heads, qkv.row(r), gathered, context.row(r));
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
    GatheredCells gathered(cache);
    gathered.AddSpan(cache, spans, r);
    Attend(heads, queries.row(r), gathered, context.row(r));
  }
}

void ReferenceKernels::CompressedAttentionStep(HeadShape heads,
                                               const CompressedCells& cells,
                                               Matrix projected,
                                               Matrix context) {
  CheckCompressedAttentionStep(heads, cells, projected, context);
  for (int r = 0; r < context.rows; ++r) {
    const float* new_key_value = projected.row(r) + heads.width();
    const float* inner = new_key_value + heads.width() + context.cols;
    StoreCell(new_key_value, LastCell(cells.rows, r), cells.target);
    GatheredCells gathered(cells.target);
    gathered.AddSpan(cells.source, cells.spans, r);
    gathered.AddPositions(cells.target, cells.rows, r);
    Attend(heads, projected.row(r), gathered, context.row(r));
    for (int i = 0; i < context.cols; ++i) {
      context.row(r)[i] = std::max(context.row(r)[i] + inner[i], 0.0f);
    }
  }
}

void ReferenceKernels::AverageStep(const StepRows& rows, Matrix x,
                                   Matrix states, Matrix mean) {
  CheckAverageStep(rows, x, states, mean);
  for (int r = 0; r < x.rows; ++r) {
    const int length = rows.lengths[r];
    float* state = states.row(LastCell(rows, r));
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
    float* state = states.row(LastCell(rows, r));
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
