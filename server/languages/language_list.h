#ifndef PEREGRINE_SERVER_LANGUAGES_LANGUAGE_LIST_H_
#define PEREGRINE_SERVER_LANGUAGES_LANGUAGE_LIST_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/languages/language_tag.h"

namespace peregrine::server {

// Languages that one can choose from, by any name that means one of them.
// Immutable.
class LanguageList {
 public:
  struct Entry {
    std::string code;  // as its model names it
    LanguageTag tag;   // of a code that is none: the code as its text
  };

  explicit LanguageList(const std::vector<std::string>& codes);
  explicit LanguageList(std::vector<Entry> entries)
      : entries_(std::move(entries)) {}

  // The entry that `name` means, or null. A code itself comes first, in any
  // case and with "-" for "_"; then one language in one script, the region
  // that is closest. Another script is another language.
  const Entry* Find(absl::string_view name) const;

  // Of what was not found, for an error: `found "sw" (Swahili), nearest:
  // "swa" ...`. Bounded.
  std::string DescribeUnknown(absl::string_view name) const;

  size_t size() const { return entries_.size(); }
  // Not of a list that ends with the expression.
  const std::vector<Entry>& entries() const& { return entries_; }
  void entries() const&& = delete;
  bool empty() const { return entries_.empty(); }

 private:
  std::vector<std::string> Nearest(absl::string_view name) const;

  std::vector<Entry> entries_;
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_LANGUAGES_LANGUAGE_LIST_H_
