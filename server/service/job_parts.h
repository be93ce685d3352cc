#ifndef PEREGRINE_SERVER_SERVICE_JOB_PARTS_H_
#define PEREGRINE_SERVER_SERVICE_JOB_PARTS_H_

#include <vector>

#include "absl/strings/string_view.h"
#include "server/service/job.h"
#include "server/service/request_checks.h"

// What jobs of all kinds do.
namespace peregrine::server {

// Checks what all requests hold, but for the options.
RequestLanguages CheckHead(const RequestHead& head, const ModelInfo& model,
                           Violations& violations);

// That `field` has from one to as many elements as are allowed.
void CheckCount(absl::string_view field, size_t count,
                const RequestLimits& limits, Violations& violations);

// What the sentences of a job have in common.
struct SentenceMaker {
  const ModelBackend& model;
  const RequestLanguages& languages;
  const SentenceTerms& terms;
  SentenceGroup& group;

  Sentence Make(const std::vector<int32_t>& ids, const RequestOptions& options,
                int index) const;
};

void AddCost(const SentenceAnswer& answer, Cost& cost);

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_SERVICE_JOB_PARTS_H_
