#ifndef PEREGRINE_ENGINE_FORMATS_FILES_MARIAN_FILE_H_
#define PEREGRINE_ENGINE_FORMATS_FILES_MARIAN_FILE_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "engine/formats/files/tensor_file.h"

namespace peregrine::formats {

// A file of weights of Marian, in either of its two formats. Names and shapes
// are Marian's; a vector of n elements has the shape [1, n].
class MarianFile : public TensorFile {
 public:
  // NpzFile for a path that ends in .npz, else MarianBinaryFile.
  static absl::StatusOr<std::unique_ptr<MarianFile>> Open(
      const std::string& path);

  // A tensor of bytes that spell a text, up to its first NUL; it counts as
  // read. None if there is none or it is no such tensor.
  absl::optional<std::string> Text(const std::string& name);

 protected:
  using TensorFile::TensorFile;

  // Add, which makes a matrix of one row of a vector.
  absl::Status AddAsMatrix(const std::string& name, StoredTensor tensor);
};

}  // namespace peregrine::formats

#endif  // PEREGRINE_ENGINE_FORMATS_FILES_MARIAN_FILE_H_
