#include "engine/formats/files/tensor_file.h"

#include <cstring>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/base/float16.h"
#include "engine/base/status_macros.h"

namespace peregrine::formats {
namespace {

template <typename T>
float ToFloat(T element) {
  return static_cast<float>(element);
}

// They need not be aligned.
template <typename T, typename Convert>
std::vector<float> ConvertAll(const StoredTensor& tensor, Convert convert) {
  std::vector<float> values(
      static_cast<size_t>(model::NumElements(tensor.shape)));
  for (size_t i = 0; i < values.size(); ++i) {
    T element;
    std::memcpy(&element, tensor.bytes.data() + i * sizeof(T), sizeof(T));
    values[i] = convert(element);
  }
  return values;
}

}  // namespace

size_t ElementBytes(ElementType type) {
  switch (type) {
    case ElementType::kFloat64:
      return 8;
    case ElementType::kFloat32:
    case ElementType::kInt32:
      return 4;
    case ElementType::kFloat16:
    case ElementType::kBFloat16:
    case ElementType::kInt16:
      return 2;
    case ElementType::kInt8:
    case ElementType::kText:
      return 1;
    case ElementType::kOther:
      break;
  }
  return 0;
}

std::vector<float> StoredValues(const StoredTensor& tensor) {
  switch (tensor.type) {
    case ElementType::kFloat64:
      return ConvertAll<double>(tensor, ToFloat<double>);
    case ElementType::kFloat32:
      return ConvertAll<float>(tensor, ToFloat<float>);
    case ElementType::kFloat16:
      return ConvertAll<uint16_t>(tensor, FromFloat16);
    case ElementType::kBFloat16:
      return ConvertAll<uint16_t>(tensor, FromBFloat16);
    case ElementType::kInt32:
      return ConvertAll<int32_t>(tensor, ToFloat<int32_t>);
    case ElementType::kInt16:
      return ConvertAll<int16_t>(tensor, ToFloat<int16_t>);
    case ElementType::kInt8:
      return ConvertAll<int8_t>(tensor, ToFloat<int8_t>);
    case ElementType::kText:
    case ElementType::kOther:
      break;
  }
  PEREGRINE_CHECK(false) << "no numbers: " << tensor.type_name;
  return {};
}

absl::Status TensorFile::Error(absl::string_view message) const {
  return absl::InvalidArgumentError(absl::StrCat(path(), ": ", message));
}

absl::Status TensorFile::TensorError(const std::string& name,
                                     absl::string_view message) const {
  return Error(absl::StrCat("tensor ", name, ": ", message));
}

absl::Status TensorFile::Add(const std::string& name, StoredTensor tensor) {
  if (!tensors_.emplace(name, std::move(tensor)).second) {
    return TensorError(name, "found it twice");
  }
  return absl::OkStatus();
}

absl::Status TensorFile::CheckSize(const std::string& name,
                                   const StoredTensor& tensor) const {
  const int64_t elements = model::NumElements(tensor.shape);
  const uint64_t expected =
      static_cast<uint64_t>(elements) * ElementBytes(tensor.type);
  if (elements >= 0 && expected == tensor.bytes.size()) return absl::OkStatus();
  return TensorError(
      name,
      absl::StrCat("found ", tensor.bytes.size(), " bytes for shape ",
                   model::ShapeString(tensor.shape), " of ", tensor.type_name,
                   ", expected ",
                   elements < 0 ? "a smaller shape" : absl::StrCat(expected)));
}

const StoredTensor* TensorFile::Find(const std::string& name) const {
  const auto found = tensors_.find(Resolve(name));
  return found == tensors_.end() ? nullptr : &found->second;
}

bool TensorFile::Has(const std::string& name) const {
  return Find(name) != nullptr;
}

bool TensorFile::IsSame(const std::string& name, const TensorFile& other,
                        const std::string& other_name) const {
  const StoredTensor* const mine = Find(name);
  const StoredTensor* const theirs = other.Find(other_name);
  if (mine->type != theirs->type || mine->shape != theirs->shape ||
      Layout(name) != other.Layout(other_name)) {
    return false;
  }
  const bool is_one = mine->bytes.data() == theirs->bytes.data() &&
                      mine->bytes.size() == theirs->bytes.size();
  return is_one || mine->bytes == theirs->bytes;
}

absl::optional<std::vector<int64_t>> TensorFile::Shape(
    const std::string& name) const {
  const StoredTensor* tensor = Find(name);
  if (tensor == nullptr) return absl::nullopt;
  return tensor->shape;
}

absl::StatusOr<std::vector<float>> TensorFile::Read(
    const std::string& name, absl::Span<const int64_t> shape) {
  const StoredTensor* tensor = Find(name);
  if (tensor == nullptr) {
    return absl::NotFoundError(absl::StrCat(
        path(), ": tensor ", name, ": found none, expected one of shape ",
        model::ShapeString(shape)));
  }
  if (absl::MakeConstSpan(tensor->shape) != shape) {
    return TensorError(
        name, absl::StrCat("found shape ", model::ShapeString(tensor->shape),
                           ", expected ", model::ShapeString(shape)));
  }
  MarkRead(name);
  PEREGRINE_ASSIGN_OR_RETURN(std::vector<float> values, Values(name, *tensor));
  PEREGRINE_RETURN_IF_ERROR(model::CheckFinite(path(), name, values));
  return values;
}

absl::StatusOr<std::vector<float>> TensorFile::Values(
    const std::string& /*name*/, const StoredTensor& tensor) {
  return StoredValues(tensor);
}

std::vector<std::string> TensorFile::Unread() const {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : tensors_) {
    if (read_.count(name) == 0) names.push_back(name);
  }
  return names;
}

}  // namespace peregrine::formats
