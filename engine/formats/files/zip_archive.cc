#include "engine/formats/files/zip_archive.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/base/status_macros.h"
#include "engine/formats/files/byte_cursor.h"
#include "engine/formats/files/gzip.h"
#include "engine/formats/limits.h"

namespace peregrine::formats {
namespace {

// Layouts of APPNOTE.TXT 6.3: their signatures and fixed parts.
constexpr absl::string_view kEndSignature = "PK\x05\x06";
constexpr absl::string_view kZip64LocatorSignature = "PK\x06\x07";
constexpr absl::string_view kZip64EndSignature = "PK\x06\x06";
constexpr absl::string_view kEntrySignature = "PK\x01\x02";
constexpr absl::string_view kLocalSignature = "PK\x03\x04";
constexpr uint64_t kEndBytes = 22;
constexpr uint64_t kMaxCommentBytes = 65535;
constexpr uint64_t kZip64LocatorBytes = 20;
constexpr uint64_t kZip64EndBytes = 56;
constexpr uint64_t kEntryBytes = 46;
constexpr uint64_t kLocalBytes = 30;

constexpr uint16_t kStored = 0;
constexpr uint16_t kDeflated = 8;
// Deflate makes at most 1032 bytes of one.
constexpr uint64_t kMaxInflation = 1032;
constexpr size_t kStoredChunk = size_t{1} << 16;
constexpr uint16_t kEncrypted = 1;
constexpr uint32_t kSeeZip64 = 0xffffffff;
constexpr uint16_t kZip64Extra = 1;

std::string Shown(absl::string_view name) {
  return absl::CHexEscape(name.substr(0, kMaxShownBytes));
}

// Whether `count` bytes from `offset` are inside.
bool IsInside(absl::string_view bytes, uint64_t offset, uint64_t count) {
  return offset <= bytes.size() && count <= bytes.size() - offset;
}

// The sizes and the place that an entry says are in its 64-bit part.
bool ReadZip64Extra(absl::string_view extra,
                    std::initializer_list<uint64_t*> fields) {
  ByteCursor cursor(extra);
  while (cursor.left() > 0) {
    const auto id = cursor.Number<uint16_t>();
    const auto size = cursor.Number<uint16_t>();
    ByteCursor content(cursor.Bytes(size));
    if (!cursor.ok()) return false;
    if (id != kZip64Extra) continue;
    for (uint64_t* field : fields) {
      if (*field == kSeeZip64) *field = content.Number<uint64_t>();
    }
    return content.ok();
  }
  return false;
}

}  // namespace

absl::StatusOr<ZipArchive> ZipArchive::Open(absl::string_view bytes,
                                            const std::string& path,
                                            ZipCompression compression) {
  ZipArchive archive(bytes, path, compression);
  PEREGRINE_ASSIGN_OR_RETURN(const Directory found, archive.FindDirectory());
  if (!IsInside(bytes, found.offset, found.size)) {
    return archive.Error(
        absl::StrCat("found an archive directory of ", found.size, " bytes at ",
                     found.offset, ", expected it inside the ", bytes.size(),
                     " bytes of the file; it is cut off or damaged"));
  }
  absl::string_view directory = bytes.substr(found.offset, found.size);
  if (found.num_members > directory.size() / kEntryBytes) {
    return archive.Error(
        absl::StrCat("found ", found.num_members, " members, expected at most ",
                     directory.size() / kEntryBytes, " in a directory of ",
                     directory.size(), " bytes"));
  }
  for (uint64_t i = 0; i < found.num_members; ++i) {
    PEREGRINE_RETURN_IF_ERROR(archive.ReadMember(directory, found.offset));
  }
  PEREGRINE_RETURN_IF_ERROR(archive.CheckApart());
  return archive;
}

absl::Status ZipArchive::Error(absl::string_view message) const {
  return absl::InvalidArgumentError(absl::StrCat(path_, ": ", message));
}

absl::StatusOr<ZipArchive::Directory> ZipArchive::FindDirectory() const {
  const uint64_t tail_begin =
      bytes_.size() -
      std::min<uint64_t>(bytes_.size(), kEndBytes + kMaxCommentBytes);
  const size_t found = bytes_.substr(tail_begin).rfind(kEndSignature);
  if (found == absl::string_view::npos ||
      bytes_.size() - tail_begin - found < kEndBytes) {
    return Error(
        "found no end of a ZIP archive, expected one; the file is cut off or "
        "something else");
  }
  const uint64_t end = tail_begin + found;
  Directory directory;
  directory.num_members = LoadAt<uint16_t>(bytes_, end + 10);
  directory.size = LoadAt<uint32_t>(bytes_, end + 12);
  directory.offset = LoadAt<uint32_t>(bytes_, end + 16);
  PEREGRINE_RETURN_IF_ERROR(ReadZip64(end, directory));
  return directory;
}

// Takes the 64-bit numbers if there are any before the end at `end`; they agree
// with what the 32-bit ones can say.
absl::Status ZipArchive::ReadZip64(uint64_t end, Directory& directory) const {
  if (end < kZip64LocatorBytes ||
      !absl::StartsWith(bytes_.substr(end - kZip64LocatorBytes),
                        kZip64LocatorSignature)) {
    return absl::OkStatus();
  }
  const auto offset = LoadAt<uint64_t>(bytes_, end - kZip64LocatorBytes + 8);
  if (!IsInside(bytes_, offset, kZip64EndBytes) ||
      !absl::StartsWith(bytes_.substr(offset), kZip64EndSignature)) {
    return Error(absl::StrCat("found no 64-bit end of a ZIP archive at ",
                              offset,
                              ", expected it there as its locator "
                              "says"));
  }
  Directory large;
  large.num_members = LoadAt<uint64_t>(bytes_, offset + 32);
  large.size = LoadAt<uint64_t>(bytes_, offset + 40);
  large.offset = LoadAt<uint64_t>(bytes_, offset + 48);
  const auto disagree = [](uint64_t small, uint64_t value, uint64_t limit) {
    return small != limit && small != value;
  };
  if (disagree(directory.num_members, large.num_members, 0xffff) ||
      disagree(directory.size, large.size, kSeeZip64) ||
      disagree(directory.offset, large.offset, kSeeZip64)) {
    return Error(absl::StrCat("found a directory of ", directory.num_members,
                              " members, ", directory.size, " bytes at ",
                              directory.offset, " and, in 64 bits, of ",
                              large.num_members, ", ", large.size, " at ",
                              large.offset, ", expected the same"));
  }
  directory = large;
  return absl::OkStatus();
}

// Takes one entry off the front of the directory, which begins at `data_end`.
absl::Status ZipArchive::ReadMember(absl::string_view& directory,
                                    uint64_t data_end) {
  if (directory.size() < kEntryBytes ||
      !absl::StartsWith(directory, kEntrySignature)) {
    return Error(absl::StrCat("found ", members_.size(),
                              " entries in the archive's directory, then "
                              "something else; it is cut off or damaged"));
  }
  const auto flags = LoadAt<uint16_t>(directory, 8);
  const auto method = LoadAt<uint16_t>(directory, 10);
  const auto checksum = LoadAt<uint32_t>(directory, 16);
  uint64_t packed = LoadAt<uint32_t>(directory, 20);
  uint64_t size = LoadAt<uint32_t>(directory, 24);
  const uint64_t name_bytes = LoadAt<uint16_t>(directory, 28);
  const uint64_t extra_bytes = LoadAt<uint16_t>(directory, 30);
  const uint64_t entry_bytes =
      kEntryBytes + name_bytes + extra_bytes + LoadAt<uint16_t>(directory, 32);
  uint64_t offset = LoadAt<uint32_t>(directory, 42);
  if (directory.size() < entry_bytes) {
    return Error("the archive's directory is cut off");
  }
  const absl::string_view name = directory.substr(kEntryBytes, name_bytes);
  const absl::string_view extra =
      directory.substr(kEntryBytes + name_bytes, extra_bytes);
  directory.remove_prefix(entry_bytes);
  const auto bad = [&](absl::string_view what) {
    return Error(absl::StrCat("member ", Shown(name), ": ", what));
  };
  const bool is_large =
      size == kSeeZip64 || packed == kSeeZip64 || offset == kSeeZip64;
  if (is_large && !ReadZip64Extra(extra, {&size, &packed, &offset})) {
    return bad("found no 64-bit sizes, expected them as it says");
  }
  Member member;
  member.size = size;
  member.checksum = checksum;
  member.is_compressed = method == kDeflated;
  PEREGRINE_RETURN_IF_ERROR(CheckMethod(name, member, method, flags));
  if (!member.is_compressed && packed != size) {
    return bad(absl::StrCat("found ", packed, " stored bytes for ", size,
                            ", expected as many"));
  }
  if (size / kMaxInflation > packed) {
    return bad(absl::StrCat("found ", packed, " compressed bytes for ", size,
                            ", which are more than compression can save"));
  }
  if (!IsInside(bytes_, offset, kLocalBytes) ||
      !absl::StartsWith(bytes_.substr(offset), kLocalSignature)) {
    return bad(absl::StrCat("found no member at byte ", offset,
                            ", expected one; the file is damaged"));
  }
  const uint64_t local_name = LoadAt<uint16_t>(bytes_, offset + 26);
  const uint64_t begin =
      offset + kLocalBytes + local_name + LoadAt<uint16_t>(bytes_, offset + 28);
  if (begin > data_end || packed > data_end - begin) {
    return bad(absl::StrCat("found ", packed, " bytes at ", begin,
                            ", expected them before the directory at ",
                            data_end));
  }
  if (bytes_.substr(offset + kLocalBytes, local_name) != name) {
    return bad("found another name before its bytes, expected the same");
  }
  member.bytes = bytes_.substr(begin, packed);
  if (!members_.emplace(name, member).second) return bad("found it twice");
  ranges_.push_back({offset, begin + packed});
  return absl::OkStatus();
}

absl::Status ZipArchive::CheckMethod(absl::string_view name,
                                     const Member& member, uint16_t method,
                                     uint16_t flags) const {
  const bool reads_compressed = compression_ == ZipCompression::kRead;
  const bool known =
      method == kStored || (member.is_compressed && reads_compressed);
  if (known && (flags & kEncrypted) == 0) return absl::OkStatus();
  return Error(absl::StrCat(
      "member ", Shown(name), ": found it compressed or encrypted (method ",
      method, ", flags ", flags, "), expected it stored as it is",
      reads_compressed ? " or compressed by deflate (method 8)" : ""));
}

absl::Status ZipArchive::Extract(
    const std::string& name,
    absl::FunctionRef<absl::Status(absl::string_view)> write) const {
  const Member& member = members_.at(name);
  const std::string member_path = absl::StrCat(path_, ": member ", Shown(name));
  uint32_t checksum = 0;
  const auto pass = [&](absl::string_view bytes) {
    checksum = Crc32(checksum, bytes);
    return write(bytes);
  };
  if (member.is_compressed) {
    PEREGRINE_RETURN_IF_ERROR(
        Inflate(member.bytes, member.size, member_path, pass));
  } else {
    for (size_t begin = 0; begin < member.size; begin += kStoredChunk) {
      PEREGRINE_RETURN_IF_ERROR(pass(member.bytes.substr(begin, kStoredChunk)));
    }
  }
  if (checksum == member.checksum) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      member_path, ": found bytes with the checksum ",
      absl::Hex(checksum, absl::kZeroPad8), ", expected ",
      absl::Hex(member.checksum, absl::kZeroPad8), "; the file is damaged"));
}

absl::Status ZipArchive::CheckApart() {
  std::sort(ranges_.begin(), ranges_.end(),
            [](const Range& a, const Range& b) { return a.begin < b.begin; });
  for (size_t i = 1; i < ranges_.size(); ++i) {
    if (ranges_[i].begin >= ranges_[i - 1].end) continue;
    return Error(absl::StrCat("found a member at byte ", ranges_[i].begin,
                              " inside the one before, which ends at ",
                              ranges_[i - 1].end, ", expected it after that"));
  }
  ranges_ = {};
  return absl::OkStatus();
}

}  // namespace peregrine::formats
