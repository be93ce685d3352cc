// A library that looks like cuBLASLt 12.8.4, and multiplies nothing: for
// cublas_lt_test.

#include <cstddef>

extern "C" {

size_t cublasLtGetVersion() { return 120804; }

#define PEREGRINE_NOT_SUPPORTED(name) \
  int name() { return 15; }
PEREGRINE_NOT_SUPPORTED(cublasLtCreate)
PEREGRINE_NOT_SUPPORTED(cublasLtDestroy)
PEREGRINE_NOT_SUPPORTED(cublasLtMatmulDescCreate)
PEREGRINE_NOT_SUPPORTED(cublasLtMatmulDescDestroy)
PEREGRINE_NOT_SUPPORTED(cublasLtMatmulDescSetAttribute)
PEREGRINE_NOT_SUPPORTED(cublasLtMatrixLayoutCreate)
PEREGRINE_NOT_SUPPORTED(cublasLtMatrixLayoutDestroy)
PEREGRINE_NOT_SUPPORTED(cublasLtMatmulPreferenceCreate)
PEREGRINE_NOT_SUPPORTED(cublasLtMatmulPreferenceDestroy)
PEREGRINE_NOT_SUPPORTED(cublasLtMatmulPreferenceSetAttribute)
PEREGRINE_NOT_SUPPORTED(cublasLtMatmulAlgoGetHeuristic)
PEREGRINE_NOT_SUPPORTED(cublasLtMatmulAlgoConfigGetAttribute)
PEREGRINE_NOT_SUPPORTED(cublasLtMatmul)

}  // extern "C"
