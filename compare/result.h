#ifndef PEREGRINE_COMPARE_RESULT_H_
#define PEREGRINE_COMPARE_RESULT_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/types/optional.h"
#include "compare/machine.h"
#include "compare/messages.h"
#include "compare/options.h"
#include "compare/plan.h"
#include "compare/statistics.h"

namespace peregrine::compare {

// What a model did under one setting, round by round.
struct Measurement {
  std::vector<double> tokens_per_second;
  std::vector<double> tokens_per_cpu_second;
  std::vector<double> cpu_share;  // of the time of its workers; 1: undisturbed
  std::vector<double> joules_per_token;  // empty: not reported
  std::vector<double> latencies;         // seconds, sentences of all rounds
  std::int64_t peak_bytes = 0;
};

// A model on a device in a precision, or a peer's.
struct Contestant {
  std::string model;   // "mdn", or the name of a directory
  std::string label;   // for people
  std::string engine;  // "peregrine", or the peer's name and version
  std::string device;
  bool trained = false;  // from a directory, not of random weights
  ModelFacts facts;
  std::vector<Measurement> measurements;  // by setting
  std::map<int, double> bleu;             // by beam size; empty: not scored

  const std::string& precision() const { return facts.precision; }
};

struct ComparisonResult {
  Machine machine;
  int num_workers = 1;
  Clock clock = Clock::kWall;
  double seconds = 0;  // that it took
  int longest = 0;     // tokens of the longest sentence
  std::vector<Setting> settings;
  std::vector<int> sentences;  // of each setting, in a round
  int num_reported = 0;  // settings asked for; those behind tell the latency
  int rounds = 0;
  std::vector<Contestant> contestants;
  std::string baseline;  // a model
  std::vector<std::string> notes;

  int SettingIndex(const Setting& setting) const;

  // Of the baseline on the same device in the same precision, or -1.
  int BaselineOf(const Contestant& contestant) const;

  // Target tokens a second by round, by the clock chosen.
  const std::vector<double>& Speeds(const Contestant& contestant,
                                    int setting) const;

  // How often faster than another contestant, round by round.
  Spread SpeedUp(const Contestant& contestant, const Contestant& base,
                 int setting) const;

  // Seconds of a sentence on its own, at the beam size of `setting`.
  double Latency(const Contestant& contestant, int setting,
                 double fraction) const;
};

// "float32, beam 4, batch 64".
std::string FormatSetting(const std::string& precision, const Setting& setting);

}  // namespace peregrine::compare

#endif  // PEREGRINE_COMPARE_RESULT_H_
