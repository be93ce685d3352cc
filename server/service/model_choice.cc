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

// One model for texts of all these languages: the one of the first of them, or
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
      RouteQuery of_model = query;
      of_model.model = route->model;
      of_model.source = other;
      if (auto found = routes.Find(of_model); !found.ok()) {
        route = found.status();
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

absl::StatusOr<ChosenLanguages> Detect(
    const Routes& routes, const RequestHead& head, RouteQuery& query,
    absl::Span<const absl::string_view> texts, std::string& model) {
  const LanguageList among = routes.SourcesOf(query);
  // Of a target that nobody knows, it is that what is wrong.
  if (among.empty()) return routes.Find(query).status();
  ChosenLanguages chosen;
  for (size_t i = 0; i < texts.size(); ++i) {
    chosen.detected.push_back(
        SourceOf(texts[i], among, routes.options().default_source));
    if (chosen.detected.back().language.empty()) {
      return UnknownSourceError(head, i);
    }
  }
  PEREGRINE_ASSIGN_OR_RETURN(const Route route,
                             FindCommonRoute(routes, query, chosen.detected));
  query.model = model = route.model;
  for (DetectedSource& source : chosen.detected) {
    query.source = source.language;
    PEREGRINE_ASSIGN_OR_RETURN(const Route own, routes.Find(query));
    source.language = own.source;
  }
  chosen.target = route.target;
  return chosen;
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
    PEREGRINE_RETURN_IF_ERROR(
        models.Find(head.model, head.fields.model).status());
  }
  ModelChoice choice;
  Route route;
  if (query.source.empty() && !texts.empty() &&
      (asks || head.detect_source || routes.NeedsSource(query))) {
    PEREGRINE_ASSIGN_OR_RETURN(choice.languages,
                               Detect(routes, head, query, texts, route.model));
  } else {
    PEREGRINE_ASSIGN_OR_RETURN(route, routes.Find(query));
    choice.languages.source = route.source;
    choice.languages.target = route.target;
  }
  PEREGRINE_ASSIGN_OR_RETURN(choice.model,
                             models.Find(route.model, head.fields.model));
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
