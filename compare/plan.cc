#include "compare/plan.h"

#include <algorithm>
#include <cmath>

namespace peregrine::compare {
namespace {

constexpr int kFewestSentences = 4;
constexpr int kMostSentences = 2000;

}  // namespace

std::vector<Setting> MakeSettings(const std::vector<int>& beam_sizes,
                                  const std::vector<int>& batch_sizes) {
  std::vector<Setting> settings;
  const auto add = [&settings](const Setting& setting) {
    if (std::find(settings.begin(), settings.end(), setting) ==
        settings.end()) {
      settings.push_back(setting);
    }
  };
  for (const int beam_size : beam_sizes) {
    for (const int batch_size : batch_sizes) add({beam_size, batch_size});
  }
  for (const int beam_size : beam_sizes) add({beam_size, 1});
  return settings;
}

int WantedSentences(const Setting& setting, int num_workers) {
  return std::max(8, 2 * setting.batch_size) * num_workers;
}

std::vector<int> ChooseSentences(const std::vector<SettingCost>& costs,
                                 double seconds) {
  double round_seconds = 0;
  for (const SettingCost& cost : costs) {
    round_seconds += cost.seconds_per_sentence * cost.wanted_sentences;
  }
  const double rounds = std::floor(
      std::clamp<double>(seconds / round_seconds, kFewestRounds, kMostRounds));
  const double scale = seconds / (round_seconds * rounds);
  std::vector<int> sentences;
  for (const SettingCost& cost : costs) {
    sentences.push_back(static_cast<int>(
        std::clamp<double>(std::floor(scale * cost.wanted_sentences),
                           kFewestSentences, kMostSentences)));
  }
  return sentences;
}

}  // namespace peregrine::compare
