// What a model computes, for compare.py: a JSON request a line on stdin, a JSON
// answer a line on stdout.
//
//   {"text": T}                            -> {"ids": [...]} of the source side
//   {"ids": [...]}                         -> {"text": T} of the target side
//   {"encoder_input": [...]}               -> {"encoder_output": [[...], ...]}
//   {"encoder_input": [...],
//    "decoder_input": [...]}               -> {"logits": [[...], ...]}
//   {"source": [...], "beam_size": N,
//    "languages": [FROM, TO], ...}       -> {"hypotheses": [{"tokens": [...],
//                                              "score": S}, ...]}
//   ... with "prefix": [...], "must_contain": [[...], ...],
//    "no_repeat_ngram_size": N, "length_penalty": X: steered so
//   ... with "align": true                 -> and "alignment": [of the first
//                                              token, and so on, a number for
//                                              each source token]

#include <cstdint>
#include <iostream>
#include <string>
#include <vector>

#include "engine/base/json_object.h"
#include "engine/decode/session.h"
#include "engine/kernels/device.h"
#include "engine/model/encoder.h"
#include "engine/translation_model.h"
#include "tests/forced_decoding.h"

namespace peregrine {
namespace {

using Ids = std::vector<int32_t>;

Json EncoderOutput(const TranslationModel& model, kernels::Kernels& kernels,
                   const Ids& input) {
  const int length = static_cast<int>(input.size());
  auto encoder = *model::Encoder::Create(model.weights(), kernels, length);
  const kernels::Matrix output = encoder->Encode(input, {length});
  const std::vector<float> values = ToHost(kernels, output);
  Json rows = Json::array();
  for (int row = 0; row < output.rows; ++row) {
    const auto begin = values.begin() + row * output.cols;
    rows.push_back(std::vector<float>(begin, begin + output.cols));
  }
  return {{"encoder_output", rows}};
}

void Steer(const Json& request, decode::DecodingOptions& options) {
  options.length_penalty =
      request.value("length_penalty", options.length_penalty);
  decode::Steering& steering = options.steering;
  steering.prefix = request.value("prefix", steering.prefix);
  steering.must_contain = request.value("must_contain", steering.must_contain);
  steering.no_repeat_ngram_size =
      request.value("no_repeat_ngram_size", steering.no_repeat_ngram_size);
}

Json Search(const TranslationModel& model, decode::Session& session,
            const Json& request) {
  decode::SentenceInput sentence;
  request["source"].get_to(sentence.source);
  decode::DecodingOptions& options = sentence.options;
  options = model.DefaultOptions(static_cast<int>(sentence.source.size()));
  if (request.contains("languages")) {
    const Json& names = request["languages"];
    const auto languages = model.ChooseLanguages(names[0].get<std::string>(),
                                                 names[1].get<std::string>());
    if (!languages.ok()) return {{"error", languages.status().ToString()}};
    languages->Apply(options);
  }
  options.beam_size = request.value("beam_size", options.beam_size);
  options.max_length = request.value("max_length", options.max_length);
  options.num_hypotheses = options.beam_size;
  options.align = request.value("align", false);
  Steer(request, options);
  const absl::Status valid = session.Validate(sentence);
  if (!valid.ok()) return {{"error", valid.ToString()}};
  session.Admit({sentence});
  Json hypotheses = Json::array();
  while (session.live_sentences() > 0) {
    for (const decode::SentenceOutput& output : session.Step()) {
      for (const decode::Hypothesis& found : output.hypotheses) {
        hypotheses.push_back(
            {{"tokens", found.tokens}, {"score", found.score}});
        if (options.align) hypotheses.back()["alignment"] = found.alignment;
      }
    }
  }
  return {{"hypotheses", hypotheses}};
}

int Run(const std::string& directory, const std::string& device_name) {
  const auto device = kernels::ParseDevice(device_name);
  if (!device.ok()) {
    std::cerr << device.status().message() << "\n";
    return 2;
  }
  const auto loaded = TranslationModel::Load(directory, *device);
  if (!loaded.ok()) {
    std::cerr << loaded.status().message() << "\n";
    return 1;
  }
  const TranslationModel& model = **loaded;
  auto kernels = *kernels::MakeKernels(*device);
  auto session =
      *decode::Session::Create(model.weights(), *kernels, {16, 1024});
  std::string line;
  while (std::getline(std::cin, line)) {
    const Json request = Json::parse(line);
    Json answer;
    if (request.contains("text")) {
      const auto text = request["text"].get<std::string>();
      answer = {{"ids", model.source_tokenizer()->Encode(text)}};
    } else if (request.contains("ids")) {
      answer = {{"text",
                 model.target_tokenizer()->Decode(request["ids"].get<Ids>())}};
    } else if (request.contains("source")) {
      answer = Search(model, *session, request);
    } else if (request.contains("decoder_input")) {
      answer = {{"logits", ForcedLogits(model.weights(), *kernels,
                                        request["encoder_input"].get<Ids>(),
                                        request["decoder_input"].get<Ids>())}};
    } else {
      answer =
          EncoderOutput(model, *kernels, request["encoder_input"].get<Ids>());
    }
    std::cout << answer.dump(-1, ' ', false, Json::error_handler_t::replace)
              << std::endl;
  }
  return 0;
}

}  // namespace
}  // namespace peregrine

int main(int argc, char** argv) {
  if (argc < 2 || argc > 3) {
    std::cerr << "usage: model_probe DIRECTORY [DEVICE]\n";
    return 2;
  }
  return peregrine::Run(argv[1], argc == 3 ? argv[2] : "cpu");
}
