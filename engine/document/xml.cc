#include <libxml/parser.h>
#include <libxml/tree.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/document/markup.h"
#include "engine/document/xml_source.h"
#include "engine/text/characters.h"

namespace peregrine::document {
namespace {

// Around a piece of XML that is no document.
constexpr char kWrapper[] = "peregrine-fragment";

struct FreeDocument {
  void operator()(xmlDoc* document) const { xmlFreeDoc(document); }
};
using XmlDocument = std::unique_ptr<xmlDoc, FreeDocument>;

absl::string_view View(const xmlChar* text) {
  return text == nullptr
             ? absl::string_view()
             : absl::string_view(reinterpret_cast<const char*>(text));
}

// Null where it is not well-formed.
XmlDocument Parse(const std::string& text) {
  xmlParserCtxt* context = xmlNewParserCtxt();
  if (context == nullptr) return nullptr;
  XmlDocument document(xmlCtxtReadMemory(
      context, text.data(), static_cast<int>(text.size()), nullptr, "UTF-8",
      XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING |
          XML_PARSE_COMPACT));
  const bool well_formed = context->wellFormed != 0;
  xmlFreeParserCtxt(context);
  if (!well_formed) return nullptr;
  return document;
}

// The bytes in front of the root element: declaration, comments, doctype.
size_t PrologSize(absl::string_view text) {
  size_t at = 0;
  for (;;) {
    while (at < text.size() && absl::ascii_isspace(text[at])) ++at;
    const absl::string_view rest = text.substr(at);
    absl::string_view end;
    if (absl::StartsWith(rest, "<?")) {
      end = "?>";
    } else if (absl::StartsWith(rest, "<!--")) {
      end = "-->";
    } else if (absl::StartsWith(rest, "<!DOCTYPE")) {
      const size_t bracket = rest.find_first_of("[>");
      end = bracket != absl::string_view::npos && rest[bracket] == '[' ? "]>"
                                                                       : ">";
    } else {
      return at;
    }
    const size_t found = rest.find(end);
    if (found == absl::string_view::npos) return at;
    at += found + end.size();
  }
}

bool IsText(const xmlNode* node) { return node->type == XML_TEXT_NODE; }

bool HasWords(const xmlNode* node) {
  return IsText(node) && !text::Trim(View(node->content)).empty();
}

bool IsMixed(const xmlNode* parent) {
  for (const xmlNode* child = parent->children; child != nullptr;
       child = child->next) {
    if (HasWords(child)) return true;
  }
  return false;
}

bool HasTextInside(const xmlNode* node) {
  for (const xmlNode* child = node->children; child != nullptr;
       child = child->next) {
    if (HasWords(child) ||
        (child->type == XML_ELEMENT_NODE && HasTextInside(child))) {
      return true;
    }
  }
  return false;
}

// What an element says of the text in it.
enum class Says { kNothing, kTranslate, kLeave };

Says WhatItSays(const xmlNode* node) {
  for (const xmlAttr* attribute = node->properties; attribute != nullptr;
       attribute = attribute->next) {
    if (View(attribute->name) != "translate" ||
        attribute->children == nullptr) {
      continue;
    }
    const absl::string_view value = View(attribute->children->content);
    if (absl::EqualsIgnoreCase(value, "no")) return Says::kLeave;
    if (absl::EqualsIgnoreCase(value, "yes")) return Says::kTranslate;
  }
  return Says::kNothing;
}

bool IsCode(const xmlNode* node) {
  const absl::string_view name = View(node->name);
  return name == "code" || name == "script" || name == "style" || name == "pre";
}

// Whether something in an element is translated although the rest is not.
bool HasTranslated(const xmlNode* node) {
  for (const xmlNode* child = node->children; child != nullptr;
       child = child->next) {
    if (child->type == XML_ELEMENT_NODE && !IsCode(child) &&
        (WhatItSays(child) == Says::kTranslate || HasTranslated(child))) {
      return true;
    }
  }
  return false;
}

// Left whole, with all that is in it.
bool IsUntranslated(const xmlNode* node) {
  return IsCode(node) ||
         (WhatItSays(node) == Says::kLeave && !HasTranslated(node));
}

// Whether the name of an element, with its prefix, is among `names`.
bool IsIn(const std::vector<std::string>& names, const xmlNode* node) {
  const absl::string_view prefix =
      node->ns == nullptr ? absl::string_view() : View(node->ns->prefix);
  const std::string name = prefix.empty()
                               ? std::string(View(node->name))
                               : absl::StrCat(prefix, ":", View(node->name));
  return std::find(names.begin(), names.end(), name) != names.end();
}

class XmlWalker {
 public:
  // `source`: of the document, from `begin` on.
  XmlWalker(absl::string_view source, size_t begin, const XmlElements& elements,
            DocumentBuilder* builder)
      : elements_(elements), builder_(*builder), source_(source, begin) {}

  // `is_inline`: in a sentence of its parent, by what stands beside it.
  void Walk(const xmlNode* node, bool is_inline) {
    const bool was_left = is_left_;
    if (node->type == XML_ELEMENT_NODE) {
      const Says says = WhatItSays(node);
      if (says != Says::kNothing) is_left_ = says == Says::kLeave;
      is_inline = IsInline(node, is_inline);
    }
    WalkOne(node, is_inline);
    is_left_ = was_left;
  }

  // Of an element that ends sentences, or of all.
  void WalkChildren(const xmlNode* node) {
    WalkChildren(node, IsMixed(node) || !elements_.by_content);
  }

  void WalkChildren(const xmlNode* node, bool is_inline) {
    for (const xmlNode* child = node->children; child != nullptr;
         child = child->next) {
      Walk(child, is_inline);
    }
  }

  void Flush() {
    if (!block_.text.empty() || !block_.marks.empty()) {
      builder_.AddBlock(block_, builder_.parts());
    }
    block_ = Block();
  }

 private:
  bool IsInline(const xmlNode* node, bool is_inline) const {
    if (IsIn(elements_.blocks, node) || HasBlockInside(node)) return false;
    return is_inline || IsIn(elements_.inlines, node);
  }

  bool HasBlockInside(const xmlNode* node) const {
    if (elements_.blocks.empty()) return false;
    for (const xmlNode* child = node->children; child != nullptr;
         child = child->next) {
      if (child->type == XML_ELEMENT_NODE &&
          (IsIn(elements_.blocks, child) || HasBlockInside(child))) {
        return true;
      }
    }
    return false;
  }

  void WalkOne(const xmlNode* node, bool is_inline) {
    if (IsText(node) && !(is_left_ && HasWords(node))) {
      source_.PassText(View(node->content), &block_.text, &block_.anchors);
      return;
    }
    if (node->type != XML_ELEMENT_NODE || IsUntranslated(node) ||
        !HasTextInside(node)) {
      const size_t begin = source_.at();
      Pass(node);
      std::string raw(source_.Since(begin));
      if (is_inline || node->type != XML_ELEMENT_NODE) {
        AddMark(Insert::Kind::kOpaque, std::move(raw), -1);
      } else {
        Flush();
        builder_.AddLiteral(raw, builder_.parts());
      }
      return;
    }
    std::string open(source_.PassMarkup());
    if (is_inline) {
      const int pair = next_pair_++;
      AddMark(Insert::Kind::kOpen, std::move(open), pair);
      WalkChildren(node, true);
      AddMark(Insert::Kind::kClose, std::string(source_.PassMarkup()), pair);
      return;
    }
    Flush();
    builder_.AddLiteral(open, builder_.parts());
    WalkChildren(node);
    Flush();
    builder_.AddLiteral(source_.PassMarkup(), builder_.parts());
  }

  // What stays as it is.
  void Pass(const xmlNode* node) {
    if (IsText(node)) {
      source_.PassText(View(node->content), nullptr, nullptr);
      return;
    }
    const absl::string_view tag = source_.PassMarkup();
    if (node->type != XML_ELEMENT_NODE || absl::EndsWith(tag, "/>")) return;
    for (const xmlNode* child = node->children; child != nullptr;
         child = child->next) {
      Pass(child);
    }
    source_.PassMarkup();
  }

  void AddMark(Insert::Kind kind, std::string markup, int pair) {
    Mark mark;
    mark.kind = kind;
    mark.markup.emplace_back();
    mark.markup.back().literal = std::move(markup);
    mark.at = block_.text.size();
    mark.pair = pair;
    block_.marks.push_back(std::move(mark));
  }

  const XmlElements& elements_;
  DocumentBuilder& builder_;
  XmlSource source_;
  Block block_;
  int next_pair_ = 0;
  bool is_left_ = false;  // text stays as it is
};

}  // namespace

void ParseXml(absl::string_view text, const DocumentOptions& options,
              DocumentBuilder* builder) {
  const size_t prolog = PrologSize(text);
  const absl::string_view head = text.substr(0, prolog);
  const absl::string_view body = text.substr(prolog);
  if (absl::StrContains(head, "<!DOCTYPE")) {
    const XmlDocument document = Parse(std::string(text));
    xmlNode* root =
        document == nullptr ? nullptr : xmlDocGetRootElement(document.get());
    if (root == nullptr) {
      ParseTagsAsSpans(text, options, builder);
      return;
    }
    builder->AddLiteral(head, builder->parts());
    XmlWalker walker(text, prolog, options.xml_elements, builder);
    for (xmlNode* node = root; node != nullptr; node = node->next) {
      walker.Walk(node, false);
    }
    walker.Flush();
    builder->AddLiteral(body.substr(text::TrimRight(body).size()),
                        builder->parts());
    return;
  }
  const XmlDocument document =
      Parse(absl::StrCat("<", kWrapper, ">", body, "</", kWrapper, ">"));
  xmlNode* root =
      document == nullptr ? nullptr : xmlDocGetRootElement(document.get());
  if (root == nullptr) {
    ParseTagsAsSpans(text, options, builder);
    return;
  }
  builder->AddLiteral(head, builder->parts());
  XmlWalker walker(text, prolog, options.xml_elements, builder);
  walker.WalkChildren(root);
  walker.Flush();
}

}  // namespace peregrine::document
