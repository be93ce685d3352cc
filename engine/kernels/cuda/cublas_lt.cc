#include "engine/kernels/cuda/cublas_lt.h"

#include <dlfcn.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "engine/base/status_macros.h"

namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE {
namespace {

// Where the functions are: the shared library of the version whose header this
// was compiled with, or the emulation.
class Library {
 public:
  absl::Status Open() {
#ifdef PEREGRINE_CUDA_EMULATION
    name_ = "emulated cuBLASLt";
    return cuda_emulation::HasCublasLt()
               ? absl::OkStatus()
               : absl::UnavailableError(absl::StrCat(name_, ": left out"));
#else
    name_ = absl::StrCat("libcublasLt.so.", CUBLAS_VER_MAJOR);
    handle_ = dlopen(name_.c_str(), RTLD_NOW | RTLD_LOCAL);
    return handle_ != nullptr ? absl::OkStatus()
                              : absl::UnavailableError(dlerror());
#endif
  }

  template <class Function>
  absl::Status Find(const char* name, Function* function) const {
#ifdef PEREGRINE_CUDA_EMULATION
    *function =
        reinterpret_cast<Function>(cuda_emulation::CublasLtFunction(name));
#else
    *function = reinterpret_cast<Function>(dlsym(handle_, name));
#endif
    return *function != nullptr ? absl::OkStatus()
                                : absl::UnavailableError(absl::StrCat(
                                      name_, ": has no function ", name));
  }

 private:
  std::string name_;
  void* handle_ = nullptr;
};

absl::StatusOr<const CublasLt*> FindFunctions() {
  Library library;
  PEREGRINE_RETURN_IF_ERROR(library.Open());
  auto f = std::make_unique<CublasLt>();
  for (const absl::Status& status :
       {library.Find("cublasLtCreate", &f->create),
        library.Find("cublasLtDestroy", &f->destroy),
        library.Find("cublasLtMatmulDescCreate", &f->desc_create),
        library.Find("cublasLtMatmulDescDestroy", &f->desc_destroy),
        library.Find("cublasLtMatmulDescSetAttribute", &f->desc_set),
        library.Find("cublasLtMatrixLayoutCreate", &f->layout_create),
        library.Find("cublasLtMatrixLayoutDestroy", &f->layout_destroy),
        library.Find("cublasLtMatmulPreferenceCreate", &f->preference_create),
        library.Find("cublasLtMatmulPreferenceDestroy", &f->preference_destroy),
        library.Find("cublasLtMatmulPreferenceSetAttribute",
                     &f->preference_set),
        library.Find("cublasLtMatmulAlgoGetHeuristic", &f->get_heuristic),
        library.Find("cublasLtMatmulAlgoConfigGetAttribute", &f->get_config),
        library.Find("cublasLtMatmul", &f->matmul)}) {
    PEREGRINE_RETURN_IF_ERROR(status);
  }
  return f.release();
}

}  // namespace

absl::StatusOr<const CublasLt*> CublasLt::Load() {
#ifdef PEREGRINE_CUDA_EMULATION
  return FindFunctions();  // a test may leave it out
#else
  static const auto& found =
      *new absl::StatusOr<const CublasLt*>(FindFunctions());
  return found;
#endif
}

}  // namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE
