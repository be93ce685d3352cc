#include "server/models/model_reaper.h"

#include <malloc.h>

#include <utility>

namespace peregrine::server {

ModelReaper::ModelReaper() : thread_([this] { Run(); }) {}

ModelReaper::~ModelReaper() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  thread_.join();
}

ServedModelPtr ModelReaper::Share(std::unique_ptr<ServedModel> model) {
  {
    absl::MutexLock lock(&mutex_);
    ++models_;
    bytes_ += model->info().weights_bytes;
  }
  return ServedModelPtr(model.release(), [this](const ServedModel* last) {
    Take(std::unique_ptr<const ServedModel>(last));
  });
}

int ModelReaper::models() const {
  absl::MutexLock lock(&mutex_);
  return models_;
}

int64_t ModelReaper::bytes() const {
  absl::MutexLock lock(&mutex_);
  return bytes_;
}

void ModelReaper::Take(std::unique_ptr<const ServedModel> model) {
  absl::MutexLock lock(&mutex_);
  ended_.push_back(std::move(model));
}

std::vector<std::unique_ptr<const ServedModel>> ModelReaper::AwaitEnded() {
  absl::MutexLock lock(&mutex_);
  const auto has_news = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return !ended_.empty() || (stopping_ && models_ == 0);
  };
  mutex_.Await(absl::Condition(&has_news));
  std::vector<std::unique_ptr<const ServedModel>> ended;
  ended.swap(ended_);
  return ended;
}

void ModelReaper::Run() {
  while (true) {
    std::vector<std::unique_ptr<const ServedModel>> ended = AwaitEnded();
    if (ended.empty()) return;
    const int count = static_cast<int>(ended.size());
    int64_t bytes = 0;
    for (const auto& model : ended) bytes += model->info().weights_bytes;
    ended.clear();
    // The allocator would keep what many threads freed in small pieces.
    malloc_trim(0);
    absl::MutexLock lock(&mutex_);
    models_ -= count;
    bytes_ -= bytes;
  }
}

}  // namespace peregrine::server
