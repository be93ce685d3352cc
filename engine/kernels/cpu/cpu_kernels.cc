#include "engine/kernels/cpu/cpu_kernels.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/base/status_macros.h"
#include "engine/kernels/cpu/linear_weight.h"
#include "engine/kernels/cpu/step_cells.h"
#include "engine/kernels/host_buffer.h"
#include "engine/kernels/precision.h"
#include "engine/kernels/shape_checks.h"

namespace peregrine::kernels {
namespace {

// The part of a table that is one head's.
DistanceBias BiasOfHead(DistanceBias bias, int head) {
  if (bias.table != nullptr) {
    bias.table += static_cast<size_t>(head) * (2 * bias.max_distance + 1);
  }
  return bias;
}

const LinearOps& LinearOpsFor(const VectorOps& ops, Precision precision) {
  switch (precision) {
    case Precision::kFloat32:
      return ops.float32;
    case Precision::kBFloat16:
      return ops.bfloat16;
    case Precision::kInt8:
      return ops.int8;
    case Precision::kFloat16:  // these are refused by PackLinear
    case Precision::kFloat8:
      break;
  }
  PEREGRINE_CHECK(false) << "unknown precision";
  return ops.float32;
}

// Of cache lines, so that each thread's scratch begins at one.
size_t WholeLines(size_t floats) {
  constexpr size_t kLine = 16;
  return (floats + kLine - 1) / kLine * kLine;
}

int64_t MultiplyAdds(const LinearWeight& weight, int rows) {
  return int64_t{rows} * weight.in_dim() * weight.out_dim();
}

}  // namespace

CpuKernels::CpuKernels(Isa isa, const CpuThreads& threads)
    : CpuKernels(isa, "cpu", threads) {}

CpuKernels::CpuKernels(Isa isa, std::string device, const CpuThreads& threads)
    : device_(std::move(device)),
      isa_(isa),
      ops_(VectorOpsFor(isa)),
      min_shared_multiply_adds_(threads.min_multiply_adds),
      best_outputs_(ops_),
      team_(threads.num_threads > 1
                ? std::make_unique<ThreadTeam>(threads.num_threads)
                : nullptr) {}

int CpuKernels::NumShares(int64_t multiply_adds) const {
  if (team_ == nullptr || multiply_adds < min_shared_multiply_adds_) return 1;
  return team_->num_threads();
}

void CpuKernels::ForShares(int num_shares,
                           absl::FunctionRef<void(int share)> work) {
  if (num_shares == 1) return work(0);
  team_->Run(num_shares, work);
}

// A step along a row costs as much as many multiply-adds of a product.
void CpuKernels::ForRows(int rows, int elements,
                         absl::FunctionRef<void(int row)> work) {
  constexpr int64_t kMultiplyAdds = 16;
  const int shares = std::min(rows, NumShares(kMultiplyAdds * elements * rows));
  if (shares <= 1) {
    for (int row = 0; row < rows; ++row) work(row);
    return;
  }
  ForShares(shares, [&](int share) {
    const int end = rows * (share + 1) / shares;
    for (int row = rows * share / shares; row < end; ++row) work(row);
  });
}

PackedLinear CpuKernels::Prepare(const CpuLinearWeight& weight, Matrix x,
                                 float* scratch) {
  return weight.Prepare(x, scratch, [&](absl::FunctionRef<void(int)> pack) {
    ForRows(x.rows, x.cols, pack);
  });
}

absl::StatusOr<std::unique_ptr<Buffer>> CpuKernels::Allocate(size_t bytes) {
  return AllocateHostBuffer(bytes);
}

absl::StatusOr<std::unique_ptr<LinearWeight>> CpuKernels::PackLinear(
    const LinearSource& source) {
  CheckLinearSource(source);
  if (source.precision == Precision::kFloat16 ||
      source.precision == Precision::kFloat8) {
    return absl::UnimplementedError(absl::StrCat(
        device(), ": found the precision ", PrecisionName(source.precision),
        ", expected float32, bf16 or int8"));
  }
  return CpuLinearWeight::Pack(isa_, LinearOpsFor(ops_, source.precision),
                               source, weights_);
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
  ForRows(y.rows, y.cols, [&](int r) {
    const float* position = table.positions + positions[r] * dim;
    if (table.table != nullptr) {
      ops_.embed(table.table + tokens[r] * dim, position, table.scale, y.cols,
                 y.row(r));
    } else if (table.bfloat16_table != nullptr) {
      ops_.embed_bfloat16(table.bfloat16_table + tokens[r] * dim, position,
                          table.scale, y.cols, y.row(r));
    } else {
      ops_.embed_int8(table.int8_table + tokens[r] * dim,
                      table.int8_scales[tokens[r]], position, table.scale,
                      y.cols, y.row(r));
    }
  });
}

void CpuKernels::LayerNorm(const NormWeight& norm, Matrix x, Matrix y) {
  CheckLayerNorm(norm, x, y);
  ForRows(x.rows, x.cols, [&](int r) {
    ops_.layer_norm(x.row(r), norm.gain, norm.bias, norm.epsilon, x.cols,
                    y.row(r));
  });
}

void CpuKernels::ActivateGated(Activation activation, Matrix projected,
                               Matrix y) {
  CheckActivateGated(projected, y);
  ForRows(y.rows, y.cols, [&](int r) {
    const float* const gate = projected.row(r);
    ops_.activate_gated(activation, gate, gate + y.cols, y.cols, y.row(r));
  });
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

const CpuLinearWeight& CpuKernels::Own(const LinearWeight& weight) const {
  auto* own = dynamic_cast<const CpuLinearWeight*>(&weight);
  PEREGRINE_CHECK(own != nullptr && own->isa() == isa_)
      << "weight of another device";
  return *own;
}

void CpuKernels::RunLinear(const LinearWeight& weight, Matrix x,
                           Activation activation, bool add_to_y, Matrix y) {
  const CpuLinearWeight& own = Own(weight);
  const int max_rows = own.ops().max_rows;
  const int shares = NumShares(MultiplyAdds(own, std::min(max_rows, x.rows)));
  float* const scratch = Scratch(own.ScratchFloats(x.rows, shares));
  if (scratch == nullptr) return;
  for (int begin = 0; begin < x.rows; begin += max_rows) {
    const int rows = std::min(max_rows, x.rows - begin);
    PackedLinear linear = Prepare(own, x.Rows(begin, rows), scratch);
    linear.activation = activation;
    linear.add_to_y = add_to_y;
    linear.y = y.row(begin);
    linear.y_stride = y.cols;
    ForShares(shares, [&](int share) {
      own.ops().run(own.Share(linear, share, shares));
    });
  }
}

void CpuKernels::EncoderAttention(HeadShape heads,
                                  const PackedSequences& sequences, Matrix qkv,
                                  Matrix context) {
  CheckEncoderAttention(heads, sequences, qkv, context);
  for (int s = 0; s < sequences.num_sequences; ++s) {
    const int begin = sequences.offsets[s];
    const int length = sequences.offsets[s + 1] - begin;
    PEREGRINE_CHECK(begin >= 0 && length >= 0 && begin + length <= qkv.rows)
        << "sequence " << s << " from " << begin << " of " << length;
    AttendSequence(heads, qkv.Rows(begin, length), context.Rows(begin, length));
  }
}

void CpuKernels::AttendSequence(HeadShape heads, Matrix qkv, Matrix context) {
  const int length = qkv.rows;
  const int shares = NumShares(int64_t{2} * length * length * heads.width());
  const size_t floats =
      WholeLines(ops_.sequence_scratch_floats(length, heads.head_dim));
  float* const scratch = Scratch(shares * floats);
  if (scratch == nullptr) return;
  ForShares(shares, [&](int share) {
    SequenceHead head;
    head.stride = qkv.cols;
    head.context_stride = context.cols;
    head.length = length;
    head.head_dim = heads.head_dim;
    head.scratch = scratch + share * floats;
    const int end = heads.num_heads * (share + 1) / shares;
    for (int h = heads.num_heads * share / shares; h < end; ++h) {
      head.bias = BiasOfHead(heads.bias, h);
      head.queries = qkv.data + h * heads.head_dim;
      head.keys = head.queries + heads.width();
      head.values = head.keys + heads.width();
      head.context = context.data + h * heads.head_dim;
      ops_.attend_sequence(head);
    }
  });
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
  ForRows(kv.rows, kv.cols,
          [&](int r) { StoreCell(ops_, kv.row(r), cells[r], cache); });
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
  attention.key_stride = cache.keys.stride;
  attention.value_stride = cache.values.stride;
  attention.context_stride = context.cols;
  attention.num_rows = num_rows;
  attention.head_dim = heads.head_dim;
  attention.value_dim = heads.head_dim;
  // Its products are of one row, or a few: slow ones.
  constexpr int64_t kSlower = 4;
  const int64_t positions = std::accumulate(
      attention.lengths, attention.lengths + num_rows, int64_t{0});
  const int shares = std::min(
      heads.num_heads, NumShares(kSlower * 2 * positions * heads.width()));
  const size_t floats =
      WholeLines(ops_.cell_scratch_floats(heads.num_heads, max_length));
  float* const scratch = Scratch(shares * floats);
  if (scratch == nullptr) return;
  ForShares(shares, [&](int share) {
    const int begin = heads.num_heads * share / shares;
    const int offset = begin * heads.head_dim;
    CellAttention some = attention;
    some.num_heads = heads.num_heads * (share + 1) / shares - begin;
    some.bias = BiasOfHead(heads.bias, begin);
    some.queries += offset;
    some.context = context.data + offset;
    some.scratch = scratch + share * floats;
    if (IsBFloat16(cache)) {
      some.keys = cache.bfloat16_keys + offset;
      some.values = cache.bfloat16_values + offset;
      ops_.attend_bfloat16_cells(some);
    } else {
      some.keys = cache.keys.data + offset;
      some.values = cache.values.data + offset;
      ops_.attend_cells(some);
    }
  });
}

void CpuKernels::OutputTopK(const LinearWeight& projection, Matrix x,
                            absl::Span<const int32_t> suppressed,
                            absl::Span<const TokenConstraint> constraints,
                            Matrix logits, TopK result) {
  CheckOutputTopK(projection, x, suppressed, constraints, logits, result);
  best_outputs_.Start(suppressed, constraints, /*selection=*/nullptr, result);
  RunOutput(projection, x, logits);
  best_outputs_.Finish();
}

void CpuKernels::RunOutput(const LinearWeight& projection, Matrix x, Matrix) {
  RunOutputBlocks(Own(projection), x);
}

absl::StatusOr<std::unique_ptr<OutputSelection>> CpuKernels::SelectOutputs(
    const LinearWeight& projection, absl::Span<const int32_t> tokens) {
  CheckSelectOutputs(projection, tokens);
  return CpuOutputSelection::Create(Own(projection), tokens);
}

void CpuKernels::SelectedTopK(const LinearWeight& projection,
                              const OutputSelection& selection, Matrix x,
                              absl::Span<const int32_t> suppressed,
                              absl::Span<const TokenConstraint> constraints,
                              Matrix logits, TopK result) {
  CheckOutputTopK(projection, x, suppressed, constraints, logits, result);
  auto* own = dynamic_cast<const CpuOutputSelection*>(&selection);
  PEREGRINE_CHECK(own != nullptr) << "selection of another device";
  best_outputs_.Start(suppressed, constraints, &selection, result);
  if (own->copy() != nullptr) {
    RunOutputBlocks(*own->copy(), x);
  } else {
    RunListedBlocks(Own(projection), *own, x);
  }
  best_outputs_.Finish();
}

void CpuKernels::RunOutputBlocks(const CpuLinearWeight& weight, Matrix x) {
  RunBlocks(weight, x, weight.out_dim(),
            [&](const PackedLinear& linear, int begin, int columns, int share,
                float* y, size_t y_stride) {
              PackedLinear some = weight.Columns(linear, begin, columns, share);
              some.y = y;
              some.y_stride = y_stride;
              weight.ops().run(some);
            });
}

void CpuKernels::RunListedBlocks(const CpuLinearWeight& weight,
                                 const CpuOutputSelection& selection,
                                 Matrix x) {
  const absl::Span<const int32_t> outputs = selection.tokens();
  RunBlocks(weight, x, static_cast<int>(outputs.size()),
            [&](const PackedLinear& linear, int begin, int columns, int,
                float* y, size_t y_stride) {
              ListedLinear some = weight.ListedProduct(
                  linear, selection.listed(), outputs, begin, columns);
              some.y = y;
              some.y_stride = y_stride;
              weight.ops().run_listed(some);
            });
}

// Logits block by block of columns, each scanned while it is in the cache, so
// that whole rows of them are never in memory. Threads compute a block each;
// then they scan these, some rows each.
void CpuKernels::RunBlocks(const CpuLinearWeight& weight, Matrix x,
                           int num_outputs, MultiplyBlock multiply) {
  constexpr int kColumns = BestOutputs::kBlockColumns;
  constexpr int64_t kFewOutputs = 1 << 17;  // half a megabyte of them
  const int max_rows = weight.ops().max_rows;
  const int block_rows = std::min(max_rows, x.rows);
  const int shares =
      NumShares(int64_t{block_rows} * weight.in_dim() * num_outputs);
  if (shares > 1 && int64_t{x.rows} * num_outputs <= kFewOutputs) {
    return RunBlocksAtOnce(weight, x, num_outputs, multiply);
  }
  const size_t prepared = weight.ScratchFloats(x.rows, shares);
  const size_t block_floats = static_cast<size_t>(block_rows) * kColumns;
  float* const scratch = Scratch(prepared + shares * block_floats);
  if (scratch == nullptr) return;
  float* const logits = scratch + prepared;
  const int num_blocks = (num_outputs + kColumns - 1) / kColumns;
  for (int begin = 0; begin < x.rows; begin += max_rows) {
    const int rows = std::min(max_rows, x.rows - begin);
    const PackedLinear linear = Prepare(weight, x.Rows(begin, rows), scratch);
    for (int first = 0; first < num_blocks; first += shares) {
      const int blocks = std::min(shares, num_blocks - first);
      const auto block = [&](int share) -> Matrix {
        const int left = num_outputs - (first + share) * kColumns;
        return {logits + share * block_floats, rows, std::min(left, kColumns)};
      };
      ForShares(blocks, [&](int share) {
        const Matrix y = block(share);
        multiply(linear, (first + share) * kColumns, y.cols, share, y.data,
                 y.cols);
      });
      ForRows(rows, blocks * kColumns, [&](int row) {
        for (int share = 0; share < blocks; ++share) {
          best_outputs_.Take(begin + row, (first + share) * kColumns,
                             block(share).Rows(row, 1));
        }
      });
    }
  }
}

// All logits of a few rows, which then stay in the cache: threads wait for each
// other twice, and not at every block.
void CpuKernels::RunBlocksAtOnce(const CpuLinearWeight& weight, Matrix x,
                                 int num_outputs, MultiplyBlock multiply) {
  constexpr int kColumns = BestOutputs::kBlockColumns;
  const int num_blocks = (num_outputs + kColumns - 1) / kColumns;
  const size_t prepared = weight.ScratchFloats(x.rows, num_blocks);
  float* const scratch =
      Scratch(prepared + static_cast<size_t>(x.rows) * num_outputs);
  if (scratch == nullptr) return;
  const Matrix logits = {scratch + prepared, x.rows, num_outputs};
  const PackedLinear linear = Prepare(weight, x, scratch);
  ForShares(num_blocks, [&](int block) {
    const int begin = block * kColumns;
    multiply(linear, begin, std::min(kColumns, num_outputs - begin), block,
             logits.data + begin, logits.cols);
  });
  best_outputs_.TakeAll(
      /*first_row=*/0, logits,
      [&](int num_pieces, absl::FunctionRef<void(int piece)> work) {
        ForShares(num_pieces, work);
      });
}

float* CpuKernels::Scratch(size_t floats) {
  const size_t bytes = floats * sizeof(float);
  if (scratch_ == nullptr || scratch_->bytes() < bytes) {
    scratch_ = nullptr;
    // Twice what is asked for, so that slowly rising lengths do not map anew
    // each time; untouched pages cost nothing.
    auto grown = AllocateHostBuffer(std::max(2 * bytes, size_t{1} << 20));
    if (!grown.ok()) {
      Fail(grown.status());
      return nullptr;
    }
    scratch_ = *std::move(grown);
  }
  return static_cast<float*>(scratch_->data());
}

}  // namespace peregrine::kernels
