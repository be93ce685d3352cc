#ifndef PEREGRINE_COMPARE_STATISTICS_H_
#define PEREGRINE_COMPARE_STATISTICS_H_

#include <utility>
#include <vector>

namespace peregrine::compare {

// Between the two values around it where `fraction` (0 to 1) falls between
// them. NaN for no values.
double Percentile(std::vector<double> values, double fraction);

inline double Median(std::vector<double> values) {
  return Percentile(std::move(values), 0.5);
}

// A median of several rounds and how far they lie apart.
struct Spread {
  double median = 0;
  double min = 0;
  double max = 0;
};

// `values` must not be empty.
Spread SpreadOf(const std::vector<double>& values);

// Of values[i] / bases[i], round by round: what both saw of a machine that
// drifts cancels out. Equally long, not empty.
Spread SpreadOfRatios(const std::vector<double>& values,
                      const std::vector<double>& bases);

}  // namespace peregrine::compare

#endif  // PEREGRINE_COMPARE_STATISTICS_H_
