#ifndef PEREGRINE_ENGINE_DOCUMENT_MARKUP_H_
#define PEREGRINE_ENGINE_DOCUMENT_MARKUP_H_

#include "absl/strings/string_view.h"
#include "engine/document/block.h"
#include "engine/document/document.h"

namespace peregrine::document {

// Parses markup and adds its blocks and what stands between them. Any input is
// taken: a page, a piece of one, broken markup, no markup at all. Tags keep
// their bytes, so that attributes come back as they were; tags that the source
// left out, and that are implied, stay so.
//
// Left as it is: script, style, code, pre, textarea and the like; what has
// translate="no" or class="notranslate"; comments.
void ParseHtml(absl::string_view text, const DocumentOptions& options,
               DocumentBuilder* builder);

// Not well-formed XML is taken as text with tags. An element with
// text beside it is inline, any other a block, unless `options` say otherwise;
// one with a block inside is a block. Left as it is: CDATA sections,
// comments, processing instructions, translate="no" (also its:translate), code.
// Never loads anything that the document refers to, nor expands its entities.
void ParseXml(absl::string_view text, const DocumentOptions& options,
              DocumentBuilder* builder);

// Where a parser would fail: plain text in which tags and entities are spans.
void ParseTagsAsSpans(absl::string_view text, const DocumentOptions& options,
                      DocumentBuilder* builder);

}  // namespace peregrine::document

#endif  // PEREGRINE_ENGINE_DOCUMENT_MARKUP_H_
