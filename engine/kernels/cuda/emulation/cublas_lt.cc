#include "engine/kernels/cuda/emulation/cublas_lt.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <string>

#include "engine/base/float8.h"

struct cublasLtContext {
  cuda_emulation::Blas blas;
};

struct cublasLtMatmulDesc {
  cublasComputeType_t compute = CUBLAS_COMPUTE_32F;
  cublasOperation_t transpose_a = CUBLAS_OP_N;
  cublasLtEpilogue_t epilogue = CUBLASLT_EPILOGUE_DEFAULT;
  const float* bias = nullptr;
};

struct cublasLtMatrixLayout {
  cudaDataType type = CUDA_R_32F;
  uint64_t rows = 0;
  uint64_t columns = 0;
  int64_t stride = 0;
};

struct cublasLtMatmulPreference {
  bool one_piece = false;
};

namespace cuda_emulation {
namespace {

std::atomic<Blas> blas{Blas::kKeepsRows};
std::atomic<int64_t> products{0};

enum Kind : uint64_t { kInParts, kDependsOnRows, kInOrder };

float Element(const void* data, cudaDataType type, size_t at) {
  switch (type) {
    case CUDA_R_16F:
      return __half2float(static_cast<const __half*>(data)[at]);
    case CUDA_R_16BF:
      return __bfloat162float(static_cast<const __nv_bfloat16*>(data)[at]);
    case CUDA_R_8F_E4M3:
      return peregrine::FromFloat8(static_cast<const uint8_t*>(data)[at]);
    case CUDA_R_8I:
    case CUDA_R_32I:
    case CUDA_R_32F:
      break;
  }
  return static_cast<const int8_t*>(data)[at];
}

// d = epilogue(a^T b + beta c), column by column.
struct Matmul {
  cublasLtMatmulDesc desc;
  cublasLtMatrixLayout a, b, d;
  const void* a_data;
  const void* b_data;
  float beta;
  const float* c_data;
  float* d_data;
  uint64_t kind;

  // From the middle on where the sum is to depend on the number of rows.
  float Sum(uint64_t row, uint64_t column) const {
    const uint64_t depth = a.rows;
    const uint64_t start =
        kind == kDependsOnRows ? d.columns * 7 % depth : uint64_t{0};
    float sum = 0.0f;
    for (uint64_t i = 0; i < depth; ++i) {
      const uint64_t k = (start + i) % depth;
      sum += Element(a_data, a.type, row * a.stride + k) *
             Element(b_data, b.type, column * b.stride + k);
    }
    return sum;
  }

  // Of int8, in whichever order.
  void SumIntegers() const {
    auto* const sums = reinterpret_cast<int32_t*>(d_data);
    for (uint64_t column = 0; column < d.columns; ++column) {
      for (uint64_t row = 0; row < d.rows; ++row) {
        const auto* x = static_cast<const int8_t*>(a_data) + row * a.stride;
        const auto* y = static_cast<const int8_t*>(b_data) + column * b.stride;
        int32_t sum = 0;
        for (uint64_t i = 0; i < a.rows; ++i) sum += x[i] * y[i];
        sums[column * d.stride + row] = sum;
      }
    }
  }

  void operator()() const {
    ++products;
    if (d.type == CUDA_R_32I) return SumIntegers();
    for (uint64_t column = 0; column < d.columns; ++column) {
      for (uint64_t row = 0; row < d.rows; ++row) {
        const size_t at = column * d.stride + row;
        float value = Sum(row, column);
        if (beta != 0.0f) value += beta * c_data[at];
        if ((desc.epilogue & CUBLASLT_EPILOGUE_BIAS) != 0) {
          value += desc.bias[row];
        }
        if ((desc.epilogue & CUBLASLT_EPILOGUE_RELU) != 0) {
          value = std::max(value, 0.0f);
        }
        d_data[at] = value;
      }
    }
  }
};

// What the library demands of types and of rows, which must be of 16 bytes.
bool FitsTypes(const cublasLtMatmulDesc& desc, const cublasLtMatrixLayout& a,
               const cublasLtMatrixLayout& d) {
  const bool in_floats =
      desc.compute == CUBLAS_COMPUTE_32F && d.type == CUDA_R_32F;
  switch (a.type) {
    case CUDA_R_16F:
    case CUDA_R_16BF:
      return in_floats && a.rows % 8 == 0;
    case CUDA_R_8F_E4M3:
      return in_floats && a.rows % 16 == 0 && d.rows % 16 == 0;
    case CUDA_R_8I:
      return desc.compute == CUBLAS_COMPUTE_32I && d.type == CUDA_R_32I &&
             a.rows % 16 == 0 && d.rows % 4 == 0 &&
             desc.epilogue == CUBLASLT_EPILOGUE_DEFAULT;
    case CUDA_R_32I:
    case CUDA_R_32F:
      break;
  }
  return false;
}

// Whether shapes and types are such as the kernels of this project use.
bool Fits(const cublasLtMatmulDesc& desc, const cublasLtMatrixLayout& a,
          const cublasLtMatrixLayout& b, const cublasLtMatrixLayout& d) {
  return desc.transpose_a == CUBLAS_OP_T && a.rows == b.rows &&
         d.rows == a.columns && d.columns == b.columns && a.type == b.type &&
         FitsTypes(desc, a, d);
}

// Of the type that is computed in.
bool IsNumber(const void* value, cublasComputeType_t compute, int expected) {
  return compute == CUBLAS_COMPUTE_32I
             ? *static_cast<const int32_t*>(value) == expected
             : *static_cast<const float*>(value) ==
                   static_cast<float>(expected);
}

template <class Function>
void* Pointer(Function function) {
  return reinterpret_cast<void*>(function);
}

}  // namespace

void SetBlas(Blas value) { blas = value; }
bool HasCublasLt() { return blas.load() != Blas::kAbsent; }
int64_t ProductsSoFar() { return products; }

void* CublasLtFunction(const char* name) {
  static const auto& functions = *new std::map<std::string, void*>{
      {"cublasLtGetVersion", Pointer(&cublasLtGetVersion)},
      {"cublasLtCreate", Pointer(&cublasLtCreate)},
      {"cublasLtDestroy", Pointer(&cublasLtDestroy)},
      {"cublasLtMatmulDescCreate", Pointer(&cublasLtMatmulDescCreate)},
      {"cublasLtMatmulDescDestroy", Pointer(&cublasLtMatmulDescDestroy)},
      {"cublasLtMatmulDescSetAttribute",
       Pointer(&cublasLtMatmulDescSetAttribute)},
      {"cublasLtMatrixLayoutCreate", Pointer(&cublasLtMatrixLayoutCreate)},
      {"cublasLtMatrixLayoutDestroy", Pointer(&cublasLtMatrixLayoutDestroy)},
      {"cublasLtMatmulPreferenceCreate",
       Pointer(&cublasLtMatmulPreferenceCreate)},
      {"cublasLtMatmulPreferenceDestroy",
       Pointer(&cublasLtMatmulPreferenceDestroy)},
      {"cublasLtMatmulPreferenceSetAttribute",
       Pointer(&cublasLtMatmulPreferenceSetAttribute)},
      {"cublasLtMatmulAlgoGetHeuristic",
       Pointer(&cublasLtMatmulAlgoGetHeuristic)},
      {"cublasLtMatmulAlgoConfigGetAttribute",
       Pointer(&cublasLtMatmulAlgoConfigGetAttribute)},
      {"cublasLtMatmul", Pointer(&cublasLtMatmul)}};
  const auto found = functions.find(name);
  return found == functions.end() ? nullptr : found->second;
}

}  // namespace cuda_emulation

using namespace cuda_emulation;  // NOLINT: these are its functions

size_t cublasLtGetVersion() { return 130102; }

cublasStatus_t cublasLtCreate(cublasLtHandle_t* handle) {
  *handle = new cublasLtContext{blas};
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtDestroy(cublasLtHandle_t handle) {
  delete handle;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t* desc,
                                        cublasComputeType_t compute_type,
                                        cudaDataType scale_type) {
  const cudaDataType expected =
      compute_type == CUBLAS_COMPUTE_32I ? CUDA_R_32I : CUDA_R_32F;
  if (scale_type != expected) return CUBLAS_STATUS_NOT_SUPPORTED;
  *desc = new cublasLtMatmulDesc;
  (*desc)->compute = compute_type;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t desc) {
  delete desc;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulDescSetAttribute(
    cublasLtMatmulDesc_t desc, cublasLtMatmulDescAttributes_t attribute,
    const void* value, size_t bytes) {
  const auto set = [&](auto* field) {
    if (bytes != sizeof(*field)) return CUBLAS_STATUS_INVALID_VALUE;
    std::memcpy(field, value, bytes);
    return CUBLAS_STATUS_SUCCESS;
  };
  switch (attribute) {
    case CUBLASLT_MATMUL_DESC_TRANSA:
      return set(&desc->transpose_a);
    case CUBLASLT_MATMUL_DESC_EPILOGUE:
      return set(&desc->epilogue);
    case CUBLASLT_MATMUL_DESC_BIAS_POINTER:
      return set(&desc->bias);
  }
  return CUBLAS_STATUS_INVALID_VALUE;
}

cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t* layout,
                                          cudaDataType type, uint64_t rows,
                                          uint64_t columns, int64_t stride) {
  *layout = new cublasLtMatrixLayout{type, rows, columns, stride};
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t layout) {
  delete layout;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulPreferenceCreate(
    cublasLtMatmulPreference_t* preference) {
  *preference = new cublasLtMatmulPreference;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulPreferenceDestroy(
    cublasLtMatmulPreference_t preference) {
  delete preference;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulPreferenceSetAttribute(
    cublasLtMatmulPreference_t preference,
    cublasLtMatmulPreferenceAttributes_t attribute, const void* value,
    size_t bytes) {
  const size_t expected = attribute == CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES
                              ? sizeof(uint64_t)
                              : sizeof(uint32_t);
  if (bytes != expected) return CUBLAS_STATUS_INVALID_VALUE;
  if (attribute == CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK) {
    uint32_t mask;
    std::memcpy(&mask, value, sizeof(mask));
    preference->one_piece = mask == CUBLASLT_REDUCTION_SCHEME_NONE;
  }
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulAlgoGetHeuristic(
    cublasLtHandle_t handle, cublasLtMatmulDesc_t desc,
    cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b, cublasLtMatrixLayout_t,
    cublasLtMatrixLayout_t d, cublasLtMatmulPreference_t preference,
    int max_results, cublasLtMatmulHeuristicResult_t results[], int* count) {
  *count = 0;
  if (!Fits(*desc, *a, *b, *d)) return CUBLAS_STATUS_NOT_SUPPORTED;
  for (uint64_t kind : {kInParts, kDependsOnRows, kInOrder}) {
    if (kind == kInParts && preference->one_piece) continue;
    if (kind == kInOrder && handle->blas == Blas::kNoneKeepsRows) continue;
    if (*count == max_results) break;
    results[*count] = {};
    results[*count].algo.data[0] = kind;
    ++*count;
  }
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulAlgoConfigGetAttribute(
    const cublasLtMatmulAlgo_t* algorithm,
    cublasLtMatmulAlgoConfigAttributes_t attribute, void* value, size_t bytes,
    size_t* written) {
  if (attribute != CUBLASLT_ALGO_CONFIG_SPLITK_NUM ||
      bytes != sizeof(int32_t)) {
    return CUBLAS_STATUS_INVALID_VALUE;
  }
  const int32_t pieces = algorithm->data[0] == kInParts ? 4 : 1;
  std::memcpy(value, &pieces, sizeof(pieces));
  *written = sizeof(pieces);
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t, cublasLtMatmulDesc_t desc,
                              const void* alpha, const void* a_data,
                              cublasLtMatrixLayout_t a, const void* b_data,
                              cublasLtMatrixLayout_t b, const void* beta,
                              const void* c_data, cublasLtMatrixLayout_t c,
                              void* d_data, cublasLtMatrixLayout_t d,
                              const cublasLtMatmulAlgo_t* algorithm,
                              void* workspace, size_t workspace_bytes,
                              cudaStream_t stream) {
  const bool needs_bias = (desc->epilogue & CUBLASLT_EPILOGUE_BIAS) != 0;
  const bool adds = IsNumber(beta, desc->compute, 1);
  if (!Fits(*desc, *a, *b, *d) || !IsNumber(alpha, desc->compute, 1) ||
      !(adds || IsNumber(beta, desc->compute, 0)) ||
      (adds && desc->compute == CUBLAS_COMPUTE_32I) ||
      (workspace == nullptr && workspace_bytes > 0) ||
      (needs_bias && desc->bias == nullptr) || c->stride != d->stride) {
    return CUBLAS_STATUS_INVALID_VALUE;
  }
  const cudaError_t error =
      Enqueue(Matmul{*desc, *a, *b, *d, a_data, b_data, adds ? 1.0f : 0.0f,
                     static_cast<const float*>(c_data),
                     static_cast<float*>(d_data), algorithm->data[0]},
              stream);
  return error == cudaSuccess ? CUBLAS_STATUS_SUCCESS
                              : CUBLAS_STATUS_EXECUTION_FAILED;
}
