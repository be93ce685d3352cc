#ifndef PEREGRINE_ENGINE_FORMATS_TORCH_CHECKPOINTS_SETTINGS_H_
#define PEREGRINE_ENGINE_FORMATS_TORCH_CHECKPOINTS_SETTINGS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "engine/formats/files/pickle.h"

namespace peregrine::formats {

// A dictionary of a checkpoint, or the attributes of its argparse.Namespace.
// What is no such thing has no fields. `pickle` must outlive it.
class Settings {
 public:
  Settings(const Pickle& pickle, int32_t value, const std::string& path);
  // All of the pickle.
  Settings(const Pickle& pickle, const std::string& path)
      : Settings(pickle, pickle.root, path) {}

  bool empty() const { return fields_ == nullptr || fields_->items.empty(); }
  bool Has(absl::string_view name) const { return Find(name) >= 0; }
  Settings At(absl::string_view name) const;

  // As Python takes it for true: no empty text, list or 0.
  bool IsTrue(absl::string_view name) const;
  // `absent` where it is no number, or 0, or no text or an empty one.
  int Int(absl::string_view name, int absent) const;
  double Real(absl::string_view name, double absent) const;
  std::string Text(absl::string_view name, absl::string_view absent) const;
  // A list of texts; false where it is something else.
  bool Texts(absl::string_view name, std::vector<std::string>& texts) const;

  // An error about a field: what was found in it, and `expected`.
  absl::Status Error(absl::string_view name, absl::string_view expected) const;
  const std::string& path() const { return path_; }

 private:
  int32_t Find(absl::string_view name) const;  // -1: none

  const Pickle& pickle_;
  const std::string path_;
  const PickleValue* fields_ = nullptr;
};

}  // namespace peregrine::formats

#endif  // PEREGRINE_ENGINE_FORMATS_TORCH_CHECKPOINTS_SETTINGS_H_
