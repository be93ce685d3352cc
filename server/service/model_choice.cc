#include "server/service/model_choice.h"

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/base/status_macros.h"
#include "server/errors.h"

namespace peregrine::server {
namespace {

constexpr absl::string_view kDetect = "auto";

// Whether the text is for certain in the language `target`.
absl::optional<float> ConfidenceIn(absl::string_view text,
                                   absl::string_view target) {
  const auto wanted = ParseLanguageTag(target);
  if (!wanted.has_value()) return absl::nullopt;
  const DetectedLanguages any = DetectLanguages(text);
  if (any.certainty != Certainty::kSure) return absl::nullopt;
  const auto found = ParseLanguageTag(any.languages[0].language);
  if (!found.has_value() || !IsSameWrittenLanguage(*found, *wanted)) {
    return absl::nullopt;
  }
  return any.languages[0].confidence;
}

DetectedSource SourceOf(absl::string_view text, const LanguageList& among,
                        absl::string_view default_source,
                        absl::string_view target) {
  const DetectedLanguages detected = DetectLanguages(text, &among);
  DetectedSource source;
  source.certainty = detected.certainty;
  if (!detected.languages.empty()) {
    source.language = detected.languages[0].language;
    source.confidence = detected.languages[0].confidence;
  }
  if (detected.certainty == Certainty::kSure) return source;
  if (const auto confidence = ConfidenceIn(text, target)) {
    source.language = ParseLanguageTag(target)->text;
    source.confidence = *confidence;
    source.certainty = Certainty::kSure;
    source.stays = true;
    return source;
  }
  const LanguageList::Entry* fallback = among.Find(default_source);
  if (fallback == nullptr && source.language.empty() &&
      among.entries().size() == 1) {
    fallback = &among.entries()[0];
  }
  if (fallback == nullptr) return source;
  source.language = fallback->code;
  source.is_default = true;
  return source;
}

absl::Status UnknownSourceError(const RequestHead& head, size_t index) {
  return InvalidFieldsError(
      {{head.fields.source,
        absl::StrCat("the language of text ", index,
                     " was not recognised among those that are translated so: "
                     "name it, or give the server a default "
                     "(--default-source-language)")}});
}

// Texts of a request that go the same way.
struct Group {
  Route route;
  ChosenLanguages of_begin;
  std::vector<int> texts;

  bool stays = false;  // and has no route

  bool goes(const Route& other) const {
    return !stays && route.model == other.model &&
           route.target == other.target &&
           route.first.has_value() == other.first.has_value() &&
           route.begin().model == other.begin().model &&
           route.begin().target == other.begin().target;
  }
};

// What each text is in.
absl::StatusOr<std::vector<DetectedSource>> DetectSources(
    const Routes& routes, const RequestHead& head, const RouteQuery& query,
    absl::Span<const absl::string_view> texts) {
  const LanguageList among = routes.SourcesOf(query);
  // Of a target that nobody knows, it is that what is wrong.
  if (among.empty()) return routes.Find(query).status();
  std::vector<DetectedSource> sources;
  std::string known;  // of any text
  const std::string& default_source = routes.options().default_source;
  for (size_t i = 0; i < texts.size(); ++i) {
    sources.emplace_back();
    if (!HasLetters(texts[i])) continue;
    sources.back() = SourceOf(texts[i], among, default_source, query.target);
    if (sources.back().language.empty()) return UnknownSourceError(head, i);
    if (!sources.back().stays) known = sources.back().language;
  }
  if (known.empty()) {
    const LanguageList::Entry* fallback = among.Find(default_source);
    known = (fallback == nullptr ? among.entries()[0] : *fallback).code;
  }
  for (DetectedSource& source : sources) {
    // Without letters: nothing of it is translated, from whatever language.
    if (!source.language.empty()) continue;
    source.language = known;
    source.is_default = true;
  }
  return sources;
}

absl::StatusOr<std::vector<Group>> Detect(
    const Routes& routes, const RequestHead& head, RouteQuery query,
    absl::Span<const absl::string_view> texts) {
  PEREGRINE_ASSIGN_OR_RETURN(std::vector<DetectedSource> sources,
                             DetectSources(routes, head, query, texts));
  std::map<std::string, Route> by_language;
  std::vector<Group> groups;
  for (size_t i = 0; i < sources.size(); ++i) {
    DetectedSource& source = sources[i];
    if (source.stays) {
      auto stay = std::find_if(groups.begin(), groups.end(),
                               [](const Group& one) { return one.stays; });
      if (stay == groups.end()) {
        stay = groups.emplace(groups.end());
        stay->stays = true;
        stay->of_begin.target = source.language;
      }
      stay->texts.push_back(static_cast<int>(i));
      stay->of_begin.detected.push_back(std::move(source));
      continue;
    }
    const auto [place, is_new] = by_language.try_emplace(source.language);
    Route& route = place->second;
    if (is_new) {
      query.source = source.language;
      PEREGRINE_ASSIGN_OR_RETURN(route, routes.Find(query));
    }
    auto group =
        std::find_if(groups.begin(), groups.end(),
                     [&](const Group& one) { return one.goes(route); });
    if (group == groups.end()) {
      group = groups.emplace(groups.end());
      group->route = route;
      group->of_begin.target = route.begin().target;
    }
    // As the model names it.
    source.language = route.begin().source;
    group->texts.push_back(static_cast<int>(i));
    group->of_begin.detected.push_back(std::move(source));
  }
  return groups;
}

// With the models as they are served now.
absl::StatusOr<ModelChoice> ChoiceOf(const ModelSet& models,
                                     const RequestHead& head, Group group) {
  ModelChoice choice;
  choice.texts = std::move(group.texts);
  choice.stays = group.stays;
  if (group.stays) {
    choice.languages = std::move(group.of_begin);
    return choice;
  }
  const auto find = [&](const std::string& name) {
    choice.needed.push_back(name);
    absl::StatusOr<ServedModelPtr> found = models.Find(name, head.fields.model);
    if (!found.ok() && models.CanLoad(name)) {
      choice.missing = name;
      return absl::StatusOr<ServedModelPtr>(nullptr);
    }
    if (found.ok()) (*found)->Touch();
    return found;
  };
  const Route& route = group.route;
  PEREGRINE_ASSIGN_OR_RETURN(choice.model, find(route.model));
  if (route.first.has_value()) {
    PEREGRINE_ASSIGN_OR_RETURN(choice.first, find(route.first->model));
    choice.first_languages = std::move(group.of_begin);
    choice.languages.source = route.source;
    choice.languages.target = route.target;
  } else {
    choice.languages = std::move(group.of_begin);
  }
  return choice;
}

absl::StatusOr<std::vector<ModelChoice>> ChooseOf(
    const ModelSet& models, const Routes& routes, const RequestHead& head,
    absl::Span<const absl::string_view> texts) {
  RouteQuery query;
  query.model = head.model;
  query.source = head.source_language;
  query.target = head.target_language;
  query.fields = head.fields;
  const bool asks = absl::EqualsIgnoreCase(query.source, kDetect);
  if (asks) query.source = "";
  const bool names_any = asks || !query.source.empty() || !query.target.empty();
  if (!head.model.empty() || !names_any) {
    // For its error.
    PEREGRINE_RETURN_IF_ERROR(models.CheckKnown(head.model, head.fields.model));
  }
  std::vector<ModelChoice> choices(1);
  // Of a model that cannot be loaded only its loading tells why.
  const auto catalog = models.catalog();
  if (const auto named = catalog->find(head.model);
      named != catalog->end() && !named->second.sound.ok() &&
      !models.Find(head.model, head.fields.model).ok()) {
    choices[0].missing = head.model;
    choices[0].needed = {head.model};
    return choices;
  }
  std::vector<Group> groups(1);
  if (query.source.empty() && !texts.empty() &&
      (asks || head.detect_source || routes.NeedsSource(query))) {
    PEREGRINE_ASSIGN_OR_RETURN(groups, Detect(routes, head, query, texts));
  } else {
    PEREGRINE_ASSIGN_OR_RETURN(groups[0].route, routes.Find(query));
    groups[0].of_begin.source = groups[0].route.begin().source;
    groups[0].of_begin.target = groups[0].route.begin().target;
  }
  choices.clear();
  for (Group& group : groups) {
    PEREGRINE_ASSIGN_OR_RETURN(ModelChoice choice,
                               ChoiceOf(models, head, std::move(group)));
    choices.push_back(std::move(choice));
  }
  return choices;
}

}  // namespace

absl::StatusOr<std::vector<ModelChoice>> ChooseModels(
    const ModelSet& models, const RequestHead& head,
    absl::Span<const absl::string_view> texts) {
  // A model may go between its choice and its use.
  constexpr int kAttempts = 3;
  absl::StatusOr<std::vector<ModelChoice>> choices;
  for (int i = 0; i < kAttempts; ++i) {
    const std::shared_ptr<const Routes> routes = models.routes();
    choices = ChooseOf(models, *routes, head, texts);
    if (choices.ok() || routes == models.routes()) break;
  }
  return choices;
}

}  // namespace peregrine::server
