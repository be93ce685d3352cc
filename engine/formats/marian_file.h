#ifndef PEREGRINE_ENGINE_FORMATS_MARIAN_FILE_H_
#define PEREGRINE_ENGINE_FORMATS_MARIAN_FILE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "engine/model/tensor_source.h"

namespace peregrine::formats {

// A file of weights of Marian, in either of its two formats. Names and shapes
// are Marian's; a vector of n elements has the shape [1, n].
class MarianFile : public model::TensorSource {
 public:
  // NpzFile for a path that ends in .npz, else MarianBinaryFile.
  static absl::StatusOr<std::unique_ptr<MarianFile>> Open(
      const std::string& path);

  // Shape of a tensor, none if there is none.
  virtual absl::optional<std::vector<int64_t>> Shape(
      const std::string& name) const = 0;

  // A tensor of bytes that spell a text, up to its first NUL; it counts as
  // read. None if there is none or it is no such tensor.
  virtual absl::optional<std::string> Text(const std::string& name) = 0;
};

}  // namespace peregrine::formats

#endif  // PEREGRINE_ENGINE_FORMATS_MARIAN_FILE_H_
