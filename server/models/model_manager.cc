#include "server/models/model_manager.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/status_macros.h"
#include "server/errors.h"
#include "spdlog/spdlog.h"

namespace peregrine::server {
namespace {

constexpr int kLowPriority = 10;

// What reads and packs weights competes with the workers for the CPUs: it gets
// what they leave. On a thread of its own, since only root may raise a
// priority again.
template <typename Function>
void RunAtLowPriority(const Function& function) {
  std::thread thread([&] {
    const auto id = static_cast<id_t>(syscall(SYS_gettid));
    setpriority(PRIO_PROCESS, id, kLowPriority);  // or as it is
    function();
  });
  thread.join();
}

// What no flag alone can say wrong, but a flag and a model together.
absl::Status CheckModel(const ModelBackend& backend,
                        const ModelOptions& options) {
  const int beam_size = backend.DefaultOptions(1).beam_size;
  if (beam_size <= options.limits.max_beam_size) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "--max-beam-size: found ", options.limits.max_beam_size, ", but model ",
      backend.info().name, " has beam_size ", beam_size, " by default"));
}

void LogServed(const ServedModel& model, const std::string& directory) {
  const ModelInfo& info = model.info();
  spdlog::info(
      "model {}: {} to {}, {}; {} parameters, {} bytes; {} workers on {} "
      "({}); products by {}; from {}",
      info.name, info.source_language, info.target_language, info.architecture,
      info.parameters, info.weights_bytes, model.batcher().num_workers(),
      info.device, info.precision, info.products, directory);
}

}  // namespace

ModelManager::ModelManager(const Config& config, const ModelLoader& loader,
                           ModelSet& models)
    : config_(config), loader_(loader), models_(models) {}

absl::Status ModelManager::LoadAll(const std::vector<ModelSource>& sources) {
  absl::MutexLock change(&change_mutex_);
  for (const ModelSource& source : sources) {
    PEREGRINE_ASSIGN_OR_RETURN(Backend backend, loader_(source));
    PEREGRINE_RETURN_IF_ERROR(
        Serve(std::move(backend), source.directory, &ModelSet::Add).status());
  }
  return absl::OkStatus();
}

absl::StatusOr<ServedModelPtr> ModelManager::Load(const ModelSource& source) {
  absl::MutexLock change(&change_mutex_);
  PEREGRINE_RETURN_IF_ERROR(CheckOpen());
  PEREGRINE_ASSIGN_OR_RETURN(Backend backend, ReadAtLowPriority(source));
  return Serve(std::move(backend), source.directory, &ModelSet::Add);
}

absl::StatusOr<ServedModelPtr> ModelManager::Reload(
    absl::string_view name, const std::string& directory) {
  absl::MutexLock change(&change_mutex_);
  PEREGRINE_RETURN_IF_ERROR(CheckOpen());
  ModelSource source;
  {
    PEREGRINE_ASSIGN_OR_RETURN(const ServedModelPtr old,
                               models_.Find(name, "name"));
    source.name = old->info().name;
  }
  source.directory = directory.empty() ? directories_[source.name] : directory;
  PEREGRINE_ASSIGN_OR_RETURN(Backend backend, ReadAtLowPriority(source));
  return Serve(std::move(backend), source.directory, &ModelSet::Replace);
}

absl::Status ModelManager::Unload(absl::string_view name) {
  absl::MutexLock change(&change_mutex_);
  PEREGRINE_RETURN_IF_ERROR(CheckOpen());
  PEREGRINE_RETURN_IF_ERROR(models_.Remove(name));
  directories_.erase(std::string(name));
  spdlog::info("model {}: unloaded", std::string(name));
  return absl::OkStatus();
}

void ModelManager::Drain() {
  absl::MutexLock lock(&mutex_);
  draining_ = true;
}

absl::Status ModelManager::CheckOpen() const {
  absl::MutexLock lock(&mutex_);
  return draining_ ? DrainingError() : absl::OkStatus();
}

absl::StatusOr<ServedModelPtr> ModelManager::Serve(Backend backend,
                                                   const std::string& directory,
                                                   Placement place) {
  const std::string name = backend->info().name;
  const ModelOptions options = config_.OptionsOf(name);
  PEREGRINE_RETURN_IF_ERROR(CheckModel(*backend, options));
  PEREGRINE_RETURN_IF_ERROR((models_.*place)(std::move(backend), options));
  directories_[name] = directory;
  PEREGRINE_ASSIGN_OR_RETURN(ServedModelPtr served, models_.Find(name, "name"));
  LogServed(*served, directory);
  return served;
}

absl::StatusOr<ModelManager::Backend> ModelManager::ReadAtLowPriority(
    const ModelSource& source) const {
  absl::StatusOr<Backend> backend;
  RunAtLowPriority([&] { backend = loader_(source); });
  PEREGRINE_RETURN_IF_ERROR(backend.status());
  PEREGRINE_RETURN_IF_ERROR(CheckOpen());
  return backend;
}

}  // namespace peregrine::server
