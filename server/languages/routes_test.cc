#include "server/languages/routes.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace peregrine::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

ModelLanguages Pair(const char* model, const char* source, const char* target) {
  return {model, {source}, {target}, false, true};
}

ModelLanguages Multilingual(const char* model, std::vector<std::string> codes) {
  return {model, codes, codes, true, false};
}

Routes Several(RouteOptions options = {}) {
  return Routes({Pair("de-en", "de", "en"), Pair("en-de", "en", "de"),
                 Pair("en-pt", "en", "pt-BR"),
                 Multilingual("nllb", {"deu_Latn", "eng_Latn", "por_Latn",
                                       "rus_Cyrl", "zho_Hans"})},
                std::move(options));
}

std::string Found(const Routes& routes, absl::string_view source,
                  absl::string_view target, absl::string_view model = "") {
  RouteQuery query;
  query.model = model;
  query.source = source;
  query.target = target;
  const auto route = routes.Find(query);
  if (!route.ok()) return std::string(route.status().message());
  return route->model + " " + route->source + " " + route->target;
}

TEST(RoutesTest, TheModelOfThePair) {
  const Routes routes = Several();
  const struct {
    const char* source;
    const char* target;
    const char* route;
  } kCases[] = {{"en", "de", "en-de en de"},
                {"EN_us", "deu", "en-de en de"},
                {"eng_Latn", "de-AT", "en-de en de"},
                {"de", "en-GB", "de-en de en"},
                {"en", "pt-BR", "en-pt en pt-BR"},
                {"en", "pt-PT", "en-pt en pt-BR"},
                {"en", "pt", "nllb eng_Latn por_Latn"},  // which is closer
                {"ru", "zh-CN", "nllb rus_Cyrl zho_Hans"},
                {"de", "pt", "nllb deu_Latn por_Latn"}};
  for (const auto& one : kCases) {
    EXPECT_EQ(Found(routes, one.source, one.target), one.route)
        << one.source << " " << one.target;
  }
}

TEST(RoutesTest, PreferredModelsComeFirst) {
  RouteOptions options;
  options.preferred = {{"en", "de", "nllb"}};
  const Routes routes = Several(options);
  EXPECT_EQ(Found(routes, "en", "de"), "nllb eng_Latn deu_Latn");
  EXPECT_EQ(Found(routes, "de", "en"), "de-en de en");
}

TEST(RoutesTest, OfLikeModelsTheFirst) {
  const Routes routes({Pair("a", "en", "de"), Pair("b", "en", "de")}, {});
  EXPECT_EQ(Found(routes, "en", "de"), "a en de");
  EXPECT_EQ(Found(routes, "en", "de", "b"), "b en de");
}

TEST(RoutesTest, OfANamedModelLanguagesMayBeLeftOut) {
  const Routes routes = Several();
  EXPECT_EQ(Found(routes, "", "", "en-de"), "en-de  ");
  EXPECT_EQ(Found(routes, "", "ru", "nllb"), "nllb  rus_Cyrl");
  const Routes one({Pair("en-de", "en", "de")}, {});
  EXPECT_EQ(Found(one, "", ""), "en-de  ");
  EXPECT_EQ(Found(one, "", "DEU"), "en-de  de");
  const Routes unsaid({{"m", {}, {}, false, true}}, {});
  EXPECT_EQ(Found(unsaid, "fr", ""), "m fr ");
}

TEST(RoutesTest, OneLanguageMayBeLeftOutIfTheOtherSaysIt) {
  const Routes routes({Pair("de-en", "de", "en"), Pair("en-de", "en", "de")},
                      {});
  EXPECT_EQ(Found(routes, "de", ""), "de-en de en");
  EXPECT_EQ(Found(routes, "", "de"), "en-de en de");
}

TEST(RoutesTest, WhatIsNotThere) {
  RouteOptions options;
  options.pivots = {};
  const Routes routes({Pair("de-en", "de", "en"), Pair("en-de", "en", "de"),
                       Pair("en-fr", "en", "fr")},
                      options);
  EXPECT_EQ(Found(routes, "sv", "de"),
            "source_language: found \"sv\" (Swedish), expected one of "
            "de (German), en (English)");
  EXPECT_THAT(Found(routes, "sv", "pl"), HasSubstr("(and 1 more)"));
  EXPECT_EQ(Found(routes, "de", "fr"),
            "target_language: found \"fr\", but from de the models translate "
            "into en");
  EXPECT_EQ(Found(routes, "en", ""),
            "target_language: found nothing, but from en the models translate "
            "into de, fr");
  EXPECT_THAT(Found(routes, "en", "en-GB"), HasSubstr("de, fr"));
  EXPECT_THAT(Found(routes, "", ""), HasSubstr("source_language"));
  EXPECT_THAT(Found(routes, "fr", "", "en-de"),
              HasSubstr("expected one of en (English)"));
}

TEST(RoutesTest, FieldsAreThoseOfTheApi) {
  RouteQuery query;
  query.source = "x";
  query.target = "de";
  query.fields = {"model", "source_language_code", "target_language_code"};
  EXPECT_THAT(std::string(Several().Find(query).status().message()),
              HasSubstr("source_language_code: "));
}

TEST(RoutesTest, WhenTheSourceIsToBeDetected) {
  const auto needs = [](const Routes& routes, const char* model,
                        const char* target) {
    RouteQuery query;
    query.model = model;
    query.target = target;
    return routes.NeedsSource(query);
  };
  const Routes routes = Several();
  EXPECT_TRUE(needs(routes, "", "de"));
  EXPECT_TRUE(needs(routes, "nllb", "de"));
  EXPECT_FALSE(needs(routes, "en-de", ""));
  EXPECT_FALSE(needs(routes, "", ""));  // nothing to choose by
  EXPECT_FALSE(needs(Routes({Pair("en-de", "en", "de")}, {}), "", "de"));

  RouteQuery query;
  query.target = "pt-BR";
  std::vector<std::string> sources;
  const LanguageList list = routes.SourcesOf(query);
  for (const LanguageList::Entry& entry : list.entries()) {
    sources.push_back(entry.code);
  }
  EXPECT_THAT(sources, ElementsAre("de", "en", "ru", "zh"));
}

TEST(RoutesTest, ListsAllPairs) {
  const Routes routes({Pair("de-en", "de", "en"), Pair("en-de", "eng", "deu"),
                       Pair("en-fr", "en", "fr")},
                      {});
  const std::vector<Routes::Language> list = routes.List("");
  ASSERT_EQ(list.size(), 3);
  EXPECT_EQ(list[0].tag.text, "de");
  EXPECT_THAT(list[0].targets, ElementsAre(1, 2));
  EXPECT_THAT(list[0].pivot_targets, ElementsAre(2));
  EXPECT_EQ(list[1].tag.text, "en");
  EXPECT_THAT(list[1].targets, ElementsAre(0, 2));
  EXPECT_THAT(list[2].targets, ElementsAre());
  EXPECT_TRUE(list[2].is_target);
  EXPECT_EQ(routes.List("en-fr").size(), 2);
}

std::string FoundBoth(const Routes& routes, absl::string_view source,
                      absl::string_view target) {
  RouteQuery query;
  query.source = source;
  query.target = target;
  const auto route = routes.Find(query);
  if (!route.ok()) return std::string(route.status().message());
  std::string found;
  if (route->first.has_value()) {
    const Leg& first = *route->first;
    found = first.model + " " + first.source + " " + first.target + ", ";
  }
  return found + route->model + " " + route->source + " " + route->target;
}

Routes Chain(RouteOptions options = {}) {
  return Routes({Pair("cs-en", "cs", "en"), Pair("de-fr", "de", "fr"),
                 Pair("en-de", "eng_Latn", "de"), Pair("en-fr", "en", "fr"),
                 Pair("fr-cs", "fr", "cs")},
                std::move(options));
}

TEST(RoutesTest, TwoModelsInARowWhereThereIsNoOne) {
  const Routes routes = Chain();
  EXPECT_EQ(FoundBoth(routes, "en", "fr"), "en-fr en fr");
  EXPECT_EQ(FoundBoth(routes, "CES", "de-AT"),
            "cs-en cs en, en-de eng_Latn de");
  EXPECT_EQ(FoundBoth(routes, "cs", "fr"), "cs-en cs en, en-fr en fr");
  // English does not do here.
  EXPECT_EQ(FoundBoth(routes, "de", "cs"), "de-fr de fr, fr-cs fr cs");
  EXPECT_EQ(FoundBoth(routes, "en", "cs"), "en-fr en fr, fr-cs fr cs");
  // Three in a row are none.
  EXPECT_THAT(FoundBoth(routes, "de", "en"),
              HasSubstr("from de the models translate into cs, fr"));
  EXPECT_THAT(FoundBoth(routes, "en", "en-GB"), HasSubstr("target_language"));
}

TEST(RoutesTest, PivotsAreTriedInTheOrderOfTheOptions) {
  RouteOptions options;
  options.pivots = {"fr", "en"};
  const Routes routes(
      {Pair("a", "de", "en"), Pair("b", "en", "cs"), Pair("c", "de", "fr"),
       Pair("d", "fr", "cs"), Pair("e", "fr", "nl"), Pair("f", "sv", "nl")},
      options);
  EXPECT_EQ(FoundBoth(routes, "de", "cs"), "c de fr, d fr cs");
  options.pivots = {};
  EXPECT_THAT(FoundBoth(Chain(options), "cs", "de"),
              HasSubstr("from cs the models translate into en"));
  options.pivots = {"fr"};
  EXPECT_THAT(FoundBoth(Chain(options), "cs", "de"), HasSubstr("into en"));
  EXPECT_EQ(FoundBoth(Chain(options), "de", "cs"), "de-fr de fr, fr-cs fr cs");
}

TEST(RoutesTest, PivotsAreListedAndDetectedFrom) {
  const Routes routes = Chain();
  std::string listed;
  for (const Routes::Language& language : routes.List("")) {
    listed += language.tag.text + ":";
    for (int target : language.targets) {
      listed += " " + routes.List("")[target].tag.text;
    }
    listed += " (";
    for (int target : language.pivot_targets) {
      listed += " " + routes.List("")[target].tag.text;
    }
    listed += " ) ";
  }
  EXPECT_EQ(listed,
            "cs: de en fr ( de fr ) de: cs fr ( cs ) en: cs de fr ( cs ) "
            "fr: cs en ( en ) ");
  RouteQuery into_german;
  into_german.target = "de";
  std::vector<std::string> sources;
  const LanguageList list = routes.SourcesOf(into_german);
  for (const auto& entry : list.entries()) {
    sources.push_back(entry.tag.text);
  }
  EXPECT_THAT(sources, ElementsAre("cs", "en"));
  EXPECT_TRUE(routes.NeedsSource(into_german));
}

}  // namespace
}  // namespace peregrine::server
