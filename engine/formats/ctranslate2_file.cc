#include "engine/formats/ctranslate2_file.h"

#include <cmath>
#include <cstring>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/base/status_macros.h"
#include "engine/formats/byte_cursor.h"
#include "engine/model/float16.h"

namespace peregrine::formats {
namespace {

constexpr uint32_t kFirstVersion = 2;
constexpr uint32_t kLastVersion = 6;
constexpr uint32_t kTypesVersion = 4;    // from here on types are named
constexpr uint32_t kAliasesVersion = 3;  // from here on there are aliases
constexpr int kMaxDimensions = 8;
constexpr size_t kMaxTextBytes = 1000;

constexpr size_t kTypeBytes[] = {4, 1, 2, 4, 2, 2};  // by CTranslate2File::Type
constexpr uint8_t kNumTypes = sizeof(kTypeBytes) / sizeof(kTypeBytes[0]);

// A length, then as many bytes, the last of them 0.
std::string TakeString(ByteCursor& cursor) {
  const absl::string_view bytes = cursor.Bytes(cursor.Number<uint16_t>());
  if (bytes.empty() || bytes.back() != '\0') {
    cursor.Fail();
    return "";
  }
  return std::string(bytes.substr(0, bytes.size() - 1));
}

}  // namespace

absl::StatusOr<std::unique_ptr<CTranslate2File>> CTranslate2File::Open(
    const std::string& path) {
  PEREGRINE_ASSIGN_OR_RETURN(auto mapped, MappedFile::Open(path));
  std::unique_ptr<CTranslate2File> file(new CTranslate2File(std::move(mapped)));
  PEREGRINE_RETURN_IF_ERROR(file->Parse());
  return file;
}

absl::Status CTranslate2File::Error(absl::string_view message) const {
  return absl::InvalidArgumentError(absl::StrCat(path(), ": ", message));
}

absl::Status CTranslate2File::Parse() {
  ByteCursor cursor(file_->bytes());
  version_ = cursor.Number<uint32_t>();
  if (!cursor.ok() || version_ < kFirstVersion || version_ > kLastVersion) {
    return Error(absl::StrCat("found version ", version_,
                              ", expected a model of CTranslate2 of version ",
                              kFirstVersion, " to ", kLastVersion));
  }
  specification_ = TakeString(cursor);
  revision_ = cursor.Number<uint32_t>();
  const uint32_t num_variables = cursor.Number<uint32_t>();
  for (uint32_t i = 0; i < num_variables; ++i) {
    PEREGRINE_RETURN_IF_ERROR(ParseVariable(cursor));
  }
  if (version_ >= kAliasesVersion) {
    const uint32_t num_aliases = cursor.Number<uint32_t>();
    for (uint32_t i = 0; i < num_aliases; ++i) {
      PEREGRINE_RETURN_IF_ERROR(ParseAlias(cursor));
    }
  }
  if (!cursor.ok()) return Error("the file is cut off");
  return absl::OkStatus();
}

absl::Status CTranslate2File::ParseVariable(ByteCursor& cursor) {
  const std::string name = TakeString(cursor);
  if (!cursor.ok()) {
    return Error(absl::StrCat("the file is cut off after ", variables_.size(),
                              " variables"));
  }
  const auto bad = [&](absl::string_view what) {
    return Error(absl::StrCat("tensor ", name, ": ", what));
  };
  Variable variable;
  const int rank = cursor.Number<uint8_t>();
  if (rank > kMaxDimensions) {
    return bad(absl::StrCat("found ", rank, " dimensions, expected at most ",
                            kMaxDimensions));
  }
  for (int i = 0; i < rank; ++i) {
    variable.shape.push_back(cursor.Number<uint32_t>());
  }
  const uint8_t type = cursor.Number<uint8_t>();
  uint64_t size = cursor.Number<uint32_t>();
  if (version_ >= kTypesVersion) {
    if (type >= kNumTypes) {
      return bad(absl::StrCat("found type ", type, ", expected one below ",
                              kNumTypes));
    }
    variable.type = static_cast<Type>(type);
  } else {
    if (type != 1 && type != 2 && type != 4) {
      return bad(absl::StrCat("found elements of ", type,
                              " bytes, expected 1, 2 or 4"));
    }
    variable.type = type == 4   ? Type::kFloat32
                    : type == 2 ? Type::kInt16
                                : Type::kInt8;
    size *= type;
  }
  const int64_t elements = model::NumElements(variable.shape);
  const uint64_t expected = static_cast<uint64_t>(elements) *
                            kTypeBytes[static_cast<size_t>(variable.type)];
  if (elements < 0 || size != expected) {
    return bad(absl::StrCat(
        "found ", size, " bytes for shape ", model::ShapeString(variable.shape),
        ", expected ",
        elements < 0 ? "a smaller shape" : absl::StrCat(expected)));
  }
  variable.bytes = cursor.Bytes(size);
  if (!cursor.ok()) {
    return bad(absl::StrCat("found fewer bytes than ", size,
                            " to the end of the file; it is cut off"));
  }
  if (!variables_.emplace(name, std::move(variable)).second) {
    return bad("found it twice");
  }
  return absl::OkStatus();
}

absl::Status CTranslate2File::ParseAlias(ByteCursor& cursor) {
  const std::string alias = TakeString(cursor);
  const std::string variable = TakeString(cursor);
  if (!cursor.ok()) return Error("the file is cut off in its aliases");
  if (variables_.count(variable) == 0) {
    return Error(absl::StrCat("alias ", alias, ": found it for ", variable,
                              ", expected a tensor of the file"));
  }
  if (variables_.count(alias) != 0 ||
      !aliases_.emplace(alias, variable).second) {
    return Error(absl::StrCat("alias ", alias, ": found the name twice"));
  }
  return absl::OkStatus();
}

std::string CTranslate2File::Resolve(const std::string& name) const {
  const auto alias = aliases_.find(name);
  return alias == aliases_.end() ? name : alias->second;
}

const CTranslate2File::Variable* CTranslate2File::Find(
    const std::string& name) const {
  const auto found = variables_.find(Resolve(name));
  return found == variables_.end() ? nullptr : &found->second;
}

bool CTranslate2File::Has(const std::string& name) const {
  return Find(name) != nullptr;
}

absl::optional<std::vector<int64_t>> CTranslate2File::Shape(
    const std::string& name) const {
  const Variable* variable = Find(name);
  if (variable == nullptr) return absl::nullopt;
  return variable->shape;
}

absl::optional<double> CTranslate2File::Scalar(const std::string& name) {
  const Variable* variable = Find(name);
  if (variable == nullptr || model::NumElements(variable->shape) != 1) {
    return absl::nullopt;
  }
  read_.insert(Resolve(name));
  return ToFloats(*variable)[0];
}

bool CTranslate2File::IsInteger(const std::string& name) const {
  const Variable* variable = Find(name);
  return variable != nullptr &&
         (variable->type == Type::kInt8 || variable->type == Type::kInt16 ||
          variable->type == Type::kInt32);
}

absl::optional<std::string> CTranslate2File::Text(const std::string& name) {
  const Variable* variable = Find(name);
  if (variable == nullptr || variable->type != Type::kInt8 ||
      variable->bytes.size() > kMaxTextBytes) {
    return absl::nullopt;
  }
  read_.insert(Resolve(name));
  return std::string(variable->bytes);
}

std::vector<float> CTranslate2File::ToFloats(const Variable& variable) {
  std::vector<float> values(
      static_cast<size_t>(model::NumElements(variable.shape)));
  const auto fill = [&](auto element, auto convert) {
    using Element = decltype(element);
    for (size_t i = 0; i < values.size(); ++i) {
      values[i] = convert(LoadAt<Element>(variable.bytes, i * sizeof(Element)));
    }
  };
  const auto as_is = [](auto element) { return static_cast<float>(element); };
  switch (variable.type) {
    case Type::kFloat32:
      fill(float{}, as_is);
      break;
    case Type::kInt8:
      fill(int8_t{}, as_is);
      break;
    case Type::kInt16:
      fill(int16_t{}, as_is);
      break;
    case Type::kInt32:
      fill(int32_t{}, as_is);
      break;
    case Type::kFloat16:
      fill(uint16_t{}, model::HalfToFloat);
      break;
    case Type::kBFloat16:
      fill(uint16_t{}, model::BFloat16ToFloat);
      break;
  }
  return values;
}

absl::StatusOr<std::vector<float>> CTranslate2File::Read(
    const std::string& name, absl::Span<const int64_t> shape) {
  const Variable* variable = Find(name);
  if (variable == nullptr) {
    return absl::NotFoundError(absl::StrCat(
        path(), ": tensor ", name, ": found none, expected one of shape ",
        model::ShapeString(shape)));
  }
  if (absl::MakeConstSpan(variable->shape) != shape) {
    return Error(absl::StrCat("tensor ", name, ": found shape ",
                              model::ShapeString(variable->shape),
                              ", expected ", model::ShapeString(shape)));
  }
  read_.insert(Resolve(name));
  std::vector<float> values = ToFloats(*variable);
  if (variable->type == Type::kInt8 || variable->type == Type::kInt16) {
    PEREGRINE_RETURN_IF_ERROR(Descale(name, *variable, values));
  }
  PEREGRINE_RETURN_IF_ERROR(model::CheckFinite(path(), name, values));
  return values;
}

absl::Status CTranslate2File::Descale(const std::string& name,
                                      const Variable& variable,
                                      std::vector<float>& values) {
  const std::string scale_name = Resolve(name) + "_scale";
  const Variable* scale = Find(scale_name);
  const int64_t rows = variable.shape.empty() ? 1 : variable.shape[0];
  if (scale == nullptr || scale->type != Type::kFloat32) {
    return Error(absl::StrCat("tensor ", name,
                              ": found integers, expected floats, or a ",
                              "float32 tensor ", scale_name, " beside it"));
  }
  const std::vector<float> scales = ToFloats(*scale);
  if (scales.size() != 1 && static_cast<int64_t>(scales.size()) != rows) {
    return Error(absl::StrCat("tensor ", scale_name, ": found ", scales.size(),
                              " elements, expected 1 or ", rows));
  }
  read_.insert(Resolve(scale_name));
  const size_t row_size = rows == 0 ? 0 : values.size() / rows;
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] /= scales.size() == 1 ? scales[0] : scales[i / row_size];
  }
  return absl::OkStatus();
}

std::vector<std::string> CTranslate2File::Unread() const {
  std::vector<std::string> names;
  for (const auto& [name, variable] : variables_) {
    if (read_.count(name) == 0) names.push_back(name);
  }
  return names;
}

}  // namespace peregrine::formats
