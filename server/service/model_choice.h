#ifndef PEREGRINE_SERVER_SERVICE_MODEL_CHOICE_H_
#define PEREGRINE_SERVER_SERVICE_MODEL_CHOICE_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/models/models.h"
#include "server/service/translation.h"

namespace peregrine::server {

// Who translates a request, and between which languages. Two models in a row:
// `first` from the source into the source of `model`.
struct ModelChoice {
  ServedModelPtr model;
  ChosenLanguages languages;
  ServedModelPtr first;  // null: one model is enough
  ChosenLanguages first_languages;

  // Not empty: a model that has to be loaded first. Choose again then.
  std::string missing;
};

// The model that `head` names, or that of its languages; these as the model
// names them. Detects what `texts` are in where the head says so, or where the
// model cannot be told without. NOT_FOUND, INVALID_ARGUMENT: there is none.
absl::StatusOr<ModelChoice> ChooseModel(
    const ModelSet& models, const RequestHead& head,
    absl::Span<const absl::string_view> texts);

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_SERVICE_MODEL_CHOICE_H_
