#include "engine/kernels/cuda/matrix_library.h"

#include <algorithm>
#include <cstring>
#include <tuple>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "engine/base/status_macros.h"
#include "engine/kernels/cuda/cublas_lt.h"

namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE {
namespace {

constexpr int kMaxAlgorithms = 8;  // of the library's choice that are tried
constexpr float kOne = 1.0f;
constexpr float kZero = 0.0f;
constexpr int32_t kOneOfInts = 1;
constexpr int32_t kZeroOfInts = 0;

// What the library is told of a precision.
struct Types {
  cudaDataType of_inputs;
  cudaDataType of_sums;
  cublasComputeType_t compute;
  const void* one;
  const void* zero;
};

Types TypesOf(Precision precision) {
  Types types = {CUDA_R_16F, CUDA_R_32F, CUBLAS_COMPUTE_32F, &kOne, &kZero};
  if (precision == Precision::kBFloat16) types.of_inputs = CUDA_R_16BF;
  if (precision == Precision::kFloat8) types.of_inputs = CUDA_R_8F_E4M3;
  if (precision == Precision::kInt8) {
    types = {CUDA_R_8I, CUDA_R_32I, CUBLAS_COMPUTE_32I, &kOneOfInts,
             &kZeroOfInts};
  }
  return types;
}

absl::Status ToStatus(cublasStatus_t status, const char* what) {
  if (status == CUBLAS_STATUS_SUCCESS) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat(
      "cuBLASLt, ", what, ": cublasStatus_t ", static_cast<int>(status)));
}

// The largest power of two that divides the distance between two rows of
// `bytes`, as far as the library cares.
uint32_t AlignmentOf(size_t bytes) {
  uint32_t alignment = sizeof(float);
  while (alignment < 16 && bytes % (alignment * 2) == 0) alignment *= 2;
  return alignment;
}

// The library's description of one product: its matrices are column-major, so
// that y^T[out_dim, rows] = W x^T there is y = x W^T here.
class Description {
 public:
  explicit Description(const CublasLt& functions) : functions_(functions) {}
  ~Description() {
    for (cublasLtMatrixLayout_t layout : {weight_, x_, y_}) {
      if (layout != nullptr) functions_.layout_destroy(layout);
    }
    if (desc_ != nullptr) functions_.desc_destroy(desc_);
  }
  Description(const Description&) = delete;
  Description& operator=(const Description&) = delete;

  absl::Status Make(const ProductShape& shape, int rows, const float* bias) {
    const cublasOperation_t transposed = CUBLAS_OP_T;
    const Types types = TypesOf(shape.precision);
    PEREGRINE_RETURN_IF_ERROR(
        ToStatus(functions_.desc_create(&desc_, types.compute, types.of_sums),
                 "describing a product"));
    PEREGRINE_RETURN_IF_ERROR(Set(CUBLASLT_MATMUL_DESC_TRANSA, transposed));
    cublasLtEpilogue_t epilogue = CUBLASLT_EPILOGUE_DEFAULT;
    if (shape.has_bias) {
      epilogue =
          shape.relu ? CUBLASLT_EPILOGUE_RELU_BIAS : CUBLASLT_EPILOGUE_BIAS;
      PEREGRINE_RETURN_IF_ERROR(Set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias));
    } else if (shape.relu) {
      epilogue = CUBLASLT_EPILOGUE_RELU;
    }
    PEREGRINE_RETURN_IF_ERROR(Set(CUBLASLT_MATMUL_DESC_EPILOGUE, epilogue));
    PEREGRINE_RETURN_IF_ERROR(
        Layout(types.of_inputs, shape.in_dim, shape.out_dim, &weight_));
    PEREGRINE_RETURN_IF_ERROR(Layout(types.of_inputs, shape.in_dim, rows, &x_));
    return Layout(types.of_sums, shape.out_dim, rows, &y_);
  }

  cublasLtMatmulDesc_t desc() const { return desc_; }
  cublasLtMatrixLayout_t weight() const { return weight_; }
  cublasLtMatrixLayout_t x() const { return x_; }
  cublasLtMatrixLayout_t y() const { return y_; }

 private:
  template <class T>
  absl::Status Set(cublasLtMatmulDescAttributes_t attribute, const T& value) {
    return ToStatus(
        functions_.desc_set(desc_, attribute, &value, sizeof(value)),
        "describing a product");
  }

  // Columns follow each other without a gap.
  absl::Status Layout(cudaDataType type, int rows, int columns,
                      cublasLtMatrixLayout_t* layout) {
    return ToStatus(functions_.layout_create(layout, type, rows, columns, rows),
                    "describing a matrix");
  }

  const CublasLt& functions_;
  cublasLtMatmulDesc_t desc_ = nullptr;
  cublasLtMatrixLayout_t weight_ = nullptr;
  cublasLtMatrixLayout_t x_ = nullptr;
  cublasLtMatrixLayout_t y_ = nullptr;
};

// What algorithms may ask for: no sums in parts, whose number and order would
// follow from the number of rows.
class Preference {
 public:
  explicit Preference(const CublasLt& functions) : functions_(functions) {}
  ~Preference() {
    if (preference_ != nullptr) functions_.preference_destroy(preference_);
  }
  Preference(const Preference&) = delete;
  Preference& operator=(const Preference&) = delete;

  absl::Status Make(const ProductShape& shape) {
    PEREGRINE_RETURN_IF_ERROR(
        ToStatus(functions_.preference_create(&preference_), "preferences"));
    const size_t workspace_bytes = MatrixLibrary::kWorkspaceBytes;
    PEREGRINE_RETURN_IF_ERROR(
        Set(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, workspace_bytes));
    const uint32_t one_piece = CUBLASLT_REDUCTION_SCHEME_NONE;
    PEREGRINE_RETURN_IF_ERROR(
        Set(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, one_piece));
    const uint32_t alignment = AlignmentOf(sizeof(float) * shape.out_dim);
    PEREGRINE_RETURN_IF_ERROR(
        Set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, alignment));
    return Set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, alignment);
  }

  cublasLtMatmulPreference_t get() const { return preference_; }

 private:
  template <class T>
  absl::Status Set(cublasLtMatmulPreferenceAttributes_t attribute,
                   const T& value) {
    return ToStatus(functions_.preference_set(preference_, attribute, &value,
                                              sizeof(value)),
                    "preferences");
  }

  const CublasLt& functions_;
  cublasLtMatmulPreference_t preference_ = nullptr;
};

bool SumsInOnePiece(const CublasLt& functions,
                    const cublasLtMatmulAlgo_t& algorithm) {
  int32_t pieces = 1;
  size_t written = 0;
  const cublasStatus_t status =
      functions.get_config(&algorithm, CUBLASLT_ALGO_CONFIG_SPLITK_NUM, &pieces,
                           sizeof(pieces), &written);
  return status == CUBLAS_STATUS_SUCCESS && (pieces == 0 || pieces == 1);
}

}  // namespace

bool operator<(const ProductShape& a, const ProductShape& b) {
  const auto key = [](const ProductShape& shape) {
    return std::make_tuple(shape.precision, shape.out_dim, shape.in_dim,
                           shape.has_bias, shape.relu, shape.store,
                           shape.typical_rows);
  };
  return key(a) < key(b);
}

absl::StatusOr<std::unique_ptr<MatrixLibrary>> MatrixLibrary::Create() {
  PEREGRINE_ASSIGN_OR_RETURN(auto functions, CublasLt::Load());
  auto library = absl::WrapUnique(new MatrixLibrary(std::move(functions)));
  cublasLtHandle_t handle = nullptr;
  PEREGRINE_RETURN_IF_ERROR(
      ToStatus(library->functions_.create(&handle), "starting"));
  library->handle_ = handle;
  return library;
}

MatrixLibrary::MatrixLibrary(std::shared_ptr<const CublasLt> functions)
    : owned_functions_(std::move(functions)), functions_(*owned_functions_) {}

const std::string& MatrixLibrary::name() const { return functions_.name; }

MatrixLibrary::~MatrixLibrary() {
  if (handle_ == nullptr) return;
  functions_.destroy(static_cast<cublasLtHandle_t>(handle_));
}

const MatrixLibrary::Algorithm* MatrixLibrary::Choose(const ProductShape& shape,
                                                      Check keeps_rows) {
  absl::MutexLock lock(&mutex_);
  const auto found = algorithms_.find(shape);
  if (found != algorithms_.end()) return found->second.get();
  return (algorithms_[shape] = Ask(shape, keeps_rows)).get();
}

std::unique_ptr<MatrixLibrary::Algorithm> MatrixLibrary::Ask(
    const ProductShape& shape, Check keeps_rows) const {
  Description description(functions_);
  Preference preference(functions_);
  if (!description.Make(shape, shape.typical_rows, nullptr).ok() ||
      !preference.Make(shape).ok()) {
    return nullptr;
  }
  cublasLtMatmulHeuristicResult_t results[kMaxAlgorithms] = {};
  int count = 0;
  const cublasStatus_t status = functions_.get_heuristic(
      static_cast<cublasLtHandle_t>(handle_), description.desc(),
      description.weight(), description.x(), description.y(), description.y(),
      preference.get(), kMaxAlgorithms, results, &count);
  if (status != CUBLAS_STATUS_SUCCESS) return nullptr;
  for (int i = 0; i < count; ++i) {
    if (results[i].state != CUBLAS_STATUS_SUCCESS ||
        !SumsInOnePiece(functions_, results[i].algo)) {
      continue;
    }
    auto algorithm = std::make_unique<Algorithm>();
    algorithm->shape = shape;
    static_assert(sizeof(algorithm->config) == sizeof(results[i].algo));
    std::memcpy(&algorithm->config, &results[i].algo,
                sizeof(algorithm->config));
    if (keeps_rows(*algorithm)) return algorithm;
  }
  return nullptr;
}

absl::Status MatrixLibrary::Multiply(const Algorithm& algorithm,
                                     const Product& product,
                                     cudaStream_t stream) const {
  Description description(functions_);
  PEREGRINE_RETURN_IF_ERROR(
      description.Make(algorithm.shape, product.rows, product.bias));
  cublasLtMatmulAlgo_t config;
  std::memcpy(&config, &algorithm.config, sizeof(config));
  const Types types = TypesOf(algorithm.shape.precision);
  const void* beta =
      algorithm.shape.store == Store::kAdd ? types.one : types.zero;
  return ToStatus(
      functions_.matmul(static_cast<cublasLtHandle_t>(handle_),
                        description.desc(), types.one, product.weight,
                        description.weight(), product.x, description.x(), beta,
                        product.y, description.y(), product.y, description.y(),
                        &config, product.workspace, kWorkspaceBytes, stream),
      "a product");
}

}  // namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE
