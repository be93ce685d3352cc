#ifndef PEREGRINE_ENGINE_KERNELS_CUDA_MATRIX_LIBRARY_H_
#define PEREGRINE_ENGINE_KERNELS_CUDA_MATRIX_LIBRARY_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "engine/kernels/cuda/operations.h"
#include "engine/kernels/cuda/runtime.h"

namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE {

struct CublasLt;

// All that an algorithm is chosen by: the number of rows is not among it.
struct ProductShape {
  Precision precision = Precision::kFloat16;
  int out_dim = 0;
  int in_dim = 0;  // padded
  bool has_bias = false;
  bool relu = false;
  Store store = Store::kOverwrite;
  int typical_rows = 0;  // what the algorithm is to be fast for
};
bool operator<(const ProductShape& a, const ProductShape& b);

// One product; all pointers are of device memory.
struct Product {
  const void* weight = nullptr;  // [out_dim, in_dim] in 16 or 8 bits
  const float* bias = nullptr;   // [out_dim], or null
  const void* x = nullptr;       // [rows, in_dim] of the same type
  int rows = 0;
  void* y = nullptr;          // [rows, out_dim]: float32; int32 of int8
  void* workspace = nullptr;  // of MatrixLibrary::kWorkspaceBytes
};

// Large products in 16 or 8 bits by cuBLASLt on one device; of 8 bits the sums
// alone. Thread-safe.
class MatrixLibrary {
 public:
  static constexpr size_t kWorkspaceBytes = size_t{8} << 20;

  // For the calling thread's device. UNAVAILABLE: there is no such library.
  static absl::StatusOr<std::unique_ptr<MatrixLibrary>> Create();
  ~MatrixLibrary();

  // "cuBLASLt 13.1.0 (libcublasLt.so.13)".
  const std::string& name() const;
  MatrixLibrary(const MatrixLibrary&) = delete;
  MatrixLibrary& operator=(const MatrixLibrary&) = delete;

  // How products of one shape are computed.
  struct Algorithm {
    ProductShape shape;
    std::array<uint64_t, 8> config{};  // cublasLtMatmulAlgo_t
  };
  using Check = absl::FunctionRef<bool(const Algorithm&)>;

  // The first of the library's choice that sums in one piece and passes
  // `keeps_rows`: that a row has the same bits however many there are. Null:
  // none does. Asked for once; later calls return the same.
  const Algorithm* Choose(const ProductShape& shape, Check keeps_rows);

  absl::Status Multiply(const Algorithm& algorithm, const Product& product,
                        cudaStream_t stream) const;

 private:
  explicit MatrixLibrary(std::shared_ptr<const CublasLt> functions);

  std::unique_ptr<Algorithm> Ask(const ProductShape& shape,
                                 Check keeps_rows) const;

  const std::shared_ptr<const CublasLt> owned_functions_;
  const CublasLt& functions_;
  void* handle_ = nullptr;  // cublasLtHandle_t
  absl::Mutex mutex_;
  std::map<ProductShape, std::unique_ptr<Algorithm>> algorithms_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE

#endif  // PEREGRINE_ENGINE_KERNELS_CUDA_MATRIX_LIBRARY_H_
