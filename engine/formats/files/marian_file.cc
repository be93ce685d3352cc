#include "engine/formats/files/marian_file.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "engine/base/status_macros.h"
#include "engine/formats/files/marian_binary_file.h"
#include "engine/formats/files/npz_file.h"

namespace peregrine::formats {

absl::StatusOr<std::unique_ptr<MarianFile>> MarianFile::Open(
    const std::string& path) {
  if (absl::EndsWith(path, ".npz")) return NpzFile::Open(path);
  return MarianBinaryFile::Open(path);
}

absl::optional<std::string> MarianFile::Text(const std::string& name) {
  const StoredTensor* tensor = Find(name);
  if (tensor == nullptr || tensor->type != ElementType::kText) {
    return absl::nullopt;
  }
  MarkRead(name);
  const absl::string_view text = tensor->bytes.substr(
      0, static_cast<size_t>(model::NumElements(tensor->shape)));
  return std::string(text.substr(0, text.find('\0')));
}

absl::Status MarianFile::AddAsMatrix(const std::string& name,
                                     StoredTensor tensor) {
  if (tensor.shape.size() == 1) tensor.shape.insert(tensor.shape.begin(), 1);
  return Add(name, std::move(tensor));
}

}  // namespace peregrine::formats
