#include "server/service/text_options.h"

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/text/utf8.h"
#include "server/errors.h"

namespace peregrine::server {
namespace {

constexpr size_t kMaxTerms = 10000;
constexpr size_t kMaxRanges = 1000;
constexpr size_t kMaxGlossaries = 16;

std::string KindNames() {
  std::vector<std::string> names;
  for (int i = 0; i < document::kNumSpanKinds; ++i) {
    names.emplace_back(
        document::SpanKindName(static_cast<document::SpanKind>(i)));
  }
  return absl::StrJoin(names, ", ");
}

bool IsInsideCharacter(const std::string& text, size_t at) {
  return at < text.size() && text::IsUtf8Continuation(text[at]);
}

}  // namespace

document::DocumentOptions CheckTextOptions(const RequestTextOptions& options,
                                           Violations& violations) {
  document::DocumentOptions checked;
  checked.format = options.format;
  if (options.format < document::Format::kPlain ||
      options.format > document::Format::kXml) {
    violations.Add("text_options.format",
                   absl::StrCat("found ", static_cast<int>(options.format) + 1,
                                ", allowed are FORMAT_PLAIN, FORMAT_HTML, "
                                "FORMAT_XML"));
  }
  checked.hard_wrapped = options.hard_wrapped;
  checked.translate_attributes = options.translate_attributes;
  checked.xml_elements = options.xml_elements;
  checked.restore_capitals = !options.keep_capitals;
  checked.number_format = options.number_format;
  if (options.number_format < document::NumberFormat::kEither ||
      options.number_format > document::NumberFormat::kTarget) {
    violations.Add(
        "text_options.number_format",
        absl::StrCat("found ", static_cast<int>(options.number_format),
                     ", allowed are NUMBER_FORMAT_UNSPECIFIED, "
                     "NUMBER_FORMAT_SOURCE, NUMBER_FORMAT_TARGET"));
  }
  for (size_t i = 0; i < options.unprotected.size(); ++i) {
    const auto kind = document::SpanKindByName(options.unprotected[i]);
    if (kind.has_value()) {
      checked.kinds.Remove(*kind);
    } else {
      violations.Add(absl::StrCat("text_options.unprotected[", i, "]"),
                     absl::StrCat("found \"", options.unprotected[i],
                                  "\", allowed are ", KindNames()));
    }
  }
  if (!options.patterns.empty()) {
    auto patterns = document::SpanPatterns::Compile(options.patterns);
    if (patterns.ok()) {
      checked.patterns.push_back(*std::move(patterns));
    } else {
      violations.Add("text_options.patterns",
                     std::string(patterns.status().message()));
    }
  }
  if (options.terms.size() > kMaxTerms) {
    violations.AddRange("text_options.terms",
                        static_cast<int64_t>(options.terms.size()), 0,
                        kMaxTerms);
  } else if (!options.terms.empty()) {
    auto glossary = document::Glossary::Create(options.terms);
    if (glossary.ok()) {
      checked.glossaries.push_back(*std::move(glossary));
    } else {
      violations.Add("text_options.terms",
                     std::string(glossary.status().message()));
    }
  }
  return checked;
}

RequestGlossaries::RequestGlossaries(const RequestTextOptions& options,
                                     const Lookup& lookup,
                                     Violations& violations)
    : any_case_(options.glossaries_in_any_case) {
  const std::vector<std::string>& names = options.glossaries;
  const char* const own = lookup.names.glossaries;
  if (names.size() > kMaxGlossaries) {
    violations.AddRange(own == nullptr ? "text_options.glossaries" : own,
                        static_cast<int64_t>(names.size()), 0, kMaxGlossaries);
    return;
  }
  for (size_t i = 0; i < names.size(); ++i) {
    std::string field =
        own == nullptr ? absl::StrCat("text_options.glossaries[", i, "]") : own;
    if (lookup.texts == nullptr || lookup.texts->glossaries == nullptr) {
      violations.Add(field, absl::StrCat("found ", Quoted(names[i]),
                                         ", but the server stores none: see "
                                         "its flag --glossaries"));
      continue;
    }
    auto glossary = lookup.texts->glossaries->FindFor(lookup.reader, names[i]);
    if (glossary.ok()) {
      glossaries_.push_back({*std::move(glossary), std::move(field)});
    } else {
      violations.Add(field, std::string(glossary.status().message()));
    }
  }
}

std::vector<std::shared_ptr<const document::Glossary>> RequestGlossaries::For(
    absl::string_view source, absl::string_view target,
    Violations& violations) const {
  std::vector<std::shared_ptr<const document::Glossary>> glossaries;
  for (const Named& named : glossaries_) {
    auto glossary = named.glossary->For(source, target, any_case_);
    if (glossary.ok()) {
      glossaries.push_back(*std::move(glossary));
    } else {
      violations.Add(named.field, std::string(glossary.status().message()));
    }
  }
  return glossaries;
}

void AddMissingTerms(
    const std::vector<std::shared_ptr<const document::Glossary>>& glossaries,
    std::vector<document::Term>& terms) {
  absl::flat_hash_set<std::string> known;
  for (const document::Term& term : terms) known.insert(term.source);
  for (const auto& glossary : glossaries) {
    for (const document::Term& term : glossary->terms()) {
      if (known.insert(term.source).second) terms.push_back(term);
    }
  }
}

void CheckRanges(const RequestText& text, const RequestTextOptions& options,
                 const std::string& path, Violations& violations) {
  const auto& ranges = text.protected_ranges;
  const std::string field = path + ".protected_ranges";
  if (ranges.empty()) return;
  if (options.format != document::Format::kPlain || options.hard_wrapped) {
    violations.Add(field, "allowed for plain text only");
  } else if (ranges.size() > kMaxRanges) {
    violations.AddRange(field, static_cast<int64_t>(ranges.size()), 0,
                        kMaxRanges);
  } else {
    for (size_t i = 0; i < ranges.size(); ++i) {
      const document::ByteRange& range = ranges[i];
      if (range.empty() || range.end > text.text.size() ||
          IsInsideCharacter(text.text, range.begin) ||
          IsInsideCharacter(text.text, range.end)) {
        violations.Add(absl::StrCat(field, "[", i, "]"),
                       absl::StrCat("found [", range.begin, ", ", range.end,
                                    "), expected whole characters of the ",
                                    text.text.size(), " bytes of the text"));
      }
    }
  }
}

}  // namespace peregrine::server
