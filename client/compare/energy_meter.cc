#include "client/compare/energy_meter.h"

#include <filesystem>
#include <fstream>
#include <system_error>

#include "absl/strings/match.h"

namespace peregrine::compare {
namespace {

template <class T>
absl::optional<T> ReadValue(const std::string& path) {
  std::ifstream file(path);
  T value;
  if (file >> value) return value;
  return absl::nullopt;
}

}  // namespace

EnergyMeter::EnergyMeter(const std::string& folder) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string zone = entry.path().string();
    // Its parts (core, uncore, dram) are in the package, or not of it.
    const auto name = ReadValue<std::string>(zone + "/name");
    if (!name || !absl::StartsWith(*name, "package")) continue;
    const auto energy = ReadValue<std::int64_t>(zone + "/energy_uj");
    const auto range = ReadValue<std::int64_t>(zone + "/max_energy_range_uj");
    if (energy && range) {
      packages_.push_back({zone + "/energy_uj", *range, *energy});
    }
  }
}

absl::optional<double> EnergyMeter::JoulesSinceLast() {
  std::int64_t microjoules = 0;
  for (Package& package : packages_) {
    const auto now = ReadValue<std::int64_t>(package.energy_file);
    if (!now) {
      packages_.clear();
      break;
    }
    microjoules += *now - package.last;
    if (*now < package.last) microjoules += package.range;
    package.last = *now;
  }
  if (packages_.empty()) return absl::nullopt;
  return static_cast<double>(microjoules) * 1e-6;
}

}  // namespace peregrine::compare
