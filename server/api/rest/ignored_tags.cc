#include "server/api/rest/ignored_tags.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"

namespace peregrine::server::rest {
namespace {

// No author's own: it is taken away again.
constexpr absl::string_view kMark =
    " translate=\"no\" data-peregrine-ignored=\"\"";

bool EndsName(absl::string_view rest) {
  return rest.empty() || absl::ascii_isspace(rest[0]) || rest[0] == '/' ||
         rest[0] == '>';
}

// How many bytes of `rest`, behind "<", are one of the names; 0: none.
size_t NameLength(absl::string_view rest, const std::vector<std::string>& tags,
                  bool is_html) {
  for (const std::string& tag : tags) {
    const bool is_tag = is_html ? absl::StartsWithIgnoreCase(rest, tag)
                                : absl::StartsWith(rest, tag);
    if (!tag.empty() && is_tag && EndsName(rest.substr(tag.size()))) {
      return tag.size();
    }
  }
  return 0;
}

}  // namespace

std::string MarkIgnored(absl::string_view markup,
                        const std::vector<std::string>& tags, bool is_html) {
  std::string marked;
  while (!markup.empty()) {
    const size_t open = std::min(markup.find('<'), markup.size() - 1);
    marked.append(markup.data(), open + 1);
    markup.remove_prefix(open + 1);
    const size_t name = NameLength(markup, tags, is_html);
    if (name == 0 || marked.back() != '<') continue;
    marked.append(markup.data(), name);
    marked.append(kMark.data(), kMark.size());
    markup.remove_prefix(name);
  }
  return marked;
}

std::string WithoutMarks(absl::string_view markup) {
  return absl::StrReplaceAll(markup, {{kMark, ""}});
}

}  // namespace peregrine::server::rest
