#include "server/service/logged_texts.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/text/utf8.h"

namespace peregrine::server {
namespace {

// `text`, or as much of it as `bytes` holds, which becomes less.
std::string Cut(absl::string_view text, size_t& bytes) {
  const absl::string_view shown = text::Utf8Prefix(text, bytes);
  const bool whole = shown.size() == text.size();
  bytes = whole ? bytes - shown.size() : 0;
  return absl::StrCat(shown, whole ? "" : "…");
}

}  // namespace

void LoggedTexts::AddSource(absl::string_view source) {
  if (texts_.size() == kMaxTexts) {
    ++left_out_;
    return;
  }
  texts_.push_back({Cut(source, source_bytes_), ""});
}

void LoggedTexts::AddSources(const TextRequest& request) {
  for (const RequestText& text : request.texts) AddSource(text.text);
}

void LoggedTexts::AddSources(const TokenRequest& request) {
  for (const std::vector<std::string>& source : request.sources) {
    AddSource(absl::StrJoin(source, " "));
  }
}

void LoggedTexts::AddSources(const ScoreRequest& request) {
  const auto text_of = [](const RequestPhrase& phrase) {
    return phrase.tokens.empty() ? phrase.text
                                 : absl::StrJoin(phrase.tokens, " ");
  };
  for (const ScoreRequest::Pair& pair : request.pairs) {
    Add(text_of(pair.source), text_of(pair.target));
  }
}

void LoggedTexts::AddTranslations(const TextAnswer& answer) {
  for (size_t i = 0; i < texts_.size(); ++i) {
    texts_[i].translation =
        Cut(answer.texts[i].translation.hypotheses[0].text, translation_bytes_);
  }
}

void LoggedTexts::AddTranslations(const TokenAnswer& answer) {
  for (size_t i = 0; i < texts_.size(); ++i) {
    texts_[i].translation =
        Cut(absl::StrJoin(answer.sequences[i].hypotheses[0].tokens, " "),
            translation_bytes_);
  }
}

void LoggedTexts::Add(absl::string_view source, absl::string_view translation) {
  const size_t before = texts_.size();
  AddSource(source);
  if (texts_.size() == before) return;
  texts_.back().translation = Cut(translation, translation_bytes_);
}

}  // namespace peregrine::server
