#include "engine/kernels/device.h"

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "engine/base/status_macros.h"
#include "engine/kernels/cpu/cpu_kernels.h"
#include "engine/kernels/cpu/isa.h"
#include "engine/kernels/cpu/onednn_kernels.h"
#include "engine/kernels/reference/reference_kernels.h"
#ifdef PEREGRINE_HAS_CUDA
#include "engine/kernels/cuda/cuda_device.h"
#include "engine/kernels/cuda/cuda_kernels.h"
#endif

namespace peregrine::kernels {
namespace {

#ifdef PEREGRINE_HAS_CUDA

absl::StatusOr<std::unique_ptr<Kernels>> MakeCudaKernels(const Device& device) {
  PEREGRINE_ASSIGN_OR_RETURN(
      auto cuda_device,
      cuda::CudaDevice::Shared(device.index, device.memory_bytes));
  return cuda::CudaKernels::Create(
      std::move(cuda_device),
      device.own_products ? cuda::kOwnProducts : cuda::kLibraryProducts,
      device.tuning);
}

#else

absl::Status BuiltWithoutCuda() {
  return absl::UnimplementedError(
      "built without CUDA: no toolkit was found, or PEREGRINE_CUDA=OFF");
}

absl::StatusOr<std::unique_ptr<Kernels>> MakeCudaKernels(const Device& device) {
  return absl::UnimplementedError(absl::StrCat(
      "cuda:", device.index, " asked, but ", BuiltWithoutCuda().message()));
}

#endif

}  // namespace

absl::StatusOr<Device> ParseDevice(absl::string_view name) {
  if (name == "reference") return Device::kReference;
  if (name == "cpu") return Device::kCpu;
  if (name == "cpu-onednn") return Device::kCpuOneDnn;
  absl::string_view index = name;
  if (absl::ConsumePrefix(&index, "cuda")) {
    Device device{Device::Kind::kCuda};
    device.own_products = absl::ConsumePrefix(&index, "-own");
    if (index.empty()) return device;
    if (absl::ConsumePrefix(&index, ":") &&
        absl::SimpleAtoi(index, &device.index) && device.index >= 0) {
      return device;
    }
  }
  return absl::InvalidArgumentError(
      absl::StrCat("device is '", name,
                   "', expected 'cpu', 'cpu-onednn', 'reference', 'cuda:N' "
                   "or 'cuda-own:N'"));
}

namespace {

struct TuningSwitch {
  absl::string_view name;
  bool GpuTuning::*field;
};
constexpr TuningSwitch kTuningSwitches[] = {
    {"vector-keys", &GpuTuning::vector_keys},
    {"keys-ahead", &GpuTuning::keys_ahead},
    {"split-top-k", &GpuTuning::split_top_k},
    {"tiles-ahead", &GpuTuning::tiles_ahead},
    {"dependent-launch", &GpuTuning::dependent_launch},
    {"fused-norms", &GpuTuning::fused_norms},
    {"one-upload", &GpuTuning::one_upload},
    {"eight-bits", &GpuTuning::eight_bits}};

bool SetTuning(absl::string_view name, GpuTuning& tuning) {
  for (const TuningSwitch& one : kTuningSwitches) {
    if (one.name != name) continue;
    tuning.*one.field = true;
    return true;
  }
  return absl::ConsumePrefix(&name, "graphs=") &&
         absl::SimpleAtoi(name, &tuning.max_graphs) && tuning.max_graphs >= 1;
}

}  // namespace

std::string GpuTuningNames() {
  std::string names;
  for (const TuningSwitch& one : kTuningSwitches) {
    absl::StrAppend(&names, names.empty() ? "'" : ", '", one.name, "'");
  }
  return absl::StrCat(names, " or 'graphs=N'");
}

absl::StatusOr<GpuTuning> ParseGpuTuning(absl::string_view names) {
  GpuTuning tuning;
  for (absl::string_view name : absl::StrSplit(names, ',', absl::SkipEmpty())) {
    if (SetTuning(name, tuning)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("tuning is '", name, "', expected ", GpuTuningNames()));
  }
  return tuning;
}

absl::StatusOr<std::unique_ptr<Kernels>> MakeKernels(const Device& device) {
  if (device.kind == Device::Kind::kCuda) return MakeCudaKernels(device);
  if (device == Device::kReference) return std::make_unique<ReferenceKernels>();
  PEREGRINE_ASSIGN_OR_RETURN(const Isa isa, ChooseIsa());
  if (device == Device::kCpuOneDnn) return OneDnnKernels::Create(isa);
  return std::make_unique<CpuKernels>(isa, CpuThreads{device.num_threads});
}

absl::StatusOr<std::vector<std::string>> DescribeGpus() {
#ifdef PEREGRINE_HAS_CUDA
  return cuda::DescribeGpus();
#else
  return BuiltWithoutCuda();
#endif
}

std::string DescribeProducts(const Device& device) {
  if (device.kind == Device::Kind::kCpuOneDnn) return OneDnnVersion();
  if (device.kind != Device::Kind::kCuda || device.own_products) {
    return "own kernels";
  }
#ifdef PEREGRINE_HAS_CUDA
  const absl::StatusOr<std::string> library = cuda::LibraryName(device.index);
  return library.ok()
             ? absl::StrCat(*library, " and own kernels")
             : absl::StrCat("own kernels (", library.status().message(), ")");
#else
  return std::string(BuiltWithoutCuda().message());
#endif
}

}  // namespace peregrine::kernels
