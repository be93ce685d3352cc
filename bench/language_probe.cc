// What texts are taken for: what bench/languages measures. Reads a JSON object
// {"text", "among"} a line, the latter a list of tags or absent, and writes
// {"language", "confidence", "certainty"} a line.

#include <iostream>
#include <string>
#include <vector>

#include "nlohmann/json.hpp"
#include "server/languages/detector.h"

int main() {
  using peregrine::server::Certainty;
  for (std::string line; std::getline(std::cin, line);) {
    const auto request = nlohmann::json::parse(line);
    const peregrine::server::LanguageList among(
        request.value("among", std::vector<std::string>()));
    const auto detected = peregrine::server::DetectLanguages(
        request["text"].get<std::string>(), among.empty() ? nullptr : &among);
    nlohmann::json answer = {
        {"language", ""},
        {"confidence", 0},
        {"certainty", detected.certainty == Certainty::kSure     ? "sure"
                      : detected.certainty == Certainty::kUnsure ? "unsure"
                                                                 : "short"}};
    if (!detected.languages.empty()) {
      answer["language"] = detected.languages[0].language;
      answer["confidence"] = detected.languages[0].confidence;
    }
    std::cout << answer << "\n";
  }
}
