#include "engine/formats/files/ctranslate2_file.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/status_macros.h"
#include "engine/formats/files/byte_cursor.h"

namespace peregrine::formats {
namespace {

constexpr uint32_t kFirstVersion = 2;
constexpr uint32_t kLastVersion = 6;
constexpr uint32_t kTypesVersion = 4;    // from here on types are named
constexpr uint32_t kAliasesVersion = 3;  // from here on there are aliases
constexpr size_t kMaxTextBytes = 1000;

struct NamedType {
  ElementType type;
  const char* name;
};

// In the order of their codes in the file.
constexpr NamedType kTypes[] = {
    {ElementType::kFloat32, "float32"}, {ElementType::kInt8, "int8"},
    {ElementType::kInt16, "int16"},     {ElementType::kInt32, "int32"},
    {ElementType::kFloat16, "float16"}, {ElementType::kBFloat16, "bfloat16"}};
constexpr uint8_t kNumTypes = sizeof(kTypes) / sizeof(kTypes[0]);
constexpr uint8_t kFloat32 = 0;
constexpr uint8_t kInt8 = 1;
constexpr uint8_t kInt16 = 2;

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

absl::Status CTranslate2File::Parse() {
  ByteCursor cursor(bytes());
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
    return Error(absl::StrCat("the file is cut off after ", tensors().size(),
                              " variables"));
  }
  const auto bad = [&](absl::string_view what) {
    return TensorError(name, what);
  };
  StoredTensor variable;
  const int rank = cursor.Number<uint8_t>();
  if (rank > kMaxDimensions) {
    return bad(absl::StrCat("found ", rank, " dimensions, expected at most ",
                            kMaxDimensions));
  }
  for (int i = 0; i < rank; ++i) {
    variable.shape.push_back(cursor.Number<uint32_t>());
  }
  uint8_t type = cursor.Number<uint8_t>();
  uint64_t size = cursor.Number<uint32_t>();
  if (version_ < kTypesVersion) {
    if (type != 1 && type != 2 && type != 4) {
      return bad(absl::StrCat("found elements of ", type,
                              " bytes, expected 1, 2 or 4"));
    }
    size *= type;
    type = type == 4 ? kFloat32 : type == 2 ? kInt16 : kInt8;
  } else if (type >= kNumTypes) {
    return bad(
        absl::StrCat("found type ", type, ", expected one below ", kNumTypes));
  }
  variable.type = kTypes[type].type;
  variable.type_name = kTypes[type].name;
  variable.bytes = cursor.Bytes(size);
  if (!cursor.ok()) {
    return bad(absl::StrCat("found fewer bytes than ", size,
                            " to the end of the file; it is cut off"));
  }
  PEREGRINE_RETURN_IF_ERROR(CheckSize(name, variable));
  return Add(name, std::move(variable));
}

absl::Status CTranslate2File::ParseAlias(ByteCursor& cursor) {
  const std::string alias = TakeString(cursor);
  const std::string variable = TakeString(cursor);
  if (!cursor.ok()) return Error("the file is cut off in its aliases");
  if (tensors().count(variable) == 0) {
    return Error(absl::StrCat("alias ", alias, ": found it for ", variable,
                              ", expected a tensor of the file"));
  }
  if (tensors().count(alias) != 0 ||
      !aliases_.emplace(alias, variable).second) {
    return Error(absl::StrCat("alias ", alias, ": found the name twice"));
  }
  return absl::OkStatus();
}

std::string CTranslate2File::Resolve(const std::string& name) const {
  const auto alias = aliases_.find(name);
  return alias == aliases_.end() ? name : alias->second;
}

absl::optional<double> CTranslate2File::Scalar(const std::string& name) {
  const StoredTensor* variable = Find(name);
  if (variable == nullptr || model::NumElements(variable->shape) != 1) {
    return absl::nullopt;
  }
  MarkRead(name);
  return StoredValues(*variable)[0];
}

bool CTranslate2File::IsInteger(const std::string& name) const {
  const StoredTensor* variable = Find(name);
  return variable != nullptr && (variable->type == ElementType::kInt8 ||
                                 variable->type == ElementType::kInt16 ||
                                 variable->type == ElementType::kInt32);
}

absl::optional<std::string> CTranslate2File::Text(const std::string& name) {
  const StoredTensor* variable = Find(name);
  if (variable == nullptr || variable->type != ElementType::kInt8 ||
      variable->bytes.size() > kMaxTextBytes) {
    return absl::nullopt;
  }
  MarkRead(name);
  return std::string(variable->bytes);
}

// Integers have their scales beside them.
bool CTranslate2File::IsPlain(const std::string& /*name*/,
                              const StoredTensor& variable) const {
  return variable.type != ElementType::kInt8 &&
         variable.type != ElementType::kInt16;
}

absl::StatusOr<std::vector<float>> CTranslate2File::Values(
    const std::string& name, const StoredTensor& variable) {
  std::vector<float> values = StoredValues(variable);
  if (!IsPlain(name, variable)) {
    PEREGRINE_RETURN_IF_ERROR(Descale(name, variable, values));
  }
  return values;
}

absl::Status CTranslate2File::Descale(const std::string& name,
                                      const StoredTensor& variable,
                                      std::vector<float>& values) {
  const std::string scale_name = Resolve(name) + "_scale";
  const StoredTensor* scale = Find(scale_name);
  const int64_t rows = variable.shape.empty() ? 1 : variable.shape[0];
  if (scale == nullptr || scale->type != ElementType::kFloat32) {
    return TensorError(
        name, absl::StrCat("found integers, expected floats, or a float32 "
                           "tensor ",
                           scale_name, " beside it"));
  }
  const std::vector<float> scales = StoredValues(*scale);
  if (scales.size() != 1 && static_cast<int64_t>(scales.size()) != rows) {
    return TensorError(scale_name,
                       absl::StrCat("found ", scales.size(),
                                    " elements, expected 1 or ", rows));
  }
  MarkRead(scale_name);
  const size_t row_size = rows == 0 ? 0 : values.size() / rows;
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] /= scales.size() == 1 ? scales[0] : scales[i / row_size];
  }
  return absl::OkStatus();
}

}  // namespace peregrine::formats
