// A model with markers: random weights, which have learnt nothing.

#include "engine/markers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "engine/formats/checkpoint.h"
#include "engine/formats/recognise.h"
#include "engine/text/sentencepiece.h"
#include "engine/text_plan.h"
#include "engine/translation_model.h"
#include "engine/translator.h"

namespace peregrine {
namespace {

using Kind = text::SentencePieceModel::ScoredPiece::Kind;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

const std::vector<std::string> kMarkers = {"<m0>", "<m1>", "<m2>"};
constexpr int32_t kFirstMarker = 4;

// Letters, alone and at the start of words, signs and the markers.
std::shared_ptr<const text::Tokenizer> MakeVocabulary(int size) {
  std::vector<text::SentencePieceModel::ScoredPiece> pieces = {
      {"<unk>", 0, Kind::kUnknown},
      {"<s>", 0, Kind::kControl},
      {"</s>", 0, Kind::kControl},
      {"<pad>", 0, Kind::kControl}};
  for (const std::string& marker : kMarkers) {
    pieces.push_back({marker, 0, Kind::kUserDefined});
  }
  const std::string space = "\u2581";
  pieces.push_back({space, -3, Kind::kNormal});
  for (char c = 'a'; c <= 'z'; ++c) {
    pieces.push_back({std::string(1, c), -3, Kind::kNormal});
    pieces.push_back(
        {absl::StrCat(space, std::string(1, c)), -3, Kind::kNormal});
  }
  for (char c : std::string(".,!?:/-@{}<>0123456789IRS")) {
    pieces.push_back({std::string(1, c), -3, Kind::kNormal});
  }
  while (pieces.size() < static_cast<size_t>(size)) {
    pieces.push_back({absl::StrCat("q", std::string(pieces.size() % 80, 'q')),
                      -9, Kind::kNormal});
  }
  auto made = text::SentencePieceModel::FromScores(
      pieces, /*byte_fallback=*/false, /*charsmap=*/"", "test");
  EXPECT_TRUE(made.ok()) << made.status();
  return *std::move(made);
}

formats::Checkpoint MakeCheckpoint() {
  formats::Checkpoint checkpoint = *formats::OpenCheckpoint(
      PEREGRINE_SOURCE_DIR "/tests/golden/learned-gelu");
  checkpoint.source_tokenizer =
      MakeVocabulary(checkpoint.config.architecture.source_vocab_size);
  checkpoint.target_tokenizer = checkpoint.source_tokenizer;
  checkpoint.config.source_language = "en";
  checkpoint.config.target_language = "de";
  checkpoint.markers = kMarkers;
  return checkpoint;
}

const TranslationModel& Model() {
  static const TranslationModel* const model = [] {
    auto loaded = TranslationModel::Create(MakeCheckpoint(), "test",
                                           kernels::Device::kCpu,
                                           kernels::Precision::kFloat32);
    EXPECT_TRUE(loaded.ok()) << loaded.status();
    return loaded->release();
  }();
  return *model;
}

int Count(absl::string_view text, absl::string_view part) {
  const std::vector<absl::string_view> parts =
      absl::StrSplit(text, std::string(part));
  return static_cast<int>(parts.size()) - 1;
}

using Steer = std::function<void(decode::DecodingOptions&)>;

struct Outcome {
  decode::DecodingOptions options;  // of the search
  std::vector<decode::Hypothesis> hypotheses;
  TextTranslation translation;
};

// Of a text of one sentence.
Outcome Translate(const std::string& text, const Steer& steer = {}) {
  document::DocumentOptions document;
  document.single_sentence = true;
  const TextPlan plan = TextPlan::Make(Model(), text, document);
  EXPECT_THAT(plan.sentences(), SizeIs(1));
  const std::vector<int32_t>& tokens = plan.sentences()[0];
  Outcome outcome;
  outcome.options = Model().DefaultOptions(static_cast<int>(tokens.size()));
  outcome.options.align = plan.NeedsAlignment(0);
  if (steer) steer(outcome.options);
  plan.DemandMarkers(Model(), 0, &outcome.options);
  const auto translator = Translator::Create(Model(), {});
  EXPECT_TRUE(translator.ok()) << translator.status();
  auto outputs = (*translator)->Decode({{0, tokens, outcome.options}});
  EXPECT_TRUE(outputs.ok()) << outputs.status();
  EXPECT_TRUE((*outputs)[0].status.ok()) << (*outputs)[0].status;
  outcome.hypotheses = std::move((*outputs)[0].hypotheses);
  outcome.translation = plan.Assemble(Model(), {outcome.hypotheses});
  return outcome;
}

// How often each marker stands in the tokens.
std::vector<int> Markers(const decode::Hypothesis& hypothesis) {
  std::vector<int> counts;
  for (size_t i = 0; i < kMarkers.size(); ++i) {
    counts.push_back(static_cast<int>(
        std::count(hypothesis.tokens.begin(), hypothesis.tokens.end(),
                   kFirstMarker + static_cast<int32_t>(i))));
  }
  return counts;
}

const char kText[] = "see https://a.org/b or ask jo@a.org for it.";

void ExpectSpansSurvive(const Outcome& outcome) {
  for (const TextHypothesis& hypothesis : outcome.translation.hypotheses) {
    EXPECT_EQ(Count(hypothesis.text, "https://a.org/b"), 1) << hypothesis.text;
    EXPECT_EQ(Count(hypothesis.text, "jo@a.org"), 1) << hypothesis.text;
    for (const std::string& marker : kMarkers) {
      EXPECT_THAT(hypothesis.text, Not(HasSubstr(marker)));
    }
  }
  EXPECT_THAT(outcome.translation.lost, IsEmpty());
}

TEST(MarkersTest, ASearchHoldsEachThatIsShownOnce) {
  for (int beam_size : {1, 2, 4}) {
    const Outcome outcome = Translate(kText, [&](auto& options) {
      options.beam_size = options.num_hypotheses = beam_size;
    });
    EXPECT_THAT(
        outcome.options.steering.must_contain,
        ElementsAre(ElementsAre(kFirstMarker), ElementsAre(kFirstMarker + 1)));
    ASSERT_THAT(outcome.hypotheses, SizeIs(beam_size));
    for (const decode::Hypothesis& hypothesis : outcome.hypotheses) {
      const std::vector<int> counts = Markers(hypothesis);
      EXPECT_EQ(counts[0], 1);
      EXPECT_EQ(counts[1], 1);
    }
    ExpectSpansSurvive(outcome);
  }
}

TEST(MarkersTest, EverySpanSurvivesARandomModel) {
  const std::vector<std::string> spans = {"https://a.org/b?c=1",
                                          "jo@a.org",
                                          "{name}",
                                          "%1$s",
                                          "/etc/hosts",
                                          "😀",
                                          "日本",
                                          "`a b`",
                                          "<m1>",
                                          "1.2.3"};
  const std::vector<std::string> words = {"see",  "the", "house", "is",
                                          "old,", "or",  "not"};
  std::mt19937 random(7);
  for (int i = 0; i < 200; ++i) {
    std::vector<std::string> text = {"it"};
    std::vector<std::string> inserted;
    for (int n = 0; n < 8; ++n) {
      if (random() % 3 == 0) {
        inserted.push_back(spans[random() % spans.size()]);
        text.push_back(inserted.back());
      }
      text.push_back(words[random() % words.size()]);
    }
    const std::string source = absl::StrJoin(text, " ");
    const Outcome outcome = Translate(source);
    const std::string& target = outcome.translation.hypotheses[0].text;
    EXPECT_THAT(outcome.translation.lost, IsEmpty()) << source;
    for (const std::string& span : inserted) {
      EXPECT_EQ(Count(target, span), Count(source, span))
          << source << " -> " << target;
    }
  }
}

TEST(MarkersTest, SpansThatAreMoreAreSetAside) {
  const Outcome outcome =
      Translate("{a} is {b} and {c} or {d} but not {e} again");
  EXPECT_THAT(outcome.options.steering.must_contain, SizeIs(3));
  for (const char* span : {"{a}", "{b}", "{c}", "{d}", "{e}"}) {
    EXPECT_EQ(Count(outcome.translation.hypotheses[0].text, span), 1);
  }
}

TEST(MarkersTest, TheirTextBecomesNone) {
  document::DocumentOptions options;
  options.kinds = document::SpanKinds::None();
  options.marks_spans = false;
  for (const char* text : {"a <m0> b", "A <M0> IS HERE", "<m0> or <m1> it"}) {
    const TextPlan plan = TextPlan::Make(Model(), text, options);
    for (const std::vector<int32_t>& tokens : plan.sentences()) {
      for (size_t i = 0; i < kMarkers.size(); ++i) {
        EXPECT_THAT(tokens, Not(testing::Contains(kFirstMarker +
                                                  static_cast<int32_t>(i))));
      }
    }
  }
  const Outcome outcome = Translate("the text <m0> is like {x} here");
  const std::string& target = outcome.translation.hypotheses[0].text;
  EXPECT_EQ(Count(target, "<m0>"), 1) << target;
  EXPECT_EQ(Count(target, "{x}"), 1) << target;
}

TEST(MarkersTest, WhatTheModelWritesOfItsOwnIsDropped) {
  const TextPlan plan = TextPlan::Make(Model(), "a b", false);
  EXPECT_EQ(plan.SetAsideIn(0, "the <m1>"), "<m1>") << "it cannot be demanded";
  EXPECT_EQ(plan.SetAsideIn(0, "the m1"), "");
  decode::Hypothesis hypothesis;
  hypothesis.tokens = Model().target_tokenizer()->Encode("<m2> a <m0> b <m1>");
  EXPECT_EQ(plan.Assemble(Model(), {{hypothesis}}).hypotheses[0].text, "a b");
  hypothesis.tokens = {kFirstMarker};
  EXPECT_TRUE(plan.Assemble(Model(), {{hypothesis}}).empty);
}

// What a caller demands goes first; spans survive all the same.
struct Clash {
  const char* name;
  Steer steer;
  bool demands_markers;
};

class ClashTest : public testing::TestWithParam<Clash> {};

TEST_P(ClashTest, SpansSurvive) {
  const Outcome outcome = Translate(kText, GetParam().steer);
  const bool demands = std::count(outcome.options.steering.must_contain.begin(),
                                  outcome.options.steering.must_contain.end(),
                                  std::vector<int32_t>{kFirstMarker}) == 1;
  EXPECT_EQ(demands, GetParam().demands_markers);
  ExpectSpansSurvive(outcome);
}

constexpr int32_t kLetter = kFirstMarker + 4;

const Clash kClashes[] = {
    {"Nothing", [](auto&) {}, true},
    {"Sampling",
     [](auto& options) { options.steering.sampling = decode::Sampling{}; },
     false},
    {"Alternatives",
     [](auto& options) {
       options.beam_size = options.num_hypotheses = 3;
       options.steering.alternatives = true;
     },
     false},
    {"BeamGroups",
     [](auto& options) {
       options.beam_size = options.num_hypotheses = 4;
       options.steering.beam_groups = 2;
     },
     false},
    {"MustContain",
     [](auto& options) { options.steering.must_contain = {{kLetter}}; }, false},
    {"MustNotContain",
     [](auto& options) { options.steering.must_not_contain = {{kLetter}}; },
     true},
    {"MustNotContainAMarker",
     [](auto& options) {
       options.steering.must_not_contain = {{kFirstMarker}};
     },
     false},
    {"NoRepeatedToken",
     [](auto& options) { options.steering.no_repeat_ngram_size = 1; }, true},
    {"RepetitionPenalty",
     [](auto& options) { options.steering.repetition_penalty = 5.0f; }, true},
    {"NotFirst",
     [](auto& options) { options.steering.not_first = {kFirstMarker}; }, true},
    {"MinLength", [](auto& options) { options.min_length = 20; }, true},
    {"MaxLengthOfTheMarkers", [](auto& options) { options.max_length = 2; },
     true},
    {"MaxLengthOfLess", [](auto& options) { options.max_length = 1; }, false},
};

INSTANTIATE_TEST_SUITE_P(MarkersTest, ClashTest, testing::ValuesIn(kClashes),
                         [](const auto& test) {
                           return std::string(test.param.name);
                         });

std::string ErrorOf(const std::function<void(formats::Checkpoint&)>& change) {
  formats::Checkpoint checkpoint = MakeCheckpoint();
  change(checkpoint);
  const auto model = TranslationModel::Create(std::move(checkpoint), "dir",
                                              kernels::Device::kCpu,
                                              kernels::Precision::kFloat32);
  EXPECT_EQ(model.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(model.status().message());
}

TEST(MarkersTest, NamesWhatIsWrong) {
  const auto with = [](const std::vector<std::string>& markers) {
    return ErrorOf([&](auto& checkpoint) { checkpoint.markers = markers; });
  };
  EXPECT_EQ(with({"<m0>", "<m9>"}),
            "dir/config.json: markers: found '<m9>', expected a piece of the "
            "source vocabulary");
  EXPECT_THAT(with({"</s>"}), HasSubstr("found '</s>', a special token"));
  EXPECT_THAT(with({"a"}), HasSubstr("neither begins nor ends with a letter"));
  EXPECT_THAT(with({"\u2581"}), HasSubstr("markers: found '\u2581'"));
  EXPECT_THAT(with({"<m0>", ">"}), HasSubstr("'>', expected one that is no "
                                             "part of '<m0>'"));
  EXPECT_THAT(ErrorOf([](auto& checkpoint) {
                checkpoint.config.decoding.suppressed_tokens = {kFirstMarker};
              }),
              HasSubstr("found '<m0>' among decoding.suppressed_tokens"));
  EXPECT_THAT(
      ErrorOf([](auto& checkpoint) { checkpoint.source_tokenizer = nullptr; }),
      HasSubstr("found some, expected none where there is no "
                "tokenizer"));
}

}  // namespace
}  // namespace peregrine
