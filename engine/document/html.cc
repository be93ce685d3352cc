#include <gumbo.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "engine/document/markup.h"
#include "engine/text/characters.h"

namespace peregrine::document {
namespace {

// gumbo and the walk over its tree are recursive.
constexpr int kMaxDepth = 400;

using TagSet = absl::flat_hash_set<int>;

// Elements inside a sentence. Unknown ones are taken for such, too.
const TagSet& InlineTags() {
  static const auto* const tags =
      new TagSet({GUMBO_TAG_A,        GUMBO_TAG_ABBR,   GUMBO_TAG_ACRONYM,
                  GUMBO_TAG_B,        GUMBO_TAG_BDI,    GUMBO_TAG_BDO,
                  GUMBO_TAG_BIG,      GUMBO_TAG_CITE,   GUMBO_TAG_DATA,
                  GUMBO_TAG_DEL,      GUMBO_TAG_DFN,    GUMBO_TAG_EM,
                  GUMBO_TAG_FONT,     GUMBO_TAG_I,      GUMBO_TAG_INS,
                  GUMBO_TAG_LABEL,    GUMBO_TAG_MARK,   GUMBO_TAG_NOBR,
                  GUMBO_TAG_Q,        GUMBO_TAG_S,      GUMBO_TAG_SMALL,
                  GUMBO_TAG_SPAN,     GUMBO_TAG_STRIKE, GUMBO_TAG_STRONG,
                  GUMBO_TAG_SUB,      GUMBO_TAG_SUP,    GUMBO_TAG_TIME,
                  GUMBO_TAG_TT,       GUMBO_TAG_U,      GUMBO_TAG_WBR,
                  GUMBO_TAG_BR,       GUMBO_TAG_IMG,    GUMBO_TAG_INPUT,
                  GUMBO_TAG_UNKNOWN,  GUMBO_TAG_CODE,   GUMBO_TAG_KBD,
                  GUMBO_TAG_SAMP,     GUMBO_TAG_VAR,    GUMBO_TAG_SVG,
                  GUMBO_TAG_MATH,     GUMBO_TAG_OUTPUT, GUMBO_TAG_METER,
                  GUMBO_TAG_PROGRESS, GUMBO_TAG_RUBY,   GUMBO_TAG_RB,
                  GUMBO_TAG_RT,       GUMBO_TAG_RP});
  return *tags;
}

const TagSet& UntranslatedTags() {
  static const auto* const tags =
      new TagSet({GUMBO_TAG_SCRIPT,    GUMBO_TAG_STYLE,    GUMBO_TAG_CODE,
                  GUMBO_TAG_PRE,       GUMBO_TAG_TEXTAREA, GUMBO_TAG_KBD,
                  GUMBO_TAG_SAMP,      GUMBO_TAG_VAR,      GUMBO_TAG_SVG,
                  GUMBO_TAG_MATH,      GUMBO_TAG_IFRAME,   GUMBO_TAG_OBJECT,
                  GUMBO_TAG_NOSCRIPT,  GUMBO_TAG_TEMPLATE, GUMBO_TAG_XMP,
                  GUMBO_TAG_PLAINTEXT, GUMBO_TAG_LISTING,  GUMBO_TAG_NOEMBED,
                  GUMBO_TAG_NOFRAMES,  GUMBO_TAG_CANVAS,   GUMBO_TAG_AUDIO,
                  GUMBO_TAG_VIDEO,     GUMBO_TAG_RT,       GUMBO_TAG_RP});
  return *tags;
}

// Whose text is not escaped.
const TagSet& RawTextTags() {
  static const auto* const tags =
      new TagSet({GUMBO_TAG_SCRIPT, GUMBO_TAG_STYLE, GUMBO_TAG_XMP,
                  GUMBO_TAG_IFRAME, GUMBO_TAG_NOEMBED, GUMBO_TAG_NOFRAMES,
                  GUMBO_TAG_PLAINTEXT, GUMBO_TAG_NOSCRIPT});
  return *tags;
}

const TagSet& VoidTags() {
  static const auto* const tags = new TagSet(
      {GUMBO_TAG_AREA, GUMBO_TAG_BASE, GUMBO_TAG_BR, GUMBO_TAG_COL,
       GUMBO_TAG_EMBED, GUMBO_TAG_HR, GUMBO_TAG_IMG, GUMBO_TAG_INPUT,
       GUMBO_TAG_KEYGEN, GUMBO_TAG_LINK, GUMBO_TAG_META, GUMBO_TAG_PARAM,
       GUMBO_TAG_SOURCE, GUMBO_TAG_TRACK, GUMBO_TAG_WBR, GUMBO_TAG_BASEFONT,
       GUMBO_TAG_BGSOUND, GUMBO_TAG_FRAME});
  return *tags;
}

// Whose end tag may be left out, as it was.
const TagSet& OptionalEndTags() {
  static const auto* const tags = new TagSet(
      {GUMBO_TAG_HTML, GUMBO_TAG_HEAD, GUMBO_TAG_BODY, GUMBO_TAG_P,
       GUMBO_TAG_LI, GUMBO_TAG_DT, GUMBO_TAG_DD, GUMBO_TAG_TR, GUMBO_TAG_TD,
       GUMBO_TAG_TH, GUMBO_TAG_THEAD, GUMBO_TAG_TBODY, GUMBO_TAG_TFOOT,
       GUMBO_TAG_COLGROUP, GUMBO_TAG_OPTION, GUMBO_TAG_OPTGROUP});
  return *tags;
}

absl::string_view View(const GumboStringPiece& piece) {
  return piece.data == nullptr ? absl::string_view()
                               : absl::string_view(piece.data, piece.length);
}

bool IsElement(const GumboNode& node) {
  return node.type == GUMBO_NODE_ELEMENT || node.type == GUMBO_NODE_TEMPLATE;
}

bool IsText(const GumboNode& node) {
  return node.type == GUMBO_NODE_TEXT || node.type == GUMBO_NODE_WHITESPACE;
}

const GumboVector& ChildrenOf(const GumboNode& node) {
  return node.type == GUMBO_NODE_DOCUMENT ? node.v.document.children
                                          : node.v.element.children;
}

template <typename Visit>
void ForEachChild(const GumboNode& node, Visit visit) {
  const GumboVector& children = ChildrenOf(node);
  for (unsigned int i = 0; i < children.length; ++i) {
    visit(*static_cast<const GumboNode*>(children.data[i]));
  }
}

absl::string_view Attribute(const GumboNode& node, const char* name) {
  const GumboAttribute* attribute =
      gumbo_get_attribute(&node.v.element.attributes, name);
  return attribute == nullptr ? absl::string_view() : attribute->value;
}

bool HasAttribute(const GumboNode& node, const char* name) {
  return gumbo_get_attribute(&node.v.element.attributes, name) != nullptr;
}

// What an element says of the text in it.
enum class Says { kNothing, kTranslate, kLeave };

Says WhatItSays(const GumboNode& node) {
  const absl::string_view translate = Attribute(node, "translate");
  if (absl::EqualsIgnoreCase(translate, "no")) return Says::kLeave;
  for (absl::string_view name :
       absl::StrSplit(Attribute(node, "class"), ' ', absl::SkipEmpty())) {
    if (name == "notranslate") return Says::kLeave;
  }
  return absl::EqualsIgnoreCase(translate, "yes") ? Says::kTranslate
                                                  : Says::kNothing;
}

// Whether something in an element is translated although the rest is not.
bool HasTranslated(const GumboNode& node) {
  if (node.type != GUMBO_NODE_ELEMENT ||
      UntranslatedTags().contains(node.v.element.tag)) {
    return false;
  }
  bool any = false;
  ForEachChild(node, [&](const GumboNode& child) {
    any = any ||
          (child.type == GUMBO_NODE_ELEMENT &&
           (WhatItSays(child) == Says::kTranslate || HasTranslated(child)));
  });
  return any;
}

// Left whole, with all that is in it.
bool IsUntranslated(const GumboNode& node) {
  if (UntranslatedTags().contains(node.v.element.tag)) return true;
  return WhatItSays(node) == Says::kLeave && !HasTranslated(node);
}

// Whether it stands inside a sentence, as all that is in it does.
bool IsInline(const GumboNode& node) {
  if (!IsElement(node)) return true;
  if (!InlineTags().contains(node.v.element.tag)) return false;
  if (IsUntranslated(node)) return true;
  bool all = true;
  ForEachChild(node,
               [&](const GumboNode& child) { all = all && IsInline(child); });
  return all;
}

bool HasText(const GumboNode& node) {
  if (node.type == GUMBO_NODE_TEXT || node.type == GUMBO_NODE_CDATA) {
    return true;
  }
  if (!IsElement(node)) return false;
  bool any = false;
  ForEachChild(node,
               [&](const GumboNode& child) { any = any || HasText(child); });
  return any;
}

std::string TagName(const GumboNode& node) {
  const GumboElement& element = node.v.element;
  if (element.tag != GUMBO_TAG_UNKNOWN) {
    return gumbo_normalized_tagname(element.tag);
  }
  GumboStringPiece name = element.original_tag;
  gumbo_tag_from_original_text(&name);
  return std::string(View(name));
}

std::string StartTag(const GumboNode& node) {
  return std::string(View(node.v.element.original_tag));
}

std::string EndTag(const GumboNode& node) {
  const GumboElement& element = node.v.element;
  const absl::string_view original = View(element.original_end_tag);
  if (element.original_tag.length == 0) {
    // "</p>" that nothing opened is an empty element; others are implied.
    const bool converted =
        (node.parse_flags & GUMBO_INSERTION_CONVERTED_FROM_END_TAG) != 0;
    return converted ? std::string(original) : "";
  }
  if (VoidTags().contains(element.tag)) return "";
  if (absl::EndsWith(View(element.original_tag), "/>") &&
      element.tag_namespace != GUMBO_NAMESPACE_HTML) {
    return "";
  }
  const std::string name = TagName(node);
  if (absl::StartsWithIgnoreCase(original, "</" + name)) {
    return std::string(original);
  }
  if (OptionalEndTags().contains(element.tag)) return "";
  return absl::StrCat("</", name, ">");
}

std::string RawText(const GumboNode& node, int parent_tag) {
  const absl::string_view text = node.v.text.text;
  return RawTextTags().contains(parent_tag)
             ? std::string(text)
             : EscapeMarkup(text, /*in_attribute=*/false);
}

// All of `node` as it is.
std::string Raw(const GumboNode& node, int parent_tag) {
  switch (node.type) {
    case GUMBO_NODE_TEXT:
    case GUMBO_NODE_WHITESPACE:
      return node.v.text.original_text.length > 0
                 ? std::string(View(node.v.text.original_text))
                 : RawText(node, parent_tag);
    case GUMBO_NODE_COMMENT:
    case GUMBO_NODE_CDATA:
      return std::string(View(node.v.text.original_text));
    default:
      break;
  }
  std::string raw = StartTag(node);
  ForEachChild(node, [&](const GumboNode& child) {
    raw += Raw(child, node.v.element.tag);
  });
  return raw + EndTag(node);
}

class HtmlWalker {
 public:
  HtmlWalker(absl::string_view text, const DocumentOptions& options,
             DocumentBuilder* builder)
      : text_(text), options_(options), builder_(*builder) {}

  void Walk(const GumboNode& node) {
    const bool was_left = is_left_;
    if (IsElement(node)) {
      const Says says = WhatItSays(node);
      if (says != Says::kNothing) is_left_ = says == Says::kLeave;
    }
    WalkOne(node);
    is_left_ = was_left;
  }

  void Flush() {
    if (!block_.text.empty() || !block_.marks.empty()) {
      builder_.AddBlock(block_, builder_.parts());
    }
    block_ = Block();
  }

 private:
  void WalkOne(const GumboNode& node) {
    if (IsText(node) || node.type == GUMBO_NODE_CDATA) {
      if (is_left_ && node.type != GUMBO_NODE_WHITESPACE) {
        AddMark(Insert::Kind::kOpaque, {{Raw(node, 0)}}, -1);
      } else {
        AddText(node);
      }
    } else if (node.type == GUMBO_NODE_COMMENT) {
      AddMark(Insert::Kind::kOpaque, {{Raw(node, 0)}}, -1);
    } else if (node.type == GUMBO_NODE_DOCUMENT) {
      ForEachChild(node, [&](const GumboNode& child) { Walk(child); });
    } else if (IsUntranslated(node)) {
      AddUntranslated(node);
    } else if (IsInline(node)) {
      AddInline(node);
    } else {
      Flush();
      AddParts(TagParts(node));
      ForEachChild(node, [&](const GumboNode& child) { Walk(child); });
      Flush();
      builder_.AddLiteral(EndTag(node), builder_.parts());
    }
  }

  // With the line ends of the source: the parser makes LF of all.
  void AddText(const GumboNode& node) {
    const absl::string_view decoded = node.v.text.text;
    absl::string_view raw = View(node.v.text.original_text);
    // Of "\r\n" at the start the parser tells the second alone.
    if (absl::StartsWith(raw, "\n") && raw.data() > text_.data() &&
        *(raw.data() - 1) == '\r') {
      raw = {raw.data() - 1, raw.size() + 1};
    }
    std::string& text = block_.text;
    size_t i = 0;
    if (raw.data() != nullptr) {
      const auto base = static_cast<size_t>(raw.data() - text_.data());
      block_.anchors.push_back({text.size(), base});
      // They differ where entities and line ends are.
      for (size_t j = 0;
           decoded != raw && i < decoded.size() && j < raw.size();) {
        const size_t entity = EntitySize(raw.substr(j), decoded.substr(i));
        if (entity > 0) {
          const size_t size = text::FirstCharacter(decoded.substr(i)).size;
          text.append(decoded.data() + i, size);
          i += size;
          j += entity;
          block_.anchors.push_back({text.size(), base + j, true});
          continue;
        }
        if (raw[j] == '\r' && decoded[i] == '\n') {
          text.push_back('\r');
          ++j;
          if (j == raw.size() || raw[j] != '\n') {
            ++i;
            continue;
          }
        }
        text.push_back(decoded[i]);
        ++i;
        ++j;
      }
    }
    text.append(decoded.data() + i, decoded.size() - i);
  }

  // The bytes of the entity at the start of `raw`, 0: there is none.
  static size_t EntitySize(absl::string_view raw, absl::string_view decoded) {
    if (raw[0] != '&') return 0;
    // "AT&T"
    if (decoded[0] == '&' && !absl::StartsWithIgnoreCase(raw, "&amp") &&
        !absl::StartsWith(raw, "&#")) {
      return 0;
    }
    size_t size = 1;
    while (size < raw.size() &&
           (absl::ascii_isalnum(raw[size]) || raw[size] == '#')) {
      ++size;
    }
    return size < raw.size() && raw[size] == ';' ? size + 1 : size;
  }

  void AddMark(Insert::Kind kind, std::vector<Part> markup, int pair) {
    Mark mark;
    mark.kind = kind;
    mark.markup = std::move(markup);
    mark.at = block_.text.size();
    mark.pair = pair;
    block_.marks.push_back(std::move(mark));
  }

  void AddUntranslated(const GumboNode& node) {
    std::string raw = Raw(node, 0);
    if (IsInline(node)) {
      AddMark(Insert::Kind::kOpaque, {{std::move(raw)}}, -1);
      return;
    }
    Flush();
    builder_.AddLiteral(raw, builder_.parts());
  }

  void AddInline(const GumboNode& node) {
    const std::string end = EndTag(node);
    if (!HasText(node)) {
      // Nothing to stand around: kept whole, with what it holds.
      std::vector<Part> parts = TagParts(node);
      std::string rest;
      ForEachChild(node, [&](const GumboNode& child) {
        rest += Raw(child, node.v.element.tag);
      });
      builder_.AddLiteral(rest + end, &parts);
      if (!parts.empty()) AddMark(Insert::Kind::kOpaque, parts, -1);
      return;
    }
    const bool has_tags = node.v.element.original_tag.length > 0;
    const int pair = next_pair_++;
    if (has_tags) AddMark(Insert::Kind::kOpen, TagParts(node), pair);
    ForEachChild(node, [&](const GumboNode& child) { Walk(child); });
    if (has_tags) AddMark(Insert::Kind::kClose, {{end}}, pair);
  }

  // The start tag, with the values of attributes that are translated.
  std::vector<Part> TagParts(const GumboNode& node) {
    std::vector<Part> parts;
    const absl::string_view tag = View(node.v.element.original_tag);
    if (tag.empty()) return parts;
    size_t at = 0;
    if (options_.translate_attributes && !is_left_) {
      const GumboVector& attributes = node.v.element.attributes;
      for (unsigned int i = 0; i < attributes.length; ++i) {
        const auto& attribute =
            *static_cast<const GumboAttribute*>(attributes.data[i]);
        const absl::string_view value = View(attribute.original_value);
        if (!IsTranslated(node, attribute.name) || value.empty() ||
            value.data() < tag.data() + at ||
            value.data() + value.size() > tag.data() + tag.size()) {
          continue;
        }
        const auto begin = static_cast<size_t>(value.data() - tag.data());
        builder_.AddLiteral(absl::StrCat(tag.substr(at, begin - at), "\""),
                            &parts);
        Block block;
        block.text = attribute.value;
        block.in_attribute = true;
        const bool quoted = value[0] == '"' || value[0] == '\'';
        block.anchors = {
            {0, static_cast<size_t>(value.data() - text_.data()) + quoted}};
        builder_.AddBlock(block, &parts);
        builder_.AddLiteral("\"", &parts);
        at = begin + value.size();
      }
    }
    builder_.AddLiteral(tag.substr(at), &parts);
    return parts;
  }

  static bool IsTranslated(const GumboNode& node, absl::string_view name) {
    const int tag = node.v.element.tag;
    if (name == "alt" || name == "title" || name == "placeholder" ||
        name == "aria-label" || name == "aria-description") {
      return true;
    }
    if (name == "label") {
      return tag == GUMBO_TAG_OPTION || tag == GUMBO_TAG_OPTGROUP ||
             tag == GUMBO_TAG_TRACK;
    }
    if (name == "value" && tag == GUMBO_TAG_INPUT) {
      const absl::string_view type = Attribute(node, "type");
      return absl::EqualsIgnoreCase(type, "submit") ||
             absl::EqualsIgnoreCase(type, "button") ||
             absl::EqualsIgnoreCase(type, "reset");
    }
    if (name == "content" && tag == GUMBO_TAG_META) {
      std::string what(Attribute(node, "name"));
      if (HasAttribute(node, "property")) {
        what = std::string(Attribute(node, "property"));
      }
      return what == "description" || what == "keywords" ||
             absl::EndsWith(what, ":title") ||
             absl::EndsWith(what, ":description");
    }
    return false;
  }

  void AddParts(std::vector<Part> parts) {
    for (Part& part : parts) {
      if (part.segment < 0) {
        builder_.AddLiteral(part.literal, builder_.parts());
      } else {
        builder_.parts()->push_back(std::move(part));
      }
    }
  }

  const absl::string_view text_;
  const DocumentOptions& options_;
  DocumentBuilder& builder_;
  Block block_;
  int next_pair_ = 0;
  bool is_left_ = false;  // text stays as it is
};

// The element in which a piece of a page would stand, by the first tag of it;
// GUMBO_TAG_LAST: `text` is a page.
GumboTag ContextOf(absl::string_view text) {
  for (size_t at = text.find('<'); at != absl::string_view::npos;
       at = text.find('<', at + 1)) {
    const absl::string_view rest = text.substr(at + 1);
    if (absl::StartsWith(rest, "!--")) {
      at = text.find("-->", at);
      if (at == absl::string_view::npos) break;
      continue;
    }
    if (absl::StartsWithIgnoreCase(rest, "!doctype")) return GUMBO_TAG_LAST;
    if (rest.empty() || !absl::ascii_isalpha(rest[0])) continue;
    size_t end = 0;
    while (end < rest.size() && absl::ascii_isalnum(rest[end])) ++end;
    switch (gumbo_tagn_enum(rest.data(), static_cast<unsigned int>(end))) {
      case GUMBO_TAG_HTML:
      case GUMBO_TAG_HEAD:
      case GUMBO_TAG_BODY:
      case GUMBO_TAG_FRAMESET:
        return GUMBO_TAG_LAST;
      case GUMBO_TAG_TD:
      case GUMBO_TAG_TH:
        return GUMBO_TAG_TR;
      case GUMBO_TAG_TR:
        return GUMBO_TAG_TBODY;
      case GUMBO_TAG_TBODY:
      case GUMBO_TAG_THEAD:
      case GUMBO_TAG_TFOOT:
      case GUMBO_TAG_CAPTION:
      case GUMBO_TAG_COLGROUP:
        return GUMBO_TAG_TABLE;
      case GUMBO_TAG_COL:
        return GUMBO_TAG_COLGROUP;
      default:
        return GUMBO_TAG_BODY;
    }
  }
  return GUMBO_TAG_BODY;
}

// At least as deep as the tree can be: elements that are closed by others, such
// as <p>, are counted as well.
bool MayBeTooDeep(absl::string_view text) {
  int depth = 0;
  for (size_t at = text.find('<'); at != absl::string_view::npos;
       at = text.find('<', at + 1)) {
    const absl::string_view rest = text.substr(at + 1);
    if (absl::StartsWith(rest, "/")) {
      depth = std::max(0, depth - 1);
    } else if (!rest.empty() && absl::ascii_isalpha(rest[0])) {
      size_t end = 0;
      while (end < rest.size() && absl::ascii_isalnum(rest[end])) ++end;
      const GumboTag tag =
          gumbo_tagn_enum(rest.data(), static_cast<unsigned int>(end));
      if (VoidTags().contains(tag) || OptionalEndTags().contains(tag)) continue;
      if (++depth > kMaxDepth) return true;
    }
  }
  return false;
}

// "<!DOCTYPE html>" and the white space behind it, or nothing.
absl::string_view Doctype(absl::string_view text) {
  if (!absl::StartsWithIgnoreCase(text, "<!doctype")) return "";
  const size_t end = text.find('>');
  if (end == absl::string_view::npos) return "";
  const absl::string_view rest = text::TrimLeft(text.substr(end + 1));
  return text.substr(0, static_cast<size_t>(rest.data() - text.data()));
}

}  // namespace

void ParseHtml(absl::string_view text, const DocumentOptions& options,
               DocumentBuilder* builder) {
  if (MayBeTooDeep(text)) {
    ParseTagsAsSpans(text, options, builder);
    return;
  }
  // A parser drops white space in front and behind.
  const absl::string_view body = text::Trim(text);
  const auto begin = static_cast<size_t>(body.data() - text.data());
  builder->AddLiteral(text.substr(0, begin), builder->parts());
  builder->AddLiteral(Doctype(body), builder->parts());
  GumboOptions gumbo_options = kGumboDefaultOptions;
  gumbo_options.max_errors = 0;
  gumbo_options.fragment_context = ContextOf(body);
  GumboOutput* output =
      gumbo_parse_with_options(&gumbo_options, body.data(), body.size());
  HtmlWalker walker(text, options, builder);
  walker.Walk(*output->document);
  walker.Flush();
  gumbo_destroy_output(&gumbo_options, output);
  builder->AddLiteral(text.substr(begin + body.size()), builder->parts());
}

}  // namespace peregrine::document
