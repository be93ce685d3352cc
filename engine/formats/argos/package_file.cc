#include "engine/formats/argos/package_file.h"

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "engine/base/file.h"
#include "engine/base/status_macros.h"
#include "engine/base/temporary_directory.h"
#include "engine/formats/argos/argos.h"
#include "engine/formats/files/zip_archive.h"
#include "engine/formats/limits.h"

namespace peregrine::formats {
namespace {

constexpr absl::string_view kMetadata = "metadata.json";
constexpr absl::string_view kModel = "model/";
// int8 weights hardly get smaller by compression, vocabularies to a quarter.
constexpr uint64_t kMaxGrowth = 16;

// A name that could lead out of the folder that it is unpacked into.
bool LeadsOut(absl::string_view name) {
  if (absl::StartsWith(name, "/") || absl::StrContains(name, '\\') ||
      absl::StrContains(name, '\0')) {
    return true;
  }
  const std::vector<absl::string_view> parts = absl::StrSplit(name, '/');
  for (absl::string_view part : parts) {
    if (part == "..") return true;
  }
  return false;
}

// Of a name in the package's folder: whether OpenArgos may read it. There are
// no folders inside model/.
bool IsPartOfModel(absl::string_view name) {
  if (name == kMetadata || name == "sentencepiece.model" ||
      name == "bpe.model") {
    return true;
  }
  return absl::ConsumePrefix(&name, kModel) && !name.empty() &&
         !absl::StrContains(name, '/');
}

class Package {
 public:
  Package(const ZipArchive& archive, const std::string& path)
      : archive_(archive), path_(path) {}

  // Checks names and sizes before anything is written.
  absl::Status Check(uint64_t archive_bytes) {
    PEREGRINE_RETURN_IF_ERROR(FindFolder());
    uint64_t bytes = 0;
    for (const auto& [name, member] : archive_.members()) {
      if (!IsOurs(name)) continue;
      // Each is below 1032 times the archive, so the sum does not overflow.
      bytes += member.size;
      if (bytes <= kMaxGrowth * archive_bytes) continue;
      return Error(absl::StrCat("found more than ", kMaxGrowth * archive_bytes,
                                " bytes in an archive of ", archive_bytes,
                                ", expected files at most ", kMaxGrowth,
                                " times as large"));
    }
    return absl::OkStatus();
  }

  absl::Status Unpack(const std::string& directory) const {
    std::error_code error;
    std::filesystem::create_directory(absl::StrCat(directory, "/", kModel),
                                      error);
    for (const auto& [name, member] : archive_.members()) {
      if (!IsOurs(name)) continue;
      PEREGRINE_RETURN_IF_ERROR(Write(
          name, absl::StrCat(directory, "/", name.substr(folder_.size()))));
    }
    return absl::OkStatus();
  }

 private:
  absl::Status Error(absl::string_view what) const {
    return absl::InvalidArgumentError(absl::StrCat(path_, ": ", what));
  }

  bool IsOurs(absl::string_view name) const {
    return absl::ConsumePrefix(&name, folder_) && IsPartOfModel(name);
  }

  // The one folder with metadata.json, or the root.
  absl::Status FindFolder() {
    int found = 0;
    for (const auto& [name, member] : archive_.members()) {
      if (LeadsOut(name)) {
        return Error(absl::StrCat(
            "member ", absl::CHexEscape(name.substr(0, kMaxShownBytes)),
            ": found a name that leads out of its folder, "
            "expected one inside"));
      }
      absl::string_view folder = name;
      if (!absl::ConsumeSuffix(&folder, kMetadata)) continue;
      if (!folder.empty() && folder.find('/') != folder.size() - 1) continue;
      if (archive_.members().count(absl::StrCat(folder, kModel, "model.bin")) ==
          0) {
        continue;
      }
      folder_ = std::string(folder);
      ++found;
    }
    if (found == 1) return absl::OkStatus();
    return Error(absl::StrCat(
        "found ", found,
        " folders with metadata.json and model/model.bin, expected one, as in "
        "a package of Argos Translate"));
  }

  absl::Status Write(const std::string& name, const std::string& to) const {
    std::ofstream file(to, std::ios::binary);
    const auto failed = [&] {
      return absl::ResourceExhaustedError(
          absl::StrCat(path_, ": member ", name, ": cannot write ", to, ": ",
                       std::strerror(errno)));
    };
    PEREGRINE_RETURN_IF_ERROR(
        archive_.Extract(name, [&](absl::string_view bytes) {
          file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
          return file.good() ? absl::OkStatus() : failed();
        }));
    file.close();
    return file.good() ? absl::OkStatus() : failed();
  }

  const ZipArchive& archive_;
  const std::string& path_;
  std::string folder_;  // "en_de/", or "" for the root
};

absl::StatusOr<std::unique_ptr<TemporaryDirectory>> Unpack(
    const std::string& path) {
  PEREGRINE_ASSIGN_OR_RETURN(const auto file, MappedFile::Open(path));
  PEREGRINE_ASSIGN_OR_RETURN(
      const ZipArchive archive,
      ZipArchive::Open(file->bytes(), path, ZipCompression::kRead));
  Package package(archive, path);
  PEREGRINE_RETURN_IF_ERROR(package.Check(file->bytes().size()));
  auto directory = TemporaryDirectory::Create();
  if (!directory.ok()) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": ", directory.status().message(),
                     "; or run unzip "
                     "on the package and serve its folder"));
  }
  PEREGRINE_RETURN_IF_ERROR(package.Unpack((*directory)->path()));
  return directory;
}

}  // namespace

bool IsArgosFile(const std::string& path) {
  std::error_code error;
  return absl::EndsWith(path, ".argosmodel") &&
         std::filesystem::is_regular_file(path, error);
}

absl::StatusOr<Checkpoint> OpenArgosFile(const std::string& path) {
  PEREGRINE_ASSIGN_OR_RETURN(const auto directory, Unpack(path));
  auto checkpoint = OpenArgos(directory->path());
  if (!checkpoint.ok()) {
    const absl::Status& status = checkpoint.status();
    return absl::Status(
        status.code(),
        absl::StrReplaceAll(status.message(), {{directory->path(), path}}));
  }
  checkpoint->config.name = std::filesystem::path(path).stem().string();
  return checkpoint;
}

}  // namespace peregrine::formats
