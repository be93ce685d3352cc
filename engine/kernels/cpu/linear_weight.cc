#include "engine/kernels/cpu/linear_weight.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/memory/memory.h"
#include "engine/base/check.h"
#include "engine/base/status_macros.h"
#include "engine/base/thread_team.h"
#include "engine/kernels/host_buffer.h"

namespace peregrine::kernels {
namespace {

constexpr int kPartElements = 1 << 16;
constexpr int kMaxParts = 1 << 12;

size_t RoundUp(size_t value, size_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

}  // namespace

CpuLinearWeight::CpuLinearWeight(Isa isa, const LinearOps& ops, int in_dim,
                                 int out_dim, bool is_int8)
    : isa_(isa),
      ops_(ops),
      in_dim_(in_dim),
      out_dim_(out_dim),
      is_int8_(is_int8),
      steps_(RoundUp((in_dim + ops.step_depth - 1) / ops.step_depth,
                     ops.step_multiple)),
      columns_(RoundUp(out_dim, ops.panel_columns)) {}

size_t CpuLinearWeight::BufferBytes() const {
  const size_t rows_of_columns = is_int8_ ? 3 : 1;
  return (steps_ + rows_of_columns) * columns_ * sizeof(uint32_t);
}

void CpuLinearWeight::Use(std::unique_ptr<Buffer> buffer) {
  buffer_ = std::move(buffer);
  packed_.steps = steps_;
  packed_.panels = static_cast<uint32_t*>(buffer_->data());
  bias_ = reinterpret_cast<float*>(packed_.panels + steps_ * columns_);
  if (is_int8_) {
    packed_.scales = bias_ + columns_;
    packed_.first_sums = reinterpret_cast<int32_t*>(packed_.scales + columns_);
  }
}

absl::Status CpuLinearWeight::PackOutputs(const LinearSource& source, int first,
                                          int count) {
  std::vector<float> buffer;
  PEREGRINE_ASSIGN_OR_RETURN(const float* rows,
                             source.Rows(first, count, buffer));
  PackedWeight to = packed_;
  to.panels += first * steps_;
  if (is_int8_) {
    to.scales += first;
    to.first_sums += first;
  }
  ops_.pack_weight(rows, count, in_dim_, to);
  if (has_rows()) CopyRows(first, count);
  return absl::OkStatus();
}

// Lanes of a row, those of zeros behind in_dim among them: as many as an input
// has.
size_t CpuLinearWeight::RowLanes() const { return RoundUp(steps_, 16); }

void CpuLinearWeight::CopyRows(int first, int count) {
  const size_t panel = ops_.panel_columns;
  // Where inputs are int16, a lane has its second and its third weight in each
  // other's place.
  const bool swapped = ops_.step_bytes == 2 * static_cast<int>(sizeof(int32_t));
  auto* const rows = static_cast<uint32_t*>(rows_buffer_->data());
  for (int j = first; j < first + count; ++j) {
    const uint32_t* const lanes =
        packed_.panels + j / panel * panel * steps_ + j % panel;
    uint32_t* const row = rows + j * RowLanes();
    for (size_t step = 0; step < steps_; ++step) {
      const uint32_t lane = lanes[step * panel];
      row[step] = swapped ? (lane & 0xff0000ffu) | (lane & 0xff00u) << 8 |
                                (lane & 0xff0000u) >> 8
                          : lane;
    }
  }
}

absl::StatusOr<std::unique_ptr<CpuLinearWeight>> CpuLinearWeight::Pack(
    Isa isa, const LinearOps& ops, const LinearSource& source,
    HostArena& arena) {
  auto weight = absl::WrapUnique(
      new CpuLinearWeight(isa, ops, source.in_dim, source.out_dim,
                          source.precision == Precision::kInt8));
  PEREGRINE_ASSIGN_OR_RETURN(auto buffer,
                             arena.Allocate(weight->BufferBytes()));
  weight->Use(std::move(buffer));
  if (source.use == LinearUse::kSelected && ops.run_listed != nullptr) {
    PEREGRINE_ASSIGN_OR_RETURN(
        weight->rows_buffer_,
        arena.Allocate(source.out_dim * weight->RowLanes() * sizeof(uint32_t)));
  }
  // Parts that a core's cache holds: a whole number of panels each.
  const int panel = ops.panel_columns;
  const int panels = (source.out_dim + panel - 1) / panel;
  const int panels_of_part = std::max(
      {1, kPartElements / (panel * source.in_dim), panels / kMaxParts + 1});
  const int num_parts = (panels + panels_of_part - 1) / panels_of_part;
  const auto pack_part = [&](int part) {
    const int first = part * panels_of_part * panel;
    const int count = std::min(panels_of_part * panel, source.out_dim - first);
    return weight->PackOutputs(source, first, count);
  };
  PEREGRINE_RETURN_IF_ERROR(ForParts(source.team, num_parts, pack_part));
  std::copy(source.bias.begin(), source.bias.end(), weight->bias_);
  return weight;
}

absl::StatusOr<std::unique_ptr<CpuLinearWeight>> CpuLinearWeight::Select(
    absl::Span<const int32_t> outputs) const {
  auto selected = absl::WrapUnique(new CpuLinearWeight(
      isa_, ops_, in_dim_, static_cast<int>(outputs.size()), is_int8_));
  PEREGRINE_ASSIGN_OR_RETURN(auto buffer,
                             AllocateHostBuffer(selected->BufferBytes()));
  selected->Use(std::move(buffer));
  const size_t panel = ops_.panel_columns;
  const auto lanes_of = [&](const CpuLinearWeight& weight, size_t column) {
    return weight.packed_.panels + column / panel * steps_ * panel +
           column % panel;
  };
  for (size_t i = 0; i < outputs.size(); ++i) {
    const uint32_t* const from = lanes_of(*this, outputs[i]);
    uint32_t* const to = lanes_of(*selected, i);
    for (size_t step = 0; step < steps_; ++step) {
      to[step * panel] = from[step * panel];
    }
    selected->bias_[i] = bias_[outputs[i]];
    if (is_int8_) {
      selected->packed_.scales[i] = packed_.scales[outputs[i]];
      selected->packed_.first_sums[i] = packed_.first_sums[outputs[i]];
    }
  }
  return selected;
}

CpuLinearWeight::Listed CpuLinearWeight::List(
    absl::Span<const int32_t> outputs) const {
  Listed listed;
  listed.scales.reserve(outputs.size());
  listed.first_sums.reserve(outputs.size());
  listed.bias.reserve(outputs.size());
  for (int32_t output : outputs) {
    listed.scales.push_back(packed_.scales[output]);
    listed.first_sums.push_back(packed_.first_sums[output]);
    listed.bias.push_back(bias_[output]);
  }
  return listed;
}

ListedLinear CpuLinearWeight::ListedProduct(const PackedLinear& linear,
                                            const Listed& listed,
                                            absl::Span<const int32_t> outputs,
                                            int begin, int count) const {
  ListedLinear product;
  product.inputs = linear.inputs;
  product.input_scales = linear.input_scales;
  product.input_stride = linear.input_stride;
  product.rows = linear.rows;
  product.weight = static_cast<const int8_t*>(rows_buffer_->data());
  product.row_bytes = static_cast<int>(RowLanes() * sizeof(uint32_t));
  product.outputs = outputs.data() + begin;
  product.weight_scales = listed.scales.data() + begin;
  product.first_sums = listed.first_sums.data() + begin;
  product.bias = listed.bias.data() + begin;
  product.count = count;
  return product;
}

// Bytes from a row of packed inputs to the next.
size_t CpuLinearWeight::InputStride() const {
  return RowLanes() * ops_.step_bytes;
}

size_t CpuLinearWeight::ScratchFloats(int rows, int num_shares) const {
  const size_t count = std::min(rows, ops_.max_rows);
  size_t inputs = 0;
  if (ops_.pack_inputs != nullptr) {
    inputs = count * InputStride() / sizeof(float);
  }
  return RoundUp(inputs + count + num_shares * count * ops_.panel_columns, 16);
}

PackedLinear CpuLinearWeight::Prepare(Matrix x, float* scratch,
                                      ForRows for_rows) const {
  PEREGRINE_CHECK(x.rows <= ops_.max_rows) << x.rows;
  PackedLinear linear;
  linear.panels = packed_.panels;
  linear.weight_scales = packed_.scales;
  linear.first_sums = packed_.first_sums;
  linear.bias = bias_;
  linear.steps = static_cast<int>(steps_);
  linear.out_dim = out_dim_;
  linear.rows = x.rows;
  if (ops_.pack_inputs == nullptr) {
    linear.inputs = x.data;
    linear.input_stride = x.cols * sizeof(float);
    linear.partial_sums = reinterpret_cast<uint32_t*>(scratch);
    return linear;
  }
  linear.inputs = scratch;
  linear.input_stride = InputStride();
  char* const inputs = reinterpret_cast<char*>(scratch);
  float* const scales = scratch + x.rows * linear.input_stride / sizeof(float);
  for_rows([&](int row) {
    scales[row] = ops_.pack_inputs(x.row(row), x.cols,
                                   inputs + row * linear.input_stride);
  });
  linear.input_scales = scales;
  linear.partial_sums = reinterpret_cast<uint32_t*>(scales + x.rows);
  return linear;
}

PackedLinear CpuLinearWeight::Columns(const PackedLinear& linear, int begin,
                                      int count, int share) const {
  PEREGRINE_CHECK(begin % ops_.panel_columns == 0 && begin + count <= out_dim_)
      << begin << " and " << count << " of " << out_dim_;
  PackedLinear columns = linear;
  columns.panels += begin * steps_;
  columns.bias += begin;
  if (is_int8_) {
    columns.weight_scales += begin;
    columns.first_sums += begin;
  }
  columns.partial_sums +=
      static_cast<size_t>(share) * linear.rows * ops_.panel_columns;
  columns.out_dim = count;
  return columns;
}

PackedLinear CpuLinearWeight::Share(const PackedLinear& linear, int share,
                                    int num_shares) const {
  const int panel = ops_.panel_columns;
  const int panels = static_cast<int>(columns_) / panel;
  const int begin = panels * share / num_shares * panel;
  const int end = panels * (share + 1) / num_shares * panel;
  PackedLinear part =
      Columns(linear, begin, std::min(end, out_dim_) - begin, share);
  part.y += begin;
  return part;
}

absl::StatusOr<std::unique_ptr<OutputSelection>> CpuOutputSelection::Create(
    const CpuLinearWeight& projection, absl::Span<const int32_t> tokens) {
  std::unique_ptr<CpuLinearWeight> copy;
  CpuLinearWeight::Listed listed;
  if (projection.has_rows()) {
    listed = projection.List(tokens);
  } else {
    PEREGRINE_ASSIGN_OR_RETURN(copy, projection.Select(tokens));
  }
  return absl::WrapUnique<OutputSelection>(
      new CpuOutputSelection(tokens, std::move(copy), std::move(listed)));
}

}  // namespace peregrine::kernels
