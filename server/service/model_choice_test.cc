#include "server/service/model_choice.h"

#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/testing/fake_backend.h"

namespace peregrine::server {
namespace {

using ::testing::HasSubstr;

constexpr char kEnglish[] =
    "The neighbours are painting their kitchen this weekend.";
constexpr char kGerman[] =
    "Am Wochenende streichen die Nachbarn ihre Küche neu.";
constexpr char kFrench[] =
    "Les voisins repeignent leur cuisine en jaune ce week-end.";
constexpr char kNoWords[] = "12 + 30 = 42";

class ModelChoiceTest : public ::testing::Test {
 protected:
  void Serve(const std::vector<std::vector<std::string>>& models,
             RouteOptions options = {}) {
    models_ = std::make_unique<ModelSet>(metrics_, std::move(options));
    for (size_t i = 0; i < models.size(); ++i) {
      FakeBackend::Options fake;
      fake.name = "m" + std::to_string(i);
      for (size_t k = 0; k < models[i].size(); ++k) {
        fake.languages.push_back({models[i][k], static_cast<int32_t>(k)});
      }
      ASSERT_TRUE(
          models_->Add(std::make_unique<FakeBackend>(fake), ModelOptions())
              .ok());
    }
  }

  // "model source target", with the sources of texts where they were detected;
  // and of each further choice, with its texts.
  std::string Choose(const RequestHead& head,
                     std::vector<absl::string_view> texts = {}) {
    const auto choices = ChooseModels(*models_, head, texts);
    if (!choices.ok()) return std::string(choices.status().message());
    std::vector<std::string> all;
    for (const ModelChoice& choice : *choices) {
      std::string told;
      if (choice.first != nullptr) {
        told = Tell(choice.first, choice.first_languages) + ", ";
      }
      told += Tell(choice.model, choice.languages);
      if (choices->size() > 1) {
        told += ": " + absl::StrJoin(choice.texts, ",");
      }
      all.push_back(std::move(told));
    }
    return absl::StrJoin(all, "; ");
  }

  static std::string Tell(const ServedModelPtr& model,
                          const ChosenLanguages& languages) {
    std::string told = model == nullptr ? "nobody" : model->info().name;
    for (const DetectedSource& source : languages.detected) {
      told += " " + source.language + (source.is_default ? "!" : "");
    }
    if (languages.detected.empty()) told += " " + languages.source;
    return told + " " + languages.target;
  }

  static RequestHead Head(const char* source, const char* target,
                          const char* model = "") {
    RequestHead head;
    head.model = model;
    head.source_language = source;
    head.target_language = target;
    return head;
  }

  Metrics metrics_;
  std::unique_ptr<ModelSet> models_;
};

TEST_F(ModelChoiceTest, ByLanguages) {
  Serve({{"eng_Latn", "deu_Latn"}, {"fra_Latn", "rus_Cyrl"}});
  EXPECT_EQ(Choose(Head("en", "de-AT")), "m0 eng_Latn deu_Latn");
  EXPECT_EQ(Choose(Head("ru", "fr")), "m1 rus_Cyrl fra_Latn");
  EXPECT_THAT(Choose(Head("ru", "de")), HasSubstr("target_language: "));
  EXPECT_EQ(Choose(Head("", "", "m0")), "m0  ");
  EXPECT_EQ(Choose(Head("", "de", "m0")), "m0  deu_Latn");
  EXPECT_THAT(Choose(Head("fr", "de", "m0")),
              HasSubstr("source_language: found \"fr\" (French)"));
  EXPECT_THAT(Choose(Head("", "", "m7")), HasSubstr("m0, m1"));
  EXPECT_THAT(Choose(Head("", "")), HasSubstr("model: found nothing"));
}

TEST_F(ModelChoiceTest, DetectsWhatIsNotNamed) {
  Serve({{"eng_Latn", "deu_Latn"}, {"fra_Latn", "deu_Latn"}});
  EXPECT_EQ(Choose(Head("", "de"), {kEnglish}), "m0 eng_Latn deu_Latn");
  EXPECT_EQ(Choose(Head("", "de"), {kFrench}), "m1 fra_Latn deu_Latn");
  EXPECT_EQ(Choose(Head("auto", "en", "m0"), {kGerman}),
            "m0 deu_Latn eng_Latn");
  EXPECT_EQ(Choose(Head("", "de", "m0"), {kEnglish}), "m0  deu_Latn");
}

TEST_F(ModelChoiceTest, EachTextGoesItsOwnWay) {
  Serve({{"eng_Latn", "deu_Latn"},
         {"fra_Latn", "deu_Latn", "rus_Cyrl"},
         {"fra_Latn", "eng_Latn", "rus_Cyrl"}});
  EXPECT_EQ(Choose(Head("auto", "de"), {kFrench, kEnglish, kFrench, kNoWords}),
            "m1 fra_Latn fra_Latn fra_Latn! deu_Latn: 0,2,3; "
            "m0 eng_Latn deu_Latn: 1");
  // A text goes where it would go alone.
  EXPECT_EQ(Choose(Head("auto", "ru"), {kFrench, kEnglish}),
            "m1 fra_Latn rus_Cyrl: 0; m2 eng_Latn rus_Cyrl: 1");
  EXPECT_EQ(Choose(Head("auto", "ru", "m2"), {kFrench, kEnglish}),
            "m2 fra_Latn eng_Latn rus_Cyrl");
}

TEST_F(ModelChoiceTest, WhatIsInTheTargetAlreadyStays) {
  Serve({{"eng_Latn", "deu_Latn"}, {"fra_Latn", "deu_Latn"}});
  EXPECT_EQ(Choose(Head("auto", "de-AT"), {kGerman}), "nobody de-AT de-AT");
  EXPECT_EQ(Choose(Head("auto", "de"), {kGerman, kFrench, kNoWords, kGerman}),
            "nobody de de de: 0,3; m1 fra_Latn fra_Latn! deu_Latn: 1,2");
  EXPECT_EQ(Choose(Head("auto", "deu", "m0"), {kGerman, kEnglish}),
            "nobody de de: 0; m0 eng_Latn deu_Latn: 1");
  // Who names the source means it.
  EXPECT_EQ(Choose(Head("en", "de"), {kGerman}), "m0 eng_Latn deu_Latn");
}

TEST_F(ModelChoiceTest, TwoModelsInARow) {
  Serve({{"eng_Latn", "deu_Latn"}, {"eng_Latn", "fra_Latn", "rus_Cyrl"}});
  EXPECT_EQ(Choose(Head("fr", "de")),
            "m1 fra_Latn eng_Latn, m0 eng_Latn deu_Latn");
  EXPECT_EQ(Choose(Head("auto", "de"), {kFrench}),
            "m1 fra_Latn eng_Latn, m0 eng_Latn deu_Latn");
  EXPECT_EQ(Choose(Head("auto", "de"), {kEnglish}), "m0 eng_Latn deu_Latn");
  EXPECT_EQ(Choose(Head("auto", "de"), {kFrench, kEnglish}),
            "m1 fra_Latn eng_Latn, m0 eng_Latn deu_Latn: 0; "
            "m0 eng_Latn deu_Latn: 1");
  // Who names a model means that one.
  EXPECT_THAT(Choose(Head("fr", "de", "m0")), HasSubstr("source_language"));
}

TEST_F(ModelChoiceTest, UnsureTextsTakeTheDefault) {
  const std::vector<std::vector<std::string>> models = {
      {"eng_Latn", "deu_Latn"}, {"fra_Latn", "deu_Latn"}};
  Serve(models);
  EXPECT_THAT(Choose(Head("", "de"), {"ภาษาไทยเป็นภาษาที่สวยงาม"}),
              HasSubstr("--default-source-language"));
  // What has no letters needs no language.
  EXPECT_EQ(Choose(Head("", "de"), {kNoWords}), "m0 eng_Latn! deu_Latn");
  EXPECT_EQ(Choose(Head("", "de"), {"", kFrench}),
            "m1 fra_Latn! fra_Latn deu_Latn");
  EXPECT_THAT(Choose(Head("", "xx"), {kEnglish}),
              HasSubstr("target_language: found \"xx\""));
  RouteOptions options;
  options.default_source = "fr";
  Serve(models, options);
  EXPECT_EQ(Choose(Head("", "de"), {kNoWords}), "m1 fra_Latn! deu_Latn");
  EXPECT_EQ(Choose(Head("", "de"), {kEnglish}), "m0 eng_Latn deu_Latn");
}

TEST_F(ModelChoiceTest, RoutesFollowTheModels) {
  Serve({{"eng_Latn", "deu_Latn"}, {"fra_Latn", "deu_Latn"}});
  ASSERT_TRUE(models_->Remove("m1").ok());
  EXPECT_THAT(Choose(Head("fr", "de")), HasSubstr("source_language"));
  EXPECT_EQ(Choose(Head("en", "de")), "m0 eng_Latn deu_Latn");
}

}  // namespace
}  // namespace peregrine::server
