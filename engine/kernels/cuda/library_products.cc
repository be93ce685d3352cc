#include "engine/kernels/cuda/library_products.h"

#include <algorithm>
#include <random>
#include <vector>

#include "engine/base/float16.h"
#include "engine/base/float8.h"

namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE {
namespace {

constexpr size_t kTrialBytes = size_t{160} << 20;
constexpr int kFewRows = 33;  // every count up to here is tried

bool IsIn8Bits(const PackedWeight& weight) {
  return weight.precision == Precision::kInt8 ||
         weight.precision == Precision::kFloat8;
}

size_t InputBytes(const PackedWeight& weight) {
  return (IsIn8Bits(weight) ? 1 : sizeof(uint16_t)) * weight.padded_in;
}

// Inputs of both products and their results, a row.
size_t TrialRowBytes(const PackedWeight& weight) {
  return 2 * (InputBytes(weight) + sizeof(float) * weight.out_dim);
}

// Every small count, then those around 2^n and 1.5 x 2^n, where tiles end.
std::vector<int> RowCounts(int max_rows) {
  std::vector<int> counts;
  for (int rows = 1; rows <= std::min(kFewRows, max_rows); ++rows) {
    counts.push_back(rows);
  }
  for (int rows = 32; rows <= max_rows; rows *= 2) {
    for (int bucket : {rows, rows / 2 * 3}) {
      for (int count : {bucket - 1, bucket, bucket + 1}) {
        if (count > kFewRows && count <= max_rows) counts.push_back(count);
      }
    }
  }
  counts.push_back(max_rows);
  return counts;
}

// `x`, from -1 to 1, as an input of 16 or 8 bits.
uint16_t InputOf(Precision precision, float x) {
  switch (precision) {
    case Precision::kBFloat16:
      return ToBFloat16(x);
    case Precision::kInt8:
      return static_cast<uint8_t>(static_cast<int8_t>(127 * x));
    case Precision::kFloat8:
      return ToFloat8(kMaxFloat8 * x);
    case Precision::kFloat32:
    case Precision::kFloat16:
      break;
  }
  return ToFloat16(x);
}

// `rows` rows of elements T, no two alike: parts of one sequence.
template <class T>
std::vector<T> RandomInputs(int rows, const PackedWeight& weight) {
  const int dim = weight.padded_in;
  std::vector<T> sequence(dim + 16381);
  std::mt19937 random(1);
  std::uniform_real_distribution<float> uniform(-1.0f, 1.0f);
  for (T& x : sequence) {
    x = static_cast<T>(InputOf(weight.precision, uniform(random)));
  }
  std::vector<T> inputs(static_cast<size_t>(rows) * dim);
  for (int r = 0; r < rows; ++r) {
    std::copy_n(sequence.begin() + r * 7 % 16381, dim,
                inputs.begin() + static_cast<size_t>(r) * dim);
  }
  return inputs;
}

// Products of one weight in all numbers of rows, compared on the device.
class Trial {
 public:
  Trial(MatrixLibrary& library, const PackedWeight& weight, void* workspace,
        int max_rows, CudaDevice& device,
        const std::shared_ptr<const Stream>& stream)
      : library_(library),
        weight_(weight),
        workspace_(workspace),
        max_rows_(max_rows),
        device_(device),
        stream_(stream) {}

  bool KeepsRows(const MatrixLibrary::Algorithm& algorithm) {
    if (!Prepare()) return false;
    if (!Multiply(algorithm, x_, max_rows_, y_)) return false;
    for (int rows : RowCounts(max_rows_)) {
      const size_t skipped = max_rows_ - rows;
      const size_t bytes = InputBytes(weight_);
      if (!Is(cudaMemcpyAsync(part_x_, x_ + skipped * bytes, rows * bytes,
                              cudaMemcpyDeviceToDevice, stream_->get())) ||
          !Multiply(algorithm, part_x_, rows, part_y_) ||
          !Is(CompareWords(y_ + skipped * weight_.out_dim, part_y_,
                           static_cast<size_t>(rows) * weight_.out_dim,
                           different_, stream_->get()))) {
        return false;
      }
    }
    int different = 1;
    return Is(cudaMemcpyAsync(&different, different_, sizeof(different),
                              cudaMemcpyDeviceToHost, stream_->get())) &&
           Is(stream_->Synchronize()) && different == 0;
  }

 private:
  static bool Is(cudaError_t error) { return error == cudaSuccess; }

  // Memory and inputs, once.
  bool Prepare() {
    if (buffer_ == nullptr) {
      auto buffer = device_.Allocate(
          TrialRowBytes(weight_) * max_rows_ + Arena::kAlignment, stream_);
      if (!buffer.ok()) return false;
      buffer_ = *std::move(buffer);
      Divide(static_cast<char*>(buffer_->data()));
      if (!(IsIn8Bits(weight_) ? CopyInputs<uint8_t>()
                               : CopyInputs<uint16_t>())) {
        return false;
      }
    }
    return Is(cudaMemsetAsync(different_, 0, sizeof(int), stream_->get()));
  }

  template <class T>
  bool CopyInputs() {
    const std::vector<T> inputs = RandomInputs<T>(max_rows_, weight_);
    return Is(cudaMemcpyAsync(x_, inputs.data(), inputs.size() * sizeof(T),
                              cudaMemcpyHostToDevice, stream_->get())) &&
           Is(stream_->Synchronize());
  }

  void Divide(char* memory) {
    different_ = reinterpret_cast<int*>(memory);
    x_ = memory + Arena::kAlignment;
    const size_t inputs = InputBytes(weight_) * max_rows_;
    part_x_ = x_ + inputs;
    y_ = reinterpret_cast<uint32_t*>(part_x_ + inputs);
    part_y_ = y_ + static_cast<size_t>(max_rows_) * weight_.out_dim;
  }

  // Onto zeros, where it adds.
  bool Multiply(const MatrixLibrary::Algorithm& algorithm, const char* x,
                int rows, uint32_t* y) {
    const size_t bytes = sizeof(float) * rows * weight_.out_dim;
    return Is(cudaMemsetAsync(y, 0, bytes, stream_->get())) &&
           library_
               .Multiply(algorithm,
                         {weight_.weight, weight_.bias, x, rows, y, workspace_},
                         stream_->get())
               .ok();
  }

  MatrixLibrary& library_;
  const PackedWeight weight_;
  void* const workspace_;
  const int max_rows_;
  CudaDevice& device_;
  const std::shared_ptr<const Stream> stream_;
  std::unique_ptr<Buffer> buffer_;
  int* different_ = nullptr;
  char* x_ = nullptr;
  char* part_x_ = nullptr;
  uint32_t* y_ = nullptr;  // of words, whatever their type
  uint32_t* part_y_ = nullptr;
};

}  // namespace

LibraryProducts ChooseProducts(MatrixLibrary& library,
                               const LibraryUse& library_use,
                               const PackedWeight& weight, LinearUse use,
                               void* workspace, CudaDevice& device,
                               const std::shared_ptr<const Stream>& stream) {
  LibraryProducts products;
  products.use = use;
  if (weight.precision == Precision::kFloat32 ||
      weight.out_dim < library_use.min_out_dim ||
      weight.in_dim < library_use.min_in_dim) {
    return products;
  }
  products.max_rows = static_cast<int>(std::min<size_t>(
      library_use.max_rows, kTrialBytes / TrialRowBytes(weight)));
  if (products.max_rows < 1) return products;
  Trial trial(library, weight, workspace, products.max_rows, device, stream);
  // In 8 bits the library finds the sums, whatever becomes of them.
  const bool sums_alone = IsIn8Bits(weight);
  const bool adds = use == LinearUse::kAdd && !sums_alone;
  products.algorithm = library.Choose(
      {weight.precision, weight.out_dim, weight.padded_in,
       weight.bias != nullptr && !sums_alone,
       use == LinearUse::kRelu && !sums_alone,
       adds ? Store::kAdd : Store::kOverwrite, library_use.typical_rows},
      [&](const MatrixLibrary::Algorithm& algorithm) {
        return trial.KeepsRows(algorithm);
      });
  return products;
}

}  // namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE
