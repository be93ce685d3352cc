#include "compare/comparison.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "compare/bleu.h"
#include "compare/workload.h"
#include "engine/base/status_macros.h"

namespace peregrine::compare {
namespace {

// Sentences that tell beforehand what a setting costs.
constexpr int kTrialSentences = 12;
constexpr int kTrialSentencesAlone = 2;
// What is kept of the time for rounds that take longer than the trial said.
constexpr double kShareForRounds = 0.9;
constexpr int kLongestSentence = 100;
// Below this share of a core the machine was busy with something else.
constexpr double kUndisturbedShare = 0.9;

bool Contains(const std::vector<int>& values, int value) {
  return std::find(values.begin(), values.end(), value) != values.end();
}

absl::Status Annotate(const absl::Status& status,
                      const Contestant& contestant) {
  if (status.ok()) return status;
  return absl::Status(
      status.code(),
      absl::StrCat(contestant.model, " (", contestant.engine, ", ",
                   contestant.device, ", ", contestant.precision(),
                   "): ", status.message()));
}

}  // namespace

Comparison::Comparison(const ComparisonOptions& options, Progress progress)
    : options_(options),
      progress_(std::move(progress)),
      start_(absl::Now()),
      energy_(options.powercap_folder),
      gpu_energy_(options.nvml_library) {}

absl::StatusOr<ComparisonResult> Comparison::Run() {
  PEREGRINE_RETURN_IF_ERROR(Start());
  PEREGRINE_RETURN_IF_ERROR(ScoreTexts());
  PEREGRINE_RETURN_IF_ERROR(MakePlan());
  PEREGRINE_RETURN_IF_ERROR(RunRounds());
  return TakeResult();
}

absl::Status Comparison::Start() {
  result_.machine = DescribeMachine();
  result_.num_workers = options_.num_workers;
  result_.clock = options_.clock;
  result_.settings = MakeSettings(options_.beam_sizes, options_.batch_sizes);
  result_.num_reported = static_cast<int>(
      std::count_if(result_.settings.begin(), result_.settings.end(),
                    [this](const Setting& setting) {
                      return Contains(options_.batch_sizes, setting.batch_size);
                    }));
  PEREGRINE_ASSIGN_OR_RETURN(models_,
                             StartModels(options_, progress_, &result_.notes));
  if (models_.empty()) {
    return absl::InvalidArgumentError(
        "found no model to compare, expected --shape or --model");
  }
  PEREGRINE_RETURN_IF_ERROR(ChooseBaseline());
  result_.longest = kLongestSentence;
  for (RunningModel& model : models_) {
    model.contestant.measurements.resize(result_.settings.size());
    result_.longest = std::min(result_.longest, model.contestant.facts.longest);
  }
  WatchEnergy();
  return absl::OkStatus();
}

void Comparison::WatchEnergy() {
  if (!energy_.available()) {
    result_.notes.push_back(
        absl::StrCat("Joules of processors are ", energy_.reason(), "."));
  }
  std::set<std::string> gpus;
  for (const RunningModel& model : models_) {
    const std::string& gpu = model.contestant.facts.gpu;
    if (gpu.empty() || !gpus.insert(gpu).second) continue;
    const absl::Status status = gpu_energy_.Watch(gpu);
    if (status.ok()) continue;
    result_.notes.push_back(absl::StrCat("Joules of ", model.contestant.device,
                                         ": ", status.message(), "."));
  }
}

absl::optional<double> Comparison::JoulesSinceLast(
    const Contestant& contestant) {
  const absl::optional<double> processors = energy_.JoulesSinceLast();
  const std::string& gpu = contestant.facts.gpu;
  if (gpu.empty()) return processors;
  const absl::optional<double> board = gpu_energy_.JoulesSinceLast(gpu);
  if (!board) return absl::nullopt;
  return *board + processors.value_or(0);
}

absl::Status Comparison::ChooseBaseline() {
  result_.baseline = options_.baseline.empty() ? models_[0].contestant.model
                                               : options_.baseline;
  std::vector<std::string> names;
  for (const RunningModel& model : models_) {
    names.push_back(model.contestant.model);
    if (names.back() == result_.baseline) return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("--baseline: found \"", result_.baseline,
                   "\", expected one of ", absl::StrJoin(names, ", ")));
}

absl::Status Comparison::ScoreTexts() {
  if (options_.sources.empty()) return absl::OkStatus();
  for (RunningModel& model : models_) {
    const Contestant& contestant = model.contestant;
    if (!contestant.trained) continue;
    if (!contestant.facts.has_tokenizers) {
      result_.notes.push_back(
          absl::StrCat(contestant.model, " has no BLEU: it has no tokenizers"));
      continue;
    }
    for (const int beam_size : options_.beam_sizes) {
      Say(absl::StrCat("translating ", options_.sources.size(),
                       " sentences: ", contestant.model, ", ",
                       contestant.precision(), ", beam ", beam_size));
      PEREGRINE_RETURN_IF_ERROR(
          Annotate(ScoreTexts(model, beam_size), contestant));
    }
  }
  return absl::OkStatus();
}

absl::Status Comparison::ScoreTexts(RunningModel& model, int beam_size) {
  const TextRequest request{options_.sources, beam_size,
                            *std::max_element(options_.batch_sizes.begin(),
                                              options_.batch_sizes.end())};
  PEREGRINE_ASSIGN_OR_RETURN(const Json answer,
                             model.process->Call(ToJson(request)));
  PEREGRINE_ASSIGN_OR_RETURN(const TextResult result, ParseTextResult(answer));
  if (result.translations.size() != options_.references.size()) {
    return absl::InternalError(
        absl::StrCat("found ", result.translations.size(),
                     " translations, expected ", options_.references.size()));
  }
  model.contestant.bleu[beam_size] =
      CorpusBleu(result.translations, options_.references);
  return absl::OkStatus();
}

absl::StatusOr<double> Comparison::SecondsPerSentence(int setting) {
  const bool alone = result_.settings[setting].batch_size == 1;
  const int count =
      (alone ? kTrialSentencesAlone : kTrialSentences) * options_.num_workers;
  const std::vector<int> lengths =
      SentenceLengths(count, options_.seed, result_.longest);
  double seconds = 0;
  for (RunningModel& model : models_) {
    Say(absl::StrCat("trying ", model.contestant.model, ", ",
                     FormatSetting(model.contestant.precision(),
                                   result_.settings[setting])));
    PEREGRINE_ASSIGN_OR_RETURN(const SpeedResult result,
                               Measure(model, setting, lengths));
    seconds += result.seconds / count;
  }
  return seconds;
}

absl::Status Comparison::MakePlan() {
  std::vector<SettingCost> costs;
  for (std::size_t i = 0; i < result_.settings.size(); ++i) {
    PEREGRINE_ASSIGN_OR_RETURN(const double seconds,
                               SecondsPerSentence(static_cast<int>(i)));
    costs.push_back(
        {seconds, WantedSentences(result_.settings[i], options_.num_workers)});
  }
  const double left =
      absl::ToDoubleSeconds(options_.budget - Elapsed()) * kShareForRounds;
  result_.sentences = ChooseSentences(costs, std::max(left, 1.0));
  return absl::OkStatus();
}

absl::Status Comparison::RunRounds() {
  const absl::Time begin = absl::Now();
  while (result_.rounds < kMostRounds) {
    PEREGRINE_ASSIGN_OR_RETURN(const bool whole, RunRound());
    if (!whole) break;
    ++result_.rounds;
    Say(absl::StrCat("round ", result_.rounds, " is done"),
        /*milestone=*/true);
    const absl::Duration mean = (absl::Now() - begin) / result_.rounds;
    if (Elapsed() + mean > options_.budget) break;
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> Comparison::RunRound() {
  std::vector<Turn> turns;
  for (std::size_t i = 0; i < result_.settings.size(); ++i) {
    PEREGRINE_ASSIGN_OR_RETURN(const bool whole,
                               RunSetting(static_cast<int>(i), turns));
    if (!whole) return false;
  }
  for (const Turn& turn : turns) Record(turn);
  return true;
}

absl::StatusOr<bool> Comparison::RunSetting(int setting,
                                            std::vector<Turn>& turns) {
  const int round = result_.rounds;
  const std::vector<int> lengths = SentenceLengths(
      result_.sentences[setting],
      options_.seed + static_cast<std::uint32_t>(round), result_.longest);
  for (std::size_t i = 0; i < models_.size(); ++i) {
    if (round > 0 && Elapsed() > options_.budget) return false;
    // Another starts in each round.
    const std::size_t index = (i + round) % models_.size();
    RunningModel& model = models_[index];
    Say(absl::StrCat("round ", round + 1, ": ", model.contestant.model, ", ",
                     FormatSetting(model.contestant.precision(),
                                   result_.settings[setting])));
    JoulesSinceLast(model.contestant);
    PEREGRINE_ASSIGN_OR_RETURN(SpeedResult result,
                               Measure(model, setting, lengths));
    turns.push_back(
        {index, setting, std::move(result), JoulesSinceLast(model.contestant)});
  }
  return true;
}

absl::StatusOr<SpeedResult> Comparison::Measure(
    RunningModel& model, int setting, const std::vector<int>& lengths) {
  const Setting& how = result_.settings[setting];
  const SpeedRequest request{lengths, how.beam_size, how.batch_size};
  absl::StatusOr<Json> answer = model.process->Call(ToJson(request));
  absl::StatusOr<SpeedResult> result =
      answer.ok() ? ParseSpeedResult(*answer) : answer.status();
  if (!result.ok()) return Annotate(result.status(), model.contestant);
  if (result->target_tokens < 1 || result->seconds <= 0) {
    return Annotate(absl::InternalError("it translated nothing"),
                    model.contestant);
  }
  return result;
}

void Comparison::Record(const Turn& turn) {
  const SpeedResult& result = turn.result;
  Measurement& measurement =
      models_[turn.model].contestant.measurements[turn.setting];
  const auto tokens = static_cast<double>(result.target_tokens);
  measurement.tokens_per_second.push_back(tokens / result.seconds);
  measurement.tokens_per_cpu_second.push_back(tokens / result.cpu_seconds);
  measurement.cpu_share.push_back(result.cpu_seconds /
                                  (result.seconds * options_.num_workers));
  if (turn.joules) {
    measurement.joules_per_token.push_back(*turn.joules / tokens);
  }
  measurement.latencies.insert(measurement.latencies.end(),
                               result.latencies.begin(),
                               result.latencies.end());
  measurement.peak_bytes = std::max(measurement.peak_bytes, result.peak_bytes);
}

void Comparison::AddNotes() {
  std::vector<double> shares;
  for (const RunningModel& model : models_) {
    for (const Measurement& measurement : model.contestant.measurements) {
      shares.insert(shares.end(), measurement.cpu_share.begin(),
                    measurement.cpu_share.end());
    }
  }
  const double share = Median(shares);
  if (share < kUndisturbedShare) {
    result_.notes.push_back(absl::StrFormat(
        "The machine was busy with other work: the models got %.0f %% of the "
        "processor time that they could have used. %s",
        100 * share,
        options_.clock == Clock::kCpu
            ? "Latencies are too long."
            : "Only the ratios hold, and --clock=cpu has steadier ones."));
  }
  if (result_.rounds < kFewestRounds) {
    result_.notes.push_back(absl::StrFormat(
        "There was time for %d round%s only: give it more minutes, or fewer "
        "models.",
        result_.rounds, result_.rounds == 1 ? "" : "s"));
  }
  for (std::size_t i = 0; i < result_.settings.size(); ++i) {
    const Setting& setting = result_.settings[i];
    if (result_.sentences[i] < setting.batch_size * options_.num_workers) {
      result_.notes.push_back(absl::StrFormat(
          "There was time for rounds of %d sentences only with beam %d, batch "
          "%d: the batch was never full.",
          result_.sentences[i], setting.beam_size, setting.batch_size));
    }
  }
  if (result_.longest < kLongestSentence) {
    result_.notes.push_back(absl::StrFormat(
        "A model takes at most %d tokens, so no sentence was longer.",
        result_.longest));
  }
}

ComparisonResult Comparison::TakeResult() {
  AddNotes();
  for (RunningModel& model : models_) {
    result_.contestants.push_back(std::move(model.contestant));
  }
  models_.clear();
  result_.seconds = absl::ToDoubleSeconds(Elapsed());
  return std::move(result_);
}

absl::Duration Comparison::Elapsed() const { return absl::Now() - start_; }

void Comparison::Say(const std::string& what, bool milestone) const {
  const auto minutes = [](absl::Duration time) {
    const int seconds = static_cast<int>(absl::ToInt64Seconds(time));
    return absl::StrFormat("%d:%02d", seconds / 60, seconds % 60);
  };
  progress_(absl::StrCat(minutes(Elapsed()), " of ", minutes(options_.budget),
                         "  ", what),
            milestone);
}

}  // namespace peregrine::compare
