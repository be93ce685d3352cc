#ifndef PEREGRINE_ENGINE_KERNELS_CPU_LINEAR_WEIGHT_H_
#define PEREGRINE_ENGINE_KERNELS_CPU_LINEAR_WEIGHT_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "engine/kernels/cpu/isa.h"
#include "engine/kernels/cpu/vector_ops.h"
#include "engine/kernels/host_arena.h"
#include "engine/kernels/kernels.h"

namespace peregrine::kernels {

// A weight as LinearOps reads it, in one buffer: panels, the bias (zero where
// there is none), then scales and first sums of int8. One of int8 of which some
// outputs will be selected has its rows once more, each in one piece.
class CpuLinearWeight final : public LinearWeight {
 public:
  // `ops` are those of source.precision on `isa`. RESOURCE_EXHAUSTED, or an
  // error of source.read_rows.
  static absl::StatusOr<std::unique_ptr<CpuLinearWeight>> Pack(
      Isa isa, const LinearOps& ops, const LinearSource& source,
      HostArena& arena);

  // The outputs `outputs` of this weight, in their order: a copy.
  absl::StatusOr<std::unique_ptr<CpuLinearWeight>> Select(
      absl::Span<const int32_t> outputs) const;

  // Whether it can do without that copy, by ops().run_listed.
  bool has_rows() const { return rows_buffer_ != nullptr; }
  // What goes with a weight that has rows and some of its outputs.
  struct Listed {
    std::vector<float> scales;
    std::vector<int32_t> first_sums;
    std::vector<float> bias;
  };
  Listed List(absl::Span<const int32_t> outputs) const;
  // The product with what Prepare has packed, for outputs[begin] to
  // outputs[begin + count - 1]; it lacks only where y is.
  ListedLinear ListedProduct(const PackedLinear& linear, const Listed& listed,
                             absl::Span<const int32_t> outputs, int begin,
                             int count) const;

  int in_dim() const override { return in_dim_; }
  int out_dim() const override { return out_dim_; }
  size_t bytes() const override {
    return buffer_->bytes() + (has_rows() ? rows_buffer_->bytes() : 0);
  }

  Isa isa() const { return isa_; }
  const LinearOps& ops() const { return ops_; }

  // Of Prepare for up to this many rows, or ops().max_rows if that is fewer.
  size_t ScratchFloats(int rows, int num_shares = 1) const;

  // Calls pack(row) for each of some rows, in any order and by any thread.
  using ForRows =
      absl::FunctionRef<void(absl::FunctionRef<void(int row)> pack)>;

  // The product with x, packed into `scratch` by `for_rows`, which lacks only
  // where y is and what happens to it. x has at most ops().max_rows rows.
  // `scratch` is that of the product, until it is done.
  PackedLinear Prepare(Matrix x, float* scratch, ForRows for_rows) const;

  // The same product for the outputs [begin, begin + count) alone. `begin` is a
  // multiple of ops().panel_columns. Products with different `share`, of which
  // ScratchFloats was for as many, may run side by side.
  PackedLinear Columns(const PackedLinear& linear, int begin, int count,
                       int share = 0) const;

  // One of `num_shares` parts of the product, of whole panels and maybe empty,
  // which may run side by side.
  PackedLinear Share(const PackedLinear& linear, int share,
                     int num_shares) const;

 private:
  CpuLinearWeight(Isa isa, const LinearOps& ops, int in_dim, int out_dim,
                  bool is_int8);
  // Puts the parts into a buffer of BufferBytes().
  void Use(std::unique_ptr<Buffer> buffer);
  size_t BufferBytes() const;
  // Packs the outputs [first, first + count), of whole panels or to the end.
  absl::Status PackOutputs(const LinearSource& source, int first, int count);
  // Copies those outputs from their panels.
  void CopyRows(int first, int count);
  size_t InputStride() const;
  size_t RowLanes() const;

  const Isa isa_;
  const LinearOps& ops_;
  const int in_dim_;
  const int out_dim_;
  const bool is_int8_;
  const size_t steps_;
  const size_t columns_;  // out_dim in whole panels
  std::unique_ptr<Buffer> buffer_;
  std::unique_ptr<Buffer> rows_buffer_;  // [out_dim, RowLanes()] lanes, or null
  PackedWeight packed_;
  float* bias_ = nullptr;
};

// Of a projection that has rows only what goes with them; of any other a copy
// of the selected outputs, so that each product reads them in order.
class CpuOutputSelection final : public OutputSelection {
 public:
  static absl::StatusOr<std::unique_ptr<OutputSelection>> Create(
      const CpuLinearWeight& projection, absl::Span<const int32_t> tokens);

  const CpuLinearWeight* copy() const { return copy_.get(); }  // or null
  const CpuLinearWeight::Listed& listed() const { return listed_; }

 private:
  CpuOutputSelection(absl::Span<const int32_t> tokens,
                     std::unique_ptr<CpuLinearWeight> copy,
                     CpuLinearWeight::Listed listed)
      : OutputSelection(tokens),
        copy_(std::move(copy)),
        listed_(std::move(listed)) {}

  const std::unique_ptr<CpuLinearWeight> copy_;
  const CpuLinearWeight::Listed listed_;
};

}  // namespace peregrine::kernels

#endif  // PEREGRINE_ENGINE_KERNELS_CPU_LINEAR_WEIGHT_H_
