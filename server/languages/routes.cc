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

absl::StatusOr<PreferredModel> ParsePreferredModel(absl::string_view text) {
  PreferredModel preferred;
  const size_t slash = text.find('/');
  const size_t equals = text.find('=');
  if (slash < equals && equals != text.npos) {
    preferred.source = std::string(text.substr(0, slash));
    preferred.target = std::string(text.substr(slash + 1, equals - slash - 1));
    preferred.model = std::string(text.substr(equals + 1));
  }
  if (ParseLanguageTag(preferred.source).has_value() &&
      ParseLanguageTag(preferred.target).has_value() &&
      !preferred.model.empty()) {
    return preferred;
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "found ", text, ", expected SOURCE/TARGET=MODEL, e.g. en/de=en-de-big"));
}

Routes::Routes(std::vector<ModelLanguages> models, RouteOptions options)
    : options_(std::move(options)) {
  for (ModelLanguages& model : models) {
    LanguageList sources(model.sources);
    LanguageList targets(model.targets);
    models_.push_back(
        {std::move(model), std::move(sources), std::move(targets)});
  }
  num_sources_ = AllSources().size();
  pivots_ = FindPivots();
}

// Languages that are translated both from and into, in the order of the
// options.
std::vector<LanguageTag> Routes::FindPivots() const {
  TagSet sources, targets;
  for (const Model& model : models_) {
    sources.AddAll(model.sources);
    targets.AddAll(model.targets);
  }
  std::vector<LanguageTag> pivots;
  const LanguageList all = sources.list();
  const LanguageList into = targets.list();
  const auto add = [&](const Entry* entry) {
    if (entry == nullptr || into.Find(entry->tag.text) == nullptr) return;
    for (const LanguageTag& known : pivots) {
      if (known.text == entry->tag.text) return;
    }
    pivots.push_back(entry->tag);
  };
  for (const std::string& wanted : options_.pivots) {
    if (wanted != kAnyPivot) {
      add(all.Find(wanted));
      continue;
    }
    for (const Entry& entry : all.entries()) add(&entry);
  }
  return pivots;
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
  Route route;
  route.model = model.languages.model;
  route.source = std::string(query.source);
  route.target = std::string(query.target);
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
  if (std::optional<Leg> leg = FindDirect(query)) {
    return Route{*std::move(leg), std::nullopt};
  }
  if (std::optional<Route> route = FindPivot(query)) return *std::move(route);
  return ExplainNone(query);
}

std::optional<Route> Routes::FindPivot(const RouteQuery& query) const {
  if (query.source.empty() || query.target.empty()) return std::nullopt;
  for (const LanguageTag& pivot : pivots_) {
    RouteQuery first = query;
    first.target = pivot.text;
    RouteQuery last = query;
    last.source = pivot.text;
    std::optional<Leg> first_leg = FindDirect(first);
    if (!first_leg.has_value()) continue;
    std::optional<Leg> last_leg = FindDirect(last);
    if (!last_leg.has_value()) continue;
    // Never there and back again.
    const Entry* source =
        FindModel(first_leg->model)->sources.Find(query.source);
    const Entry* target =
        FindModel(last_leg->model)->targets.Find(query.target);
    if (source->tag.text == target->tag.text) return std::nullopt;
    return Route{*std::move(last_leg), std::move(first_leg)};
  }
  return std::nullopt;
}

std::optional<Leg> Routes::FindDirect(const RouteQuery& query) const {
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
  if (best == nullptr || !is_unique) return std::nullopt;
  return Leg{best->languages.model, best_pair.source->code,
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
  const LanguageList direct = reached.list();
  for (const LanguageTag& pivot : pivots_) {
    if (direct.Find(pivot.text) == nullptr) continue;
    for (const Model& model : models_) {
      if (model.sources.Find(pivot.text) == nullptr) continue;
      reached.AddAll(model.targets, model.targets.Find(query.source));
    }
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
  return !query.target.empty() && SourcesOf(query).size() > 1;
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
  if (only != nullptr || query.target.empty()) return sources.list();
  const LanguageList direct = sources.list();
  size_t most = num_sources_;
  for (const Model& model : models_) {
    if (model.sources.Find(query.target) == nullptr) continue;
    --most;  // the target itself
    break;
  }
  for (const LanguageTag& pivot : pivots_) {
    if (sources.size() >= most) break;
    if (direct.Find(pivot.text) == nullptr) continue;
    for (const Model& model : models_) {
      const Entry* between = model.targets.Find(pivot.text);
      if (between == nullptr) continue;
      const Entry* target = model.sources.Find(query.target);
      for (const Entry& entry : model.sources.entries()) {
        if (&entry != target && entry.tag.text != between->tag.text) {
          sources.Add(entry.tag);
        }
      }
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
    languages.push_back({entry.tag, {}, {}, false});
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
    std::set<int> all = targets[i];
    if (model_name.empty()) {
      for (const LanguageTag& pivot : pivots_) {
        if (all.size() + 1 >= languages.size()) break;
        const auto between = places.find(pivot.text);
        if (between == places.end() || targets[i].count(between->second) == 0) {
          continue;
        }
        const std::set<int>& further = targets[between->second];
        all.insert(further.begin(), further.end());
        all.erase(static_cast<int>(i));
      }
    }
    for (int target : all) {
      languages[i].targets.push_back(target);
      if (targets[i].count(target) == 0) {
        languages[i].pivot_targets.push_back(target);
      }
    }
  }
  return languages;
}

}  // namespace peregrine::server
