#include "server/service/logged_texts.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace peregrine::server {
namespace {

// `text`, or as much of it as `bytes` holds, which becomes less.
std::string Cut(absl::string_view text, size_t& bytes) {
  const bool whole = text.size() <= bytes;
  size_t size = std::min(text.size(), bytes);
  const auto continues = [text](size_t i) { return (text[i] & 0xc0) == 0x80; };
  while (!whole && size > 0 && continues(size)) --size;
  bytes = whole ? bytes - size : 0;
  return absl::StrCat(text.substr(0, size), whole ? "" : "…");
}

// The best hypothesis.
absl::string_view Best(const v1::Translation& translation) {
  if (translation.hypotheses().empty()) return "";
  return translation.hypotheses(0).text();
}

std::string Best(const v1::TokenTranslation& translation) {
  if (translation.hypotheses().empty()) return "";
  return absl::StrJoin(translation.hypotheses(0).tokens(), " ");
}

}  // namespace

void LoggedTexts::AddSource(absl::string_view source) {
  if (texts_.size() == kMaxTexts) {
    ++left_out_;
    return;
  }
  texts_.push_back({Cut(source, source_bytes_), ""});
}

void LoggedTexts::AddSources(const v1::TranslateRequest& request) {
  for (const v1::Text& text : request.texts()) AddSource(text.text());
}

void LoggedTexts::AddSources(const v1::TranslateTokensRequest& request) {
  for (const v1::TokenSequence& source : request.sources()) {
    AddSource(absl::StrJoin(source.tokens(), " "));
  }
}

void LoggedTexts::AddTranslations(const v1::TranslateResponse& response) {
  for (size_t i = 0; i < texts_.size(); ++i) {
    texts_[i].translation = Cut(
        Best(response.translations(static_cast<int>(i))), translation_bytes_);
  }
}

void LoggedTexts::AddTranslations(const v1::TranslateTokensResponse& response) {
  for (size_t i = 0; i < texts_.size(); ++i) {
    texts_[i].translation = Cut(
        Best(response.translations(static_cast<int>(i))), translation_bytes_);
  }
}

void LoggedTexts::Add(absl::string_view source,
                      const v1::Translation& translation) {
  const size_t before = texts_.size();
  AddSource(source);
  if (texts_.size() == before) return;
  texts_.back().translation = Cut(Best(translation), translation_bytes_);
}

}  // namespace peregrine::server
