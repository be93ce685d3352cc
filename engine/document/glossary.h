#ifndef PEREGRINE_ENGINE_DOCUMENT_GLOSSARY_H_
#define PEREGRINE_ENGINE_DOCUMENT_GLOSSARY_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/document/span.h"

namespace peregrine::document {

// A term and what it becomes. Without targets it is not to be translated.
struct Term {
  std::string source;
  std::vector<std::string> targets;  // the first is taken if none was chosen
  bool case_sensitive = false;
};

// A term that stands in a text.
struct TermMatch {
  ByteRange range;
  std::vector<std::string> targets;  // as they are to be written there
};

// Terms, found in texts by words: in any case where they do not say otherwise,
// the longest first. A target takes over the capitals of what it stands for
// ("Server", "SERVER"). Immutable and thread-safe.
class Glossary {
 public:
  // INVALID_ARGUMENT names the term that is empty, too long or a duplicate of
  // another, or says that there are too many.
  static absl::StatusOr<std::shared_ptr<const Glossary>> Create(
      std::vector<Term> terms);

  // Tab-separated: source, then one target or more; none: not to be translated.
  // Lines that begin with '#', and empty ones, are none; behind the line
  // kCaseSensitive, terms are found in their own case alone. Errors name the
  // line.
  static absl::StatusOr<std::vector<Term>> ParseTsv(absl::string_view content);

  // TermBase eXchange (TBX, all dialects): of each concept the terms of
  // `source_language` with those of `target_language`, which are BCP 47 tags.
  static absl::StatusOr<std::vector<Term>> ParseTbx(
      absl::string_view content, absl::string_view source_language,
      absl::string_view target_language);

  std::vector<TermMatch> Find(absl::string_view text) const;

  size_t size() const { return terms_.size(); }
  const std::vector<Term>& terms() const { return terms_; }

  static constexpr absl::string_view kCaseSensitive = "# case-sensitive";
  static constexpr size_t kMaxTerms = 100000;
  static constexpr size_t kMaxTermBytes = 512;
  static constexpr size_t kMaxTargets = 16;

 private:
  Glossary() = default;

  std::vector<Term> terms_;
  // By the first word of the term in small letters.
  absl::flat_hash_map<std::string, std::vector<size_t>> by_first_word_;
};

}  // namespace peregrine::document

#endif  // PEREGRINE_ENGINE_DOCUMENT_GLOSSARY_H_
