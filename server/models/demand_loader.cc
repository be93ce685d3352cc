#include "server/models/demand_loader.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "server/errors.h"
#include "spdlog/spdlog.h"

namespace peregrine::server {
namespace {

constexpr absl::Duration kFailureTime = absl::Seconds(5);
constexpr absl::Duration kRoomInterval = absl::Milliseconds(5);

int64_t Mebibytes(int64_t bytes) { return (bytes + (1 << 20) - 1) >> 20; }

}  // namespace

DemandLoader::DemandLoader(ModelCatalog catalog, DemandOptions options,
                           Load load, ModelSet& models)
    : options_(options), load_(std::move(load)), models_(models) {
  {
    absl::MutexLock lock(&mutex_);
    counts_.max_bytes = options_.max_bytes;
    counts_.catalog = static_cast<int64_t>(catalog.size());
  }
  models_.SetCatalog(std::move(catalog));
  clock_ = std::thread([this] { RunClock(); });
  loader_ = std::thread([this] { RunLoader(); });
}

DemandLoader::~DemandLoader() {
  Drain();
  clock_.join();
  loader_.join();
}

void DemandLoader::SetCatalog(ModelCatalog catalog) {
  const auto before = models_.catalog();
  std::vector<std::string> others;  // than before
  for (const auto& [name, model] : *before) {
    const auto now = catalog.find(name);
    if (now != catalog.end() && now->second.version == model.version &&
        now->second.directory == model.directory) {
      continue;
    }
    spdlog::info(
        "model {}: {}", name,
        now == catalog.end() ? "gone from the tree" : "its files changed");
    others.push_back(name);
  }
  for (const auto& [name, model] : catalog) {
    if (before->find(name) != before->end()) continue;
    spdlog::info("model {}: new in the tree, in {}", name, model.directory);
    others.push_back(name);
  }
  {
    absl::MutexLock lock(&mutex_);
    counts_.catalog = static_cast<int64_t>(catalog.size());
    for (const std::string& name : others) {
      failures_.erase(name);
      known_bytes_.erase(name);
    }
  }
  models_.SetCatalog(std::move(catalog));
  for (const std::string& name : others) {
    if (before->find(name) == before->end()) continue;
    if (!models_.Unload(name)) continue;
    absl::MutexLock lock(&mutex_);
    ++counts_.unloads[{name, "changed"}];
  }
}

void DemandLoader::Drain() {
  std::map<std::string, std::vector<Waiter>, std::less<>> all;
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
    all.swap(waiters_);
    wanted_.clear();
    changed_.SignalAll();
  }
  for (const auto& [name, waiters] : all) {
    for (const Waiter& waiter : waiters) waiter.done(DrainingError());
  }
}

void DemandLoader::Await(uint64_t waiter, absl::string_view name,
                         absl::Time deadline, Done done) {
  absl::Status status;
  {
    absl::MutexLock lock(&mutex_);
    const auto failure = failures_.find(name);
    if (stopping_) {
      status = DrainingError();
    } else if (failure != failures_.end() &&
               failure->second.forget > absl::Now()) {
      status = failure->second.status;
    } else {
      const auto [place, is_new] = waiters_.try_emplace(std::string(name));
      if (is_new) wanted_.emplace_back(name);
      place->second.push_back({waiter, deadline, std::move(done)});
      changed_.SignalAll();
      return;
    }
  }
  done(status);
}

void DemandLoader::Cancel(uint64_t id) {
  Done done;
  {
    absl::MutexLock lock(&mutex_);
    for (auto& [name, waiters] : waiters_) {
      const auto found =
          std::find_if(waiters.begin(), waiters.end(),
                       [id](const Waiter& one) { return one.id == id; });
      if (found == waiters.end()) continue;
      done = std::move(found->done);
      waiters.erase(found);
      break;
    }
  }
  if (done != nullptr) done(CallCancelledError());
}

void DemandLoader::RunLoader() {
  while (true) {
    std::string name;
    {
      absl::MutexLock lock(&mutex_);
      while (wanted_.empty() && !stopping_) changed_.Wait(&mutex_);
      if (stopping_) return;
      name = std::move(wanted_.front());
      wanted_.pop_front();
    }
    const bool is_awaited = IsAwaited(name);
    const absl::Status status =
        is_awaited ? LoadOne(name) : absl::CancelledError("nobody waits");
    std::vector<Waiter> waiters;
    {
      absl::MutexLock lock(&mutex_);
      const auto found = waiters_.find(name);
      if (found != waiters_.end()) {
        waiters = std::move(found->second);
        waiters_.erase(found);
      }
      if (is_awaited) ++counts_.loads[{name, status.code()}];
      if (is_awaited && !status.ok() && !absl::IsUnavailable(status)) {
        failures_[name] = {status, absl::Now() + kFailureTime};
      }
      // They came after it was given up.
      if (!is_awaited && !waiters.empty()) {
        waiters_[name] = std::move(waiters);
        wanted_.push_back(name);
        continue;
      }
    }
    for (const Waiter& waiter : waiters) waiter.done(status);
  }
}

absl::Status DemandLoader::LoadOne(const std::string& name) {
  while (true) {
    const auto catalog = models_.catalog();
    const auto model = catalog->find(name);
    if (model == catalog->end()) {
      return absl::NotFoundError(
          absl::StrCat("model: ", Quoted(name), " has just gone"));
    }
    absl::Status status = LoadFrom(name, model->second);
    const auto now = models_.catalog();
    const auto there = now->find(name);
    if (there != now->end() && there->second.version == model->second.version) {
      return status;
    }
    models_.Unload(name);  // it changed meanwhile
  }
}

absl::Status DemandLoader::LoadFrom(const std::string& name,
                                    const CatalogModel& model) {
  if (models_.Find(name, "model").ok()) return absl::OkStatus();
  absl::Status status = model.sound;
  if (status.ok()) {
    int64_t bytes = model.bytes;
    {
      absl::MutexLock lock(&mutex_);
      const auto known = known_bytes_.find(name);
      if (known != known_bytes_.end()) bytes = known->second;
    }
    status = MakeRoom(name, bytes);
  }
  if (status.ok()) status = load_({name, model.directory});
  if (absl::IsAlreadyExists(status)) status = absl::OkStatus();  // by others
  if (!status.ok()) {
    spdlog::warn("model {}: not loaded: {}", name,
                 std::string(status.message()));
    if (absl::IsUnavailable(status) || absl::IsResourceExhausted(status)) {
      return status;
    }
    return absl::FailedPreconditionError(absl::StrCat(
        "model: ", Quoted(name), " cannot be loaded: ", status.message()));
  }
  const auto served = models_.Find(name, "model");
  return served.ok() ? CorrectRoom(*served) : absl::OkStatus();
}

absl::Status DemandLoader::CorrectRoom(const ServedModelPtr& model) {
  const std::string& name = model->info().name;
  const int64_t bytes = model->info().weights_bytes;
  {
    absl::MutexLock lock(&mutex_);
    known_bytes_[name] = bytes;
  }
  if (options_.max_bytes == 0) return absl::OkStatus();
  while (models_.bytes_served() > options_.max_bytes && UnloadOldest(name)) {
  }
  const int64_t room = options_.max_bytes - (models_.bytes_served() - bytes);
  if (bytes <= room) return absl::OkStatus();
  models_.Unload(name);
  return NoRoomError(name, bytes, room);
}

absl::Status DemandLoader::NoRoomError(const std::string& name, int64_t bytes,
                                       int64_t room) const {
  return absl::ResourceExhaustedError(
      absl::StrCat("model ", Quoted(name), " needs ", Mebibytes(bytes),
                   " MiB, found ", room >> 20, " of ",
                   Mebibytes(options_.max_bytes), " (--model-memory-mib)"));
}

absl::Status DemandLoader::MakeRoom(const std::string& name, int64_t bytes) {
  if (options_.max_bytes == 0) return absl::OkStatus();
  while (models_.bytes_served() + bytes > options_.max_bytes) {
    if (UnloadOldest(name)) continue;
    return NoRoomError(name, bytes,
                       options_.max_bytes - models_.bytes_served());
  }
  // What was unloaded goes with its last request.
  while (models_.bytes_in_memory() + bytes > options_.max_bytes) {
    if (!IsAwaited(name)) {
      return absl::UnavailableError("nobody waits for the model any more");
    }
    absl::SleepFor(kRoomInterval);
  }
  return absl::OkStatus();
}

absl::Status DemandLoader::CheckTogether(
    const std::set<std::string>& names) const {
  if (options_.max_bytes == 0) return absl::OkStatus();
  int64_t bytes = 0;
  for (const ServedModelPtr& model : models_.all()) {
    if (!models_.CanLoad(model->info().name)) {
      bytes += model->info().weights_bytes;  // stays
    }
  }
  absl::MutexLock lock(&mutex_);
  for (const std::string& name : names) {
    const auto known = known_bytes_.find(name);
    if (known == known_bytes_.end()) return absl::OkStatus();
    bytes += known->second;
  }
  if (bytes <= options_.max_bytes) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrCat("models ", absl::StrJoin(names, ", "),
                   ", which the request takes "
                   "together, need ",
                   Mebibytes(bytes), " MiB, allowed ", options_.max_bytes >> 20,
                   " (--model-memory-mib)"));
}

bool DemandLoader::UnloadOldest(absl::string_view kept) {
  ServedModelPtr oldest;
  for (const ServedModelPtr& model : models_.all()) {
    const std::string& name = model->info().name;
    if (name == kept || !models_.CanLoad(name)) continue;
    if (oldest == nullptr || model->last_used() < oldest->last_used()) {
      oldest = model;
    }
  }
  if (oldest == nullptr) return false;
  const std::string name = oldest->info().name;
  if (!models_.Unload(name)) return true;  // gone by itself
  spdlog::info("model {}: unloaded, to make room", name);
  absl::MutexLock lock(&mutex_);
  ++counts_.unloads[{name, "memory"}];
  return true;
}

void DemandLoader::UnloadIdle(absl::Time now) {
  for (const ServedModelPtr& model : models_.all()) {
    const std::string name = model->info().name;
    // Beside the set's own, this one and the reaper's there is none.
    const bool is_used =
        model->last_used() + options_.idle > now || model.use_count() > 2;
    if (is_used || !models_.CanLoad(name)) continue;
    if (!models_.Unload(name)) continue;
    spdlog::info("model {}: unloaded, idle for {}", name,
                 absl::FormatDuration(options_.idle));
    absl::MutexLock lock(&mutex_);
    ++counts_.unloads[{name, "idle"}];
  }
}

bool DemandLoader::IsAwaited(const std::string& name) const {
  absl::MutexLock lock(&mutex_);
  const auto found = waiters_.find(name);
  return !stopping_ && found != waiters_.end() && !found->second.empty();
}

std::vector<DemandLoader::Waiter> DemandLoader::TakeExpired(absl::Time now) {
  std::vector<Waiter> expired;
  for (auto& [name, waiters] : waiters_) {
    const auto is_live = [now](const Waiter& one) {
      return one.deadline > now;
    };
    const auto end =
        std::stable_partition(waiters.begin(), waiters.end(), is_live);
    std::move(end, waiters.end(), std::back_inserter(expired));
    waiters.erase(end, waiters.end());
  }
  return expired;
}

void DemandLoader::RunClock() {
  while (true) {
    std::vector<Waiter> expired;
    {
      absl::MutexLock lock(&mutex_);
      absl::Time next = absl::InfiniteFuture();
      for (const auto& [name, waiters] : waiters_) {
        for (const Waiter& one : waiters) next = std::min(next, one.deadline);
      }
      if (!stopping_) changed_.WaitWithDeadline(&mutex_, next);
      if (stopping_) return;
      expired = TakeExpired(absl::Now());
    }
    for (const Waiter& waiter : expired) waiter.done(DeadlinePassedError());
  }
}

DemandCounts DemandLoader::counts() const {
  DemandCounts counts;
  {
    absl::MutexLock lock(&mutex_);
    counts = counts_;
    for (const auto& [name, waiters] : waiters_) {
      counts.waiting += static_cast<int64_t>(waiters.size());
    }
  }
  counts.bytes = models_.bytes_in_memory();
  return counts;
}

}  // namespace peregrine::server
