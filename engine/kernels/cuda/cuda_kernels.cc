#include "engine/kernels/cuda/cuda_kernels.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/base/status_macros.h"
#include "engine/kernels/cuda/step_shapes.h"
#include "engine/kernels/precision.h"
#include "engine/kernels/shape_checks.h"

namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// What a step and an admission copy to the device, several times over.
constexpr size_t kStagingBytes = size_t{8} << 20;
// 4096 tokens of 2048 inputs in 16 bits, twice.
constexpr size_t kScratchBytes = size_t{32} << 20;
constexpr size_t kBestBytes = size_t{2} << 20;
constexpr size_t kConstraintBytes = size_t{64} << 10;
constexpr size_t kTopKPartsBytes = size_t{4} << 20;

int RoundUp(int value, int multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

bool IsIn8Bits(Precision precision) {
  return precision == Precision::kInt8 || precision == Precision::kFloat8;
}

size_t ElementBytes(Precision precision) {
  if (IsIn8Bits(precision)) return 1;
  return precision == Precision::kFloat32 ? sizeof(float) : sizeof(uint16_t);
}

class CudaLinearWeight final : public LinearWeight {
 public:
  CudaLinearWeight(const PackedWeight& packed, const LibraryProducts& products,
                   std::unique_ptr<Buffer> weight, std::unique_ptr<Buffer> bias,
                   std::unique_ptr<Buffer> scales)
      : packed_(packed),
        products_(products),
        weight_(std::move(weight)),
        bias_(std::move(bias)),
        scales_(std::move(scales)) {}

  int in_dim() const override { return packed_.in_dim; }
  int out_dim() const override { return packed_.out_dim; }
  size_t bytes() const override {
    return weight_->bytes() + (bias_ == nullptr ? 0 : bias_->bytes()) +
           (scales_ == nullptr ? 0 : scales_->bytes());
  }
  const PackedWeight& packed() const { return packed_; }
  const LibraryProducts& products() const { return products_; }

 private:
  const PackedWeight packed_;
  const LibraryProducts products_;
  const std::unique_ptr<Buffer> weight_;
  const std::unique_ptr<Buffer> bias_;
  const std::unique_ptr<Buffer> scales_;  // of 8 bits
};

const CudaLinearWeight& WeightOf(const LinearWeight& weight) {
  auto* cuda_weight = dynamic_cast<const CudaLinearWeight*>(&weight);
  PEREGRINE_CHECK(cuda_weight != nullptr) << "weight of another device";
  return *cuda_weight;
}

}  // namespace

// ---- Life

absl::StatusOr<std::unique_ptr<CudaKernels>> CudaKernels::Create(
    std::shared_ptr<CudaDevice> device, const ProductOptions& products,
    const GpuTuning& tuning) {
  auto kernels =
      absl::WrapUnique(new CudaKernels(std::move(device), products, tuning));
  PEREGRINE_RETURN_IF_ERROR(kernels->Start());
  return kernels;
}

CudaKernels::CudaKernels(std::shared_ptr<CudaDevice> device,
                         const ProductOptions& products,
                         const GpuTuning& tuning)
    : device_(std::move(device)), products_(products), tuning_(tuning) {}

absl::Status CudaKernels::Start() {
  PEREGRINE_ASSIGN_OR_RETURN(stream_, device_->NewStream());
  PEREGRINE_ASSIGN_OR_RETURN(staging_, Staging::Create(kStagingBytes));
  PEREGRINE_ASSIGN_OR_RETURN(scratch_, Allocate(kScratchBytes));
  if (products_.use_library) library_ = device_->library();
  PEREGRINE_ASSIGN_OR_RETURN(best_, Allocate(kBestBytes));
  PEREGRINE_ASSIGN_OR_RETURN(constraints_, Allocate(kConstraintBytes));
  if (tuning_.split_top_k) {
    PEREGRINE_ASSIGN_OR_RETURN(top_k_parts_, Allocate(kTopKPartsBytes));
  }
  return absl::OkStatus();
}

CudaKernels::~CudaKernels() {
  if (stream_ == nullptr) return;
  (void)device_->Use();
  (void)stream_->Synchronize();  // staging is read until then
  for (const StepGraph& graph : graphs_) {
    if (graph.exec != nullptr) cudaGraphExecDestroy(graph.exec);
  }
}

bool CudaKernels::Ready() {
  if (error_.ok()) Note(device_->Use(), "choosing the device");
  return error_.ok();
}

void CudaKernels::Note(cudaError_t error, const char* operation) {
  if (error == cudaSuccess || !error_.ok()) return;
  error_ = ToStatus(error, absl::StrCat(device(), ": ", operation));
}

void CudaKernels::Note(const absl::Status& status) {
  if (!status.ok() && error_.ok()) {
    error_ = absl::Status(status.code(),
                          absl::StrCat(device(), ": ", status.message()));
  }
}

void CudaKernels::Synchronize() {
  Note(stream_->Synchronize(), "waiting for the device");
  staging_->Reset();
}

// Two events of the stream.
class CudaKernels::EventStopwatch final : public Stopwatch {
 public:
  EventStopwatch(CudaKernels& kernels, std::unique_ptr<const Event> begin,
                 std::unique_ptr<const Event> end)
      : kernels_(kernels), begin_(std::move(begin)), end_(std::move(end)) {}

  void Start() override { Record(*begin_); }
  void Stop() override { Record(*end_); }
  std::chrono::nanoseconds Elapsed() override {
    float milliseconds = 0.0f;
    if (!kernels_.Ready()) return {};
    kernels_.Note(end_->Synchronize(), "waiting for an event");
    if (!kernels_.Ready()) return {};
    kernels_.Note(
        cudaEventElapsedTime(&milliseconds, begin_->get(), end_->get()),
        "reading a time");
    return std::chrono::nanoseconds(
        static_cast<int64_t>(double{milliseconds} * 1e6));
  }

 private:
  void Record(const Event& event) {
    if (!kernels_.Ready()) return;
    kernels_.Note(event.Record(kernels_.stream()), "an event");
  }

  CudaKernels& kernels_;
  const std::unique_ptr<const Event> begin_;
  const std::unique_ptr<const Event> end_;
};

// Without events, as when the device has failed, there is the host's clock.
std::unique_ptr<Stopwatch> CudaKernels::NewStopwatch() {
  using Timing = CudaDevice::Timing;
  auto begin = device_->NewEvent(Timing::kForStopwatch);
  auto end = device_->NewEvent(Timing::kForStopwatch);
  if (!begin.ok() || !end.ok()) return Kernels::NewStopwatch();
  return std::make_unique<EventStopwatch>(*this, *std::move(begin),
                                          *std::move(end));
}

// ---- Memory

absl::StatusOr<std::unique_ptr<Buffer>> CudaKernels::Allocate(size_t bytes) {
  PEREGRINE_RETURN_IF_ERROR(status());
  PEREGRINE_RETURN_IF_ERROR(ToStatus(device_->Use(), device()));
  return device_->Allocate(bytes, stream_);
}

absl::StatusOr<std::unique_ptr<LinearWeight>> CudaKernels::PackLinear(
    const LinearSource& source) {
  CheckLinearSource(source);
  if (IsIn8Bits(source.precision) && !tuning_.eight_bits) {
    return absl::UnimplementedError(absl::StrCat(
        device(), ": found the precision ", PrecisionName(source.precision),
        ", expected float32, bf16 or fp16"));
  }
  PackedWeight packed;
  packed.precision = source.precision;
  packed.out_dim = source.out_dim;
  packed.in_dim = source.in_dim;
  packed.padded_in = RoundUp(source.in_dim, kInTile);
  const int padded_out = RoundUp(source.out_dim, kOutTile);
  PEREGRINE_ASSIGN_OR_RETURN(
      auto weight,
      Allocate(ElementBytes(source.precision) * padded_out * packed.padded_in));
  packed.weight = weight->data();
  std::unique_ptr<Buffer> scales;
  if (IsIn8Bits(source.precision)) {
    PEREGRINE_ASSIGN_OR_RETURN(scales, Allocate(sizeof(float) * padded_out));
    packed.scales = static_cast<const float*>(scales->data());
  }
  PEREGRINE_RETURN_IF_ERROR(PackRowsOf(
      source,
      {weight->data(),
       scales == nullptr ? nullptr : static_cast<float*>(scales->data()),
       padded_out, packed.padded_in}));
  std::unique_ptr<Buffer> bias;
  if (!source.bias.empty()) {
    const size_t bytes = source.bias.size() * sizeof(float);
    PEREGRINE_ASSIGN_OR_RETURN(bias, Allocate(bytes));
    CopyToDevice(source.bias.data(), bytes, bias->data());
    packed.bias = static_cast<const float*>(bias->data());
  }
  Synchronize();  // other instances use it on streams of their own
  PEREGRINE_RETURN_IF_ERROR(status());
  return std::make_unique<CudaLinearWeight>(
      packed, ProductsOf(packed, source.rows, source.use), std::move(weight),
      std::move(bias), std::move(scales));
}

LibraryProducts CudaKernels::ProductsOf(const PackedWeight& weight,
                                        LinearRows rows, LinearUse use) {
  if (library_ == nullptr) return {};
  return ChooseProducts(*library_,
                        rows == LinearRows::kSourceTokens
                            ? products_.of_source_tokens
                            : products_.of_hypotheses,
                        weight, use, workspace(), *device_, stream_);
}

// As many rows at once as scratch memory holds in float32.
absl::Status CudaKernels::PackRowsOf(const LinearSource& source,
                                     const RoundedRows& to) {
  std::vector<float> buffer;
  const size_t row_bytes = sizeof(float) * source.in_dim;
  const int rows_at_once =
      static_cast<int>(std::max<size_t>(scratch_->bytes() / row_bytes, 1));
  PEREGRINE_CHECK(row_bytes <= scratch_->bytes()) << source.in_dim << " inputs";
  auto* const floats = static_cast<float*>(scratch_->data());
  for (int begin = 0; begin < source.out_dim && Ready();
       begin += rows_at_once) {
    const int count = std::min(rows_at_once, source.out_dim - begin);
    const bool last = begin + count == source.out_dim;
    PEREGRINE_ASSIGN_OR_RETURN(const float* rows,
                               source.Rows(begin, count, buffer));
    CopyToDevice(rows, count * row_bytes, floats);
    RoundedRows part = to;
    part.data = static_cast<char*>(to.data) +
                ElementBytes(source.precision) * begin * to.padded_in;
    if (to.scales != nullptr) part.scales = to.scales + begin;
    part.rows = last ? to.rows - begin : count;
    Note(RoundRows({{floats, count, source.in_dim}}, source.precision, part,
                   stream()),
         "packing a weight");
  }
  return absl::OkStatus();
}

void CudaKernels::CopyToDevice(const void* host, size_t bytes, void* device) {
  const char* from = static_cast<const char*>(host);
  char* to = static_cast<char*>(device);
  while (bytes > 0 && Ready()) {
    // Large copies in pieces of which two fit, so that one is under way while
    // the next is filled in.
    const size_t count = std::min(bytes, staging_->bytes() / 2);
    void* piece = staging_->Take(count);
    if (piece == nullptr) {
      Synchronize();
      continue;
    }
    std::memcpy(piece, from, count);
    Note(cudaMemcpyAsync(to, piece, count, cudaMemcpyHostToDevice, stream()),
         "copying to the device");
    from += count;
    to += count;
    bytes -= count;
  }
}

void CudaKernels::CopyToHost(const void* device, size_t bytes, void* host) {
  const char* from = static_cast<const char*>(device);
  char* to = static_cast<char*>(host);
  while (bytes > 0 && Ready()) {
    const size_t count = std::min(bytes, staging_->bytes() / 2);
    void* piece = staging_->Take(count);
    if (piece == nullptr) {
      Synchronize();
      continue;
    }
    Note(cudaMemcpyAsync(piece, from, count, cudaMemcpyDeviceToHost, stream()),
         "copying to the host");
    Synchronize();
    if (error_.ok()) std::memcpy(to, piece, count);
    from += count;
    to += count;
    bytes -= count;
  }
}

// ---- Steps

StepShape CudaKernels::PaddedStep(StepShape shape) const {
  return StepBucket(shape);
}

void CudaKernels::RunStep(int64_t owner, StepShape shape,
                          absl::FunctionRef<void()> step) {
  if (!Ready()) return;
  StepGraph* graph = FindGraph(owner, shape);
  if (graph == nullptr) {
    // The first time as it is: kernels that never ran are loaded then, which is
    // nothing to do while capturing, and many a shape never comes again.
    Remember(owner, shape);
    step();
    return;
  }
  if (graph->exec == nullptr) Capture(step, graph);
  if (!error_.ok()) return;
  Note(cudaGraphLaunch(graph->exec, stream()), "starting a step");
}

// Moves it to the front.
CudaKernels::StepGraph* CudaKernels::FindGraph(int64_t owner, StepShape shape) {
  for (auto graph = graphs_.begin(); graph != graphs_.end(); ++graph) {
    if (graph->owner == owner && graph->shape.rows == shape.rows &&
        graph->shape.cells_stride == shape.cells_stride) {
      graphs_.splice(graphs_.begin(), graphs_, graph);
      return &graphs_.front();
    }
  }
  return nullptr;
}

void CudaKernels::Remember(int64_t owner, StepShape shape) {
  graphs_.push_front({owner, shape, nullptr});
  if (graphs_.size() <= static_cast<size_t>(tuning_.max_graphs)) return;
  if (graphs_.back().exec != nullptr) {
    Synchronize();  // it may be the one that runs
    cudaGraphExecDestroy(graphs_.back().exec);
  }
  graphs_.pop_back();
}

void CudaKernels::Capture(absl::FunctionRef<void()> step, StepGraph* into) {
  Note(cudaStreamBeginCapture(stream(), cudaStreamCaptureModeThreadLocal),
       "capturing a step");
  if (!error_.ok()) return;
  step();
  cudaGraph_t graph = nullptr;
  Note(cudaStreamEndCapture(stream(), &graph), "capturing a step");
  if (graph == nullptr) return;
  if (error_.ok()) {
    Note(cudaGraphInstantiateWithFlags(&into->exec, graph, 0),
         "capturing a step");
  }
  cudaGraphDestroy(graph);
}

// ---- Operations

void CudaKernels::Embed(const EmbeddingTable& table, const int32_t* tokens,
                        const int32_t* positions, Matrix y) {
  CheckEmbed(table, y);
  if (!Ready()) return;
  Note(PEREGRINE_CUDA_NAMESPACE::Embed(table, tokens, positions, y, stream()),
       "Embed");
}

void CudaKernels::LayerNorm(const NormWeight& norm, Matrix x, Matrix y) {
  CheckLayerNorm(norm, x, y);
  if (!Ready()) return;
  Note(PEREGRINE_CUDA_NAMESPACE::LayerNorm(norm, x, y, stream()), "LayerNorm");
}

void CudaKernels::ActivateGated(Activation activation, Matrix projected,
                                Matrix y) {
  CheckActivateGated(projected, y);
  if (!Ready()) return;
  Note(PEREGRINE_CUDA_NAMESPACE::ActivateGated(activation, projected, y,
                                               stream()),
       "ActivateGated");
}

void CudaKernels::NormLinear(const NormWeight& norm, const LinearWeight& weight,
                             Matrix x, Matrix normed, Activation activation,
                             Matrix y) {
  if (!tuning_.fused_norms ||
      WeightOf(weight).packed().precision == Precision::kFloat32) {
    Kernels::NormLinear(norm, weight, x, normed, activation, y);
    return;
  }
  CheckLayerNorm(norm, x, normed);
  RunLinear(weight, {x, norm}, {activation, Store::kOverwrite, y});
}

void CudaKernels::Linear(const LinearWeight& weight, Matrix x,
                         Activation activation, Matrix y) {
  RunLinear(weight, {x}, {activation, Store::kOverwrite, y});
}

void CudaKernels::LinearAdd(const LinearWeight& weight, Matrix x, Matrix y) {
  RunLinear(weight, {x}, {Activation::kNone, Store::kAdd, y});
}

void CudaKernels::RunLinear(const LinearWeight& weight,
                            const LinearInputs& inputs,
                            const LinearOutputs& outputs) {
  CheckLinear(weight, inputs.x, outputs.y);
  if (!Ready()) return;
  const PackedWeight& packed = WeightOf(weight).packed();
  const LibraryProducts& products = WeightOf(weight).products();
  const LinearUse use = outputs.store == Store::kAdd ? LinearUse::kAdd
                        : outputs.activation == Activation::kRelu
                            ? LinearUse::kRelu
                            : LinearUse::kPlain;
  if (products.algorithm == nullptr ||
      (products.use != use && !IsIn8Bits(packed.precision))) {
    Note(PEREGRINE_CUDA_NAMESPACE::Linear(packed, inputs, outputs,
                                          inputs_scratch(), tuning_.tiles_ahead,
                                          stream()),
         "Linear");
  } else if (IsIn8Bits(packed.precision)) {
    MultiplyBytesByLibrary(products, packed, inputs, outputs);
  } else {
    MultiplyByLibrary(products, packed, inputs, outputs);
  }
}

void CudaKernels::MultiplyByLibrary(const LibraryProducts& products,
                                    const PackedWeight& weight,
                                    const LinearInputs& inputs,
                                    const LinearOutputs& outputs) {
  const Matrix& x = inputs.x;
  const size_t row_bytes = sizeof(uint16_t) * weight.padded_in;
  const int rows_at_once = static_cast<int>(
      std::min<size_t>(products.max_rows, inputs_bytes() / row_bytes));
  PEREGRINE_CHECK(rows_at_once > 0) << weight.in_dim << " inputs";
  for (int begin = 0; begin < x.rows && Ready(); begin += rows_at_once) {
    const int count = std::min(rows_at_once, x.rows - begin);
    Note(RoundRows({x.Rows(begin, count), inputs.norm}, weight.precision,
                   {scratch_->data(), nullptr, count, weight.padded_in},
                   stream()),
         "rounding inputs");
    if (!Ready()) return;
    Note(library_->Multiply(*products.algorithm,
                            {weight.weight, weight.bias, scratch_->data(),
                             count, outputs.y.row(begin), workspace()},
                            stream()));
  }
  if (outputs.activation == Activation::kRelu ||
      outputs.activation == Activation::kNone || !Ready()) {
    return;
  }
  Note(Activate(outputs.activation, outputs.y, stream()), "Activate");
}

// Its sums go to y, or to scratch memory where y is to be added to.
void CudaKernels::MultiplyBytesByLibrary(const LibraryProducts& products,
                                         const PackedWeight& weight,
                                         const LinearInputs& inputs,
                                         const LinearOutputs& outputs) {
  const Matrix& x = inputs.x;
  const bool adds = outputs.store == Store::kAdd;
  const size_t row_bytes = RoundedRowBytes(weight.padded_in) +
                           (adds ? sizeof(float) * weight.out_dim : 0);
  const int rows_at_once = static_cast<int>(std::min<size_t>(
      products.max_rows, (inputs_bytes() - Arena::kAlignment) / row_bytes));
  PEREGRINE_CHECK(rows_at_once > 0) << weight.in_dim << " inputs";
  for (int begin = 0; begin < x.rows && Ready(); begin += rows_at_once) {
    const int count = std::min(rows_at_once, x.rows - begin);
    const RoundedRows rounded =
        RoundedRowsIn(inputs_scratch(), count, weight.padded_in);
    Note(RoundRows({x.Rows(begin, count), inputs.norm}, weight.precision,
                   rounded, stream()),
         "rounding inputs");
    LinearOutputs part = outputs;
    part.y = outputs.y.Rows(begin, count);
    void* sums = part.y.data;
    if (adds) {
      sums =
          static_cast<char*>(scratch_->data()) +
          RoundUp(count * static_cast<int>(RoundedRowBytes(weight.padded_in)),
                  static_cast<int>(Arena::kAlignment));
    }
    if (!Ready()) return;
    Note(library_->Multiply(
        *products.algorithm,
        {weight.weight, nullptr, rounded.data, count, sums, workspace()},
        stream()));
    if (!Ready()) return;
    Note(FinishBytes(weight, sums, rounded.scales, part, stream()),
         "finishing a product");
  }
}

void CudaKernels::EncoderAttention(HeadShape heads,
                                   const PackedSequences& sequences, Matrix qkv,
                                   Matrix context) {
  CheckEncoderAttention(heads, sequences, qkv, context);
  if (!Ready()) return;
  Note(PEREGRINE_CUDA_NAMESPACE::EncoderAttention(heads, sequences, qkv,
                                                  context, stream()),
       "EncoderAttention");
}

void CudaKernels::SelfAttentionStep(HeadShape heads, const StepRows& rows,
                                    Matrix qkv, KvCells cache, Matrix context) {
  CheckSelfAttentionStep(heads, rows, qkv, cache, context);
  if (!Ready()) return;
  Note(PEREGRINE_CUDA_NAMESPACE::SelfAttentionStep(
           heads, rows, qkv, cache, context, key_reading(), stream()),
       "SelfAttentionStep");
}

void CudaKernels::StoreKeysValues(const int32_t* cells, Matrix kv,
                                  KvCells cache) {
  CheckStoreKeysValues(kv, cache);
  if (!Ready()) return;
  Note(PEREGRINE_CUDA_NAMESPACE::StoreKeysValues(cells, kv, cache, stream()),
       "StoreKeysValues");
}

void CudaKernels::CrossAttentionStep(HeadShape heads, const SourceSpans& spans,
                                     Matrix queries, KvCells cache,
                                     Matrix context) {
  CheckCrossAttentionStep(heads, spans, queries, cache, context);
  if (!Ready()) return;
  Note(PEREGRINE_CUDA_NAMESPACE::CrossAttentionStep(
           heads, spans, queries, cache, context, key_reading(), stream()),
       "CrossAttentionStep");
}

void CudaKernels::CompressedAttentionStep(HeadShape heads,
                                          const CompressedCells& cells,
                                          Matrix projected, Matrix context) {
  CheckCompressedAttentionStep(heads, cells, projected, context);
  if (!Ready()) return;
  Note(PEREGRINE_CUDA_NAMESPACE::CompressedAttentionStep(
           heads, cells, projected, context, key_reading(), stream()),
       "CompressedAttentionStep");
}

void CudaKernels::AverageStep(const StepRows& rows, Matrix x, Matrix states,
                              Matrix mean) {
  CheckAverageStep(rows, x, states, mean);
  if (!Ready()) return;
  Note(PEREGRINE_CUDA_NAMESPACE::AverageStep(rows, x, states, mean, stream()),
       "AverageStep");
}

void CudaKernels::SsruStep(const StepRows& rows, Matrix projected,
                           Matrix states, Matrix y) {
  CheckSsruStep(rows, projected, states, y);
  if (!Ready()) return;
  Note(PEREGRINE_CUDA_NAMESPACE::SsruStep(rows, projected, states, y, stream()),
       "SsruStep");
}

void CudaKernels::AddGated(const Gated& a, const Gated& b, Matrix y) {
  CheckAddGated(a, b, y);
  if (!Ready()) return;
  Note(PEREGRINE_CUDA_NAMESPACE::AddGated(a, b, y, stream()), "AddGated");
}

// ---- The output

void CudaKernels::OutputTopK(const LinearWeight& projection, Matrix x,
                             absl::Span<const int32_t> suppressed,
                             absl::Span<const TokenConstraint> constraints,
                             Matrix logits, TopK result) {
  CheckOutputTopK(projection, x, suppressed, constraints, logits, result);
  // Where the device fails: nothing may follow.
  const size_t k = result.k;
  std::fill_n(result.tokens, x.rows * k, -1);
  std::fill_n(result.log_probs, x.rows * k, -kInfinity);
  RunLinear(projection, {x}, {Activation::kNone, Store::kOverwrite, logits});
  UploadSuppressed(suppressed);
  const int rows_at_once = static_cast<int>(
      std::min(best_->bytes() / (k * sizeof(BestToken)),
               constraints_->bytes() / sizeof(TokenConstraint)));
  PEREGRINE_CHECK(rows_at_once > 0) << k << " tokens a row";
  for (int begin = 0; begin < x.rows && error_.ok(); begin += rows_at_once) {
    const int count = std::min(rows_at_once, x.rows - begin);
    FindTopTokens(
        logits.Rows(begin, count), constraints.data() + begin,
        {result.k, result.log_probs + begin * k, result.tokens + begin * k});
  }
}

// A model always suppresses the same.
void CudaKernels::UploadSuppressed(absl::Span<const int32_t> suppressed) {
  if (!Ready() || suppressed == absl::MakeConstSpan(last_suppressed_)) return;
  const size_t bytes = suppressed.size() * sizeof(int32_t);
  last_suppressed_.assign(suppressed.begin(), suppressed.end());
  if (bytes == 0) return;
  if (suppressed_ == nullptr || suppressed_->bytes() < bytes) {
    absl::StatusOr<std::unique_ptr<Buffer>> buffer = Allocate(bytes);
    if (!buffer.ok()) {
      error_ = buffer.status();
      return;
    }
    suppressed_ = *std::move(buffer);
  }
  CopyToDevice(suppressed.data(), bytes, suppressed_->data());
}

void CudaKernels::StartTopTokens(Matrix logits,
                                 const TokenConstraint* constraints, int k,
                                 BestToken* best) {
  if (!Ready()) return;
  const auto* suppressed =
      suppressed_ == nullptr ? nullptr
                             : static_cast<const int32_t*>(suppressed_->data());
  const int num_suppressed = static_cast<int>(last_suppressed_.size());
  if (!tuning_.split_top_k) {
    Note(TopTokens(logits, suppressed, num_suppressed, constraints, k, best,
                   stream()),
         "TopTokens");
    return;
  }
  const int rows_at_once =
      static_cast<int>(top_k_parts_->bytes() / SplitTopKBytes(1, k));
  PEREGRINE_CHECK(rows_at_once > 0) << k << " tokens a row";
  for (int begin = 0; begin < logits.rows; begin += rows_at_once) {
    const int count = std::min(rows_at_once, logits.rows - begin);
    Note(SplitTopTokens(logits.Rows(begin, count), suppressed, num_suppressed,
                        constraints + begin, k, top_k_parts_->data(),
                        best + static_cast<size_t>(begin) * k, stream()),
         "SplitTopTokens");
  }
}

void CudaKernels::FindTopTokens(Matrix logits,
                                const TokenConstraint* constraints,
                                const TopK& result) {
  CopyToDevice(constraints, sizeof(TokenConstraint) * logits.rows,
               constraints_->data());
  StartTopTokens(logits,
                 static_cast<const TokenConstraint*>(constraints_->data()),
                 result.k, static_cast<BestToken*>(best_->data()));
  const size_t count = static_cast<size_t>(logits.rows) * result.k;
  const size_t bytes = count * sizeof(BestToken);
  void* piece = staging_->Take(bytes);
  if (piece == nullptr) {
    Synchronize();
    piece = staging_->Take(bytes);  // kBestBytes < kStagingBytes
  }
  if (!Ready()) return;
  Note(cudaMemcpyAsync(piece, best_->data(), bytes, cudaMemcpyDeviceToHost,
                       stream()),
       "copying the best tokens");
  Synchronize();
  if (!error_.ok()) return;
  const BestToken* best = static_cast<const BestToken*>(piece);
  for (size_t i = 0; i < count; ++i) {
    result.log_probs[i] = best[i].log_prob;
    result.tokens[i] = best[i].token;
  }
}

}  // namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE
