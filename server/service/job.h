#ifndef PEREGRINE_SERVER_SERVICE_JOB_H_
#define PEREGRINE_SERVER_SERVICE_JOB_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/backend/model_backend.h"
#include "server/options/request_limits.h"
#include "server/scheduling/sentence.h"
#include "server/scheduling/sentence_group.h"
#include "server/service/text_resources.h"
#include "server/service/translation.h"

namespace peregrine::server {

// What a request becomes on its way through a model. Knows neither threads nor
// APIs: request.h runs it. The answer is taken by whoever made the job and so
// knows its kind:
//
//   TextJob job(request);
//   job.Prepare(backend, limits);                  // or its error
//   batcher.Submit(job.MakeSentences(group, terms));
//   ... the group is complete:
//   TextAnswer answer = job.Take(group);
class Job {
 public:
  virtual ~Job() = default;

  virtual const RequestHead& head() const = 0;

  // What tells its language where the head does not. They live as long as the
  // job.
  virtual std::vector<absl::string_view> texts() const { return {}; }

  // That there is something to choose a model for. INVALID_ARGUMENT names the
  // field.
  virtual absl::Status CheckPresent() const { return absl::OkStatus(); }

  // Once, before Prepare.
  virtual void SetLanguages(ChosenLanguages languages) = 0;

  // Once, before Prepare. They outlive the job. `reader`: who asks, by name.
  virtual void SetTextResources(const TextResources& /*texts*/,
                                const std::string& /*reader*/) {}

  // Of languages that take two models in a row: the job of the first, which
  // lives as long as this one. `model` and `limits` are those of the second,
  // which is asked what this job is asked. Before Prepare, and followed by
  // EndPivot with the complete group of the first (null: it had no sentences).
  // INVALID_ARGUMENT: this takes one model.
  virtual absl::StatusOr<Job*> BeginPivot(const ModelBackend& model,
                                          const RequestLimits& limits,
                                          ChosenLanguages first);
  virtual void EndPivot(SentenceGroup* /*first*/) {}

  // Of texts that go to different models: a job of those at `texts`, which
  // lives as long as this one. Each text is of one part; what follows is asked
  // of the parts alone. EndPart: the complete group of the n-th (null: it had
  // no sentences). INTERNAL: this has no texts.
  virtual absl::StatusOr<Job*> MakePart(const std::vector<int>& texts);
  // Those at `texts` are answered as they are. INVALID_ARGUMENT: too many
  // texts, or too long ones.
  virtual absl::Status KeepTexts(const std::vector<int>& texts,
                                 ChosenLanguages languages,
                                 const RequestLimits& limits);
  virtual void EndPart(size_t /*n*/, SentenceGroup* /*group*/) {}

  // Once, before all of the below. INVALID_ARGUMENT names every field at
  // fault. Both must outlive the job.
  virtual absl::Status Prepare(const ModelBackend& model,
                               const RequestLimits& limits) = 0;

  // Zero: nothing to translate, and the answer is taken without a group.
  virtual int num_sentences() const = 0;
  virtual std::vector<Sentence> MakeSentences(
      SentenceGroup& group, const SentenceTerms& terms) const = 0;
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_SERVICE_JOB_H_
