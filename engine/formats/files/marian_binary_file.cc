#include "engine/formats/files/marian_binary_file.h"

#include <cmath>
#include <fstream>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/base/status_macros.h"
#include "engine/formats/files/byte_cursor.h"

namespace peregrine::formats {
namespace {

constexpr uint64_t kVersion = 1;
constexpr uint64_t kMaxNameBytes = 1000;

// Marian's codes of element types. Those of intgemm moved when others joined.
constexpr uint64_t kInt8 = 0x101;
constexpr uint64_t kFloat16 = 0x402;
constexpr uint64_t kFloat32 = 0x404;
constexpr uint64_t kOldIntgemm8 = 0x4101;
constexpr uint64_t kOldIntgemm16 = 0x4102;
constexpr uint64_t kIntgemm8 = 0x10001;
constexpr uint64_t kIntgemm16 = 0x10002;

ElementType ParseType(uint64_t type) {
  switch (type) {
    case kFloat32:
      return ElementType::kFloat32;
    case kFloat16:
      return ElementType::kFloat16;
    case kIntgemm8:
    case kOldIntgemm8:
      return ElementType::kInt8;
    case kIntgemm16:
    case kOldIntgemm16:
      return ElementType::kInt16;
    case kInt8:
      return ElementType::kText;
    default:
      return ElementType::kOther;
  }
}

bool IsQuantized(const StoredTensor& tensor) {
  return tensor.type == ElementType::kInt8 ||
         tensor.type == ElementType::kInt16;
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

absl::Status MarianBinaryFile::Parse() {
  ByteCursor cursor(bytes());
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
  std::vector<StoredTensor> tensors(count);
  for (size_t i = 0; i < count; ++i) {
    tensors[i].type = ParseType(headers[i].type);
    tensors[i].type_name = absl::StrCat("0x", absl::Hex(headers[i].type));
    if (headers[i].dimensions > kMaxDimensions) {
      return TensorError(
          names[i],
          absl::StrCat("found ", headers[i].dimensions,
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
      return TensorError(
          names[i],
          absl::StrCat("found fewer bytes than ", headers[i].data_bytes,
                       " to the end of the file; it is cut off"));
    }
    PEREGRINE_RETURN_IF_ERROR(
        CheckBytes(names[i], headers[i].type, tensors[i]));
    PEREGRINE_RETURN_IF_ERROR(AddAsMatrix(names[i], std::move(tensors[i])));
  }
  return absl::OkStatus();
}

// That the data are as long as shape and type say; a writer pads them. The type
// may be one that we do not read: its last byte is the size of its elements.
absl::Status MarianBinaryFile::CheckBytes(const std::string& name,
                                          uint64_t type,
                                          const StoredTensor& tensor) const {
  const int64_t elements = model::NumElements(tensor.shape);
  const uint64_t element_bytes = type & 0xff;
  if (element_bytes == 0) {
    return TensorError(name, absl::StrCat("found type ", tensor.type_name,
                                          ", whose elements have no bytes"));
  }
  const uint64_t expected = static_cast<uint64_t>(elements) * element_bytes +
                            (IsQuantized(tensor) ? sizeof(float) : 0);
  if (elements >= 0 && expected <= tensor.bytes.size()) {
    return absl::OkStatus();
  }
  return TensorError(
      name, absl::StrCat("found ", tensor.bytes.size(), " bytes for shape ",
                         model::ShapeString(tensor.shape), ", expected ",
                         elements < 0 ? "a smaller shape"
                                      : absl::StrCat("at least ", expected)));
}

bool MarianBinaryFile::IsPlain(const std::string& /*name*/,
                               const StoredTensor& tensor) const {
  return !IsQuantized(tensor);
}

absl::StatusOr<std::vector<float>> MarianBinaryFile::Values(
    const std::string& name, const StoredTensor& tensor) {
  if (IsQuantized(tensor)) return Dequantized(name, tensor);
  if (tensor.type == ElementType::kText || tensor.type == ElementType::kOther) {
    return absl::UnimplementedError(absl::StrCat(
        path(), ": tensor ", name, ": found elements of type ",
        tensor.type_name,
        ", expected float32, float16, or intgemm8 or intgemm16 of no "
        "particular processor"));
  }
  return StoredValues(tensor);
}

absl::StatusOr<std::vector<float>> MarianBinaryFile::Dequantized(
    const std::string& name, const StoredTensor& tensor) const {
  std::vector<float> stored = StoredValues(tensor);
  const auto multiplier =
      LoadAt<float>(tensor.bytes, stored.size() * ElementBytes(tensor.type));
  if (!(multiplier > 0) || std::isinf(multiplier)) {
    return TensorError(
        name, absl::StrCat("found the quantisation multiplier ", multiplier,
                           ", expected a positive number"));
  }
  for (float& value : stored) value /= multiplier;
  if (absl::StrContains(name, "Wemb") || tensor.shape.size() != 2) {
    return stored;
  }
  const size_t rows = static_cast<size_t>(tensor.shape[0]);
  const size_t columns = static_cast<size_t>(tensor.shape[1]);
  std::vector<float> values(stored.size());
  for (size_t row = 0; row < rows; ++row) {
    for (size_t column = 0; column < columns; ++column) {
      values[row * columns + column] = stored[column * rows + row];
    }
  }
  return values;
}

}  // namespace peregrine::formats
