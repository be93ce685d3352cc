#include "engine/document/glossary.h"

#include <libxml/parser.h>
#include <libxml/tree.h>
#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "engine/document/capitals.h"
#include "engine/document/units.h"
#include "engine/text/characters.h"
#include "engine/text/utf8.h"

namespace peregrine::document {
namespace {

absl::string_view Slice(absl::string_view text, const ByteRange& range) {
  return text.substr(range.begin, range.size());
}

bool IsApostrophe(int32_t c) { return c == '\'' || c == 0x2019; }

// Units, with apostrophes apart: of "server's" the first is "server".
std::vector<ByteRange> Words(absl::string_view text) {
  std::vector<ByteRange> words;
  for (const ByteRange& unit : Units(text)) {
    size_t begin = unit.begin;
    for (size_t at = unit.begin; at < unit.end;) {
      const text::Character c = text::FirstCharacter(text.substr(at));
      if (IsApostrophe(c.code_point) && unit.size() > c.size) {
        if (at > begin) words.push_back({begin, at});
        words.push_back({at, at + c.size});
        begin = at + c.size;
      }
      at += c.size;
    }
    if (begin < unit.end) words.push_back({begin, unit.end});
  }
  return words;
}

// A word in one of the ways in which it may be written: "é" as one character,
// any apostrophe as that of ASCII.
std::string InOneForm(absl::string_view word) {
  if (word == "\xE2\x80\x99") return "'";
  const bool is_ascii = std::all_of(word.begin(), word.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x80;
  });
  if (is_ascii) return std::string(word);
  UErrorCode error = U_ZERO_ERROR;
  const icu::Normalizer2* const nfc = icu::Normalizer2::getNFCInstance(error);
  if (U_FAILURE(error)) return std::string(word);
  std::string formed;
  icu::StringByteSink<std::string> sink(&formed);
  nfc->normalizeUTF8(
      0, icu::StringPiece(word.data(), static_cast<int32_t>(word.size())), sink,
      nullptr, error);
  return U_FAILURE(error) ? std::string(word) : formed;
}

std::string Folded(absl::string_view word) {
  return text::Lower(InOneForm(word));
}

// Written in capitals where the text is, with one in front where it has that.
std::string WithCapitalsOf(absl::string_view found, const Term& term,
                           absl::string_view target) {
  if (term.case_sensitive || found == term.source) return std::string(target);
  if (CapitalsOf(found, "") == Capitals::kAll &&
      CapitalsOf(term.source, "") != Capitals::kAll) {
    return Restore(target, Capitals::kAll, "");
  }
  const bool now = text::IsUpper(text::FirstCharacter(found).code_point);
  const bool listed =
      text::IsUpper(text::FirstCharacter(term.source).code_point);
  if (now && !listed) return Restore(target, Capitals::kTitle, "");
  return std::string(target);
}

absl::Status CheckTerm(const Term& term, size_t index) {
  const std::string name = absl::StrCat("term ", index);
  const auto check = [&](absl::string_view text, absl::string_view what) {
    if (text::Trim(text).empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat(name, ": the ", what, " is empty"));
    }
    if (text.size() > Glossary::kMaxTermBytes) {
      return absl::InvalidArgumentError(
          absl::StrCat(name, ": the ", what, " has ", text.size(),
                       " bytes, allowed at most ", Glossary::kMaxTermBytes));
    }
    return absl::OkStatus();
  };
  if (absl::Status status = check(term.source, "source"); !status.ok()) {
    return status;
  }
  if (term.targets.size() > Glossary::kMaxTargets) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": found ", term.targets.size(),
                     " targets, allowed at most ", Glossary::kMaxTargets));
  }
  for (const std::string& target : term.targets) {
    if (absl::Status status = check(target, "target"); !status.ok()) {
      return status;
    }
  }
  return absl::OkStatus();
}

absl::string_view View(const xmlChar* text) {
  return text == nullptr
             ? absl::string_view()
             : absl::string_view(reinterpret_cast<const char*>(text));
}

// Whether `tag` is `language`, or one of its variants: "en-GB" of "en".
bool IsLanguage(absl::string_view tag, absl::string_view language) {
  if (!absl::StartsWithIgnoreCase(tag, language)) return false;
  return tag.size() == language.size() || tag[language.size()] == '-' ||
         tag[language.size()] == '_';
}

std::string LanguageOf(const xmlNode* node) {
  for (const xmlAttr* attribute = node->properties; attribute != nullptr;
       attribute = attribute->next) {
    if (View(attribute->name) == "lang" && attribute->children != nullptr) {
      return std::string(View(attribute->children->content));
    }
  }
  return "";
}

void CollectTerms(xmlNode* node, std::vector<std::string>* terms) {
  for (xmlNode* child = node->children; child != nullptr; child = child->next) {
    if (child->type != XML_ELEMENT_NODE) continue;
    if (View(child->name) == "term") {
      xmlChar* content = xmlNodeGetContent(child);
      terms->emplace_back(text::Trim(View(content)));
      xmlFree(content);
    } else {
      CollectTerms(child, terms);
    }
  }
}

// Of a concept, or of each concept inside `node`.
void CollectConcepts(xmlNode* node, absl::string_view source_language,
                     absl::string_view target_language,
                     std::vector<Term>* terms) {
  for (; node != nullptr; node = node->next) {
    if (node->type != XML_ELEMENT_NODE) continue;
    const absl::string_view name = View(node->name);
    if (name != "termEntry" && name != "conceptEntry") {
      CollectConcepts(node->children, source_language, target_language, terms);
      continue;
    }
    std::vector<std::string> sources;
    std::vector<std::string> targets;
    for (xmlNode* child = node->children; child != nullptr;
         child = child->next) {
      if (child->type != XML_ELEMENT_NODE) continue;
      const std::string language = LanguageOf(child);
      if (IsLanguage(language, source_language)) CollectTerms(child, &sources);
      if (IsLanguage(language, target_language)) CollectTerms(child, &targets);
    }
    if (targets.empty()) continue;
    for (std::string& source : sources) {
      terms->push_back({std::move(source), targets, false});
    }
  }
}

}  // namespace

absl::StatusOr<std::shared_ptr<const Glossary>> Glossary::Create(
    std::vector<Term> terms) {
  if (terms.size() > kMaxTerms) {
    return absl::InvalidArgumentError(absl::StrCat(
        "found ", terms.size(), " terms, allowed at most ", kMaxTerms));
  }
  std::shared_ptr<Glossary> glossary(new Glossary);
  for (size_t i = 0; i < terms.size(); ++i) {
    if (absl::Status status = CheckTerm(terms[i], i); !status.ok()) {
      return status;
    }
    terms[i].source = std::string(text::Trim(terms[i].source));
    const std::vector<ByteRange> units = Words(terms[i].source);
    auto& same_start =
        glossary->by_first_word_[Folded(Slice(terms[i].source, units[0]))];
    for (size_t other : same_start) {
      if (terms[other].source == terms[i].source) {
        return absl::InvalidArgumentError(
            absl::StrCat("term ", i, ": \"", terms[i].source, "\" is term ",
                         other, ", too"));
      }
    }
    same_start.push_back(i);
  }
  glossary->terms_ = std::move(terms);
  // The longest first.
  for (auto& entry : glossary->by_first_word_) {
    std::sort(entry.second.begin(), entry.second.end(),
              [&](size_t a, size_t b) {
                return glossary->terms_[a].source.size() >
                       glossary->terms_[b].source.size();
              });
  }
  return std::shared_ptr<const Glossary>(std::move(glossary));
}

std::vector<TermMatch> Glossary::Find(absl::string_view text) const {
  std::vector<TermMatch> matches;
  const std::vector<ByteRange> units = Words(text);
  for (size_t u = 0; u < units.size();) {
    const auto candidates = by_first_word_.find(Folded(Slice(text, units[u])));
    size_t next = u + 1;
    if (candidates != by_first_word_.end()) {
      for (size_t index : candidates->second) {
        const Term& term = terms_[index];
        const std::vector<ByteRange> words = Words(term.source);
        if (u + words.size() > units.size()) continue;
        const auto same = [&](size_t i) {
          const absl::string_view a = Slice(text, units[u + i]);
          const absl::string_view b = Slice(term.source, words[i]);
          const bool apart = i > 0 && units[u + i].begin > units[u + i - 1].end;
          const bool apart_there = i > 0 && words[i].begin > words[i - 1].end;
          return apart == apart_there &&
                 (term.case_sensitive ? InOneForm(a) == InOneForm(b)
                                      : Folded(a) == Folded(b));
        };
        bool all = true;
        for (size_t i = 0; all && i < words.size(); ++i) all = same(i);
        if (!all) continue;
        TermMatch match;
        match.range = {units[u].begin, units[u + words.size() - 1].end};
        const absl::string_view found = Slice(text, match.range);
        if (term.targets.empty()) match.targets.emplace_back(found);
        for (const std::string& target : term.targets) {
          match.targets.push_back(WithCapitalsOf(found, term, target));
        }
        matches.push_back(std::move(match));
        next = u + words.size();
        break;
      }
    }
    u = next;
  }
  return matches;
}

absl::StatusOr<std::vector<Term>> Glossary::ParseTsv(
    absl::string_view content) {
  std::vector<Term> terms;
  absl::ConsumePrefix(&content, "\xEF\xBB\xBF");
  size_t number = 0;
  bool case_sensitive = false;
  for (absl::string_view line : absl::StrSplit(content, '\n')) {
    ++number;
    absl::ConsumeSuffix(&line, "\r");
    case_sensitive |= line == kCaseSensitive;
    if (text::Trim(line).empty() || line[0] == '#') continue;
    const std::vector<std::string> fields = absl::StrSplit(line, '\t');
    Term term;
    term.source = fields[0];
    term.case_sensitive = case_sensitive;
    for (size_t i = 1; i < fields.size(); ++i) {
      if (!text::Trim(fields[i]).empty()) term.targets.push_back(fields[i]);
    }
    if (absl::Status status = CheckTerm(term, terms.size()); !status.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("line ", number, ": ", status.message(),
                       ", expected source TAB target"));
    }
    if (terms.size() == kMaxTerms) {
      return absl::InvalidArgumentError(absl::StrCat(
          "line ", number, ": found more than ", kMaxTerms, " terms"));
    }
    terms.push_back(std::move(term));
  }
  return terms;
}

absl::StatusOr<std::vector<Term>> Glossary::ParseTbx(
    absl::string_view content, absl::string_view source_language,
    absl::string_view target_language) {
  if (const auto offset = text::FindInvalidUtf8(content)) {
    return absl::InvalidArgumentError(
        absl::StrCat("not UTF-8 at byte ", *offset));
  }
  xmlParserCtxt* context = xmlNewParserCtxt();
  xmlDoc* document = xmlCtxtReadMemory(
      context, content.data(), static_cast<int>(content.size()), nullptr,
      "UTF-8", XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
  if (document == nullptr) {
    const xmlError* error = xmlCtxtGetLastError(context);
    std::string message =
        error == nullptr ? "not XML"
                         : absl::StrCat("line ", error->line, ": ",
                                        text::Trim(error->message == nullptr
                                                       ? absl::string_view()
                                                       : error->message));
    xmlFreeParserCtxt(context);
    return absl::InvalidArgumentError(
        absl::StrCat(message, ", expected TBX, which is XML"));
  }
  xmlNode* root = xmlDocGetRootElement(document);
  std::vector<Term> terms;
  CollectConcepts(root, source_language, target_language, &terms);
  const std::string name = root == nullptr ? "" : std::string(View(root->name));
  xmlFreeDoc(document);
  xmlFreeParserCtxt(context);
  if (name != "martif" && name != "tbx") {
    return absl::InvalidArgumentError(absl::StrCat(
        "found the element \"", name, "\", expected \"tbx\" or \"martif\""));
  }
  return terms;
}

}  // namespace peregrine::document
