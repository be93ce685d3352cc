#include "compare/report.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "compare/bleu.h"

namespace peregrine::compare {
namespace {

std::string FormatSpread(const Spread& spread) {
  return absl::StrFormat("%.2f (%.2f to %.2f)", spread.median, spread.min,
                         spread.max);
}

std::string Millions(std::int64_t count) {
  return absl::StrFormat("%.1f", static_cast<double>(count) / 1e6);
}

bool SamePlace(const Contestant& a, const Contestant& b) {
  return a.device == b.device && a.precision() == b.precision();
}

// Of the first contestant's place, where there are several: what all are
// measured by across groups.
const Contestant* FirstBaseline(const ComparisonResult& result) {
  const int index = result.BaselineOf(result.contestants.front());
  return index < 0 ? nullptr : &result.contestants[index];
}

std::string SpeedUpCell(const ComparisonResult& result,
                        const Contestant& contestant, int setting) {
  const int base = result.BaselineOf(contestant);
  if (base < 0) return "";
  return FormatSpread(
      result.SpeedUp(contestant, result.contestants[base], setting));
}

// Empty in the group that it is measured by.
std::string OverFirstCell(const ComparisonResult& result,
                          const Contestant& contestant, int setting) {
  const Contestant* first = FirstBaseline(result);
  if (first == nullptr || SamePlace(contestant, *first)) return "";
  return absl::StrFormat("%.2f",
                         result.SpeedUp(contestant, *first, setting).median);
}

std::string VocabularyCell(const ModelFacts& facts) {
  return facts.source_vocab_size == facts.target_vocab_size
             ? absl::StrCat(facts.target_vocab_size)
             : absl::StrCat(facts.source_vocab_size, " to ",
                            facts.target_vocab_size);
}

std::string JoulesCell(const Measurement& measurement) {
  if (measurement.joules_per_token.empty()) return "";
  return absl::StrFormat("%.1f", 1000 * Median(measurement.joules_per_token));
}

std::string BleuCell(const Contestant& contestant, int beam_size) {
  const auto score = contestant.bleu.find(beam_size);
  return score == contestant.bleu.end()
             ? ""
             : absl::StrFormat("%.1f", score->second);
}

std::string NameCell(const Contestant& contestant) {
  const std::string name =
      contestant.label == contestant.model
          ? contestant.model
          : absl::StrCat(contestant.model, ": ", contestant.label);
  return contestant.engine == "peregrine"
             ? name
             : absl::StrCat(contestant.engine, ", ", contestant.model);
}

std::vector<std::string> MakeRow(const ComparisonResult& result,
                                 const Contestant& contestant, int setting) {
  const Measurement& measurement = contestant.measurements[setting];
  const ModelFacts& facts = contestant.facts;
  const double tokens_per_second = Median(result.Speeds(contestant, setting));
  const int beam_size = result.settings[setting].beam_size;
  const auto latency = [&](double fraction) {
    return absl::StrFormat(
        "%.1f", 1000 * result.Latency(contestant, setting, fraction));
  };
  return {NameCell(contestant),
          SpeedUpCell(result, contestant, setting),
          OverFirstCell(result, contestant, setting),
          absl::StrFormat("%.0f", tokens_per_second),
          latency(0.5),
          latency(0.99),
          VocabularyCell(facts),
          Millions(facts.parameters),
          facts.multiply_adds
              ? Millions(facts.multiply_adds->PerToken(beam_size))
              : "",
          Millions(measurement.peak_bytes),
          JoulesCell(measurement),
          BleuCell(contestant, beam_size)};
}

// A row of "here".
void AddOwnRows(const ComparisonResult& result, Table& table) {
  for (const Contestant& mdn : result.contestants) {
    if (mdn.model != "mdn" || mdn.trained || mdn.engine != "peregrine") {
      continue;
    }
    for (const Contestant& base : result.contestants) {
      if (base.model != "base-32k" || base.engine != "peregrine" ||
          !SamePlace(base, mdn)) {
        continue;
      }
      for (int i = 0; i < result.num_reported; ++i) {
        const Setting& setting = result.settings[i];
        table.rows.push_back(
            {"this machine", FormatSpread(result.SpeedUp(mdn, base, i)),
             mdn.device, mdn.precision(), absl::StrCat(setting.beam_size),
             absl::StrCat(setting.batch_size),
             absl::StrCat(base.facts.target_vocab_size, " to ",
                          mdn.facts.target_vocab_size)});
      }
    }
  }
}

std::string FormatConditions(const ComparisonResult& result) {
  int fewest = result.sentences[0];
  for (int i = 0; i < result.num_reported; ++i) {
    fewest = std::min(fewest, result.sentences[i]);
  }
  return absl::StrFormat(
      "%s. %s, %d worker%s of one thread each. %d round%s of %s%d sentences, "
      "%.1f minutes in all.",
      FormatMachine(result.machine), result.machine.date, result.num_workers,
      result.num_workers == 1 ? "" : "s", result.rounds,
      result.rounds == 1 ? "" : "s", result.num_reported > 1 ? "at least " : "",
      fewest, result.seconds / 60);
}

// What the columns mean, and what to mind.
std::vector<std::string> Explanations(const ComparisonResult& result) {
  std::vector<std::string> lines;
  lines.push_back(absl::StrCat(
      "Speed-up: target tokens a second",
      result.clock == Clock::kCpu ? " of processor time" : "", " over ",
      result.baseline,
      " in the same precision on the same device; median of the rounds' ratios "
      "(least to greatest)."));
  const Contestant* first = FirstBaseline(result);
  const bool several_places =
      std::any_of(result.contestants.begin(), result.contestants.end(),
                  [first](const Contestant& other) {
                    return first != nullptr && !SamePlace(other, *first);
                  });
  if (several_places) {
    lines.push_back(absl::StrCat("Over all: the same over ", first->model,
                                 " in ", first->precision(), " on ",
                                 first->device, "."));
  }
  lines.push_back(
      "Sentences are of random tokens, of mean length 27 (3 to 100), and each "
      "is translated into as many tokens, the same for all models; that a "
      "smaller vocabulary makes more tokens of a text is left out.");
  const int alone = result.SettingIndex({result.settings[0].beam_size, 1});
  lines.push_back(absl::StrFormat(
      "p50 and p99: milliseconds for a sentence on its own, of %d sentences.",
      static_cast<int>(
          result.contestants[0].measurements[alone].latencies.size())));
  lines.push_back(
      "M multiply-adds: of matrix products for each target token, with the "
      "source as long as the target; attention scores left out. Memory: peak "
      "resident MB of the process that holds this model alone.");
  if (HasBleu(result)) {
    lines.push_back(absl::StrCat(
        "BLEU: ", kBleuSignature,
        ", equal to sacreBLEU's; each line of the source is one sentence."));
  }
  lines.insert(lines.end(), result.notes.begin(), result.notes.end());
  return lines;
}

}  // namespace

std::vector<Group> MakeGroups(const ComparisonResult& result) {
  std::vector<Group> groups;
  std::set<std::pair<std::string, std::string>> seen;
  for (const Contestant& first : result.contestants) {
    if (!seen.insert({first.device, first.precision()}).second) continue;
    for (int i = 0; i < result.num_reported; ++i) {
      Group group;
      group.device = first.device;
      group.precision = first.precision();
      group.setting = i;
      group.title =
          absl::StrCat(first.device, ", ",
                       FormatSetting(first.precision(), result.settings[i]));
      for (const Contestant& contestant : result.contestants) {
        if (contestant.device == first.device &&
            contestant.precision() == first.precision()) {
          group.contestants.push_back(&contestant);
        }
      }
      groups.push_back(std::move(group));
    }
  }
  return groups;
}

Table MakeTable(const ComparisonResult& result, const Group& group) {
  const char* speed = result.clock == Clock::kCpu ? "tokens/CPU s" : "tokens/s";
  Table table;
  table.header = {"model",      "speed-up",      "over all",
                  speed,        "p50 ms",        "p99 ms",
                  "vocabulary", "M parameters",  "M multiply-adds",
                  "memory MB",  "J/1000 tokens", "BLEU"};
  for (const Contestant* contestant : group.contestants) {
    table.rows.push_back(MakeRow(result, *contestant, group.setting));
  }
  return table.WithoutEmptyColumns();
}

Table MakePaperTable(const ComparisonResult& result) {
  Table table;
  table.header = {"MDN over Transformer-base",
                  "speed-up",
                  "device",
                  "precision",
                  "beam",
                  "batch",
                  "vocabulary"};
  AddOwnRows(result, table);
  if (table.rows.empty()) return table;
  const auto paper = [](double speed_up, const char* device) {
    return std::vector<std::string>{
        "the paper", absl::StrFormat("%.2f", speed_up),
        device,      "float32",
        "4",         "64",
        "32K to 10K"};
  };
  table.rows.insert(table.rows.begin(), {paper(kPaperCpuSpeedUp, "CPU"),
                                         paper(kPaperGpuSpeedUp, "GPU")});
  return table;
}

bool HasBleu(const ComparisonResult& result) {
  return std::any_of(
      result.contestants.begin(), result.contestants.end(),
      [](const Contestant& contestant) { return !contestant.bleu.empty(); });
}

std::string FormatReport(const ComparisonResult& result) {
  std::string text = FormatConditions(result) + "\n";
  for (const Group& group : MakeGroups(result)) {
    absl::StrAppend(&text, "\n", group.title, "\n",
                    MakeTable(result, group).ToText());
  }
  const Table paper = MakePaperTable(result);
  if (!paper.rows.empty()) absl::StrAppend(&text, "\n", paper.ToText());
  text += "\n";
  for (const std::string& line : Explanations(result)) {
    absl::StrAppend(&text, line, "\n");
  }
  return text;
}

std::string FormatMarkdown(const ComparisonResult& result) {
  std::string text =
      absl::StrCat("# Models compared\n", FormatConditions(result),
                   "\n\n![speed-up](speed-up.svg)\n");
  if (HasBleu(result)) text += "\n![BLEU against speed](quality.svg)\n";
  for (const Group& group : MakeGroups(result)) {
    absl::StrAppend(&text, "\n## ", group.title, "\n",
                    MakeTable(result, group).ToMarkdown());
  }
  const Table paper = MakePaperTable(result);
  if (!paper.rows.empty()) {
    absl::StrAppend(&text, "\n## Beside the paper\n", paper.ToMarkdown());
  }
  text += "\n## How to read it\n";
  for (const std::string& line : Explanations(result)) {
    absl::StrAppend(&text, "- ", line, "\n");
  }
  return text;
}

}  // namespace peregrine::compare
