#include "compare/result.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace peregrine::compare {

int ComparisonResult::SettingIndex(const Setting& setting) const {
  const auto found = std::find(settings.begin(), settings.end(), setting);
  return found == settings.end() ? -1
                                 : static_cast<int>(found - settings.begin());
}

int ComparisonResult::BaselineOf(const Contestant& contestant) const {
  for (std::size_t i = 0; i < contestants.size(); ++i) {
    const Contestant& other = contestants[i];
    if (other.model == baseline && other.engine == "peregrine" &&
        other.device == contestant.device &&
        other.precision() == contestant.precision()) {
      return static_cast<int>(i);
    }
  }
  return -1;
}

const std::vector<double>& ComparisonResult::Speeds(
    const Contestant& contestant, int setting) const {
  const Measurement& measurement = contestant.measurements[setting];
  return clock == Clock::kCpu ? measurement.tokens_per_cpu_second
                              : measurement.tokens_per_second;
}

Spread ComparisonResult::SpeedUp(const Contestant& contestant,
                                 const Contestant& base, int setting) const {
  return SpreadOfRatios(Speeds(contestant, setting), Speeds(base, setting));
}

double ComparisonResult::Latency(const Contestant& contestant, int setting,
                                 double fraction) const {
  const int single = SettingIndex({settings[setting].beam_size, 1});
  return Percentile(contestant.measurements[single].latencies, fraction);
}

std::string FormatSetting(const std::string& precision,
                          const Setting& setting) {
  return absl::StrCat(precision, ", beam ", setting.beam_size, ", batch ",
                      setting.batch_size);
}

}  // namespace peregrine::compare
