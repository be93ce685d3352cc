#include "compare/statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/base/check.h"

namespace peregrine::compare {

double Percentile(std::vector<double> values, double fraction) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  std::sort(values.begin(), values.end());
  const double position =
      std::clamp(fraction, 0.0, 1.0) * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(std::floor(position));
  const std::size_t above = std::min(below + 1, values.size() - 1);
  const double part = position - static_cast<double>(below);
  return values[below] + part * (values[above] - values[below]);
}

Spread SpreadOf(const std::vector<double>& values) {
  PEREGRINE_CHECK(!values.empty());
  const auto [min, max] = std::minmax_element(values.begin(), values.end());
  return {Median(values), *min, *max};
}

Spread SpreadOfRatios(const std::vector<double>& values,
                      const std::vector<double>& bases) {
  PEREGRINE_CHECK(values.size() == bases.size());
  std::vector<double> ratios(values.size());
  std::transform(values.begin(), values.end(), bases.begin(), ratios.begin(),
                 [](double value, double base) { return value / base; });
  return SpreadOf(ratios);
}

}  // namespace peregrine::compare
