#include "server/service/model_choice.h"

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/base/status_macros.h"
#include "server/errors.h"

namespace peregrine::server {
namespace {

constexpr absl::string_view kDetect = "auto";

DetectedSource SourceOf(absl::string_view text, const LanguageList& among,
                        absl::string_view default_source) {
  const DetectedLanguages detected = DetectLanguages(text, &among);
  DetectedSource source;
  source.certainty = detected.certainty;
  if (!detected.languages.empty()) {
    source.language = detected.languages[0].language;
    source.confidence = detected.languages[0].confidence;
  }
  if (detected.certainty == Certainty::kSure) return source;
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

// What the first model of a route calls this source.
absl::StatusOr<std::string> NameOn(const Routes& routes, const Route& route,
                                   RouteQuery query,
                                   const std::string& source) {
  query.model = route.begin().model;
  query.source = source;
  if (route.first.has_value()) query.target = route.first->target;
  PEREGRINE_ASSIGN_OR_RETURN(Route found, routes.Find(query));
  if (found.source == found.target && !found.source.empty()) {
    return absl::InvalidArgumentError("is the language between two models");
  }
  return std::move(found.source);
}

// One route for texts of all these languages: the one of the first of them, or
// else of another one.
absl::StatusOr<Route> FindCommonRoute(
    const Routes& routes, RouteQuery query,
    const std::vector<DetectedSource>& sources) {
  std::set<std::string> languages;
  for (const DetectedSource& source : sources) {
    languages.insert(source.language);
  }
  absl::Status why;
  for (const std::string& first : languages) {
    query.source = first;
    absl::StatusOr<Route> route = routes.Find(query);
    for (const std::string& other : languages) {
      if (!route.ok()) break;
      if (auto name = NameOn(routes, *route, query, other); !name.ok()) {
        route = name.status();
      }
    }
    if (route.ok()) return route;
    why = route.status();
  }
  if (languages.size() == 1) return why;
  return InvalidFieldsError(
      {{query.fields.source,
        absl::StrCat("found texts in several languages (",
                     absl::StrJoin(languages, ", "),
                     ") that no one model translates: send a request for each "
                     "language")}});
}

// The source of each text, and the route of them all.
absl::StatusOr<Route> Detect(const Routes& routes, const RequestHead& head,
                             const RouteQuery& query,
                             absl::Span<const absl::string_view> texts,
                             std::vector<DetectedSource>& detected) {
  const LanguageList among = routes.SourcesOf(query);
  // Of a target that nobody knows, it is that what is wrong.
  if (among.empty()) return routes.Find(query).status();
  std::string known;  // of any text
  for (size_t i = 0; i < texts.size(); ++i) {
    detected.push_back(
        SourceOf(texts[i], among, routes.options().default_source));
    const bool is_known = !detected.back().language.empty();
    if (!is_known && HasLetters(texts[i])) return UnknownSourceError(head, i);
    if (is_known) known = detected.back().language;
  }
  if (known.empty()) known = among.entries()[0].code;
  for (DetectedSource& source : detected) {
    // Without letters: nothing of it is translated, from whatever language.
    if (!source.language.empty()) continue;
    source.language = known;
    source.is_default = true;
  }
  PEREGRINE_ASSIGN_OR_RETURN(Route route,
                             FindCommonRoute(routes, query, detected));
  for (DetectedSource& source : detected) {
    PEREGRINE_ASSIGN_OR_RETURN(source.language,
                               NameOn(routes, route, query, source.language));
  }
  return route;
}

absl::StatusOr<ModelChoice> ChooseOf(
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
  ModelChoice choice;
  // Of a model that cannot be loaded only its loading tells why.
  const auto catalog = models.catalog();
  if (const auto named = catalog->find(head.model);
      named != catalog->end() && !named->second.sound.ok() &&
      !models.Find(head.model, head.fields.model).ok()) {
    choice.missing = head.model;
    return choice;
  }
  Route route;
  ChosenLanguages of_begin;
  if (query.source.empty() && !texts.empty() &&
      (asks || head.detect_source || routes.NeedsSource(query))) {
    PEREGRINE_ASSIGN_OR_RETURN(
        route, Detect(routes, head, query, texts, of_begin.detected));
  } else {
    PEREGRINE_ASSIGN_OR_RETURN(route, routes.Find(query));
    of_begin.source = route.begin().source;
  }
  of_begin.target = route.begin().target;
  const auto find = [&](const std::string& name) {
    absl::StatusOr<ServedModelPtr> found = models.Find(name, head.fields.model);
    if (!found.ok() && models.CanLoad(name)) {
      choice.missing = name;
      return absl::StatusOr<ServedModelPtr>(nullptr);
    }
    if (found.ok()) (*found)->Touch();
    return found;
  };
  PEREGRINE_ASSIGN_OR_RETURN(choice.model, find(route.model));
  if (route.first.has_value()) {
    PEREGRINE_ASSIGN_OR_RETURN(choice.first, find(route.first->model));
    choice.first_languages = std::move(of_begin);
    choice.languages.source = route.source;
    choice.languages.target = route.target;
  } else {
    choice.languages = std::move(of_begin);
  }
  return choice;
}

}  // namespace

absl::StatusOr<ModelChoice> ChooseModel(
    const ModelSet& models, const RequestHead& head,
    absl::Span<const absl::string_view> texts) {
  // A model may go between its choice and its use.
  constexpr int kAttempts = 3;
  absl::StatusOr<ModelChoice> choice;
  for (int i = 0; i < kAttempts; ++i) {
    const std::shared_ptr<const Routes> routes = models.routes();
    choice = ChooseOf(models, *routes, head, texts);
    if (choice.ok() || routes == models.routes()) break;
  }
  return choice;
}

}  // namespace peregrine::server
