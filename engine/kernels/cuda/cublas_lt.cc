#include "engine/kernels/cuda/cublas_lt.h"

#include <dlfcn.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/base/status_macros.h"

namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE {
namespace {

// Where the functions are: a shared library, or the emulation.
class Library {
 public:
  absl::Status Open() {
#ifdef PEREGRINE_CUDA_EMULATION
    name_ = "emulated";
    return cuda_emulation::HasCublasLt()
               ? absl::OkStatus()
               : absl::UnavailableError("the emulated cuBLASLt is left out");
#else
    std::vector<std::string> tried;
    std::string reason;
    for (int major : MajorVersions()) {
      name_ = absl::StrCat("libcublasLt.so.", major);
      handle_ = dlopen(name_.c_str(), RTLD_NOW | RTLD_LOCAL);
      if (handle_ != nullptr) return absl::OkStatus();
      if (tried.empty()) reason = dlerror();
      tried.push_back(name_);
    }
    return absl::UnavailableError(absl::StrCat(
        "cuBLASLt: found none of ", absl::StrJoin(tried, ", "), ": ", reason));
#endif
  }

  const std::string& name() const { return name_; }

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
#ifndef PEREGRINE_CUDA_EMULATION
  static std::vector<int> MajorVersions() {
    std::vector<int> versions = {CUBLAS_VER_MAJOR};
    for (int major : {13, 12, 11}) {
      if (major != CUBLAS_VER_MAJOR) versions.push_back(major);
    }
    return versions;
  }
#endif

  std::string name_;
  void* handle_ = nullptr;
};

std::string NameOf(size_t version, const std::string& file) {
  return absl::StrCat("cuBLASLt ", version / 10000, ".", version / 100 % 100,
                      ".", version % 100, " (", file, ")");
}

absl::StatusOr<std::shared_ptr<const CublasLt>> FindFunctions() {
  Library library;
  PEREGRINE_RETURN_IF_ERROR(library.Open());
  auto f = std::make_shared<CublasLt>();
  for (const absl::Status& status :
       {library.Find("cublasLtGetVersion", &f->get_version),
        library.Find("cublasLtCreate", &f->create),
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
  f->name = NameOf(f->get_version(), library.name());
  return f;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const CublasLt>> CublasLt::Load() {
#ifdef PEREGRINE_CUDA_EMULATION
  return FindFunctions();  // a test may leave it out
#else
  static const auto& found =
      *new absl::StatusOr<std::shared_ptr<const CublasLt>>(FindFunctions());
  return found;
#endif
}

}  // namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE
