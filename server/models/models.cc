#include "server/models/models.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/base/status_macros.h"
#include "server/errors.h"

namespace peregrine::server {
namespace {

constexpr absl::string_view kUndetermined = "und";

ModelLanguages LanguagesOf(const ModelInfo& info) {
  ModelLanguages languages;
  languages.model = info.name;
  for (const model::Language& language : info.languages) {
    languages.sources.push_back(language.code);
  }
  languages.targets = languages.sources;
  if (!info.languages.empty()) {
    languages.is_multilingual = true;
    languages.has_default_source = !info.source_language.empty();
    return languages;
  }
  const auto is_said = [](const std::string& code) {
    return !code.empty() && code != kUndetermined;
  };
  if (is_said(info.source_language)) {
    languages.sources = {info.source_language};
  }
  if (is_said(info.target_language)) {
    languages.targets = {info.target_language};
  }
  return languages;
}

}  // namespace

ModelSet::ModelSet(Metrics& metrics, RouteOptions options)
    : metrics_(metrics), route_options_(std::move(options)) {
  absl::MutexLock lock(&mutex_);
  catalog_ = std::make_shared<const ModelCatalog>();
  UpdateRoutes();
}

ModelSet::~ModelSet() {
  absl::MutexLock lock(&mutex_);
  for (const auto& [name, model] : models_) metrics_.RemoveModel(name);
  models_.clear();
}

absl::Status ModelSet::Add(std::unique_ptr<const ModelBackend> backend,
                           const ModelOptions& options) {
  absl::MutexLock change(&change_mutex_);
  PEREGRINE_RETURN_IF_ERROR(CheckFree(backend->info().name));
  return Serve(std::move(backend), options);
}

absl::Status ModelSet::Replace(std::unique_ptr<const ModelBackend> backend,
                               const ModelOptions& options) {
  absl::MutexLock change(&change_mutex_);
  PEREGRINE_RETURN_IF_ERROR(CheckServed(backend->info().name));
  return Serve(std::move(backend), options);
}

absl::Status ModelSet::Remove(absl::string_view name) {
  absl::MutexLock change(&change_mutex_);
  PEREGRINE_RETURN_IF_ERROR(CheckServed(name));
  {
    absl::ReaderMutexLock lock(&mutex_);
    if (models_.size() == 1 && catalog_->empty()) {
      return absl::FailedPreconditionError(
          absl::StrCat("name: ", Quoted(name),
                       " is the only model; drain the server instead"));
    }
  }
  Erase(name);
  return absl::OkStatus();
}

bool ModelSet::Erase(absl::string_view name) {
  ServedModelPtr removed;  // let go of without the lock
  absl::MutexLock lock(&mutex_);
  const auto it = models_.find(name);
  if (it == models_.end()) return false;
  removed = std::move(it->second);
  models_.erase(it);
  UpdateRoutes();
  metrics_.RemoveModel(name);
  return true;
}

void ModelSet::SetCatalog(ModelCatalog catalog) {
  absl::MutexLock lock(&mutex_);
  catalog_ = std::make_shared<const ModelCatalog>(std::move(catalog));
  UpdateRoutes();
}

std::shared_ptr<const ModelCatalog> ModelSet::catalog() const {
  absl::ReaderMutexLock lock(&mutex_);
  return catalog_;
}

bool ModelSet::CanLoad(absl::string_view name) const {
  absl::ReaderMutexLock lock(&mutex_);
  return catalog_->find(name) != catalog_->end();
}

bool ModelSet::Unload(absl::string_view name) {
  absl::MutexLock change(&change_mutex_);
  return Erase(name);
}

int64_t ModelSet::bytes_served() const {
  absl::ReaderMutexLock lock(&mutex_);
  int64_t bytes = 0;
  for (const auto& [name, model] : models_) {
    bytes += model->info().weights_bytes;
  }
  return bytes;
}

absl::Status ModelSet::CheckKnown(absl::string_view name,
                                  absl::string_view field) const {
  {
    absl::ReaderMutexLock lock(&mutex_);
    const bool is_known = name.empty()
                              ? Names().size() == 1
                              : catalog_->find(name) != catalog_->end();
    if (is_known) return absl::OkStatus();
  }
  return Find(name, field).status();
}

absl::StatusOr<ServedModelPtr> ModelSet::Find(absl::string_view name,
                                              absl::string_view field) const {
  absl::ReaderMutexLock lock(&mutex_);
  if (name.empty() && models_.size() == 1 && Names().size() == 1) {
    return models_.begin()->second;
  }
  if (name.empty()) {
    return InvalidFieldsError(
        {{std::string(field),
          absl::StrCat(
              "found nothing, needed where several models are served: ",
              absl::StrJoin(Names(), ", "))}});
  }
  const auto it = models_.find(name);
  if (it == models_.end()) return UnknownModelError(name, Names());
  return it->second;
}

std::vector<ServedModelPtr> ModelSet::all() const {
  absl::ReaderMutexLock lock(&mutex_);
  std::vector<ServedModelPtr> all;
  for (const auto& [name, model] : models_) all.push_back(model);
  return all;
}

void ModelSet::Drain() {
  absl::MutexLock lock(&mutex_);
  draining_ = true;
  for (const auto& [name, model] : models_) model->batcher().Drain();
}

absl::Status ModelSet::CheckFree(const std::string& name) const {
  absl::ReaderMutexLock lock(&mutex_);
  if (models_.count(name) == 0) return absl::OkStatus();
  return absl::AlreadyExistsError(absl::StrCat(
      "two models are named ", Quoted(name), "; rename one with NAME=DIR"));
}

absl::Status ModelSet::CheckServed(absl::string_view name) const {
  absl::ReaderMutexLock lock(&mutex_);
  return models_.find(name) == models_.end() ? UnknownModelError(name, Names())
                                             : absl::OkStatus();
}

absl::Status ModelSet::Serve(std::unique_ptr<const ModelBackend> backend,
                             const ModelOptions& options) {
  std::shared_ptr<ModelMetrics> metrics =
      metrics_.OfModel(backend->info().name);
  PEREGRINE_ASSIGN_OR_RETURN(
      std::unique_ptr<ServedModel> model,
      ServedModel::Start(std::move(backend), options, std::move(metrics)));
  Put(reaper_.Share(std::move(model)));
  return absl::OkStatus();
}

void ModelSet::Put(ServedModelPtr model) {
  const Batcher& batcher = model->batcher();
  metrics_.SetModel(
      {model->info(), batcher.capacity(), model->shared_metrics(),
       [&batcher] { return batcher.queue(); },
       [&backend = model->backend()] { return backend.device_memory(); }});
  absl::MutexLock lock(&mutex_);
  if (draining_) model->batcher().Drain();
  ServedModelPtr& place = models_[model->info().name];
  place.swap(model);  // the old one is let go of by the caller
  UpdateRoutes();
}

std::shared_ptr<const Routes> ModelSet::routes() const {
  absl::ReaderMutexLock lock(&mutex_);
  return routes_;
}

void ModelSet::UpdateRoutes() {
  std::vector<ModelLanguages> languages;
  for (const auto& [name, model] : models_) {
    languages.push_back(LanguagesOf(model->info()));
  }
  for (const auto& [name, model] : *catalog_) {
    if (models_.count(name) == 0 && model.sound.ok()) {
      languages.push_back(LanguagesOf(model.info));
    }
  }
  std::sort(languages.begin(), languages.end(),
            [](const ModelLanguages& a, const ModelLanguages& b) {
              return a.model < b.model;
            });
  routes_ =
      std::make_shared<const Routes>(std::move(languages), route_options_);
}

std::vector<std::string> ModelSet::Names() const {
  std::vector<std::string> names;
  for (const auto& [name, model] : models_) names.push_back(name);
  for (const auto& [name, model] : *catalog_) {
    if (models_.count(name) == 0) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace peregrine::server
