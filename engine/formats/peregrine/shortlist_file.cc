#include "engine/formats/peregrine/shortlist_file.h"

#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "engine/base/file.h"
#include "engine/base/status_macros.h"

namespace peregrine::formats {
namespace {

constexpr char kMagic[] = "PRGSHORT";
constexpr uint32_t kVersion = 1;

struct Header {
  char magic[8];
  uint32_t version;
  uint32_t source_vocab_size;
  uint32_t target_vocab_size;
  uint32_t num_always;
  uint32_t num_targets;
  uint32_t reserved;
};
static_assert(sizeof(Header) == 32);

absl::Status Invalid(const std::string& path, absl::string_view field,
                     int64_t found, absl::string_view expected) {
  return absl::InvalidArgumentError(absl::StrCat(
      path, ": ", field, ": found ", found, ", expected ", expected));
}

absl::Status CheckHeader(const std::string& path, const Header& header,
                         int source_vocab_size, int target_vocab_size) {
  if (std::memcmp(header.magic, kMagic, sizeof(header.magic)) != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": does not begin with ", kMagic,
                     ", as the shortlist of a model would"));
  }
  if (header.version != kVersion) {
    return Invalid(path, "version", header.version, absl::StrCat(kVersion));
  }
  if (header.source_vocab_size != static_cast<uint32_t>(source_vocab_size)) {
    return Invalid(path, "source vocabulary size", header.source_vocab_size,
                   absl::StrCat("that of the model, ", source_vocab_size));
  }
  if (header.target_vocab_size != static_cast<uint32_t>(target_vocab_size)) {
    return Invalid(path, "target vocabulary size", header.target_vocab_size,
                   absl::StrCat("that of the model, ", target_vocab_size));
  }
  return absl::OkStatus();
}

std::vector<int32_t> Take(size_t count, absl::string_view& bytes) {
  std::vector<int32_t> values(count);
  if (count == 0) return values;
  std::memcpy(values.data(), bytes.data(), count * sizeof(int32_t));
  bytes.remove_prefix(count * sizeof(int32_t));
  return values;
}

}  // namespace

absl::StatusOr<std::unique_ptr<const model::Shortlist>> ReadShortlist(
    const std::string& path, int source_vocab_size, int target_vocab_size) {
  PEREGRINE_ASSIGN_OR_RETURN(auto file, MappedFile::Open(path));
  absl::string_view bytes = file->bytes();
  if (bytes.size() < sizeof(Header)) {
    return Invalid(path, "bytes", bytes.size(), "at least the 32 of a header");
  }
  Header header;
  std::memcpy(&header, bytes.data(), sizeof(header));
  bytes.remove_prefix(sizeof(header));
  PEREGRINE_RETURN_IF_ERROR(
      CheckHeader(path, header, source_vocab_size, target_vocab_size));
  const uint64_t expected =
      sizeof(int32_t) * (uint64_t{header.num_always} + header.num_targets +
                         source_vocab_size + 1);
  if (bytes.size() != expected) {
    return Invalid(path, "bytes after the header", bytes.size(),
                   absl::StrCat(expected));
  }
  model::Shortlist::Lists lists;
  lists.always = Take(header.num_always, bytes);
  lists.offsets = Take(static_cast<size_t>(source_vocab_size) + 1, bytes);
  lists.targets = Take(header.num_targets, bytes);
  return model::Shortlist::Create(std::move(lists), source_vocab_size,
                                  target_vocab_size, path);
}

}  // namespace peregrine::formats
