#ifndef PEREGRINE_SERVER_GLOSSARIES_STORED_GLOSSARY_H_
#define PEREGRINE_SERVER_GLOSSARIES_STORED_GLOSSARY_H_

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "engine/document/glossary.h"

namespace peregrine::server {

// What a stored glossary is called, and between which languages its terms are;
// an empty language is any.
struct GlossaryHead {
  std::string name;
  std::string source_language;
  std::string target_language;
  absl::Time changed;
};

// A glossary of the server. Thread-safe.
class StoredGlossary {
 public:
  // A file of document::Glossary::ParseTsv. A line "# languages: en de" says
  // which they are.
  static absl::StatusOr<std::shared_ptr<const StoredGlossary>> FromTsv(
      absl::string_view name, absl::string_view content, absl::Time changed);
  // A file of document::Glossary::ParseTbx: of all languages in it.
  static absl::StatusOr<std::shared_ptr<const StoredGlossary>> FromTbx(
      absl::string_view name, std::string content, absl::Time changed);
  // INVALID_ARGUMENT names the term, or the language that is none.
  static absl::StatusOr<std::shared_ptr<const StoredGlossary>> FromTerms(
      GlossaryHead head, std::vector<document::Term> terms);

  const GlossaryHead& head() const { return head_; }
  // Of TBX: none, they depend on the languages.
  const std::vector<document::Term>& terms() const;
  size_t bytes() const { return bytes_; }

  // What FromTsv makes this of; not of TBX.
  std::string ToTsv() const;

  // For a translation between these, each of which may be unknown (""):
  // INVALID_ARGUMENT says that it is for others.
  absl::StatusOr<std::shared_ptr<const document::Glossary>> For(
      absl::string_view source, absl::string_view target) const;

 private:
  StoredGlossary() = default;

  GlossaryHead head_;
  size_t bytes_ = 0;
  std::shared_ptr<const document::Glossary> glossary_;  // null: TBX
  std::string tbx_;
  mutable absl::Mutex mutex_;
  mutable std::map<std::pair<std::string, std::string>,
                   std::shared_ptr<const document::Glossary>>
      of_languages_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_GLOSSARIES_STORED_GLOSSARY_H_
