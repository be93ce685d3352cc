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
#include "absl/types/optional.h"
#include "engine/document/glossary.h"

namespace peregrine::server {

// What a stored glossary is called, and between which languages its terms are;
// an empty language is any, or one of several.
struct GlossaryHead {
  std::string name;
  std::string source_language;
  std::string target_language;
  absl::Time changed;
  std::string title;  // for people; may be empty
  // The client that stored it by an API of others, by its name, which is empty
  // for all without one. None: the operator did.
  absl::optional<std::string> owner;
};

// Terms from one language into another, or from and into any ("").
struct Dictionary {
  std::string source_language;
  std::string target_language;
  std::vector<document::Term> terms;
};

// A glossary of the server: one dictionary or several. Thread-safe.
class StoredGlossary {
 public:
  static constexpr size_t kMaxDictionaries = 100;

  // A file of document::Glossary::ParseTsv. A line "# languages: en de" says
  // which they are; at each further one another dictionary begins.
  static absl::StatusOr<std::shared_ptr<const StoredGlossary>> FromTsv(
      absl::string_view name, absl::string_view content, absl::Time changed);
  // A file of document::Glossary::ParseTbx: of all languages in it.
  static absl::StatusOr<std::shared_ptr<const StoredGlossary>> FromTbx(
      absl::string_view name, std::string content, absl::Time changed);
  // INVALID_ARGUMENT names the term, or the language that is none, or says
  // that two dictionaries are of the same languages. The languages of the head
  // become those of a single dictionary.
  static absl::StatusOr<std::shared_ptr<const StoredGlossary>> FromDictionaries(
      GlossaryHead head, std::vector<Dictionary> dictionaries);

  const GlossaryHead& head() const { return head_; }
  // Of several dictionaries and of TBX: none, they depend on the languages.
  const std::vector<document::Term>& terms() const;
  // Of TBX: none.
  std::vector<Dictionary> dictionaries() const;
  size_t bytes() const { return bytes_; }

  // What FromTsv makes this of; not of TBX.
  std::string ToTsv() const;

  // For a translation between these, each of which may be unknown (""):
  // INVALID_ARGUMENT says that it is for others. `any_case`: its terms are
  // found in any case, even those that say otherwise.
  using GlossaryPtr = std::shared_ptr<const document::Glossary>;
  absl::StatusOr<GlossaryPtr> For(absl::string_view source,
                                  absl::string_view target,
                                  bool any_case = false) const;

 private:
  struct Compiled {
    std::string source_language;
    std::string target_language;
    GlossaryPtr glossary;
  };

  StoredGlossary() = default;

  absl::StatusOr<GlossaryPtr> OfTbx(absl::string_view source,
                                    absl::string_view target) const;
  absl::StatusOr<GlossaryPtr> InAnyCase(const GlossaryPtr& glossary) const;

  GlossaryHead head_;
  size_t bytes_ = 0;
  std::vector<Compiled> dictionaries_;  // empty: TBX
  std::string tbx_;
  mutable absl::Mutex mutex_;
  // By what they are made of.
  mutable std::map<GlossaryPtr, GlossaryPtr> in_any_case_
      ABSL_GUARDED_BY(mutex_);
  mutable std::map<std::pair<std::string, std::string>,
                   std::shared_ptr<const document::Glossary>>
      of_languages_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_GLOSSARIES_STORED_GLOSSARY_H_
