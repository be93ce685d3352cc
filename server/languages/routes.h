#ifndef PEREGRINE_SERVER_LANGUAGES_ROUTES_H_
#define PEREGRINE_SERVER_LANGUAGES_ROUTES_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/languages/language_list.h"
#include "server/languages/language_tag.h"
#include "server/options/route_options.h"

namespace peregrine::server {

// What one model translates, in codes of its own.
struct ModelLanguages {
  std::string model;
  std::vector<std::string> sources;  // none: the model does not say
  std::vector<std::string> targets;
  bool is_multilingual = false;  // from each of them into each other one
  bool has_default_source = true;
};

// How an API names its fields in errors.
struct LanguageFields {
  const char* model = "model";
  const char* source = "source_language";
  const char* target = "target_language";
};

struct RouteQuery {
  absl::string_view model;  // empty: any
  absl::string_view source;
  absl::string_view target;
  LanguageFields fields;
};

// The model that translates, and the languages as it names them; empty: its
// default.
struct Leg {
  std::string model;
  std::string source;
  std::string target;
};
// Of two in a row the last, and the one before it: from the source that is
// asked for into the source of the last.
struct Route : Leg {
  std::optional<Leg> first;

  const Leg& begin() const { return first.has_value() ? *first : *this; }
};

// Of "en/de=NAME".
absl::StatusOr<PreferredModel> ParsePreferredModel(absl::string_view text);

// From which languages into which the models of a server translate. Immutable,
// so that requests share it.
class Routes {
 public:
  Routes(std::vector<ModelLanguages> models, RouteOptions options);

  // The model of the pair. Among several: the one that `options` prefer, then
  // the one whose languages match more closely, then one that has no other
  // pair, then the first by name. Where there is none, two in a row, by the
  // first language of `options.pivots` that has both. A model that is named, or
  // the only one, may leave languages to its defaults. INVALID_ARGUMENT names
  // the field and the nearest languages. The named model must be one of these.
  absl::StatusOr<Route> Find(const RouteQuery& query) const;

  // Whether the source has to be detected before Find can be answered.
  bool NeedsSource(const RouteQuery& query) const;

  // Sources from which the query's target is reached.
  LanguageList SourcesOf(const RouteQuery& query) const;
  LanguageList AllSources() const;

  // All languages, once each under its tag, sorted; and for each the indices of
  // those it is translated into. `model` empty: of all models.
  struct Language {
    LanguageTag tag;
    std::vector<int> targets;
    std::vector<int> pivot_targets;  // of these, by two models
    bool is_target = false;
  };
  std::vector<Language> List(absl::string_view model) const;

  const RouteOptions& options() const { return options_; }

 private:
  struct Model {
    ModelLanguages languages;
    LanguageList sources;
    LanguageList targets;
  };

  struct Pair {
    const LanguageList::Entry* source = nullptr;
    const LanguageList::Entry* target = nullptr;
  };

  const Model* FindModel(absl::string_view name) const;
  absl::StatusOr<Route> FindInModel(const Model& model,
                                    const RouteQuery& query) const;
  absl::StatusOr<Route> FindAmongAll(const RouteQuery& query) const;
  std::optional<Leg> FindDirect(const RouteQuery& query) const;
  std::optional<Route> FindPivot(const RouteQuery& query) const;
  std::vector<LanguageTag> FindPivots() const;
  std::vector<Pair> PairsOf(const Model& model, const RouteQuery& query) const;
  int Rank(const Model& model, const Pair& pair, const RouteQuery& query) const;
  absl::Status ExplainNone(const RouteQuery& query) const;

  std::vector<Model> models_;  // by name
  RouteOptions options_;
  std::vector<LanguageTag> pivots_;  // the first to try first
  size_t num_sources_ = 0;           // of all models
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_LANGUAGES_ROUTES_H_
