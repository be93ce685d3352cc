#include "compare/energy_meter.h"

#include <filesystem>
#include <fstream>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace peregrine::compare {
namespace {

template <class T>
absl::optional<T> ReadValue(const std::filesystem::path& path) {
  std::ifstream file(path);
  T value;
  if (file >> value) return value;
  return absl::nullopt;
}

// Zones are called intel-rapl:0, on AMD's processors, too, and their parts
// (core, uncore, dram) intel-rapl:0:0. The same package can be there a second
// time as intel-rapl-mmio:0.
bool IsPackage(const std::filesystem::path& zone) {
  const auto name = ReadValue<std::string>(zone / "name");
  return absl::StartsWith(zone.filename().string(), "intel-rapl:") && name &&
         absl::StartsWith(*name, "package");
}

}  // namespace

EnergyMeter::EnergyMeter(const std::string& folder)
    : reason_(absl::StrCat("not reported by this machine: no package in ",
                           folder)) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::filesystem::path& zone = entry.path();
    if (!IsPackage(zone)) continue;
    const std::string file = zone / "energy_uj";
    const auto energy = ReadValue<std::int64_t>(file);
    const auto range = ReadValue<std::int64_t>(zone / "max_energy_range_uj");
    if (!energy || !range) {
      GiveUp(file);
      return;
    }
    packages_.push_back({file, *range, *energy});
  }
  if (available()) reason_.clear();
}

absl::optional<double> EnergyMeter::JoulesSinceLast() {
  std::int64_t microjoules = 0;
  for (Package& package : packages_) {
    const auto now = ReadValue<std::int64_t>(package.energy_file);
    if (!now) {
      GiveUp(std::string(package.energy_file));
      return absl::nullopt;
    }
    microjoules += *now - package.last;
    if (*now < package.last) microjoules += package.range;
    package.last = *now;
  }
  if (packages_.empty()) return absl::nullopt;
  return static_cast<double>(microjoules) * 1e-6;
}

// A part of the packages would be no figure.
void EnergyMeter::GiveUp(const std::string& file) {
  packages_.clear();
  reason_ = absl::StrCat("not readable by this user (root can): ", file);
}

}  // namespace peregrine::compare
