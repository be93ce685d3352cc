#include "server/options/model_override.h"

#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace peregrine::server {
namespace {

struct Option {
  absl::string_view name;  // as the flag that sets it for all models
  int& (*place)(ModelOptions& options);
};

constexpr Option kOptions[] = {
    {"workers", [](ModelOptions& o) -> int& { return o.batcher.num_workers; }},
    {"max-texts-per-request",
     [](ModelOptions& o) -> int& { return o.limits.max_texts; }},
    {"max-text-bytes",
     [](ModelOptions& o) -> int& { return o.limits.max_text_bytes; }},
    {"max-response-bytes",
     [](ModelOptions& o) -> int& { return o.limits.max_response_bytes; }},
    {"max-beam-size",
     [](ModelOptions& o) -> int& { return o.limits.max_beam_size; }},
    {"max-queue-sentences",
     [](ModelOptions& o) -> int& { return o.batcher.queue.max_sentences; }},
    {"max-queue-tokens",
     [](ModelOptions& o) -> int& { return o.batcher.queue.max_source_tokens; }},
    {"max-batch-rows",
     [](ModelOptions& o) -> int& { return o.batcher.session.max_rows; }},
    {"max-batch-tokens",
     [](ModelOptions& o) -> int& {
       return o.batcher.session.max_source_tokens;
     }},
    {"max-admission-tokens",
     [](ModelOptions& o) -> int& { return o.batcher.admission.max_tokens; }},
    {"min-admission-tokens",
     [](ModelOptions& o) -> int& { return o.batcher.admission.min_tokens; }},
};

std::string OptionNames() {
  return absl::StrJoin(kOptions, ", ",
                       [](std::string* out, const Option& option) {
                         absl::StrAppend(out, option.name);
                       });
}

}  // namespace

absl::StatusOr<ModelOverride> ParseModelOverride(const std::string& setting) {
  const size_t equals = setting.rfind('=');
  const size_t dot = setting.substr(0, equals).rfind('.');
  if (equals == std::string::npos || dot == std::string::npos || dot == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("found ", setting, ", needed MODEL.OPTION=NUMBER"));
  }
  const std::string name = setting.substr(dot + 1, equals - dot - 1);
  int value = 0;
  if (!absl::SimpleAtoi(setting.substr(equals + 1), &value) || value < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("found ", setting, ", needed a number of at least 1"));
  }
  for (const Option& option : kOptions) {
    if (option.name != name) continue;
    return ModelOverride{
        setting.substr(0, dot),
        [place = option.place, value](ModelOptions& o) { place(o) = value; }};
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "found option ", name, " in ", setting, ", known are ", OptionNames()));
}

}  // namespace peregrine::server
