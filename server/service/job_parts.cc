#include "server/service/job_parts.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "server/service/priority.h"

namespace peregrine::server {

RequestLanguages CheckHead(const RequestHead& head, const ModelInfo& model,
                           Violations& violations) {
  CheckPriority(head.priority, violations);
  return CheckLanguages(head.source_language, head.target_language, model,
                        violations);
}

void CheckCount(absl::string_view field, size_t count,
                const RequestLimits& limits, Violations& violations) {
  if (count >= 1 && count <= static_cast<size_t>(limits.max_texts)) return;
  violations.AddRange(std::string(field), static_cast<int64_t>(count), 1,
                      limits.max_texts);
}

void ResponseSize::Check(absl::string_view field, const RequestLimits& limits,
                         Violations& violations) const {
  if (bytes_ <= limits.max_response_bytes) return;
  violations.Add(
      std::string(field),
      absl::StrCat("found ", bytes_,
                   " bytes to answer with, in all hypotheses, allowed at most ",
                   limits.max_response_bytes, " (max_response_bytes)"));
}

Sentence SentenceMaker::Make(const std::vector<int32_t>& ids,
                             const RequestOptions& options, int index) const {
  Sentence sentence;
  sentence.source = ids;
  sentence.options = ResolveOptions(
      options, model.DefaultOptions(static_cast<int>(ids.size())),
      model.info());
  sentence.options.source_language = languages.source.token;
  if (languages.target.token >= 0) {
    sentence.options.rules.forced_first_token = languages.target.token;
  }
  sentence.deadline = terms.deadline;
  sentence.flow = terms.flow;
  sentence.group = &group;
  sentence.index = index;
  return sentence;
}

void AddCost(const SentenceAnswer& answer, Cost& cost) {
  cost.queue = std::max(cost.queue, answer.queue_time);
  cost.encode = std::max(cost.encode, answer.encode_time);
  cost.decode = std::max(cost.decode, answer.decode_time);
  cost.source_tokens += answer.source_tokens;
  cost.target_tokens += static_cast<int>(answer.hypotheses[0].tokens.size());
  ++cost.sentences;
}

}  // namespace peregrine::server
