#ifndef PEREGRINE_COMPARE_PLOTS_H_
#define PEREGRINE_COMPARE_PLOTS_H_

#include <string>

#include "compare/result.h"

// A comparison as pictures, in SVG.
namespace peregrine::compare {

// A panel for each device, precision and setting, with a bar for each model:
// its speed-up over the baseline, and from the least to the greatest of the
// rounds. The paper's figure stands in the panels that are like it.
std::string PlotSpeedUps(const ComparisonResult& result);

// BLEU against speed, for those models that were scored.
std::string PlotQuality(const ComparisonResult& result);

}  // namespace peregrine::compare

#endif  // PEREGRINE_COMPARE_PLOTS_H_
