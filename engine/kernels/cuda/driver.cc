#include "engine/kernels/cuda/driver.h"

#include <fstream>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace peregrine::kernels {
namespace {

std::string CudaVersion(int version) {
  return absl::StrCat(version / 1000, ".", version % 1000 / 10);
}

// What NVIDIA's release notes name for every version of the toolkit's major.
std::string LeastDriver(int runtime) {
  switch (runtime / 1000) {
    case 11:
      return "450.80.02";
    case 12:
      return "525.60.13";
    case 13:
      return "580.65.06";
    default:
      return absl::StrCat("one for CUDA ", CudaVersion(runtime));
  }
}

bool IsVersion(absl::string_view word) {
  return word.size() > 2 && absl::ascii_isdigit(word[0]) &&
         word.find('.') != absl::string_view::npos &&
         word.find_first_not_of("0123456789.") == absl::string_view::npos;
}

}  // namespace

std::string DriverVersionIn(absl::string_view text) {
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    if (line.find("NVRM") == absl::string_view::npos) continue;
    for (absl::string_view word : absl::StrSplit(line, ' ')) {
      if (IsVersion(word)) return std::string(word);
    }
  }
  return "";
}

std::string InstalledDriver() {
  std::ifstream file("/proc/driver/nvidia/version");
  return DriverVersionIn(std::string(std::istreambuf_iterator<char>(file), {}));
}

std::string DriverProblem(int driver, int runtime,
                          absl::string_view installed) {
  const std::string expected =
      absl::StrCat("expected ", LeastDriver(runtime),
                   " or newer, since this program was built with CUDA ",
                   CudaVersion(runtime));
  if (driver == 0) {
    const std::string in_kernel =
        installed.empty()
            ? "no NVIDIA driver found"
            : absl::StrCat("found the NVIDIA driver ", installed,
                           " in the kernel, but not its library libcuda.so.1");
    return absl::StrCat(in_kernel, ", ", expected);
  }
  return absl::StrCat("found the NVIDIA driver ", installed,
                      installed.empty() ? "" : ", ", "for CUDA up to ",
                      CudaVersion(driver), ", ", expected);
}

}  // namespace peregrine::kernels
