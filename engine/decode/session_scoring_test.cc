// A translation that is given gets the numbers that a search gives to what it
// finds, beside any others.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "engine/decode/decode_all.h"
#include "engine/decode/session_fixture.h"

namespace peregrine::decode {
namespace {

using testing::HasSubstr;

int Pick(std::mt19937& random, int min, int max) {
  return std::uniform_int_distribution<int>(min, max)(random);
}

std::vector<int32_t> RandomTokens(std::mt19937& random, int min, int max) {
  std::vector<int32_t> tokens(Pick(random, min, max));
  for (int32_t& token : tokens) token = Pick(random, 4, kVocabSize - 1);
  return tokens;
}

std::map<uint64_t, SentenceOutput> RunAll(
    Session& session, const std::vector<SentenceInput>& sentences) {
  for (const SentenceInput& sentence : sentences) {
    const absl::Status valid = session.Validate(sentence);
    EXPECT_TRUE(valid.ok()) << valid;
  }
  std::map<uint64_t, SentenceOutput> outputs;
  const absl::Status status = DecodeAll(
      session, sentences,
      [&](SentenceOutput output) { outputs[output.id] = std::move(output); });
  EXPECT_TRUE(status.ok()) << status;
  return outputs;
}

class SessionScoringTest : public testing::TestWithParam<Computation> {
 protected:
  static int FewOr(int count) {
    return GetParam().emulated ? std::min(3, count) : count;
  }

  // To be searched for.
  SentenceInput RandomSearch(uint64_t id) {
    const int length = GetParam().emulated ? 6 : 30;
    SentenceInput sentence;
    sentence.id = id;
    sentence.source = RandomTokens(random_, 1, length);
    sentence.options.beam_size = Pick(random_, 1, 4);
    sentence.options.num_hypotheses = sentence.options.beam_size;
    sentence.options.max_length = length;
    // One that cuts counts the end symbol of none that it has cut.
    sentence.options.rules.length_limit = model::LengthLimit::kEos;
    sentence.options.align = true;
    return sentence;
  }

  SentenceInput Given(uint64_t id, const SentenceInput& search,
                      std::vector<int32_t> target, int max_rows) {
    SentenceInput given = search;
    given.id = id;
    given.options = ScoringOptions(search.options, target.size(), max_rows);
    given.target = std::move(target);
    return given;
  }

  std::mt19937 random_{11};
  Engine engine_{GetParam(), SmallShortlist(3)};
};

TEST_P(SessionScoringTest, WhatASearchFoundHasItsNumbers) {
  auto session = engine_.NewSession();
  for (int id = 0; id < FewOr(30); ++id) {
    SentenceInput sentence = RandomSearch(id);
    sentence.options.use_shortlist = false;
    const SentenceOutput found = RunAll(*session, {sentence}).at(id);
    for (const Hypothesis& hypothesis : found.hypotheses) {
      const SentenceInput given =
          Given(id, sentence, hypothesis.tokens, Pick(random_, 1, 64));
      const SentenceOutput scored = RunAll(*session, {given}).at(id);
      ASSERT_EQ(scored.hypotheses.size(), 1u) << scored.status;
      const Hypothesis& same = scored.hypotheses[0];
      EXPECT_EQ(same.tokens, hypothesis.tokens);
      ASSERT_EQ(same.token_scores.size(), hypothesis.token_scores.size());
      for (size_t i = 0; i < same.token_scores.size(); ++i) {
        // The search's are differences of sums in float64.
        EXPECT_NEAR(same.token_scores[i], hypothesis.token_scores[i], 1e-12);
      }
      EXPECT_NEAR(same.score, hypothesis.score, 1e-6);
      EXPECT_EQ(same.alignment, hypothesis.alignment);
    }
  }
}

TEST_P(SessionScoringTest, CompanyChangesNothing) {
  auto alone = engine_.NewSession();
  auto together = engine_.NewSession({40, 512});
  std::vector<SentenceInput> sentences;
  for (int id = 0; id < FewOr(100); ++id) {
    SentenceInput sentence = RandomSearch(id);
    sentence.options.align = id % 2 == 0;
    if (id % 3 == 1) {
      sentence.options.steering.must_not_contain = {{4, 5}};
    } else if (id % 3 == 2 || GetParam().emulated) {
      const int longest = GetParam().emulated ? 6 : 60;
      sentence = Given(id, sentence, RandomTokens(random_, 0, longest),
                       Pick(random_, 1, 40));
    }
    sentences.push_back(sentence);
  }
  const auto outputs = RunAll(*together, sentences);
  for (const SentenceInput& sentence : sentences) {
    SCOPED_TRACE(testing::Message() << "sentence " << sentence.id);
    const SentenceOutput expected = RunAll(*alone, {sentence}).at(sentence.id);
    const SentenceOutput& found = outputs.at(sentence.id);
    ASSERT_EQ(found.hypotheses.size(), expected.hypotheses.size());
    EXPECT_EQ(found.hypotheses[0].tokens, expected.hypotheses[0].tokens);
    EXPECT_EQ(found.hypotheses[0].score, expected.hypotheses[0].score);
    EXPECT_EQ(found.hypotheses[0].token_scores,
              expected.hypotheses[0].token_scores);
    EXPECT_EQ(found.hypotheses[0].alignment, expected.hypotheses[0].alignment);
  }
}

// All of its positions in one step, as far as it may have rows.
TEST_P(SessionScoringTest, TakesOneStep) {
  auto session = engine_.NewSession();
  const SentenceInput search = RandomSearch(0);
  const std::vector<int32_t> target(search.options.max_length, 5);
  session->Admit({Given(0, search, target, 64)});
  EXPECT_EQ(session->live_rows(), static_cast<int>(target.size()) + 1);
  EXPECT_EQ(session->Step().size(), 1u);
  EXPECT_EQ(session->live_rows(), 0);

  session->Admit({Given(1, search, target, 2)});
  for (size_t done = 2; done < target.size() + 1; done += 2) {
    EXPECT_THAT(session->Step(), testing::IsEmpty());
  }
  EXPECT_EQ(session->Step().size(), 1u);
}

TEST_P(SessionScoringTest, ACancelledOneGivesItsRoomBack) {
  auto session = engine_.NewSession({8, 64, 64});
  const SentenceInput search = RandomSearch(0);
  for (int i = 0; i < 20; ++i) {
    session->Admit({Given(i, search, std::vector<int32_t>(20, 6), 4)});
    EXPECT_THAT(session->Step(), testing::IsEmpty());
    EXPECT_TRUE(session->Cancel(i));
    EXPECT_EQ(session->room().rows, 8);
  }
}

// Sentences of one source, which is encoded once, whether they come together
// or one after the other, and whichever leaves first.
TEST_P(SessionScoringTest, TargetsOfOneSourceShareIt) {
  auto alone = engine_.NewSession();
  auto together = engine_.NewSession({128, 512});
  const SentenceInput search = RandomSearch(0);
  const int all_room = together->room().source_tokens;
  const int of_one =
      together->BlockedTokens(static_cast<int>(search.source.size()));
  std::vector<SentenceInput> sentences;
  for (int id = 0; id < 6; ++id) {
    sentences.push_back(
        id == 2 ? search : Given(id, search, RandomTokens(random_, 1, 20), 3));
    sentences.back().id = id;
    sentences.back().options.align = id % 2 == 0;
  }
  std::map<uint64_t, SentenceOutput> outputs;
  const auto step = [&] {
    for (SentenceOutput& output : together->Step()) {
      outputs[output.id] = std::move(output);
    }
  };
  together->Admit(absl::MakeConstSpan(sentences).subspan(0, 4));
  EXPECT_EQ(together->room().source_tokens, all_room - of_one);
  step();
  together->Admit(absl::MakeConstSpan(sentences).subspan(4));
  EXPECT_EQ(together->room().source_tokens, all_room - of_one);
  SentenceInput other = search;
  other.id = 6;
  other.source.push_back(7);
  together->Admit({other});
  EXPECT_LT(together->room().source_tokens, all_room - of_one);
  EXPECT_TRUE(together->Cancel(6));
  const bool was_live = together->Cancel(0);
  for (int i = 0; i < 100 && together->live_sentences() > 0; ++i) step();
  EXPECT_EQ(together->room().source_tokens, all_room);
  for (const SentenceInput& sentence : sentences) {
    if (sentence.id == 0 && was_live) continue;
    SCOPED_TRACE(testing::Message() << "sentence " << sentence.id);
    const SentenceOutput expected = RunAll(*alone, {sentence}).at(sentence.id);
    ASSERT_EQ(outputs.count(sentence.id), 1u);
    const SentenceOutput& found = outputs.at(sentence.id);
    ASSERT_EQ(found.hypotheses.size(), expected.hypotheses.size());
    EXPECT_EQ(found.hypotheses[0].tokens, expected.hypotheses[0].tokens);
    EXPECT_EQ(found.hypotheses[0].token_scores,
              expected.hypotheses[0].token_scores);
    EXPECT_EQ(found.hypotheses[0].alignment, expected.hypotheses[0].alignment);
  }
}

// Sentences of one source of which not all fit at once. The profile tells
// whether the encoder has run.
TEST_P(SessionScoringTest, ASourceIsKeptForThoseThatComeLater) {
  auto alone = engine_.NewSession();
  auto session = engine_.NewSession({16, 128});
  const int all_room = session->room().source_tokens;
  std::vector<SentenceInput> searches;
  for (int i = 0; i < 3; ++i) {
    searches.push_back(RandomSearch(i));
    searches.back().source.resize(20, 5 + i);
  }
  uint64_t next_id = 0;
  // Two translations of a source, and whether it was encoded for them.
  const auto encodes = [&](int source, bool keep_source) {
    std::vector<SentenceInput> sentences;
    for (int i = 0; i < 2; ++i) {
      sentences.push_back(
          Given(next_id++, searches[source], RandomTokens(random_, 1, 6), 4));
      sentences.back().keep_source = keep_source;
    }
    model::StageProfile profile;
    session->set_profile(&profile);
    const auto found = RunAll(*session, sentences);
    session->set_profile(nullptr);
    EXPECT_EQ(session->room().source_tokens, all_room);
    for (const SentenceInput& sentence : sentences) {
      const SentenceOutput expected =
          RunAll(*alone, {sentence}).at(sentence.id);
      const Hypothesis& hypothesis = found.at(sentence.id).hypotheses[0];
      EXPECT_EQ(hypothesis.token_scores, expected.hypotheses[0].token_scores);
      EXPECT_EQ(hypothesis.alignment, expected.hypotheses[0].alignment);
    }
    return profile.seconds(model::Stage::kEncode) > 0;
  };
  EXPECT_TRUE(encodes(0, true));
  EXPECT_FALSE(encodes(0, true));
  EXPECT_TRUE(encodes(1, true)) << "one that was never there";
  EXPECT_FALSE(encodes(1, false)) << "the last ones";
  EXPECT_TRUE(encodes(1, true)) << "none were to come";
  // The room is for others first: a source that takes all of it.
  SentenceInput longest = Given(next_id++, searches[0], {7}, 4);
  longest.source.resize(63, 8);
  std::vector<SentenceInput> others = {longest, longest};
  others[1].id = next_id++;
  others[1].source[0] = 9;
  RunAll(*session, others);
  EXPECT_TRUE(encodes(1, false));
}

// Whatever is kept, what fits the room can be admitted.
TEST_P(SessionScoringTest, KeptSourcesTakeNoRoom) {
  auto session = engine_.NewSession({64, 256});
  const int all_room = session->room().source_tokens;
  std::vector<SentenceInput> sentences;
  for (int id = 0; id < FewOr(60) * 4; ++id) {
    SentenceInput search = RandomSearch(0);
    if (id % 3 != 0) search.source = sentences[Pick(random_, 0, id - 1)].source;
    sentences.push_back(Given(id, search, RandomTokens(random_, 0, 5), 8));
    sentences.back().keep_source = Pick(random_, 0, 2) > 0;
  }
  EXPECT_EQ(RunAll(*session, sentences).size(), sentences.size());
  EXPECT_EQ(session->room().source_tokens, all_room);
}

INSTANTIATE_TEST_SUITE_P(
    Cpu, SessionScoringTest,
    testing::ValuesIn(ComputationsOn(kernels::Device::kCpu)),
    [](const auto& test) { return ComputationName(test.param); });
INSTANTIATE_TEST_SUITE_P(
    Reference, SessionScoringTest,
    testing::Values(Computation{kernels::Device::kReference}),
    [](const auto& test) { return ComputationName(test.param); });
INSTANTIATE_TEST_SUITE_P(
    EmulatedGpu, SessionScoringTest,
    testing::ValuesIn(ComputationsOnGpu(/*emulated=*/true)),
    [](const auto& test) { return ComputationName(test.param); });

TEST(ScoringChecks, NameWhatIsWrong) {
  Engine engine({kernels::Device::kCpu});
  auto session = engine.NewSession();
  const auto message_of = [&](std::vector<int32_t> target) {
    SentenceInput sentence;
    sentence.source = {5, 6};
    sentence.options = ScoringOptions({}, target.size(), 8);
    sentence.target = std::move(target);
    return std::string(session->Validate(sentence).message());
  };
  EXPECT_EQ(message_of({5}), "");
  EXPECT_EQ(message_of({}), "");
  EXPECT_EQ(message_of({97}), "target token: found 97, allowed 0 to 96");
  EXPECT_EQ(message_of({-1}), "target token: found -1, allowed 0 to 96");
  EXPECT_THAT(message_of({5, 2}), HasSubstr("the end symbol"));
  EXPECT_EQ(message_of(std::vector<int32_t>(70, 5)),
            "number of target tokens: found 70, allowed 0 to 63");
}

// Where a language begins each translation, it is there and costs nothing.
TEST(ScoringLanguages, AForcedFirstTokenIsFree) {
  Engine engine({kernels::Device::kCpu});
  auto session = engine.NewSession();
  SentenceInput sentence;
  sentence.source = {5, 6, 7};
  sentence.options.max_length = 12;
  sentence.options.rules.forced_first_token = 9;
  sentence.options.rules.length_limit = model::LengthLimit::kEos;
  const Hypothesis found = RunAll(*session, {sentence})[0].hypotheses[0];
  ASSERT_EQ(found.tokens[0], 9);
  for (size_t begin : {0, 1}) {
    SentenceInput given = sentence;
    given.target.emplace(found.tokens.begin() + begin, found.tokens.end());
    given.options = ScoringOptions(sentence.options, given.target->size(), 64);
    const Hypothesis scored = RunAll(*session, {given})[0].hypotheses[0];
    EXPECT_EQ(scored.tokens, found.tokens);
    EXPECT_EQ(scored.token_scores[0], 0.0f);
    EXPECT_NEAR(scored.score, found.score, 1e-6);
  }
}

}  // namespace
}  // namespace peregrine::decode
