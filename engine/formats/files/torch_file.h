#ifndef PEREGRINE_ENGINE_FORMATS_FILES_TORCH_FILE_H_
#define PEREGRINE_ENGINE_FORMATS_FILES_TORCH_FILE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/base/file.h"
#include "engine/formats/files/pickle.h"
#include "engine/formats/files/tensor_file.h"

namespace peregrine::formats {

// A dictionary of tensors as torch.save writes it, in either of its containers:
// a ZIP archive with a pickle and a member a storage (since 1.6), or a stream
// of pickles with the storages after them. Mapped, not read; nothing in the
// pickle is ever called (pickle.h). Tensors may share storages and be views of
// them with any strides. float64, float32, float16, bfloat16 and integers of 8
// to 32 bits are understood, in either byte order. Not thread-safe.
class TorchFile final : public TensorFile {
 public:
  // Whether the file begins like one of the two.
  static bool IsOne(absl::string_view bytes);

  // INVALID_ARGUMENT: damaged; UNIMPLEMENTED: it holds something else than a
  // dictionary of tensors.
  static absl::StatusOr<std::unique_ptr<TorchFile>> Open(
      const std::string& path);

  // A checkpoint of a toolkit: a dictionary with dictionaries of tensors and
  // settings (content()). The tensors of those that are at one of `groups`
  // count, each under its name behind the prefix of its group.
  struct Group {
    std::string key;
    std::string prefix;
  };
  static absl::StatusOr<std::unique_ptr<TorchFile>> OpenCheckpoint(
      const std::string& path, std::vector<Group> groups);

  // Of a checkpoint, what its pickle says.
  const Pickle& content() const { return content_; }

 private:
  struct Storage {
    ElementType type = ElementType::kOther;
    absl::string_view type_name;
    uint64_t element_bytes = 0;
    std::string key;
    // Elements: those of the storage, and of it this view's first and number.
    uint64_t size = 0;
    uint64_t view_begin = 0;
    uint64_t view_size = 0;
  };
  // The bytes of the storages by key.
  using StorageBytes = std::map<std::string, absl::string_view>;

  using TensorFile::TensorFile;

  static absl::StatusOr<std::unique_ptr<TorchFile>> Open(
      const std::string& path, PickleScope scope, std::vector<Group> groups);
  absl::Status ParseArchive();
  absl::Status ParseStream();
  absl::Status TakeStorages(absl::string_view bytes, const Pickle& keys,
                            const Pickle& pickle);
  absl::StatusOr<Storage> ReadStorage(const Pickle& pickle,
                                      int32_t value) const;
  absl::Status TakeContent(Pickle pickle);
  absl::Status AddTensors(const Pickle& pickle);
  absl::Status AddGroups(const Pickle& pickle);
  absl::Status AddTensor(const std::string& name, const Pickle& pickle,
                         int32_t value);
  absl::Status AddView(const std::string& name, const Storage& storage,
                       absl::string_view bytes, uint64_t offset,
                       const std::vector<int64_t>& shape,
                       const std::vector<int64_t>& strides);
  std::string Layout(const std::string& name) const override;
  bool IsPlain(const std::string& name,
               const StoredTensor& tensor) const override;
  absl::StatusOr<std::vector<float>> Values(
      const std::string& name, const StoredTensor& tensor) override;

  PickleScope scope_ = PickleScope::kTensors;
  std::vector<Group> groups_;
  Pickle content_;
  StorageBytes storages_;
  bool is_big_endian_ = false;
  uint64_t tensor_bytes_ = 0;  // of all tensors
  // Of the tensors whose elements do not stand row by row.
  std::map<std::string, std::vector<int64_t>> strides_;
};

}  // namespace peregrine::formats

#endif  // PEREGRINE_ENGINE_FORMATS_FILES_TORCH_FILE_H_
