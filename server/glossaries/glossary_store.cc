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
#include "absl/strings/escaping.h"
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

absl::Status CheckName(const std::string& name) {
  if (IsName(name)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "name: found \"", absl::CHexEscape(name), "\", expected 1 to ",
      kMaxNameBytes,
      " letters, digits, '.', '-' or '_', of which the first is a letter, a "
      "digit or '_'"));
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

// Whether `reader` may know of it.
bool IsFor(const StoredGlossaryPtr& glossary, const std::string& reader) {
  return glossary != nullptr &&
         glossary->head().owner.value_or(reader) == reader;
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
  if (found == entries_.end() || found->second.glossary == nullptr) {
    return NotFound(name, nullptr);
  }
  return found->second.glossary;
}

absl::StatusOr<StoredGlossaryPtr> GlossaryStore::FindFor(
    const std::string& reader, absl::string_view name) const {
  absl::MutexLock lock(&mutex_);
  const auto found = entries_.find(name);
  if (found == entries_.end() || !IsFor(found->second.glossary, reader)) {
    return NotFound(name, &reader);
  }
  return found->second.glossary;
}

absl::Status GlossaryStore::NotFound(absl::string_view name,
                                     const std::string* reader) const {
  std::vector<std::string> names;
  bool are_all = true;
  for (const auto& [other, entry] : entries_) {
    if (entry.glossary == nullptr) continue;
    if (reader != nullptr && !IsFor(entry.glossary, *reader)) continue;
    are_all = names.size() < kMaxNamesInError;
    if (!are_all) break;
    names.push_back(other);
  }
  return absl::NotFoundError(absl::StrCat(
      "no glossary is called \"", absl::CHexEscape(name), "\"; ",
      names.empty() ? "none is stored"
                    : absl::StrCat("stored are ", absl::StrJoin(names, ", "),
                                   are_all ? "" : " and others")));
}

std::vector<StoredGlossaryPtr> GlossaryStore::All() const {
  std::vector<StoredGlossaryPtr> all;
  absl::MutexLock lock(&mutex_);
  for (const auto& [name, entry] : entries_) {
    if (entry.glossary != nullptr) all.push_back(entry.glossary);
  }
  return all;
}

std::vector<StoredGlossaryPtr> GlossaryStore::AllFor(
    const std::string& reader) const {
  std::vector<StoredGlossaryPtr> all = All();
  all.erase(std::remove_if(all.begin(), all.end(),
                           [&reader](const StoredGlossaryPtr& glossary) {
                             return !IsFor(glossary, reader);
                           }),
            all.end());
  return all;
}

absl::StatusOr<StoredGlossaryPtr> GlossaryStore::Put(
    GlossaryHead head, std::vector<document::Term> terms) {
  absl::MutexLock change(&changes_);
  std::vector<Dictionary> dictionaries(1);
  dictionaries[0] = {head.source_language, head.target_language,
                     std::move(terms)};
  return PutDictionaries(std::move(head), std::move(dictionaries));
}

absl::StatusOr<StoredGlossaryPtr> GlossaryStore::Create(
    GlossaryHead head, std::vector<Dictionary> dictionaries, int max_of_owner) {
  PEREGRINE_RETURN_IF_ERROR(CheckName(head.name));
  absl::MutexLock change(&changes_);
  {
    absl::MutexLock lock(&mutex_);
    if (entries_.find(head.name) != entries_.end()) {
      return absl::AlreadyExistsError(
          absl::StrCat("a glossary is called \"", head.name,
                       "\" already: delete it first, "
                       "or use another name"));
    }
    int own = 0;
    for (const auto& [name, entry] : entries_) {
      own += entry.glossary != nullptr &&
             entry.glossary->head().owner == head.owner;
    }
    if (own >= max_of_owner) {
      return absl::ResourceExhaustedError(absl::StrCat(
          "found ", own, " glossaries of yours, allowed at most ", max_of_owner,
          " (--max-glossaries-per-client): delete one"));
    }
  }
  return PutDictionaries(std::move(head), std::move(dictionaries));
}

absl::Status GlossaryStore::CheckIsOwn(const std::string& owner,
                                       absl::string_view name) const {
  PEREGRINE_ASSIGN_OR_RETURN(const StoredGlossaryPtr glossary,
                             FindFor(owner, name));
  if (glossary->head().owner.has_value()) return absl::OkStatus();
  return absl::PermissionDeniedError(
      absl::StrCat("the glossary \"", name,
                   "\" is the operator's, who changes it in --glossaries or "
                   "at --admin-listen"));
}

absl::StatusOr<StoredGlossaryPtr> GlossaryStore::ChangeOwn(
    const std::string& owner, absl::string_view name, Change change) {
  absl::MutexLock changes(&changes_);
  PEREGRINE_RETURN_IF_ERROR(CheckIsOwn(owner, name));
  PEREGRINE_ASSIGN_OR_RETURN(const StoredGlossaryPtr glossary, Find(name));
  GlossaryHead head = glossary->head();
  std::vector<Dictionary> dictionaries = glossary->dictionaries();
  PEREGRINE_RETURN_IF_ERROR(change(head, dictionaries));
  return PutDictionaries(std::move(head), std::move(dictionaries));
}

absl::StatusOr<StoredGlossaryPtr> GlossaryStore::PutDictionaries(
    GlossaryHead head, std::vector<Dictionary> dictionaries) {
  PEREGRINE_RETURN_IF_ERROR(CheckName(head.name));
  size_t count = 0;
  for (const Dictionary& dictionary : dictionaries) {
    PEREGRINE_RETURN_IF_ERROR(CheckTerms(dictionary.terms));
    count += dictionary.terms.size();
  }
  if (count == 0) {
    return absl::InvalidArgumentError("terms: found none, needed one");
  }
  head.changed = absl::Now();
  const std::string name = head.name;
  PEREGRINE_ASSIGN_OR_RETURN(StoredGlossaryPtr glossary,
                             StoredGlossary::FromDictionaries(
                                 std::move(head), std::move(dictionaries)));
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
  absl::MutexLock change(&changes_);
  PEREGRINE_RETURN_IF_ERROR(Find(name).status());
  return DeleteFiles(name);
}

absl::Status GlossaryStore::DeleteOwn(const std::string& owner,
                                      absl::string_view name) {
  absl::MutexLock change(&changes_);
  PEREGRINE_RETURN_IF_ERROR(CheckIsOwn(owner, name));
  return DeleteFiles(name);
}

absl::Status GlossaryStore::DeleteFiles(absl::string_view name) {
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
