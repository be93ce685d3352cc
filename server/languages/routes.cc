#include "server/languages/routes.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/model/languages.h"
#include "server/errors.h"

namespace peregrine::server {
namespace {

constexpr size_t kMaxListed = 12;

absl::Status Refuse(const char* field, std::string why) {
  return InvalidFieldsError({{field, std::move(why)}});
}

using Entry = LanguageList::Entry;

// Languages once each, under their tags.
class TagSet {
 public:
  void Add(const LanguageTag& tag) { tags_.emplace(tag.text, tag); }
  void AddAll(const LanguageList& list, const Entry* except = nullptr) {
    for (const Entry& entry : list.entries()) {
      if (except == nullptr || entry.tag.text != except->tag.text) {
        Add(entry.tag);
      }
    }
  }
  size_t size() const { return tags_.size(); }
  LanguageList list() const {
    std::vector<Entry> entries;
    for (const auto& [text, tag] : tags_) entries.push_back({text, tag});
    return LanguageList(std::move(entries));
  }
  std::string Listed() const {
    std::vector<std::string> names;
    for (const auto& [text, tag] : tags_) names.push_back(text);
    if (names.size() <= kMaxListed) return absl::StrJoin(names, ", ");
    names.resize(kMaxListed);
    return absl::StrCat(absl::StrJoin(names, ", "), ", ... (", tags_.size(),
                        " in all)");
  }

 private:
  std::map<std::string, LanguageTag> tags_;
};

}  // namespace

Routes::Routes(std::vector<ModelLanguages> models, RouteOptions options)
    : options_(std::move(options)) {
  for (ModelLanguages& model : models) {
    LanguageList sources(model.sources);
    LanguageList targets(model.targets);
    models_.push_back(
        {std::move(model), std::move(sources), std::move(targets)});
  }
}

const Routes::Model* Routes::FindModel(absl::string_view name) const {
  if (name.empty() && models_.size() == 1) return &models_[0];
  for (const Model& model : models_) {
    if (model.languages.model == name) return &model;
  }
  return nullptr;
}

absl::StatusOr<Route> Routes::Find(const RouteQuery& query) const {
  const Model* model = FindModel(query.model);
  return model != nullptr ? FindInModel(*model, query) : FindAmongAll(query);
}

absl::StatusOr<Route> Routes::FindInModel(const Model& model,
                                          const RouteQuery& query) const {
  Route route = {model.languages.model, std::string(query.source),
                 std::string(query.target)};
  std::vector<FieldViolation> violations;
  const auto choose = [&](const LanguageList& list, const char* field,
                          std::string& name) {
    if (name.empty() || list.empty()) return;  // the model says what it thinks
    const Entry* entry = list.Find(name);
    if (entry == nullptr) {
      violations.push_back({field, list.DescribeUnknown(name)});
    } else {
      name = entry->code;
    }
  };
  choose(model.sources, query.fields.source, route.source);
  choose(model.targets, query.fields.target, route.target);
  if (!violations.empty()) return InvalidFieldsError(violations);
  return route;
}

// The larger the better.
int Routes::Rank(const Model& model, const Pair& pair,
                 const RouteQuery& query) const {
  int rank = !model.languages.is_multilingual;
  rank += 2 * model::IsSameLanguage(pair.source->tag.text, query.source);
  rank += 2 * model::IsSameLanguage(pair.target->tag.text, query.target);
  for (const PreferredModel& preferred : options_.preferred) {
    if (preferred.model == model.languages.model &&
        model.sources.Find(preferred.source) == pair.source &&
        model.targets.Find(preferred.target) == pair.target) {
      rank += 8;
    }
  }
  return rank;
}

absl::StatusOr<Route> Routes::FindAmongAll(const RouteQuery& query) const {
  const Model* best = nullptr;
  Pair best_pair;
  int best_rank = -1;
  TagSet sources, targets;  // of the pairs that the query may mean
  for (const Model& model : models_) {
    for (const Pair& pair : PairsOf(model, query)) {
      sources.Add(pair.source->tag);
      targets.Add(pair.target->tag);
      const int rank = Rank(model, pair, query);
      if (rank <= best_rank) continue;
      best = &model;
      best_pair = pair;
      best_rank = rank;
    }
  }
  const bool is_unique = (!query.source.empty() || sources.size() == 1) &&
                         (!query.target.empty() || targets.size() == 1);
  if (best == nullptr || !is_unique) return ExplainNone(query);
  return Route{best->languages.model, best_pair.source->code,
               best_pair.target->code};
}

std::vector<Routes::Pair> Routes::PairsOf(const Model& model,
                                          const RouteQuery& query) const {
  // As few as the query leaves open.
  const auto choose = [](const LanguageList& list, absl::string_view name) {
    std::vector<const Entry*> chosen;
    if (name.empty()) {
      for (const Entry& entry : list.entries()) chosen.push_back(&entry);
    } else if (const Entry* entry = list.Find(name); entry != nullptr) {
      chosen.push_back(entry);
    }
    return chosen;
  };
  std::vector<Pair> pairs;
  const std::vector<const Entry*> targets = choose(model.targets, query.target);
  if (targets.empty()) return pairs;
  for (const Entry* source : choose(model.sources, query.source)) {
    for (const Entry* target : targets) {
      if (source->tag.text != target->tag.text) {
        pairs.push_back({source, target});
      }
    }
  }
  return pairs;
}

absl::Status Routes::ExplainNone(const RouteQuery& query) const {
  TagSet sources, targets, reached;
  for (const Model& model : models_) {
    sources.AddAll(model.sources);
    targets.AddAll(model.targets);
    const Entry* source = model.sources.Find(query.source);
    if (source != nullptr) reached.AddAll(model.targets, source);
  }
  const LanguageFields& fields = query.fields;
  std::vector<FieldViolation> violations;
  const auto check = [&](const TagSet& tags, const char* field,
                         absl::string_view name) {
    if (name.empty()) return;
    const LanguageList list = tags.list();
    if (list.Find(name) == nullptr) {
      violations.push_back({field, list.DescribeUnknown(name)});
    }
  };
  check(sources, fields.source, query.source);
  check(targets, fields.target, query.target);
  if (!violations.empty()) return InvalidFieldsError(violations);
  if (query.source.empty()) {
    return Refuse(fields.source,
                  absl::StrCat("found nothing, needed where the models "
                               "translate from several languages: ",
                               sources.Listed()));
  }
  return Refuse(
      fields.target,
      absl::StrCat("found ",
                   query.target.empty() ? "nothing" : Quoted(query.target),
                   ", but from ", std::string(query.source),
                   " the models translate into ", reached.Listed()));
}

bool Routes::NeedsSource(const RouteQuery& query) const {
  if (!query.source.empty()) return false;
  const Model* model = FindModel(query.model);
  if (model != nullptr) {
    return model->languages.is_multilingual &&
           !model->languages.has_default_source;
  }
  return !query.target.empty() && SourcesOf(query).entries().size() > 1;
}

LanguageList Routes::SourcesOf(const RouteQuery& query) const {
  const Model* only = FindModel(query.model);
  TagSet sources;
  for (const Model& model : models_) {
    if (only != nullptr && only != &model) continue;
    const Entry* target = model.targets.Find(query.target);
    if (query.target.empty() || target != nullptr) {
      sources.AddAll(model.sources, target);
    }
  }
  return sources.list();
}

LanguageList Routes::AllSources() const {
  TagSet sources;
  for (const Model& model : models_) sources.AddAll(model.sources);
  return sources.list();
}

std::vector<Routes::Language> Routes::List(absl::string_view model_name) const {
  TagSet tags;
  for (const Model& model : models_) {
    if (!model_name.empty() && model.languages.model != model_name) continue;
    tags.AddAll(model.sources);
    tags.AddAll(model.targets);
  }
  std::vector<Language> languages;
  std::map<absl::string_view, int> places;
  const LanguageList list = tags.list();
  for (const Entry& entry : list.entries()) {
    places.emplace(entry.tag.text, static_cast<int>(languages.size()));
    languages.push_back({entry.tag, {}, false});
  }
  std::vector<std::set<int>> targets(languages.size());
  for (const Model& model : models_) {
    if (!model_name.empty() && model.languages.model != model_name) continue;
    std::vector<int> of_model;
    for (const Entry& entry : model.targets.entries()) {
      of_model.push_back(places.at(entry.tag.text));
      languages[of_model.back()].is_target = true;
    }
    for (const Entry& entry : model.sources.entries()) {
      const int source = places.at(entry.tag.text);
      targets[source].insert(of_model.begin(), of_model.end());
      targets[source].erase(source);
    }
  }
  for (size_t i = 0; i < languages.size(); ++i) {
    languages[i].targets.assign(targets[i].begin(), targets[i].end());
  }
  return languages;
}

}  // namespace peregrine::server
