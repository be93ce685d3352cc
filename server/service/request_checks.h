#ifndef PEREGRINE_SERVER_SERVICE_REQUEST_CHECKS_H_
#define PEREGRINE_SERVER_SERVICE_REQUEST_CHECKS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "engine/decode/decoding_options.h"
#include "server/backend/model_backend.h"
#include "server/errors.h"
#include "server/options/request_limits.h"
#include "server/service/translation.h"

namespace peregrine::server {

inline constexpr float kMaxLengthPenalty = 5.0f;  // and, negative, the least

// Collects what is wrong with a request.
class Violations {
 public:
  void Add(std::string field, std::string description);
  // "found 99, allowed 1 to 16"
  void AddRange(std::string field, int64_t found, int64_t low, int64_t high);
  // Each field once, and no more once there are many.
  void Append(const Violations& other);
  absl::Status status() const;

 private:
  std::vector<FieldViolation> violations_;
};

// Checks options that override others field by field, as those of a text
// override those of its request. `path` names them in violations.
struct OptionsLayer {
  const RequestOptions& options;
  std::string path;
};

// Checks each present field of one layer by itself.
void CheckOptions(const OptionsLayer& layer, const RequestLimits& limits,
                  const ModelInfo& model, Violations& violations);

// Checks the fields against each other, the upper layer's and for want of these
// the lower one's. `default_beam_size` stands where neither has one.
void CheckCombination(const OptionsLayer& upper, const OptionsLayer& lower,
                      int default_beam_size, Violations& violations);

// That names are to be told in a language; "": in none that is said.
absl::Status CheckDisplayLanguage(const char* field, const std::string& name);

// From and to which language, by the names that the model has for them.
struct RequestLanguages {
  model::Language source;
  model::Language target;
};
RequestLanguages CheckLanguages(const std::string& source,
                                const std::string& target,
                                const ModelInfo& model, Violations& violations,
                                const LanguageFields& fields = {});

// The model's `defaults`, overridden by the checked `options`.
decode::DecodingOptions ResolveOptions(const RequestOptions& options,
                                       decode::DecodingOptions defaults,
                                       const ModelInfo& model);

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_SERVICE_REQUEST_CHECKS_H_
