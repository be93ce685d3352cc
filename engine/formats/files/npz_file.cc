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

namespace peregrine::formats {
namespace {

// Of the ZIP format (PKWARE's APPNOTE.TXT): 4.3.7, 4.3.12 and 4.3.16.
constexpr absl::string_view kLocalSignature("PK\3\4", 4);
constexpr absl::string_view kEntrySignature("PK\1\2", 4);
constexpr absl::string_view kEndSignature("PK\5\6", 4);
constexpr size_t kLocalBytes = 30;
constexpr size_t kEntryBytes = 46;
constexpr size_t kEndBytes = 22;
constexpr size_t kMaxCommentBytes = 0xffff;
constexpr uint16_t kStored = 0;
constexpr uint32_t kSeeZip64 = 0xffffffff;

constexpr absl::string_view kNpyMagic("\x93NUMPY", 6);
constexpr size_t kMaxDimensions = 8;
constexpr size_t kMaxShownBytes = 80;

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
  const absl::string_view bytes = this->bytes();
  const size_t tail_begin =
      bytes.size() - std::min(bytes.size(), kEndBytes + kMaxCommentBytes);
  const size_t found = bytes.substr(tail_begin).rfind(kEndSignature);
  if (found == absl::string_view::npos ||
      bytes.size() - tail_begin - found < kEndBytes) {
    return Error(
        "found no end of a ZIP archive, expected an .npz file; it is cut off "
        "or something else");
  }
  const absl::string_view end = bytes.substr(tail_begin + found);
  const size_t num_entries = LoadAt<uint16_t>(end, 10);
  const uint64_t size = LoadAt<uint32_t>(end, 12);
  const uint64_t offset = LoadAt<uint32_t>(end, 16);
  if (size + offset > tail_begin + found) {
    return Error(absl::StrCat(
        "found an archive directory of ", size, " bytes at ", offset,
        ", expected it before byte ", tail_begin + found,
        " (archives of more than 4 GiB or 65535 arrays are not supported)"));
  }
  absl::string_view directory = bytes.substr(offset, size);
  for (size_t i = 0; i < num_entries; ++i) {
    PEREGRINE_RETURN_IF_ERROR(ParseEntry(directory));
  }
  return absl::OkStatus();
}

// Takes one entry off the front of the archive's directory.
absl::Status NpzFile::ParseEntry(absl::string_view& directory) {
  if (directory.size() < kEntryBytes ||
      !absl::StartsWith(directory, kEntrySignature)) {
    return Error(absl::StrCat("found ", tensors().size(),
                              " entries in the archive's directory, then "
                              "something else; it is cut off or damaged"));
  }
  const uint16_t method = LoadAt<uint16_t>(directory, 10);
  const uint64_t packed = LoadAt<uint32_t>(directory, 20);
  const uint64_t size = LoadAt<uint32_t>(directory, 24);
  const size_t name_bytes = LoadAt<uint16_t>(directory, 28);
  const size_t entry_bytes = kEntryBytes + name_bytes +
                             LoadAt<uint16_t>(directory, 30) +
                             LoadAt<uint16_t>(directory, 32);
  const uint64_t offset = LoadAt<uint32_t>(directory, 42);
  if (directory.size() < entry_bytes) {
    return Error("the archive's directory is cut off");
  }
  const std::string file_name(directory.substr(kEntryBytes, name_bytes));
  directory.remove_prefix(entry_bytes);
  const std::string name(absl::StripSuffix(file_name, ".npy"));
  const auto bad = [&](absl::string_view what) {
    return TensorError(name, what);
  };
  if (method != kStored) {
    return bad(absl::StrCat("found it compressed (method ", method,
                            "), expected it stored, as Marian and numpy.savez "
                            "write it"));
  }
  if (packed == kSeeZip64 || offset == kSeeZip64 || packed != size) {
    return bad(absl::StrCat("found ", packed, " stored bytes for ", size,
                            ", expected as many, and fewer than 4 GiB"));
  }
  const absl::string_view bytes = this->bytes();
  if (offset + kLocalBytes > bytes.size() ||
      !absl::StartsWith(bytes.substr(offset), kLocalSignature)) {
    return bad(absl::StrCat("found no array at byte ", offset,
                            ", expected one; the file is damaged"));
  }
  const uint64_t begin = offset + kLocalBytes +
                         LoadAt<uint16_t>(bytes, offset + 26) +
                         LoadAt<uint16_t>(bytes, offset + 28);
  if (begin + size > bytes.size()) {
    return bad(absl::StrCat("found ", size, " bytes at ", begin,
                            ", expected them before the end of the file, ",
                            bytes.size()));
  }
  return AddArray(name, bytes.substr(begin, size));
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
