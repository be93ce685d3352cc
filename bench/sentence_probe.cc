// The sentences of texts, by our splitter or by ICU alone: what bench/sentences
// measures. Reads a JSON object {"language", "text"} a line and writes the ends
// of its sentences, in bytes, as a JSON array a line.
//
//   sentence_probe [--icu]

#include <unicode/brkiter.h>
#include <unicode/locid.h>
#include <unicode/utext.h>

#include <cstring>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "engine/text/sentence_splitter.h"
#include "nlohmann/json.hpp"

namespace {

std::vector<int64_t> ByIcu(const std::string& language,
                           const std::string& text) {
  UErrorCode status = U_ZERO_ERROR;
  const icu::Locale locale =
      icu::Locale::forLanguageTag(language.c_str(), status);
  std::unique_ptr<icu::BreakIterator> breaks(
      icu::BreakIterator::createSentenceInstance(locale, status));
  UText view = UTEXT_INITIALIZER;
  utext_openUTF8(&view, text.data(), static_cast<int64_t>(text.size()),
                 &status);
  breaks->setText(&view, status);
  std::vector<int64_t> ends;
  for (int32_t at = breaks->next(); at != icu::BreakIterator::DONE;
       at = breaks->next()) {
    ends.push_back(at);
  }
  utext_close(&view);
  return ends;
}

std::vector<int64_t> ByUs(const std::string& language,
                          const std::string& text) {
  const auto splitter = peregrine::text::SentenceSplitter::Create(language);
  if (!splitter.ok()) {
    std::cerr << splitter.status() << "\n";
    std::exit(1);
  }
  std::vector<int64_t> ends;
  for (const auto& segment : (*splitter)->Split(text)) {
    ends.push_back(segment.separator.data() - text.data());
  }
  return ends;
}

}  // namespace

int main(int argc, char** argv) {
  const bool icu = argc > 1 && std::strcmp(argv[1], "--icu") == 0;
  for (std::string line; std::getline(std::cin, line);) {
    const auto request = nlohmann::json::parse(line);
    const std::string language = request["language"];
    const std::string text = request["text"];
    std::cout << nlohmann::json(icu ? ByIcu(language, text)
                                    : ByUs(language, text))
              << "\n";
  }
}
