#ifndef PEREGRINE_COMPARE_RESULT_FIXTURE_H_
#define PEREGRINE_COMPARE_RESULT_FIXTURE_H_

#include <string>
#include <utility>
#include <vector>

#include "compare/result.h"

namespace peregrine::compare {

// A contestant of two rounds, of which the machine was slow in the second.
inline Contestant MakeContestant(const std::string& model, double speed,
                                 const std::string& precision = "float32") {
  Contestant contestant;
  contestant.model = contestant.label = model;
  contestant.engine = "peregrine";
  contestant.device = "cpu";
  contestant.facts.precision = precision;
  contestant.facts.parameters = 76'000'000;
  contestant.facts.source_vocab_size = 32000;
  contestant.facts.target_vocab_size = 32000;
  contestant.facts.multiply_adds = model::MultiplyAdds{22'000'000, 38'000'000};
  Measurement measurement;
  measurement.tokens_per_second = {speed, speed / 2};
  measurement.tokens_per_cpu_second = {2 * speed, 2 * speed};
  measurement.cpu_share = {0.5, 0.25};
  measurement.latencies = {0.1, 0.3};
  measurement.peak_bytes = 512'000'000;
  contestant.measurements = {measurement, measurement};
  return contestant;
}

// base-32k and an MDN 2.5 times as fast, beam 4, batch 64.
inline ComparisonResult MakeResult() {
  ComparisonResult result;
  result.machine.processor = "A & B <processor>";
  result.machine.num_cpus = 2;
  result.settings = {{4, 64}, {4, 1}};
  result.sentences = {128, 8};
  result.num_reported = 1;
  result.rounds = 2;
  result.seconds = 90;
  result.baseline = "base-32k";
  result.contestants = {MakeContestant("base-32k", 200),
                        MakeContestant("mdn", 500)};
  result.contestants[1].facts.target_vocab_size = 10000;
  result.contestants[1].facts.source_vocab_size = 10000;
  return result;
}

}  // namespace peregrine::compare

#endif  // PEREGRINE_COMPARE_RESULT_FIXTURE_H_
