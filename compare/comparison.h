#ifndef PEREGRINE_COMPARE_COMPARISON_H_
#define PEREGRINE_COMPARE_COMPARISON_H_

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "compare/energy_meter.h"
#include "compare/gpu_energy_meter.h"
#include "compare/options.h"
#include "compare/result.h"
#include "compare/start_models.h"

namespace peregrine::compare {

// Measures models side by side: each in a process of its own, all taking turns
// round by round, so that a machine that drifts favours none. Not thread-safe;
// forks, so to be used before there are threads.
class Comparison {
 public:
  Comparison(const ComparisonOptions& options, Progress progress);

  // Errors name the model or the option, what was found and what was expected.
  absl::StatusOr<ComparisonResult> Run();

 private:
  // What one model did under one setting in one round.
  struct Turn {
    std::size_t model = 0;
    int setting = 0;
    SpeedResult result;
    absl::optional<double> joules;
  };

  // In the order of Run.
  absl::Status Start();
  absl::Status ChooseBaseline();
  absl::Status ScoreTexts();
  absl::Status MakePlan();
  absl::Status RunRounds();

  absl::Status ScoreTexts(RunningModel& model, int beam_size);
  // The seconds that a sentence of each model takes, one after the other.
  absl::StatusOr<double> SecondsPerSentence(int setting);
  // A turn of every model under every setting. False, with nothing recorded:
  // the time was up before its end.
  absl::StatusOr<bool> RunRound();
  absl::StatusOr<bool> RunSetting(int setting, std::vector<Turn>& turns);
  absl::StatusOr<SpeedResult> Measure(RunningModel& model, int setting,
                                      const std::vector<int>& lengths);
  void Record(const Turn& turn);
  void WatchEnergy();
  // Of all that the contestant runs on; null: the machine does not tell.
  absl::optional<double> JoulesSinceLast(const Contestant& contestant);
  void AddNotes();
  ComparisonResult TakeResult();

  absl::Duration Elapsed() const;
  void Say(const std::string& what, bool milestone = false) const;

  const ComparisonOptions options_;
  const Progress progress_;
  const absl::Time start_;
  EnergyMeter energy_;
  GpuEnergyMeter gpu_energy_;
  std::vector<RunningModel> models_;
  ComparisonResult result_;  // but for the contestants, who are in models_
};

}  // namespace peregrine::compare

#endif  // PEREGRINE_COMPARE_COMPARISON_H_
