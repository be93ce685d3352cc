#ifndef PEREGRINE_SERVER_MODELS_MODELS_H_
#define PEREGRINE_SERVER_MODELS_MODELS_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "server/backend/model_backend.h"
#include "server/languages/routes.h"
#include "server/metrics/metrics.h"
#include "server/models/model_catalog.h"
#include "server/models/model_reaper.h"
#include "server/models/served_model.h"
#include "server/options/route_options.h"

namespace peregrine::server {

// The models of one server. They may come, go and be replaced while others
// look: a request keeps the model that it found until it is answered.
// Thread-safe.
class ModelSet {
 public:
  // `metrics` must outlive the set.
  explicit ModelSet(Metrics& metrics, RouteOptions options = {});

  // Waits for requests that still hold a model.
  ~ModelSet();

  // Starts a model's workers and serves it. ALREADY_EXISTS: the name is taken.
  absl::Status Add(std::unique_ptr<const ModelBackend> backend,
                   const ModelOptions& options);

  // The same in place of the model of this name, which serves until the new
  // one is warm and still answers the requests that hold it. An error leaves
  // it where it is. NOT_FOUND: there is none.
  absl::Status Replace(std::unique_ptr<const ModelBackend> backend,
                       const ModelOptions& options);

  // NOT_FOUND: there is none. FAILED_PRECONDITION: it is the only one.
  absl::Status Remove(absl::string_view name);

  // Models that are served once somebody asks for them: they are in the routes
  // and not in `all`.
  void SetCatalog(ModelCatalog catalog);
  std::shared_ptr<const ModelCatalog> catalog() const;
  // Whether the catalog has it.
  bool CanLoad(absl::string_view name) const;
  // As Find, but a model of the catalog need not be served.
  absl::Status CheckKnown(absl::string_view name,
                          absl::string_view field) const;
  // Of the catalog: false if it is not served.
  bool Unload(absl::string_view name);

  // The empty name stands for the only model. NOT_FOUND and, for an empty name
  // among several models, INVALID_ARGUMENT name those that there are. `field`
  // is where the name stands in the request.
  absl::StatusOr<ServedModelPtr> Find(absl::string_view name,
                                      absl::string_view field) const;

  // By name.
  std::vector<ServedModelPtr> all() const;

  // Between which languages they translate. Others from each change on.
  std::shared_ptr<const Routes> routes() const;

  // From here on nothing new is admitted, by none of the models.
  void Drain();

  // Models in memory: those served, and those replaced or removed that
  // requests still hold.
  int models_in_memory() const { return reaper_.models(); }
  // Of their weights; and of those that are served alone.
  int64_t bytes_in_memory() const { return reaper_.bytes(); }
  int64_t bytes_served() const;

 private:
  using ByName = std::map<std::string, ServedModelPtr, std::less<>>;

  absl::Status CheckFree(const std::string& name) const;
  absl::Status CheckServed(absl::string_view name) const;
  // Starts a model's workers and puts it in the place of its name.
  absl::Status Serve(std::unique_ptr<const ModelBackend> backend,
                     const ModelOptions& options);
  void Put(ServedModelPtr model);
  // False: there is none.
  bool Erase(absl::string_view name) ABSL_LOCKS_EXCLUDED(mutex_);
  std::vector<std::string> Names() const ABSL_SHARED_LOCKS_REQUIRED(mutex_);
  void UpdateRoutes() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Metrics& metrics_;
  const RouteOptions route_options_;
  ModelReaper reaper_;
  // One change at a time; held while a model starts, unlike mutex_.
  absl::Mutex change_mutex_ ABSL_ACQUIRED_BEFORE(mutex_);
  mutable absl::Mutex mutex_;
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
  ByName models_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<const ModelCatalog> catalog_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<const Routes> routes_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_MODELS_MODELS_H_
