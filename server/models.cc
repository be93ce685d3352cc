#include "server/models.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/base/status_macros.h"
#include "server/errors.h"

namespace peregrine::server {

ModelSet::~ModelSet() { metrics_.RemoveQueueReaders(); }

absl::Status ModelSet::Add(std::unique_ptr<const ModelBackend> backend,
                           const BatcherOptions& options) {
  const std::string& name = backend->info().name;
  const auto place =
      std::lower_bound(models_.begin(), models_.end(), name,
                       [](const auto& model, const std::string& n) {
                         return model->info().name < n;
                       });
  if (place != models_.end() && (*place)->info().name == name) {
    return absl::AlreadyExistsError(absl::StrCat(
        "two models are named ", Quoted(name), "; rename one with NAME=DIR"));
  }
  auto model = std::make_unique<ServedModel>();
  model->metrics = &metrics_.AddModel(backend->info(), options.num_workers);
  model->backend = std::move(backend);
  PEREGRINE_ASSIGN_OR_RETURN(
      model->batcher,
      Batcher::Start(*model->backend, options, *model->metrics));
  metrics_.SetQueueReader(*model->metrics, [batcher = model->batcher.get()] {
    return batcher->queue();
  });
  models_.insert(place, std::move(model));
  return absl::OkStatus();
}

absl::StatusOr<ServedModel*> ModelSet::Find(absl::string_view name,
                                            absl::string_view field) const {
  if (name.empty() && models_.size() == 1) return models_[0].get();
  if (name.empty()) {
    return InvalidFieldsError(
        {{std::string(field),
          absl::StrCat(
              "found nothing, needed where several models are served: ",
              absl::StrJoin(Names(), ", "))}});
  }
  for (const auto& model : models_) {
    if (model->info().name == name) return model.get();
  }
  return UnknownModelError(name, Names());
}

void ModelSet::Drain() {
  for (const auto& model : models_) model->batcher->Drain();
}

std::vector<std::string> ModelSet::Names() const {
  std::vector<std::string> names;
  for (const auto& model : models_) names.push_back(model->info().name);
  return names;
}

}  // namespace peregrine::server
