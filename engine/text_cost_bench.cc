// What the document layer costs of the time of plain text: processor time of
// finding sentences, spans, numbers and capitals and of putting texts together
// again, relative to all that a translation takes.
//
//   text_cost_bench [MODEL] [ROUNDS]    # default: models/en-de-mdn, 20
//
// The texts are those of bench/sentence_gold/en.txt.

#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "engine/kernels/precision.h"
#include "engine/text_plan.h"
#include "engine/translation_model.h"
#include "engine/translator.h"

namespace peregrine {
namespace {

double Now() {
  timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) +
         1e-9 * static_cast<double>(time.tv_nsec);
}

// The least processor seconds of `rounds` runs of `work`: what others do on the
// machine only adds.
template <typename Work>
double Seconds(int rounds, Work work) {
  double least = 1e30;
  for (int i = 0; i < rounds; ++i) {
    const double begin = Now();
    work();
    least = std::min(least, Now() - begin);
  }
  return least;
}

// Five lines of the file, without its comments and marks of boundaries, are a
// text.
std::vector<std::string> ReadTexts(const std::string& path) {
  std::vector<std::string> texts;
  std::ifstream file(path);
  int lines = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    line.erase(std::remove(line.begin(), line.end(), '|'), line.end());
    if (lines++ % 5 == 0) {
      texts.push_back(line);
    } else {
      texts.back() += " " + line;
    }
  }
  return texts;
}

int Run(const std::string& directory, int rounds) {
  const auto model = TranslationModel::Load(directory, kernels::Device::kCpu,
                                            kernels::Precision::kInt8);
  if (!model.ok()) {
    std::fprintf(stderr, "%s\n", model.status().ToString().c_str());
    return 1;
  }
  const auto translator = Translator::Create(**model, {});
  const std::vector<std::string> texts =
      ReadTexts(PEREGRINE_SOURCE_DIR "/bench/sentence_gold/en.txt");
  if (!translator.ok() || texts.empty()) return 1;

  std::vector<TextPlan> plans;
  const double make = Seconds(rounds, [&] {
    plans.clear();
    for (const std::string& text : texts) {
      plans.push_back(TextPlan::Make(**model, text, /*single_sentence=*/false));
    }
  });
  std::vector<decode::SentenceInput> inputs;
  for (const TextPlan& plan : plans) {
    for (size_t s = 0; s < plan.sentences().size(); ++s) {
      const auto& tokens = plan.sentences()[s];
      inputs.push_back(
          {0, tokens,
           (*model)->DefaultOptions(static_cast<int>(tokens.size()))});
      inputs.back().options.align = plan.NeedsAlignment(s);
    }
  }
  std::vector<decode::SentenceOutput> outputs;
  const double decode = Seconds(std::max(1, rounds / 5), [&] {
    outputs = *(*translator)->Decode(inputs);
  });
  size_t characters = 0;
  const double assemble = Seconds(rounds, [&] {
    size_t next = 0;
    for (const TextPlan& plan : plans) {
      std::vector<std::vector<decode::Hypothesis>> hypotheses;
      for (size_t i = 0; i < plan.sentences().size(); ++i) {
        hypotheses.push_back(outputs[next++].hypotheses);
      }
      characters +=
          plan.Assemble(**model, hypotheses).hypotheses[0].text.size();
    }
  });
  // What no engine can do without.
  const double tokens = Seconds(rounds, [&] {
    size_t next = 0;
    for (const TextPlan& plan : plans) {
      for (size_t i = 0; i < plan.sentences().size(); ++i, ++next) {
        const auto& source = plan.sentences()[i];
        const std::string text = (*model)->source_tokenizer()->Decode(source);
        characters += (*model)->source_tokenizer()->Encode(text).size();
      }
    }
  });
  const double all = make + decode + assemble;
  std::printf("%zu texts, %zu sentences, int8, one thread, processor time\n\n",
              texts.size(), inputs.size());
  std::printf("| part | ms | %% of all |\n| --- | --- | --- |\n");
  const auto row = [&](const char* name, double seconds) {
    std::printf("| %s | %.2f | %.2f |\n", name, 1e3 * seconds,
                100.0 * seconds / all);
  };
  row("cut, set aside, tokens", make);
  row("decode", decode);
  row("put together, compare", assemble);
  row("of the first and third: tokens alone", tokens);
  std::printf("\nThe document layer without tokens: %.2f %% of all\n",
              100.0 * std::max(0.0, make + assemble - tokens) / all);
  return characters > 0 ? 0 : 1;
}

}  // namespace
}  // namespace peregrine

int main(int argc, char** argv) {
  const std::string directory =
      argc > 1 ? argv[1] : PEREGRINE_SOURCE_DIR "/models/en-de-mdn";
  return peregrine::Run(directory, argc > 2 ? std::atoi(argv[2]) : 20);
}
