#include "compare/report.h"

namespace peregrine::compare {
namespace {

Json MakeJson(const Machine& machine) {
  return {{"processor", machine.processor},
          {"cpus", machine.num_cpus},
          {"isa", machine.isa},
          {"memory_bytes", machine.memory_bytes},
          {"load", machine.load}};
}

Json MakeJson(const Spread& spread) {
  return {{"median", spread.median}, {"min", spread.min}, {"max", spread.max}};
}

Json MakeJson(const ComparisonResult& result, const Contestant& contestant,
              int setting) {
  const Measurement& measurement = contestant.measurements[setting];
  Json json = {{"beam_size", result.settings[setting].beam_size},
               {"batch_size", result.settings[setting].batch_size},
               {"sentences", result.sentences[setting]},
               {"speed_up", nullptr},
               {"tokens_per_second", measurement.tokens_per_second},
               {"tokens_per_cpu_second", measurement.tokens_per_cpu_second},
               {"cpu_share", measurement.cpu_share},
               {"joules_per_token", nullptr},
               {"latency_seconds",
                {{"p50", Percentile(measurement.latencies, 0.5)},
                 {"p99", Percentile(measurement.latencies, 0.99)}}},
               {"peak_bytes", measurement.peak_bytes},
               {"multiply_adds_per_token", nullptr},
               {"bleu", nullptr}};
  if (const int base = result.BaselineOf(contestant); base >= 0) {
    json["speed_up"] =
        MakeJson(result.SpeedUp(contestant, result.contestants[base], setting));
  }
  if (!measurement.joules_per_token.empty()) {
    json["joules_per_token"] = measurement.joules_per_token;
  }
  const int beam_size = result.settings[setting].beam_size;
  if (contestant.facts.multiply_adds) {
    json["multiply_adds_per_token"] =
        contestant.facts.multiply_adds->PerToken(beam_size);
  }
  const auto score = contestant.bleu.find(beam_size);
  if (score != contestant.bleu.end()) json["bleu"] = score->second;
  return json;
}

}  // namespace

std::string FormatJson(const ComparisonResult& result) {
  Json json = {{"date", result.machine.date},
               {"machine", MakeJson(result.machine)},
               {"workers", result.num_workers},
               {"clock", result.clock == Clock::kCpu ? "cpu" : "wall"},
               {"seconds", result.seconds},
               {"rounds", result.rounds},
               {"longest_sentence", result.longest},
               {"baseline", result.baseline},
               {"paper_speed_up",
                {{"cpu", kPaperCpuSpeedUp},
                 {"gpu", kPaperGpuSpeedUp},
                 {"precision", "float32"},
                 {"beam_size", 4},
                 {"batch_size", 64},
                 {"vocabulary", "32K to 10K"}}},
               {"notes", result.notes},
               {"models", Json::array()}};
  for (const Contestant& contestant : result.contestants) {
    Json model = {{"model", contestant.model},
                  {"label", contestant.label},
                  {"engine", contestant.engine},
                  {"device", contestant.device},
                  {"trained", contestant.trained}};
    model.update(ToJson(contestant.facts));
    model["settings"] = Json::array();
    for (std::size_t i = 0; i < result.settings.size(); ++i) {
      model["settings"].push_back(
          MakeJson(result, contestant, static_cast<int>(i)));
    }
    json["models"].push_back(std::move(model));
  }
  return json.dump(1) + "\n";
}

}  // namespace peregrine::compare
