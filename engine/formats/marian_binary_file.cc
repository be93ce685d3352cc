#include "engine/formats/marian_binary_file.h"

#include <cmath>
#include <cstring>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/base/status_macros.h"
#include "engine/formats/byte_cursor.h"
#include "engine/model/float16.h"

namespace peregrine::formats {
namespace {

constexpr uint64_t kVersion = 1;
constexpr uint64_t kMaxDimensions = 8;
constexpr uint64_t kMaxNameBytes = 1000;

// Marian's codes of element types. Those of intgemm moved when others joined.
constexpr uint64_t kInt8 = 0x101;
constexpr uint64_t kFloat16 = 0x402;
constexpr uint64_t kFloat32 = 0x404;
constexpr uint64_t kOldIntgemm8 = 0x4101;
constexpr uint64_t kOldIntgemm16 = 0x4102;
constexpr uint64_t kIntgemm8 = 0x10001;
constexpr uint64_t kIntgemm16 = 0x10002;

bool IsIntgemm8(uint64_t type) {
  return type == kIntgemm8 || type == kOldIntgemm8;
}
bool IsIntgemm16(uint64_t type) {
  return type == kIntgemm16 || type == kOldIntgemm16;
}

template <typename T>
void LoadAll(absl::string_view bytes, std::vector<float>& values) {
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(LoadAt<T>(bytes, i * sizeof(T)));
  }
}

}  // namespace

bool MarianBinaryFile::IsOne(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  uint64_t version = 0;
  file.read(reinterpret_cast<char*>(&version), sizeof(version));
  return file.gcount() == sizeof(version) && version == kVersion;
}

absl::StatusOr<std::unique_ptr<MarianFile>> MarianBinaryFile::Open(
    const std::string& path) {
  PEREGRINE_ASSIGN_OR_RETURN(auto mapped, MappedFile::Open(path));
  std::unique_ptr<MarianBinaryFile> file(
      new MarianBinaryFile(std::move(mapped)));
  PEREGRINE_RETURN_IF_ERROR(file->Parse());
  return std::unique_ptr<MarianFile>(std::move(file));
}

absl::Status MarianBinaryFile::Error(absl::string_view message) const {
  return absl::InvalidArgumentError(absl::StrCat(path(), ": ", message));
}

absl::Status MarianBinaryFile::Parse() {
  ByteCursor cursor(file_->bytes());
  const auto version = cursor.Number<uint64_t>();
  if (version != kVersion) {
    return Error(absl::StrCat("found version ", version,
                              ", expected a binary model of Marian of version ",
                              kVersion));
  }
  const auto count = cursor.Number<uint64_t>();
  if (count > cursor.left() / sizeof(Header)) {
    return Error(absl::StrCat("found ", count, " tensors in ", cursor.left(),
                              " bytes; the file is cut off or damaged"));
  }
  std::vector<Header> headers(count);
  for (Header& header : headers) {
    header.name_bytes = cursor.Number<uint64_t>();
    header.type = cursor.Number<uint64_t>();
    header.dimensions = cursor.Number<uint64_t>();
    header.data_bytes = cursor.Number<uint64_t>();
  }
  std::vector<std::string> names;
  for (const Header& header : headers) {
    const absl::string_view name = cursor.Bytes(header.name_bytes);
    if (name.size() < 2 || name.size() > kMaxNameBytes || name.back() != '\0') {
      return Error(absl::StrCat("the name of tensor ", names.size(), ": found ",
                                header.name_bytes, " bytes, expected 2 to ",
                                kMaxNameBytes, " that end in a NUL"));
    }
    names.emplace_back(name.substr(0, name.size() - 1));
  }
  std::vector<Tensor> tensors(count);
  for (size_t i = 0; i < count; ++i) {
    tensors[i].type = headers[i].type;
    if (headers[i].dimensions > kMaxDimensions) {
      return Error(
          absl::StrCat("tensor ", names[i], ": found ", headers[i].dimensions,
                       " dimensions, expected at most ", kMaxDimensions));
    }
    for (uint64_t d = 0; d < headers[i].dimensions; ++d) {
      tensors[i].shape.push_back(cursor.Number<int32_t>());
    }
  }
  cursor.Bytes(cursor.Number<uint64_t>());  // padding
  if (!cursor.ok()) return Error("the file is cut off");
  for (size_t i = 0; i < count; ++i) {
    tensors[i].bytes = cursor.Bytes(headers[i].data_bytes);
    if (!cursor.ok()) {
      return Error(absl::StrCat(
          "tensor ", names[i], ": found fewer bytes than ",
          headers[i].data_bytes, " to the end of the file; it is cut off"));
    }
    PEREGRINE_RETURN_IF_ERROR(Check(names[i], tensors[i]));
    std::vector<int64_t>& shape = tensors[i].shape;
    if (shape.size() == 1) shape.insert(shape.begin(), 1);
    if (!tensors_.emplace(names[i], std::move(tensors[i])).second) {
      return Error(absl::StrCat("tensor ", names[i], ": found it twice"));
    }
  }
  return absl::OkStatus();
}

// That the data are as long as shape and type say; a writer pads them.
absl::Status MarianBinaryFile::Check(const std::string& name,
                                     const Tensor& tensor) const {
  const int64_t elements = model::NumElements(tensor.shape);
  const uint64_t element_bytes = tensor.type & 0xff;
  if (element_bytes == 0) {
    return Error(absl::StrCat("tensor ", name, ": found type 0x",
                              absl::Hex(tensor.type),
                              ", whose elements have no bytes"));
  }
  const uint64_t scale_bytes =
      IsIntgemm8(tensor.type) || IsIntgemm16(tensor.type) ? sizeof(float) : 0;
  if (elements >= 0 &&
      static_cast<uint64_t>(elements) * element_bytes + scale_bytes <=
          tensor.bytes.size()) {
    return absl::OkStatus();
  }
  return Error(absl::StrCat(
      "tensor ", name, ": found ", tensor.bytes.size(), " bytes for shape ",
      model::ShapeString(tensor.shape), ", expected ",
      elements < 0
          ? "a smaller shape"
          : absl::StrCat("at least ", elements * element_bytes + scale_bytes)));
}

bool MarianBinaryFile::Has(const std::string& name) const {
  return tensors_.count(name) != 0;
}

absl::optional<std::vector<int64_t>> MarianBinaryFile::Shape(
    const std::string& name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) return absl::nullopt;
  return found->second.shape;
}

absl::optional<std::string> MarianBinaryFile::Text(const std::string& name) {
  const auto found = tensors_.find(name);
  if (found == tensors_.end() || found->second.type != kInt8) {
    return absl::nullopt;
  }
  read_.insert(name);
  const Tensor& tensor = found->second;
  const absl::string_view text = tensor.bytes.substr(
      0, static_cast<size_t>(model::NumElements(tensor.shape)));
  return std::string(text.substr(0, text.find('\0')));
}

absl::StatusOr<std::vector<float>> MarianBinaryFile::Read(
    const std::string& name, absl::Span<const int64_t> shape) {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) {
    return absl::NotFoundError(absl::StrCat(
        path(), ": tensor ", name, ": found none, expected one of shape ",
        model::ShapeString(shape)));
  }
  const Tensor& tensor = found->second;
  if (absl::MakeConstSpan(tensor.shape) != shape) {
    return Error(absl::StrCat("tensor ", name, ": found shape ",
                              model::ShapeString(tensor.shape), ", expected ",
                              model::ShapeString(shape)));
  }
  read_.insert(name);
  std::vector<float> values(
      static_cast<size_t>(model::NumElements(tensor.shape)));
  if (tensor.type == kFloat32) {
    LoadAll<float>(tensor.bytes, values);
  } else if (tensor.type == kFloat16) {
    for (size_t i = 0; i < values.size(); ++i) {
      values[i] = model::HalfToFloat(LoadAt<uint16_t>(tensor.bytes, 2 * i));
    }
  } else if (IsIntgemm8(tensor.type) || IsIntgemm16(tensor.type)) {
    PEREGRINE_ASSIGN_OR_RETURN(values, Dequantized(name, tensor));
  } else {
    return absl::UnimplementedError(
        absl::StrCat(path(), ": tensor ", name, ": found elements of type 0x",
                     absl::Hex(tensor.type),
                     ", expected float32, float16, or intgemm8 or intgemm16 of "
                     "no particular "
                     "processor"));
  }
  PEREGRINE_RETURN_IF_ERROR(model::CheckFinite(path(), name, values));
  return values;
}

absl::StatusOr<std::vector<float>> MarianBinaryFile::Dequantized(
    const std::string& name, const Tensor& tensor) const {
  const bool is_int8 = IsIntgemm8(tensor.type);
  const size_t elements = static_cast<size_t>(model::NumElements(tensor.shape));
  const auto multiplier =
      LoadAt<float>(tensor.bytes, elements * (is_int8 ? 1 : 2));
  if (!(multiplier > 0) || std::isinf(multiplier)) {
    return Error(absl::StrCat("tensor ", name,
                              ": found the quantisation multiplier ",
                              multiplier, ", expected a positive number"));
  }
  std::vector<float> stored(elements);
  if (is_int8) {
    LoadAll<int8_t>(tensor.bytes, stored);
  } else {
    LoadAll<int16_t>(tensor.bytes, stored);
  }
  for (float& value : stored) value /= multiplier;
  if (absl::StrContains(name, "Wemb") || tensor.shape.size() != 2) {
    return stored;
  }
  const size_t rows = static_cast<size_t>(tensor.shape[0]);
  const size_t columns = static_cast<size_t>(tensor.shape[1]);
  std::vector<float> values(elements);
  for (size_t row = 0; row < rows; ++row) {
    for (size_t column = 0; column < columns; ++column) {
      values[row * columns + column] = stored[column * rows + row];
    }
  }
  return values;
}

std::vector<std::string> MarianBinaryFile::Unread() const {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : tensors_) {
    if (read_.count(name) == 0) names.push_back(name);
  }
  return names;
}

}  // namespace peregrine::formats
