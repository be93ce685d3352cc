#include "server/glossaries/glossary_store.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "engine/base/status_macros.h"
#include "spdlog/spdlog.h"

namespace peregrine::server {
namespace {

constexpr size_t kMaxNameBytes = 64;
constexpr size_t kMaxNamesInError = 10;

bool IsName(absl::string_view name) {
  return !name.empty() && name.size() <= kMaxNameBytes && name[0] != '.' &&
         name[0] != '-' && std::all_of(name.begin(), name.end(), [](char c) {
           return absl::ascii_isalnum(c) || c == '.' || c == '-' || c == '_';
         });
}

bool IsTbx(absl::string_view file) { return absl::EndsWith(file, ".tbx"); }

// "medicine.tsv" to "medicine"; empty: no file of a glossary.
std::string NameOf(absl::string_view file) {
  if (!absl::ConsumeSuffix(&file, ".tsv") &&
      !absl::ConsumeSuffix(&file, ".tbx")) {
    return "";
  }
  return IsName(file) ? std::string(file) : "";
}

absl::Status CheckTerms(const std::vector<document::Term>& terms) {
  const auto is_line = [](const std::string& text) {
    return text.find_first_of("\t\r\n") == std::string::npos;
  };
  for (size_t i = 0; i < terms.size(); ++i) {
    if (!is_line(terms[i].source) ||
        !std::all_of(terms[i].targets.begin(), terms[i].targets.end(),
                     is_line)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "terms[", i, "]: found a tab or a line break, expected one line"));
    }
  }
  return absl::OkStatus();
}

absl::Status SystemError(absl::string_view what, const std::string& path) {
  return absl::FailedPreconditionError(absl::StrCat(
      "--glossaries: cannot ", what, " ", path, ": ", std::strerror(errno)));
}

}  // namespace

std::string GlossaryStore::PathOf(absl::string_view file) const {
  return absl::StrCat(directory_, "/", file);
}

absl::StatusOr<std::unique_ptr<GlossaryStore>> GlossaryStore::Open(
    const std::string& directory) {
  auto store = absl::WrapUnique(new GlossaryStore(directory));
  PEREGRINE_ASSIGN_OR_RETURN(store->seen_, store->Look());
  for (const auto& [file, version] : store->seen_) {
    PEREGRINE_ASSIGN_OR_RETURN(StoredGlossaryPtr glossary,
                               store->Read(file, version));
    const std::string name = NameOf(file);
    absl::MutexLock lock(&store->mutex_);
    if (store->entries_.count(name) > 0) {
      return absl::InvalidArgumentError(absl::StrCat(
          "--glossaries: found ", store->PathOf(store->entries_[name].file),
          " and ", store->PathOf(file), ", expected one of them"));
    }
    PEREGRINE_RETURN_IF_ERROR(store->CheckRoom(name, glossary->bytes()));
    store->entries_[name] = {std::move(glossary), file, version};
  }
  return store;
}

absl::StatusOr<std::map<std::string, FileVersion>> GlossaryStore::Look() const {
  DIR* const folder = opendir(directory_.c_str());
  if (folder == nullptr) return SystemError("read", directory_);
  std::map<std::string, FileVersion> files;
  for (const dirent* entry = readdir(folder); entry != nullptr;
       entry = readdir(folder)) {
    const std::string file = entry->d_name;
    struct stat info;
    if (NameOf(file).empty() || stat(PathOf(file).c_str(), &info) != 0 ||
        !S_ISREG(info.st_mode)) {
      continue;
    }
    files[file] = FileVersion::Of(info);
  }
  closedir(folder);
  return files;
}

absl::StatusOr<StoredGlossaryPtr> GlossaryStore::Read(
    const std::string& file, const FileVersion& version) const {
  const std::string path = PathOf(file);
  if (version.bytes > static_cast<int64_t>(kMaxBytes)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--glossaries: ", path, ": found ", version.bytes,
                     " bytes, allowed at most ", kMaxBytes));
  }
  std::ifstream stream(path, std::ios::binary);
  std::ostringstream content;
  content << stream.rdbuf();
  if (!stream.good()) return SystemError("read", path);
  absl::StatusOr<StoredGlossaryPtr> glossary =
      IsTbx(file) ? StoredGlossary::FromTbx(NameOf(file), content.str(),
                                            version.modified)
                  : StoredGlossary::FromTsv(NameOf(file), content.str(),
                                            version.modified);
  if (glossary.ok()) return glossary;
  return absl::InvalidArgumentError(
      absl::StrCat("--glossaries: ", path, ": ", glossary.status().message()));
}

absl::Status GlossaryStore::CheckRoom(absl::string_view name,
                                      size_t bytes) const {
  size_t total = bytes;
  for (const auto& [other, entry] : entries_) {
    if (other != name && entry.glossary != nullptr) {
      total += entry.glossary->bytes();
    }
  }
  if (entries_.size() >= kMaxGlossaries &&
      entries_.find(name) == entries_.end()) {
    return absl::ResourceExhaustedError(
        absl::StrCat("--glossaries: found ", kMaxGlossaries,
                     " glossaries, which are as many as allowed: delete one"));
  }
  if (bytes > kMaxBytes || total > kMaxTotalBytes) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "--glossaries: \"", name, "\" has ", bytes, " bytes, all have ", total,
        ", allowed at most ", kMaxBytes, " and ", kMaxTotalBytes));
  }
  return absl::OkStatus();
}

absl::StatusOr<StoredGlossaryPtr> GlossaryStore::Find(
    absl::string_view name) const {
  absl::MutexLock lock(&mutex_);
  const auto found = entries_.find(name);
  if (found != entries_.end() && found->second.glossary != nullptr) {
    return found->second.glossary;
  }
  std::vector<std::string> names;
  for (const auto& [other, entry] : entries_) {
    if (names.size() == kMaxNamesInError) break;
    if (entry.glossary != nullptr) names.push_back(other);
  }
  return absl::NotFoundError(absl::StrCat(
      "no glossary is called \"", name, "\"; ",
      names.empty()
          ? "none is stored"
          : absl::StrCat("stored are ", absl::StrJoin(names, ", "),
                         entries_.size() > names.size() ? " and others" : "")));
}

std::vector<StoredGlossaryPtr> GlossaryStore::All() const {
  std::vector<StoredGlossaryPtr> all;
  absl::MutexLock lock(&mutex_);
  for (const auto& [name, entry] : entries_) {
    if (entry.glossary != nullptr) all.push_back(entry.glossary);
  }
  return all;
}

absl::StatusOr<StoredGlossaryPtr> GlossaryStore::Put(
    GlossaryHead head, std::vector<document::Term> terms) {
  if (!IsName(head.name)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "name: found \"", head.name, "\", expected 1 to ", kMaxNameBytes,
        " letters, digits, '.', '-' or '_', of which the first is a letter, a "
        "digit or '_'"));
  }
  if (terms.empty()) {
    return absl::InvalidArgumentError("terms: found none, needed one");
  }
  PEREGRINE_RETURN_IF_ERROR(CheckTerms(terms));
  head.changed = absl::Now();
  const std::string name = head.name;
  PEREGRINE_ASSIGN_OR_RETURN(
      StoredGlossaryPtr glossary,
      StoredGlossary::FromTerms(std::move(head), std::move(terms)));
  absl::MutexLock change(&changes_);
  {
    absl::MutexLock lock(&mutex_);
    PEREGRINE_RETURN_IF_ERROR(CheckRoom(name, glossary->bytes()));
  }
  PEREGRINE_RETURN_IF_ERROR(Write(*glossary));
  const std::string file = absl::StrCat(name, ".tsv");
  unlink(PathOf(absl::StrCat(name, ".tbx")).c_str());  // of the same name
  struct stat info;
  FileVersion version;
  if (stat(PathOf(file).c_str(), &info) == 0) {
    version = FileVersion::Of(info);
  }
  absl::MutexLock lock(&mutex_);
  entries_[name] = {glossary, file, version};
  return glossary;
}

// Under another name first, so that there is no half of it.
absl::Status GlossaryStore::Write(const StoredGlossary& glossary) const {
  const std::string path = PathOf(absl::StrCat(glossary.head().name, ".tsv"));
  const std::string temporary =
      PathOf(absl::StrCat(".", glossary.head().name, ".new"));
  const std::string content = glossary.ToTsv();
  const int file =
      open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) return SystemError("write", temporary);
  size_t at = 0;
  bool is_good = true;
  while (is_good && at < content.size()) {
    const ssize_t written =
        write(file, content.data() + at, content.size() - at);
    is_good = written > 0;
    if (is_good) at += static_cast<size_t>(written);
  }
  is_good = is_good && fsync(file) == 0;
  is_good = (close(file) == 0) && is_good;
  is_good = is_good && rename(temporary.c_str(), path.c_str()) == 0;
  if (is_good) return absl::OkStatus();
  const absl::Status error = SystemError("write", path);
  unlink(temporary.c_str());
  return error;
}

absl::Status GlossaryStore::Delete(absl::string_view name) {
  PEREGRINE_ASSIGN_OR_RETURN(const StoredGlossaryPtr glossary, Find(name));
  absl::MutexLock change(&changes_);
  for (const char* ending : {".tsv", ".tbx"}) {
    const std::string path = PathOf(absl::StrCat(name, ending));
    if (unlink(path.c_str()) != 0 && errno != ENOENT) {
      return SystemError("delete", path);
    }
  }
  absl::MutexLock lock(&mutex_);
  entries_.erase(std::string(name));
  return absl::OkStatus();
}

void GlossaryStore::Refresh() {
  absl::MutexLock change(&changes_);
  absl::StatusOr<std::map<std::string, FileVersion>> files = Look();
  if (!files.ok()) return;  // away for a moment, or for good: all stay
  for (const auto& [file, version] : *files) {
    const auto before = seen_.find(file);
    const bool settled = before != seen_.end() && before->second == version;
    if (settled) Take(file, version);
  }
  Forget(*files);
  seen_ = *std::move(files);
}

void GlossaryStore::Take(const std::string& file, const FileVersion& version) {
  const std::string name = NameOf(file);
  {
    absl::MutexLock lock(&mutex_);
    const auto known = entries_.find(name);
    if (known != entries_.end() && known->second.version == version) return;
  }
  absl::StatusOr<StoredGlossaryPtr> glossary = Read(file, version);
  absl::MutexLock lock(&mutex_);
  if (glossary.ok()) {
    const absl::Status room = CheckRoom(name, (*glossary)->bytes());
    if (!room.ok()) glossary = room;
  }
  Entry& entry = entries_[name];
  entry.file = file;
  entry.version = version;  // complained of once
  if (glossary.ok()) {
    spdlog::info("--glossaries: read {}", PathOf(file));
    entry.glossary = *std::move(glossary);
    return;
  }
  ++failures_;
  spdlog::error("{}; {}", std::string(glossary.status().message()),
                entry.glossary == nullptr ? "it is not served"
                                          : "what it was before stays");
}

void GlossaryStore::Forget(const std::map<std::string, FileVersion>& files) {
  absl::MutexLock lock(&mutex_);
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    if (files.count(entry->second.file) > 0) {
      ++entry;
      continue;
    }
    spdlog::info("--glossaries: {} is gone", PathOf(entry->second.file));
    entry = entries_.erase(entry);
  }
}

int64_t GlossaryStore::failures() const {
  absl::MutexLock lock(&mutex_);
  return failures_;
}

}  // namespace peregrine::server
