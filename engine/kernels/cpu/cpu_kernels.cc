#include "engine/kernels/cpu/cpu_kernels.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/base/status_macros.h"
#include "engine/kernels/cpu/step_cells.h"
#include "engine/kernels/host_buffer.h"
#include "engine/kernels/precision.h"
#include "engine/kernels/shape_checks.h"

namespace peregrine::kernels {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

const VectorOps& VectorOpsFor(Isa isa) {
#if defined(__x86_64__)
  if (isa == Isa::kAvx512Bf16) return Avx512Bf16VectorOps();
  if (isa == Isa::kAvx512Vnni) return Avx512VnniVectorOps();
  if (isa == Isa::kAvx512) return Avx512VectorOps();
  if (isa == Isa::kAvxVnni) return AvxVnniVectorOps();
  if (isa == Isa::kAvx2) return Avx2VectorOps();
#endif
  PEREGRINE_CHECK(isa == Isa::kGeneric) << "not built for " << IsaName(isa);
  return GenericVectorOps();
}

const LinearOps& LinearOpsFor(const VectorOps& ops, Precision precision) {
  switch (precision) {
    case Precision::kFloat32:
      return ops.float32;
    case Precision::kBFloat16:
      return ops.bfloat16;
    case Precision::kInt8:
      return ops.int8;
    case Precision::kFloat16:  // refused by PackLinear
      break;
  }
  PEREGRINE_CHECK(false) << "unknown precision";
  return ops.float32;
}

size_t RoundUp(size_t value, size_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

// A weight as LinearOps reads it, in one buffer: panels, the bias (zero where
// there is none), then scales and first sums of int8.
class CpuLinearWeight final : public LinearWeight {
 public:
  static absl::StatusOr<std::unique_ptr<LinearWeight>> Pack(
      Isa isa, const LinearOps& ops, const LinearSource& source) {
    const size_t steps = (source.in_dim + ops.step_depth - 1) / ops.step_depth;
    const size_t columns = RoundUp(source.out_dim, ops.panel_columns);
    const size_t rows_of_columns = source.precision == Precision::kInt8 ? 3 : 1;
    PEREGRINE_ASSIGN_OR_RETURN(std::unique_ptr<Buffer> buffer,
                               AllocateHostBuffer((steps + rows_of_columns) *
                                                  columns * sizeof(uint32_t)));
    auto packed = absl::WrapUnique(
        new CpuLinearWeight(isa, ops, source, std::move(buffer)));
    packed->steps_ = static_cast<int>(steps);
    packed->packed_.panels = static_cast<uint32_t*>(packed->buffer_->data());
    packed->bias_ =
        reinterpret_cast<float*>(packed->packed_.panels + steps * columns);
    if (source.precision == Precision::kInt8) {
      packed->packed_.scales = packed->bias_ + columns;
      packed->packed_.first_sums =
          reinterpret_cast<int32_t*>(packed->packed_.scales + columns);
    }
    ops.pack_weight(source.weight.data(), source.out_dim, source.in_dim,
                    packed->packed_);
    std::copy(source.bias.begin(), source.bias.end(), packed->bias_);
    return std::unique_ptr<LinearWeight>(std::move(packed));
  }

  int in_dim() const override { return in_dim_; }
  int out_dim() const override { return out_dim_; }
  size_t bytes() const override { return buffer_->bytes(); }

  Isa isa() const { return isa_; }
  const LinearOps& ops() const { return ops_; }
  // What concerns the weight.
  PackedLinear Linear() const {
    PackedLinear linear;
    linear.panels = packed_.panels;
    linear.weight_scales = packed_.scales;
    linear.first_sums = packed_.first_sums;
    linear.bias = bias_;
    linear.steps = steps_;
    linear.out_dim = out_dim_;
    return linear;
  }

 private:
  CpuLinearWeight(Isa isa, const LinearOps& ops, const LinearSource& source,
                  std::unique_ptr<Buffer> buffer)
      : isa_(isa),
        ops_(ops),
        in_dim_(source.in_dim),
        out_dim_(source.out_dim),
        buffer_(std::move(buffer)) {}

  const Isa isa_;
  const LinearOps& ops_;
  const int in_dim_;
  const int out_dim_;
  const std::unique_ptr<Buffer> buffer_;
  int steps_ = 0;
  PackedWeight packed_;
  float* bias_ = nullptr;
};

// -infinity for all that may not follow, so that the best k are found by value
// alone.
void Suppress(absl::Span<const int32_t> suppressed, int32_t forbidden,
              float* logits) {
  for (int32_t token : suppressed) {
    if (token >= 0) logits[token] = -kInfinity;
  }
  if (forbidden >= 0) logits[forbidden] = -kInfinity;
}

}  // namespace

CpuKernels::CpuKernels(Isa isa) : CpuKernels(isa, "cpu") {}

CpuKernels::CpuKernels(Isa isa, std::string device)
    : device_(std::move(device)), isa_(isa), ops_(VectorOpsFor(isa)) {}

absl::StatusOr<std::unique_ptr<Buffer>> CpuKernels::Allocate(size_t bytes) {
  return AllocateHostBuffer(bytes);
}

absl::StatusOr<std::unique_ptr<LinearWeight>> CpuKernels::PackLinear(
    const LinearSource& source) {
  CheckLinearSource(source);
  if (source.precision == Precision::kFloat16) {
    return absl::UnimplementedError(absl::StrCat(
        device(), ": found the precision ", PrecisionName(source.precision),
        ", expected float32, bf16 or int8"));
  }
  return CpuLinearWeight::Pack(isa_, LinearOpsFor(ops_, source.precision),
                               source);
}

void CpuKernels::CopyToDevice(const void* host, size_t bytes, void* device) {
  if (bytes > 0) std::memcpy(device, host, bytes);
}

void CpuKernels::CopyToHost(const void* device, size_t bytes, void* host) {
  if (bytes > 0) std::memcpy(host, device, bytes);
}

void CpuKernels::Embed(const EmbeddingTable& table, const int32_t* tokens,
                       const int32_t* positions, Matrix y) {
  CheckEmbed(table, y);
  const size_t dim = y.cols;
  for (int r = 0; r < y.rows; ++r) {
    const float* position = table.positions + positions[r] * dim;
    if (table.table != nullptr) {
      ops_.embed(table.table + tokens[r] * dim, position, table.scale, y.cols,
                 y.row(r));
    } else {
      ops_.embed_bfloat16(table.bfloat16_table + tokens[r] * dim, position,
                          table.scale, y.cols, y.row(r));
    }
  }
}

void CpuKernels::LayerNorm(const NormWeight& norm, Matrix x, Matrix y) {
  CheckLayerNorm(norm, x, y);
  for (int r = 0; r < x.rows; ++r) {
    ops_.layer_norm(x.row(r), norm.gain, norm.bias, norm.epsilon, x.cols,
                    y.row(r));
  }
}

void CpuKernels::Linear(const LinearWeight& weight, Matrix x,
                        Activation activation, Matrix y) {
  CheckLinear(weight, x, y);
  RunLinear(weight, x, activation, /*add_to_y=*/false, y);
}

void CpuKernels::LinearAdd(const LinearWeight& weight, Matrix x, Matrix y) {
  CheckLinear(weight, x, y);
  RunLinear(weight, x, Activation::kNone, /*add_to_y=*/true, y);
}

void CpuKernels::RunLinear(const LinearWeight& weight, Matrix x,
                           Activation activation, bool add_to_y, Matrix y) {
  auto* packed = dynamic_cast<const CpuLinearWeight*>(&weight);
  PEREGRINE_CHECK(packed != nullptr && packed->isa() == isa_)
      << "weight of another device";
  const LinearOps& ops = packed->ops();
  PackedLinear linear = packed->Linear();
  linear.activation = activation;
  linear.add_to_y = add_to_y;

  const bool packs = ops.pack_inputs != nullptr;
  linear.input_stride = packs ? RoundUp(linear.steps, 16) * ops.step_bytes
                              : x.cols * sizeof(float);
  const size_t max_rows = std::min(x.rows, ops.max_rows);
  const size_t inputs_floats =
      packs ? max_rows * linear.input_stride / sizeof(float) : 0;
  float* const inputs =
      Scratch(inputs_floats + max_rows + max_rows * ops.panel_columns);
  float* const input_scales = inputs + inputs_floats;
  linear.input_scales = input_scales;
  linear.partial_sums = reinterpret_cast<uint32_t*>(input_scales + max_rows);

  for (int begin = 0; begin < x.rows; begin += ops.max_rows) {
    linear.rows = std::min(ops.max_rows, x.rows - begin);
    linear.y = y.row(begin);
    linear.inputs = packs ? inputs : x.row(begin);
    for (int r = 0; packs && r < linear.rows; ++r) {
      char* const row =
          reinterpret_cast<char*>(inputs) + r * linear.input_stride;
      input_scales[r] = ops.pack_inputs(x.row(begin + r), x.cols, row);
    }
    ops.run(linear);
  }
}

void CpuKernels::EncoderAttention(HeadShape heads,
                                  const PackedSequences& sequences, Matrix qkv,
                                  Matrix context) {
  CheckEncoderAttention(heads, sequences, qkv, context);
  SequenceHead head;
  head.stride = qkv.cols;
  head.context_stride = context.cols;
  head.head_dim = heads.head_dim;
  for (int s = 0; s < sequences.num_sequences; ++s) {
    const int begin = sequences.offsets[s];
    head.length = sequences.offsets[s + 1] - begin;
    PEREGRINE_CHECK(begin >= 0 && head.length >= 0 &&
                    begin + head.length <= qkv.rows)
        << "sequence " << s << " from " << begin << " of " << head.length;
    head.scratch =
        Scratch(ops_.sequence_scratch_floats(head.length, heads.head_dim));
    for (int h = 0; h < heads.num_heads; ++h) {
      head.queries = qkv.row(begin) + h * heads.head_dim;
      head.keys = head.queries + heads.width();
      head.values = head.keys + heads.width();
      head.context = context.row(begin) + h * heads.head_dim;
      ops_.attend_sequence(head);
    }
  }
}

void CpuKernels::SelfAttentionStep(HeadShape heads, const StepRows& rows,
                                   Matrix qkv, KvCells cache, Matrix context) {
  CheckSelfAttentionStep(heads, rows, qkv, cache, context);
  StoreNewest(ops_, rows, qkv, heads.width(), cache);
  CellAttention attention;
  attention.queries = qkv.data;
  attention.stride = qkv.cols;
  attention.lengths = rows.lengths;
  attention.cells = rows.cells;
  attention.cells_stride = rows.cells_stride;
  AttendCells(heads, rows.num_rows, cache, context, attention);
}

void CpuKernels::StoreKeysValues(const int32_t* cells, Matrix kv,
                                 KvCells cache) {
  CheckStoreKeysValues(kv, cache);
  for (int r = 0; r < kv.rows; ++r) {
    StoreCell(ops_, kv.row(r), cells[r], cache);
  }
}

void CpuKernels::CrossAttentionStep(HeadShape heads, const SourceSpans& spans,
                                    Matrix queries, KvCells cache,
                                    Matrix context) {
  CheckCrossAttentionStep(heads, spans, queries, cache, context);
  CheckSpans(spans, cache.keys.rows);
  CellAttention attention;
  attention.queries = queries.data;
  attention.stride = queries.cols;
  attention.lengths = spans.lengths;
  attention.begins = spans.begins;
  AttendCells(heads, spans.num_rows, cache, context, attention);
}

void CpuKernels::AttendCells(HeadShape heads, int num_rows,
                             const KvCells& cache, Matrix context,
                             CellAttention attention) {
  if (num_rows == 0) return;
  const int max_length =
      *std::max_element(attention.lengths, attention.lengths + num_rows);
  attention.keys = KeysOf(cache);
  attention.values = ValuesOf(cache);
  attention.context = context.data;
  attention.num_rows = num_rows;
  attention.num_heads = heads.num_heads;
  attention.head_dim = heads.head_dim;
  attention.value_dim = heads.head_dim;
  attention.scratch =
      Scratch(ops_.cell_scratch_floats(heads.num_heads, max_length));
  if (IsBFloat16(cache)) {
    ops_.attend_bfloat16_cells(attention);
  } else {
    ops_.attend_cells(attention);
  }
}

void CpuKernels::OutputTopK(const LinearWeight& projection, Matrix x,
                            absl::Span<const int32_t> suppressed,
                            absl::Span<const TokenConstraint> constraints,
                            Matrix logits, TopK result) {
  CheckOutputTopK(projection, x, suppressed, constraints, logits, result);
  Linear(projection, x, Activation::kNone, logits);
  for (int r = 0; r < x.rows; ++r) {
    float* row = logits.row(r);
    if (constraints[r].forbidden_before_softmax) {
      Suppress({}, constraints[r].forbidden, row);
    }
    const SoftmaxSums sums = ops_.softmax_sums(row, logits.cols);
    const float log_sum = sums.max + std::log(sums.sum);

    float* log_probs = result.log_probs + static_cast<size_t>(r) * result.k;
    int32_t* tokens = result.tokens + static_cast<size_t>(r) * result.k;
    const int32_t only = constraints[r].only;
    if (only >= 0) {
      const bool possible = row[only] > -kInfinity;
      std::fill_n(tokens, result.k, -1);
      std::fill_n(log_probs, result.k, -kInfinity);
      tokens[0] = possible ? only : -1;
      log_probs[0] = row[only];
    } else {
      Suppress(suppressed, constraints[r].forbidden, row);
      ops_.top_k(row, logits.cols, result.k, log_probs, tokens);
    }
    for (int i = 0; i < result.k; ++i) log_probs[i] -= log_sum;
  }
}

float* CpuKernels::Scratch(size_t floats) {
  const size_t bytes = floats * sizeof(float);
  if (scratch_ == nullptr || scratch_->bytes() < bytes) {
    scratch_ = nullptr;
    // Twice what is asked for, so that slowly rising lengths do not map anew
    // each time; untouched pages cost nothing.
    auto grown = AllocateHostBuffer(std::max(2 * bytes, size_t{1} << 20));
    PEREGRINE_CHECK(grown.ok()) << grown.status();
    scratch_ = *std::move(grown);
  }
  return static_cast<float*>(scratch_->data());
}

}  // namespace peregrine::kernels
