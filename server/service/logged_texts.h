#ifndef PEREGRINE_SERVER_SERVICE_LOGGED_TEXTS_H_
#define PEREGRINE_SERVER_SERVICE_LOGGED_TEXTS_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/service/translation.h"

namespace peregrine::server {

// The texts of one call, for the log of a server that was told to write them.
// Bounded: the first kMaxTexts, cut where the sources, or the translations,
// would be more than kMaxBytes together; what was cut ends with "…".
class LoggedTexts {
 public:
  static constexpr size_t kMaxTexts = 64;
  static constexpr size_t kMaxBytes = 4096;

  struct Text {
    std::string source;
    std::string translation;  // empty: there is none
  };

  // Of a request, once; then of its answer, if there is one. Tokens are
  // joined by spaces.
  void AddSources(const TextRequest& request);
  void AddSources(const TokenRequest& request);
  void AddTranslations(const TextAnswer& answer);
  void AddTranslations(const TokenAnswer& answer);

  // Of translations that were given: these are in the request.
  void AddSources(const ScoreRequest& request);
  void AddTranslations(const ScoreAnswer& /*answer*/) {}

  // Of a stream, one by one. An empty translation: there is none.
  void Add(absl::string_view source, absl::string_view translation);

  const std::vector<Text>& texts() const { return texts_; }
  int left_out() const { return left_out_; }

 private:
  void AddSource(absl::string_view source);

  std::vector<Text> texts_;
  int left_out_ = 0;
  size_t source_bytes_ = kMaxBytes;  // left
  size_t translation_bytes_ = kMaxBytes;
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_SERVICE_LOGGED_TEXTS_H_
