#ifndef PEREGRINE_ENGINE_KERNELS_CUDA_CUBLAS_LT_H_
#define PEREGRINE_ENGINE_KERNELS_CUDA_CUBLAS_LT_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "engine/kernels/cuda/runtime.h"

#ifdef PEREGRINE_CUDA_EMULATION
#include "engine/kernels/cuda/emulation/cublas_lt.h"
#else
#include <cublasLt.h>
#endif

namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE {

// What this folder calls of cuBLASLt. The library is looked for when a GPU is
// first used, so that programs start on machines that have none. What is called
// has been the same since CUDA 11, so any major version from there on will do:
// that of the header first, then the newest.
struct CublasLt {
  std::string name;  // "cuBLASLt 13.1.0 (libcublasLt.so.13)"
  decltype(&cublasLtGetVersion) get_version;
  decltype(&cublasLtCreate) create;
  decltype(&cublasLtDestroy) destroy;
  decltype(&cublasLtMatmulDescCreate) desc_create;
  decltype(&cublasLtMatmulDescDestroy) desc_destroy;
  decltype(&cublasLtMatmulDescSetAttribute) desc_set;
  decltype(&cublasLtMatrixLayoutCreate) layout_create;
  decltype(&cublasLtMatrixLayoutDestroy) layout_destroy;
  decltype(&cublasLtMatmulPreferenceCreate) preference_create;
  decltype(&cublasLtMatmulPreferenceDestroy) preference_destroy;
  decltype(&cublasLtMatmulPreferenceSetAttribute) preference_set;
  decltype(&cublasLtMatmulAlgoGetHeuristic) get_heuristic;
  decltype(&cublasLtMatmulAlgoConfigGetAttribute) get_config;
  decltype(&cublasLtMatmul) matmul;

  // UNAVAILABLE says what was looked for, and why the first was not taken.
  // Stays loaded.
  static absl::StatusOr<std::shared_ptr<const CublasLt>> Load();
};

}  // namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE

#endif  // PEREGRINE_ENGINE_KERNELS_CUDA_CUBLAS_LT_H_
