#include "engine/formats/files/safetensors.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/base/json_object.h"
#include "engine/base/status_macros.h"

namespace peregrine::formats {
namespace {

// Some 100 bytes a tensor: larger headers exist in no model that fits a
// machine. As JSON they would take many times their length.
constexpr uint64_t kMaxHeaderBytes = 16 << 20;

}  // namespace

absl::StatusOr<std::unique_ptr<SafetensorsFile>> SafetensorsFile::Open(
    const std::string& path) {
  PEREGRINE_ASSIGN_OR_RETURN(auto mapped, MappedFile::Open(path));
  std::unique_ptr<SafetensorsFile> file(new SafetensorsFile(std::move(mapped)));
  PEREGRINE_RETURN_IF_ERROR(file->ParseHeader());
  return file;
}

absl::Status SafetensorsFile::ParseHeader() {
  const absl::string_view bytes = this->bytes();
  uint64_t header_bytes;
  if (bytes.size() < sizeof(header_bytes)) {
    return Error(
        absl::StrCat("found ", bytes.size(),
                     " bytes, expected at least the 8 of the header length"));
  }
  std::memcpy(&header_bytes, bytes.data(), sizeof(header_bytes));
  const absl::string_view rest = bytes.substr(sizeof(header_bytes));
  const uint64_t limit = std::min<uint64_t>(kMaxHeaderBytes, rest.size());
  if (header_bytes > limit) {
    return Error(absl::StrCat("found a header length of ", header_bytes,
                              ", expected at most ", limit));
  }
  data_ = rest.substr(header_bytes);
  PEREGRINE_RETURN_IF_ERROR(ParseEntries(rest.substr(0, header_bytes)));
  return CheckRanges();
}

absl::Status SafetensorsFile::ParseEntries(absl::string_view header) {
  PEREGRINE_ASSIGN_OR_RETURN(const Json json, ParseJson(header, path()));
  if (!json.is_object()) return Error("the header is not a JSON object");
  for (const auto& item : json.items()) {
    // No structured binding: clang's lambdas cannot capture one in C++17.
    const std::string& name = item.key();
    const auto& value = item.value();
    if (name == "__metadata__") continue;
    const auto bad = [&](absl::string_view what) {
      return TensorError(name, what);
    };
    if (!value.is_object() || !value.contains("dtype") ||
        !value.contains("shape") || !value.contains("data_offsets")) {
      return bad("expected an object with dtype, shape and data_offsets");
    }
    StoredTensor tensor;
    const Json& dtype = value["dtype"];
    tensor.type_name = dtype.dump();
    if (dtype == "F32") {
      tensor.type = ElementType::kFloat32;
    } else if (dtype == "F16") {
      tensor.type = ElementType::kFloat16;
    } else if (dtype == "BF16") {
      tensor.type = ElementType::kBFloat16;
    } else {
      return bad(absl::StrCat("found dtype ", tensor.type_name,
                              ", expected F32, F16 or BF16"));
    }
    const Json& shape = value["shape"];
    if (!shape.is_array() || shape.size() > kMaxDimensions) {
      return bad("shape is not an array of at most 8 numbers");
    }
    for (const Json& dim : shape) {
      if (!dim.is_number_unsigned())
        return bad("a dimension is not a number from 0");
      const uint64_t size = dim.get<uint64_t>();
      if (size > static_cast<uint64_t>(std::numeric_limits<int32_t>::max())) {
        return bad(absl::StrCat("found a dimension of ", size,
                                ", expected at most 2^31 - 1"));
      }
      tensor.shape.push_back(static_cast<int64_t>(size));
    }
    const Json& offsets = value["data_offsets"];
    if (!offsets.is_array() || offsets.size() != 2 ||
        !offsets[0].is_number_unsigned() || !offsets[1].is_number_unsigned()) {
      return bad("data_offsets is not a pair of numbers from 0");
    }
    const uint64_t begin = offsets[0].get<uint64_t>();
    const uint64_t end = offsets[1].get<uint64_t>();
    if (begin > end || end > data_.size()) {
      return bad(absl::StrCat("found data_offsets ", begin, " to ", end,
                              ", expected them inside the ", data_.size(),
                              " bytes of data that the file has"));
    }
    tensor.bytes = data_.substr(begin, end - begin);
    PEREGRINE_RETURN_IF_ERROR(CheckSize(name, tensor));
    PEREGRINE_RETURN_IF_ERROR(Add(name, std::move(tensor)));
  }
  return absl::OkStatus();
}

absl::Status SafetensorsFile::CheckRanges() const {
  std::vector<std::pair<absl::string_view, std::string>> order;
  for (const auto& [name, tensor] : tensors()) {
    order.emplace_back(tensor.bytes, name);
  }
  std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
    return std::make_pair(a.first.data(), a.first.size()) <
           std::make_pair(b.first.data(), b.first.size());
  });
  size_t end = 0;
  for (const auto& [bytes, name] : order) {
    const size_t begin = bytes.data() - data_.data();
    if (begin != end) {
      return TensorError(
          name, absl::StrCat("found data from byte ", begin, ", expected from ",
                             end, " where the one before ends"));
    }
    end = begin + bytes.size();
  }
  if (end != data_.size()) {
    return Error(absl::StrCat("found ", data_.size(),
                              " bytes of data, expected ", end,
                              " as the tensors take"));
  }
  return absl::OkStatus();
}

}  // namespace peregrine::formats
