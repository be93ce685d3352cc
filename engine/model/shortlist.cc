#include "engine/model/shortlist.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "engine/base/file.h"
#include "engine/base/status_macros.h"

namespace peregrine::model {
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

absl::Status CheckTokens(const std::string& path, absl::string_view field,
                         const std::vector<int32_t>& tokens, int vocab_size) {
  for (int32_t token : tokens) {
    if (token < 0 || token >= vocab_size) {
      return Invalid(path, field, token, absl::StrCat("0 to ", vocab_size - 1));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<const Shortlist>> Shortlist::Create(
    Lists lists, int source_vocab_size, int target_vocab_size,
    const std::string& path) {
  const std::vector<int32_t>& offsets = lists.offsets;
  if (offsets.size() != static_cast<size_t>(source_vocab_size) + 1) {
    return Invalid(path, "number of offsets", offsets.size(),
                   absl::StrCat(source_vocab_size + 1));
  }
  const auto num_targets = static_cast<int32_t>(lists.targets.size());
  if (offsets.front() != 0 || offsets.back() != num_targets ||
      !std::is_sorted(offsets.begin(), offsets.end())) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": offsets: found ", offsets.front(), " to ", offsets.back(),
        ", expected to rise from 0 to the number of targets, ", num_targets));
  }
  PEREGRINE_RETURN_IF_ERROR(CheckTokens(path, "token of every list",
                                        lists.always, target_vocab_size));
  PEREGRINE_RETURN_IF_ERROR(
      CheckTokens(path, "target token", lists.targets, target_vocab_size));
  return absl::WrapUnique<const Shortlist>(new Shortlist(std::move(lists)));
}

absl::StatusOr<std::unique_ptr<const Shortlist>> Shortlist::Load(
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
  Lists lists;
  lists.always = Take(header.num_always, bytes);
  lists.offsets = Take(static_cast<size_t>(source_vocab_size) + 1, bytes);
  lists.targets = Take(header.num_targets, bytes);
  return Create(std::move(lists), source_vocab_size, target_vocab_size, path);
}

void Shortlist::TargetsOf(absl::Span<const int32_t> source,
                          absl::Span<const int32_t> added,
                          std::vector<int32_t>& targets) const {
  targets.assign(lists_.always.begin(), lists_.always.end());
  for (int32_t token : source) {
    targets.insert(targets.end(),
                   lists_.targets.begin() + lists_.offsets[token],
                   lists_.targets.begin() + lists_.offsets[token + 1]);
  }
  targets.insert(targets.end(), added.begin(), added.end());
  std::sort(targets.begin(), targets.end());
  targets.erase(std::unique(targets.begin(), targets.end()), targets.end());
}

}  // namespace peregrine::model
