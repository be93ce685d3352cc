#include "engine/formats/files/tensor_file.h"

#include <cstring>
#include <utility>

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

template <typename T, typename Convert>
void ConvertAll(const char* elements, size_t count, float* to,
                Convert convert) {
  for (size_t i = 0; i < count; ++i) {
    T element;
    std::memcpy(&element, elements + i * sizeof(T), sizeof(T));
    to[i] = convert(element);
  }
}

// Rows of a tensor whose elements are what is read.
class StoredRows final : public model::TensorRows {
 public:
  // `file` and `tensor` outlive it.
  StoredRows(const MappedFile& file, std::string name,
             const StoredTensor& tensor)
      : file_(file),
        name_(std::move(name)),
        tensor_(tensor),
        row_size_(model::RowSize(tensor.shape)) {}

  absl::Status Read(int64_t first, int64_t count, float* to) const override {
    const size_t size = static_cast<size_t>(count * row_size_);
    const size_t width = ElementBytes(tensor_.type);
    const absl::string_view part =
        tensor_.bytes.substr(first * row_size_ * width, size * width);
    if (tensor_.type == ElementType::kFloat32) {
      PEREGRINE_RETURN_IF_ERROR(file_.Copy(part, to));
    } else {
      std::string elements(part.size(), '\0');
      PEREGRINE_RETURN_IF_ERROR(file_.Copy(part, &elements[0]));
      ConvertElements(tensor_.type, elements.data(), size, to);
    }
    return model::CheckFinite(file_.path(), name_, {to, size},
                              first * row_size_);
  }

 private:
  const MappedFile& file_;
  const std::string name_;
  const StoredTensor& tensor_;
  const int64_t row_size_;
};

// Whether the same bytes stand in both, which are of one size. Looks at some
// at a time and gives their pages back: large tensors are compared, too.
bool AreEqual(const MappedFile& file_a, absl::string_view a,
              const MappedFile& file_b, absl::string_view b) {
  constexpr size_t kPart = 1 << 20;
  for (size_t begin = 0; begin < a.size(); begin += kPart) {
    const absl::string_view part_a = a.substr(begin, kPart);
    const absl::string_view part_b = b.substr(begin, kPart);
    if (part_a != part_b) return false;
    file_a.Forget(part_a);
    file_b.Forget(part_b);
  }
  return true;
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

void ConvertElements(ElementType type, const char* elements, size_t count,
                     float* to) {
  switch (type) {
    case ElementType::kFloat64:
      return ConvertAll<double>(elements, count, to, ToFloat<double>);
    case ElementType::kFloat32:
      return ConvertAll<float>(elements, count, to, ToFloat<float>);
    case ElementType::kFloat16:
      return ConvertAll<uint16_t>(elements, count, to, FromFloat16);
    case ElementType::kBFloat16:
      return ConvertAll<uint16_t>(elements, count, to, FromBFloat16);
    case ElementType::kInt32:
      return ConvertAll<int32_t>(elements, count, to, ToFloat<int32_t>);
    case ElementType::kInt16:
      return ConvertAll<int16_t>(elements, count, to, ToFloat<int16_t>);
    case ElementType::kInt8:
      return ConvertAll<int8_t>(elements, count, to, ToFloat<int8_t>);
    case ElementType::kText:
    case ElementType::kOther:
      break;
  }
  PEREGRINE_CHECK(false) << "no numbers: " << static_cast<int>(type);
}

std::vector<float> StoredValues(const StoredTensor& tensor) {
  std::vector<float> values(
      static_cast<size_t>(model::NumElements(tensor.shape)));
  ConvertElements(tensor.type, tensor.bytes.data(), values.size(),
                  values.data());
  return values;
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
  return is_one || (mine->bytes.size() == theirs->bytes.size() &&
                    AreEqual(*file_, mine->bytes, *other.file_, theirs->bytes));
}

absl::optional<std::vector<int64_t>> TensorFile::Shape(
    const std::string& name) const {
  const StoredTensor* tensor = Find(name);
  if (tensor == nullptr) return absl::nullopt;
  return tensor->shape;
}

absl::StatusOr<const StoredTensor*> TensorFile::FindOfShape(
    const std::string& name, absl::Span<const int64_t> shape) const {
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
  return tensor;
}

absl::StatusOr<std::vector<float>> TensorFile::Read(
    const std::string& name, absl::Span<const int64_t> shape) {
  PEREGRINE_ASSIGN_OR_RETURN(const StoredTensor* tensor,
                             FindOfShape(name, shape));
  MarkRead(name);
  PEREGRINE_ASSIGN_OR_RETURN(std::vector<float> values, Values(name, *tensor));
  PEREGRINE_RETURN_IF_ERROR(model::CheckFinite(path(), name, values));
  file_->Forget(tensor->bytes);
  return values;
}

absl::StatusOr<std::unique_ptr<const model::TensorRows>> TensorFile::OpenRows(
    const std::string& name, absl::Span<const int64_t> shape) {
  PEREGRINE_ASSIGN_OR_RETURN(const StoredTensor* tensor,
                             FindOfShape(name, shape));
  const bool has_numbers =
      tensor->type != ElementType::kText && tensor->type != ElementType::kOther;
  if (shape.empty() || !has_numbers || !IsPlain(name, *tensor)) {
    return TensorSource::OpenRows(name, shape);
  }
  MarkRead(name);
  return std::make_unique<StoredRows>(*file_, name, *tensor);
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
