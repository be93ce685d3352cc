#include "engine/formats/files/npz_file.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "engine/base/status_macros.h"
#include "engine/formats/files/byte_cursor.h"
#include "engine/formats/files/zip_archive.h"
#include "engine/formats/limits.h"

namespace peregrine::formats {
namespace {

constexpr absl::string_view kNpyMagic("\x93NUMPY", 6);

// What follows 'KEY': in the header of an array, a Python dictionary.
absl::string_view HeaderValue(absl::string_view header, const char* key) {
  const std::string quoted = absl::StrCat("'", key, "':");
  const size_t found = header.find(quoted);
  if (found == absl::string_view::npos) return "";
  return absl::StripLeadingAsciiWhitespace(
      header.substr(found + quoted.size()));
}

// "(3, 4)", "(3,)" or "()".
bool ParseShape(absl::string_view text, std::vector<int64_t>& shape) {
  const size_t end = text.find(')');
  if (text.empty() || text[0] != '(' || end == absl::string_view::npos) {
    return false;
  }
  for (absl::string_view part : absl::StrSplit(text.substr(1, end - 1), ',')) {
    part = absl::StripAsciiWhitespace(part);
    if (part.empty()) continue;
    int64_t dim;
    if (!absl::SimpleAtoi(part, &dim) || dim < 0 ||
        shape.size() == kMaxDimensions) {
      return false;
    }
    shape.push_back(dim);
  }
  return true;
}

// kOther for a type that is none of ours.
ElementType ParseType(absl::string_view type) {
  if (type == "<f8") return ElementType::kFloat64;
  if (type == "<f4") return ElementType::kFloat32;
  if (type == "<f2") return ElementType::kFloat16;
  if (type == "|i1" || type == "<i1" || type == "|u1" || type == "|S1") {
    return ElementType::kText;
  }
  return ElementType::kOther;
}

}  // namespace

absl::StatusOr<std::unique_ptr<MarianFile>> NpzFile::Open(
    const std::string& path) {
  PEREGRINE_ASSIGN_OR_RETURN(auto mapped, MappedFile::Open(path));
  std::unique_ptr<NpzFile> file(new NpzFile(std::move(mapped)));
  PEREGRINE_RETURN_IF_ERROR(file->Parse());
  return std::unique_ptr<MarianFile>(std::move(file));
}

absl::Status NpzFile::Parse() {
  PEREGRINE_ASSIGN_OR_RETURN(const ZipArchive archive,
                             ZipArchive::Open(bytes(), path()));
  for (const auto& [name, member] : archive.members()) {
    PEREGRINE_RETURN_IF_ERROR(
        AddArray(std::string(absl::StripSuffix(name, ".npy")), member.bytes));
  }
  return absl::OkStatus();
}

absl::Status NpzFile::AddArray(const std::string& name, absl::string_view npy) {
  const auto bad = [&](absl::string_view what) {
    return TensorError(name, what);
  };
  // Magic, version (2 bytes), length of the header (2, from version 2 on 4).
  if (npy.size() < 12 || !absl::StartsWith(npy, kNpyMagic)) {
    return bad("found no NumPy array, expected one");
  }
  const bool first_version = npy[6] == 1;
  const uint64_t header_begin = first_version ? 10 : 12;
  const uint64_t header_bytes =
      first_version ? LoadAt<uint16_t>(npy, 8) : LoadAt<uint32_t>(npy, 8);
  if (header_begin + header_bytes > npy.size()) {
    return bad(absl::StrCat("found a header of ", header_bytes,
                            " bytes in an array of ", npy.size()));
  }
  const absl::string_view header = npy.substr(header_begin, header_bytes);
  StoredTensor tensor;
  tensor.bytes = npy.substr(header_begin + header_bytes);
  const std::vector<absl::string_view> quoted =
      absl::StrSplit(HeaderValue(header, "descr"), absl::MaxSplits('\'', 2));
  if (quoted.size() != 3 ||
      !ParseShape(HeaderValue(header, "shape"), tensor.shape)) {
    return bad(absl::StrCat("found the header ",
                            header.substr(0, kMaxShownBytes),
                            ", expected 'descr' and a 'shape' of at most ",
                            kMaxDimensions, " dimensions"));
  }
  tensor.type = ParseType(quoted[1]);
  tensor.type_name = std::string(quoted[1].substr(0, kMaxShownBytes));
  if (absl::StartsWith(HeaderValue(header, "fortran_order"), "True") &&
      tensor.shape.size() > 1) {
    return bad("found it column-major, expected row-major");
  }
  if (tensor.type != ElementType::kOther) {
    PEREGRINE_RETURN_IF_ERROR(CheckSize(name, tensor));
  }
  return AddAsMatrix(name, std::move(tensor));
}

absl::StatusOr<std::vector<float>> NpzFile::Values(const std::string& name,
                                                   const StoredTensor& tensor) {
  if (tensor.type == ElementType::kText || tensor.type == ElementType::kOther) {
    return TensorError(name,
                       absl::StrCat("found elements of type ", tensor.type_name,
                                    ", expected <f4, <f2 or <f8"));
  }
  return StoredValues(tensor);
}

}  // namespace peregrine::formats
