// What callers demand of a search is met, and changes nobody's output but
// their own.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/decode/decode_all.h"
#include "engine/decode/session_fixture.h"

namespace peregrine::decode {
namespace {

using testing::HasSubstr;

using Phrase = std::vector<int32_t>;

int Pick(std::mt19937& random, int min, int max) {
  return std::uniform_int_distribution<int>(min, max)(random);
}

Phrase RandomPhrase(std::mt19937& random, int min, int max) {
  Phrase phrase(Pick(random, min, max));
  for (int32_t& token : phrase) token = Pick(random, 4, kVocabSize - 1);
  return phrase;
}

SentenceInput RandomSentence(uint64_t id, std::mt19937& random, int max_beam,
                             int max_tokens) {
  SentenceInput sentence;
  sentence.id = id;
  sentence.source = RandomPhrase(random, 1, max_tokens);
  sentence.options.beam_size = Pick(random, 1, max_beam);
  sentence.options.num_hypotheses = sentence.options.beam_size;
  sentence.options.max_length = Pick(random, 8, 8 + max_tokens);
  sentence.options.use_shortlist = Pick(random, 0, 1) == 0;
  return sentence;
}

// Any of what can be demanded together.
void DemandAnything(std::mt19937& random, DecodingOptions& options) {
  const auto sometimes = [&] { return Pick(random, 0, 2) == 0; };
  Steering& steering = options.steering;
  if (sometimes()) steering.prefix = RandomPhrase(random, 1, 3);
  if (sometimes()) steering.completion = {{5, 1, 9, 2}, {6, 2, 7, 2}};
  if (sometimes()) steering.repetition_penalty = 1.3f;
  if (sometimes()) steering.no_repeat_ngram_size = Pick(random, 1, 3);
  if (sometimes()) steering.allow_unknown = false;
  if (sometimes()) steering.min_probability = 0.005f;
  if (sometimes()) steering.end_penalty = 0.5f;
  if (sometimes()) steering.coverage_penalty = 0.2f;
  if (sometimes()) steering.must_not_contain = {RandomPhrase(random, 1, 2)};
  options.align = sometimes();
  options.rules.penalize_log_probabilities = sometimes();
  switch (Pick(random, 0, 4)) {
    case 3:
      steering.beam_groups = options.beam_size;
      if (options.beam_size > 1) steering.diversity_penalty = 0.7f;
      break;
    case 0:
      steering.sampling.emplace();
      steering.sampling->seed = random();
      steering.sampling->top_k = Pick(random, 0, 1) * 10;
      steering.sampling->top_p = Pick(random, 0, 1) == 0 ? 1.0f : 0.8f;
      break;
    case 1:
      steering.alternatives = true;
      break;
    case 2:
      steering.must_contain = {RandomPhrase(random, 1, 2)};
      break;
    default:
      break;
  }
}

std::map<uint64_t, SentenceOutput> Decode(
    Session& session, const std::vector<SentenceInput>& sentences) {
  std::map<uint64_t, SentenceOutput> outputs;
  const absl::Status status = DecodeAll(
      session, sentences,
      [&](SentenceOutput output) { outputs[output.id] = std::move(output); });
  EXPECT_TRUE(status.ok()) << status;
  return outputs;
}

SentenceOutput Alone(Session& session, const SentenceInput& sentence) {
  const absl::Status valid = session.Validate(sentence);
  EXPECT_TRUE(valid.ok()) << valid;
  return Decode(session, {sentence}).at(sentence.id);
}

// Bit for bit.
void ExpectSame(const SentenceOutput& found, const SentenceOutput& expected) {
  ASSERT_EQ(found.status, expected.status);
  ASSERT_EQ(found.hypotheses.size(), expected.hypotheses.size());
  for (size_t i = 0; i < found.hypotheses.size(); ++i) {
    EXPECT_EQ(found.hypotheses[i].tokens, expected.hypotheses[i].tokens);
    EXPECT_EQ(found.hypotheses[i].score, expected.hypotheses[i].score);
    EXPECT_EQ(found.hypotheses[i].truncated, expected.hypotheses[i].truncated);
    EXPECT_EQ(found.hypotheses[i].token_scores,
              expected.hypotheses[i].token_scores);
    EXPECT_EQ(found.hypotheses[i].alignment, expected.hypotheses[i].alignment);
  }
}

int CountOf(const Phrase& phrase, const std::vector<int32_t>& tokens) {
  int count = 0;
  auto begin = tokens.begin();
  while (true) {
    begin = std::search(begin, tokens.end(), phrase.begin(), phrase.end());
    if (begin == tokens.end()) return count;
    ++count;
    begin += phrase.size();
  }
}

class SessionSteeringTest : public testing::TestWithParam<Computation> {
 protected:
  static int FewOr(int count) {
    return GetParam().emulated ? std::min(4, count) : count;
  }
  static int MaxTokens() { return GetParam().emulated ? 5 : 25; }
  static SentenceInput Random(uint64_t id, std::mt19937& random) {
    return RandomSentence(id, random, GetParam().emulated ? 3 : 5, MaxTokens());
  }

  Engine engine_{GetParam(), SmallShortlist(3)};
};

TEST_P(SessionSteeringTest, OutputDoesNotDependOnCompany) {
  std::mt19937 random(17);
  auto alone = engine_.NewSession();
  auto together = engine_.NewSession({40, 512});
  std::vector<SentenceInput> sentences;
  for (int id = 0; id < FewOr(200); ++id) {
    sentences.push_back(Random(id, random));
    if (id % 4 != 0) DemandAnything(random, sentences.back().options);
    const absl::Status valid = together->Validate(sentences.back());
    if (!valid.ok()) sentences.pop_back();  // contradicts itself
  }
  ASSERT_GT(sentences.size(), static_cast<size_t>(FewOr(200) / 2));
  const auto outputs = Decode(*together, sentences);
  for (const SentenceInput& sentence : sentences) {
    SCOPED_TRACE(testing::Message() << "sentence " << sentence.id);
    ExpectSame(outputs.at(sentence.id), Alone(*alone, sentence));
  }
}

// What lists tokens without a demand finds what is found without listing, as
// far as rounding goes.
TEST_P(SessionSteeringTest, ADemandThatIsMetAnywayChangesNothing) {
  std::mt19937 random(3);
  auto session = engine_.NewSession();
  for (int id = 0; id < FewOr(40); ++id) {
    SentenceInput sentence = Random(id, random);
    const SentenceOutput plain = Alone(*session, sentence);
    sentence.options.steering.must_not_contain = {{3}};  // pad is suppressed
    const SentenceOutput steered = Alone(*session, sentence);
    ASSERT_EQ(steered.hypotheses.size(), plain.hypotheses.size());
    EXPECT_NEAR(steered.hypotheses[0].score, plain.hypotheses[0].score, 1e-3);
    if (GetParam().precision == kernels::Precision::kFloat32) {
      EXPECT_EQ(steered.hypotheses[0].tokens, plain.hypotheses[0].tokens);
    }
  }
}

TEST_P(SessionSteeringTest, HypothesesBeginWithThePrefix) {
  std::mt19937 random(5);
  auto session = engine_.NewSession();
  for (int id = 0; id < FewOr(40); ++id) {
    SentenceInput sentence = Random(id, random);
    const Phrase prefix = RandomPhrase(random, 1, 8);
    sentence.options.steering.prefix = prefix;
    const SentenceOutput output = Alone(*session, sentence);
    ASSERT_FALSE(output.hypotheses.empty());
    for (const Hypothesis& hypothesis : output.hypotheses) {
      ASSERT_GE(hypothesis.tokens.size(), prefix.size());
      EXPECT_TRUE(
          std::equal(prefix.begin(), prefix.end(), hypothesis.tokens.begin()));
      EXPECT_EQ(hypothesis.token_scores[0], 0.0f);
    }
  }
}

// What is told of a sentence while it grows is how it begins in the end, and
// of a greedy search all there is.
// Along one of the ways that are given.
TEST_P(SessionSteeringTest, HypothesesGoThroughTheCompletion) {
  std::mt19937 random(29);
  auto session = engine_.NewSession();
  for (int id = 0; id < FewOr(40); ++id) {
    SCOPED_TRACE(testing::Message() << "sentence " << id);
    SentenceInput sentence = Random(id, random);
    Steering& steering = sentence.options.steering;
    if (id % 2 == 0) steering.prefix = RandomPhrase(random, 1, 3);
    if (id % 3 == 0) steering.must_contain = {RandomPhrase(random, 2, 3)};
    if (id % 3 == 1) {
      steering.sampling.emplace();
    } else if (id % 6 == 2) {
      steering.alternatives = true;
    }
    steering.completion = {{5, 1, 9, 2, 40, 3}, {6, 3, 7, 2}, {11, 3, 30, 3}};
    const std::set<Phrase> ways = {{5, 6},  {5, 7, 11}, {5, 7, 30},
                                   {9, 11}, {9, 30},    {40}};
    const SentenceOutput output = Alone(*session, sentence);
    ASSERT_TRUE(output.status.ok()) << output.status;
    for (const Hypothesis& hypothesis : output.hypotheses) {
      const auto begin = hypothesis.tokens.begin() + steering.prefix.size();
      EXPECT_TRUE(std::any_of(ways.begin(), ways.end(), [&](const Phrase& way) {
        return hypothesis.tokens.end() - begin >=
                   static_cast<std::ptrdiff_t>(way.size()) &&
               std::equal(way.begin(), way.end(), begin);
      }));
    }
  }
}

TEST_P(SessionSteeringTest, WhatIsStableStays) {
  std::mt19937 random(23);
  auto session = engine_.NewSession();
  int told = 0;
  for (int id = 0; id < FewOr(60); ++id) {
    SentenceInput sentence = Random(id, random);
    if (id % 3 == 1) DemandAnything(random, sentence.options);
    sentence.options.stream = true;
    if (!session->Validate(sentence).ok()) continue;
    const bool is_greedy = sentence.options.beam_size == 1;
    session->Admit({&sentence, 1});
    Phrase stable;
    std::vector<SentenceOutput> outputs;
    for (size_t step = 1; outputs.empty(); ++step) {
      outputs = session->Step();
      for (const StableTokens& now : session->TakeStable()) {
        EXPECT_EQ(now.id, sentence.id);
        ASSERT_GT(now.tokens.size(), stable.size());
        EXPECT_TRUE(
            std::equal(stable.begin(), stable.end(), now.tokens.begin()));
        stable = now.tokens;
        ++told;
      }
      if (is_greedy && outputs.empty()) {
        EXPECT_EQ(stable.size(), step);
      }
    }
    ASSERT_FALSE(outputs[0].hypotheses.empty());
    const Phrase& tokens = outputs[0].hypotheses[0].tokens;
    ASSERT_LE(stable.size(), tokens.size());
    EXPECT_TRUE(std::equal(stable.begin(), stable.end(), tokens.begin()));
    // To be told of changes nothing.
    sentence.options.stream = false;
    const SentenceOutput alone = Alone(*session, sentence);
    if (!GetParam().emulated) {
      EXPECT_EQ(alone.hypotheses[0].tokens, tokens);
    }
  }
  EXPECT_GT(told, 0);
}

// Each group avoids what those before it take.
TEST_P(SessionSteeringTest, GroupsDiffer) {
  std::mt19937 random(29);
  auto session = engine_.NewSession();
  for (int id = 0; id < FewOr(20); ++id) {
    SentenceInput sentence = Random(id, random);
    sentence.options.beam_size = 4;
    sentence.options.num_hypotheses = 4;
    sentence.options.steering.beam_groups = 4;
    sentence.options.steering.diversity_penalty = 100.0f;
    const SentenceOutput output = Alone(*session, sentence);
    ASSERT_EQ(output.hypotheses.size(), 4u);
    for (size_t i = 0; i < 4; ++i) {
      for (size_t j = 0; j < i; ++j) {
        const Phrase& a = output.hypotheses[i].tokens;
        const Phrase& b = output.hypotheses[j].tokens;
        for (size_t t = 0; t < std::min(a.size(), b.size()); ++t) {
          EXPECT_NE(a[t], b[t]) << i << " and " << j << " at " << t;
        }
      }
    }
  }
}

// Whenever they fit, even where nothing else does.
TEST_P(SessionSteeringTest, HypothesesContainEachPhraseOnce) {
  std::mt19937 random(7);
  auto session = engine_.NewSession();
  for (int id = 0; id < FewOr(100); ++id) {
    SCOPED_TRACE(testing::Message() << "sentence " << id);
    SentenceInput sentence = Random(id, random);
    Steering& steering = sentence.options.steering;
    int tokens = 0;
    for (int i = Pick(random, 1, 4); i > 0; --i) {
      steering.must_contain.push_back(RandomPhrase(random, 2, 6));
      tokens += static_cast<int>(steering.must_contain.back().size());
    }
    steering.in_order = Pick(random, 0, 1) == 0;
    if (Pick(random, 0, 2) == 0) {
      sentence.options.max_length = tokens;
    } else {
      sentence.options.max_length = std::min(60, tokens + Pick(random, 0, 30));
    }
    const SentenceOutput output = Alone(*session, sentence);
    ASSERT_TRUE(output.status.ok()) << output.status;
    for (const Hypothesis& hypothesis : output.hypotheses) {
      auto after = hypothesis.tokens.begin();
      for (const Phrase& phrase : steering.must_contain) {
        EXPECT_EQ(CountOf(phrase, hypothesis.tokens), 1);
        const auto found = std::search(after, hypothesis.tokens.end(),
                                       phrase.begin(), phrase.end());
        if (steering.in_order) {
          EXPECT_NE(found, hypothesis.tokens.end());
          after = found + phrase.size();
        }
      }
    }
  }
}

TEST_P(SessionSteeringTest, EqualPhrasesComeAsOftenAsTheyAreDemanded) {
  std::mt19937 random(7);
  auto session = engine_.NewSession();
  for (int id = 0; id < FewOr(20); ++id) {
    SentenceInput sentence = Random(id, random);
    const Phrase phrase = RandomPhrase(random, 1, 3);
    sentence.options.steering.must_contain = {phrase, phrase};
    sentence.options.max_length = 20;
    const SentenceOutput output = Alone(*session, sentence);
    for (const Hypothesis& hypothesis : output.hypotheses) {
      EXPECT_EQ(CountOf(phrase, hypothesis.tokens), 2);
    }
  }
}

TEST_P(SessionSteeringTest, HypothesesLackWhatIsForbidden) {
  std::mt19937 random(9);
  auto session = engine_.NewSession();
  int changed = 0;
  for (int id = 0; id < FewOr(40); ++id) {
    SentenceInput sentence = Random(id, random);
    const SentenceOutput plain = Alone(*session, sentence);
    const std::vector<int32_t>& best = plain.hypotheses[0].tokens;
    if (best.size() < 3) continue;
    sentence.options.steering.must_not_contain = {{best[1], best[2]},
                                                  {best[0]}};
    sentence.options.steering.no_repeat_ngram_size = 2;
    const SentenceOutput output = Alone(*session, sentence);
    for (const Hypothesis& hypothesis : output.hypotheses) {
      EXPECT_EQ(CountOf({best[0]}, hypothesis.tokens), 0);
      EXPECT_EQ(CountOf({best[1], best[2]}, hypothesis.tokens), 0);
      std::set<std::pair<int32_t, int32_t>> bigrams;
      for (size_t i = 1; i < hypothesis.tokens.size(); ++i) {
        EXPECT_TRUE(
            bigrams.emplace(hypothesis.tokens[i - 1], hypothesis.tokens[i])
                .second);
      }
    }
    ++changed;
  }
  EXPECT_GT(changed, 0);
}

// A phrase is put where it makes nothing that is forbidden, neither with what
// stands in front of it nor in its middle.
TEST_P(SessionSteeringTest, PhrasesKeepClearOfWhatIsForbidden) {
  std::mt19937 random(19);
  auto session = engine_.NewSession();
  for (int id = 0; id < FewOr(60); ++id) {
    SCOPED_TRACE(testing::Message() << "sentence " << id);
    SentenceInput sentence = Random(id, random);
    Steering& steering = sentence.options.steering;
    const Phrase phrase = {Pick(random, 4, 30), Pick(random, 31, 60),
                           Pick(random, 61, 90)};
    const int32_t before = Pick(random, 91, 96);
    steering.prefix = {before};
    steering.must_contain = {phrase};
    steering.must_not_contain = {
        Phrase{before, phrase[0]},
        id % 2 == 0 ? Phrase{before, phrase[0], phrase[1]}
                    : Phrase{Pick(random, 91, 96), phrase[0], phrase[1]}};
    sentence.options.max_length = 12;
    const SentenceOutput output = Alone(*session, sentence);
    ASSERT_TRUE(output.status.ok()) << output.status;
    for (const Hypothesis& hypothesis : output.hypotheses) {
      EXPECT_EQ(CountOf(phrase, hypothesis.tokens), 1);
      for (const Phrase& forbidden : steering.must_not_contain) {
        EXPECT_EQ(CountOf(forbidden, hypothesis.tokens), 0);
      }
    }
  }
}

TEST_P(SessionSteeringTest, SamplesFollowTheirSeed) {
  std::mt19937 random(11);
  auto session = engine_.NewSession();
  int differ = 0;
  for (int id = 0; id < FewOr(20); ++id) {
    SentenceInput sentence = Random(id, random);
    sentence.options.beam_size = sentence.options.num_hypotheses = 3;
    Steering& steering = sentence.options.steering;
    steering.sampling.emplace();
    steering.sampling->seed = 1;
    const SentenceOutput first = Alone(*session, sentence);
    ASSERT_EQ(first.hypotheses.size(), 3u);
    ExpectSame(Alone(*session, sentence), first);
    steering.sampling->seed = 2;
    differ += Alone(*session, sentence).hypotheses[0].tokens !=
              first.hypotheses[0].tokens;
    // The most probable token alone is left: all samples are greedy.
    steering.sampling->top_k = 1;
    const SentenceOutput top = Alone(*session, sentence);
    sentence.options.beam_size = sentence.options.num_hypotheses = 1;
    steering = {};
    const SentenceOutput greedy = Alone(*session, sentence);
    for (const Hypothesis& hypothesis : top.hypotheses) {
      EXPECT_EQ(hypothesis.tokens, greedy.hypotheses[0].tokens);
    }
  }
  EXPECT_GT(differ, 0);
}

TEST_P(SessionSteeringTest, AlternativesPartBehindThePrefix) {
  std::mt19937 random(13);
  auto session = engine_.NewSession();
  for (int id = 0; id < FewOr(20); ++id) {
    SentenceInput sentence = Random(id, random);
    sentence.options.beam_size = sentence.options.num_hypotheses = 4;
    sentence.options.min_length = 4;
    sentence.options.use_shortlist = false;
    sentence.options.steering.prefix = RandomPhrase(random, 2, 2);
    sentence.options.steering.alternatives = true;
    const SentenceOutput output = Alone(*session, sentence);
    ASSERT_EQ(output.hypotheses.size(), 4u);
    std::set<int32_t> next;
    float last = 0.0f;
    for (const Hypothesis& hypothesis : output.hypotheses) {
      next.insert(hypothesis.tokens[2]);
      EXPECT_LE(hypothesis.token_scores[2], last) << "the best one first";
      last = hypothesis.token_scores[2];
    }
    EXPECT_EQ(next.size(), 4u);
    // Each as greedy search completes it.
    for (const Hypothesis& hypothesis : output.hypotheses) {
      SentenceInput completed = sentence;
      completed.options.beam_size = completed.options.num_hypotheses = 1;
      completed.options.steering.alternatives = false;
      completed.options.steering.prefix.push_back(hypothesis.tokens[2]);
      EXPECT_EQ(Alone(*session, completed).hypotheses[0].tokens,
                hypothesis.tokens);
    }
  }
}

TEST_P(SessionSteeringTest, AlignsEachTokenAndScoresIt) {
  std::mt19937 random(15);
  auto session = engine_.NewSession();
  for (int id = 0; id < FewOr(20); ++id) {
    SentenceInput sentence = Random(id, random);
    sentence.options.length_penalty = 0.0f;
    const SentenceOutput plain = Alone(*session, sentence);
    sentence.options.align = true;
    const SentenceOutput output = Alone(*session, sentence);
    ASSERT_EQ(output.hypotheses.size(), plain.hypotheses.size());
    for (const Hypothesis& hypothesis : output.hypotheses) {
      const size_t width = sentence.source.size();
      ASSERT_EQ(hypothesis.alignment.size(), hypothesis.tokens.size() * width);
      for (size_t i = 0; i < hypothesis.tokens.size(); ++i) {
        float sum = 0.0f;
        for (size_t s = 0; s < width; ++s) {
          sum += hypothesis.alignment[i * width + s];
        }
        EXPECT_GT(sum, 0.0f);
        EXPECT_LE(sum, 1.0001f);
      }
      ASSERT_EQ(HardAlignment(hypothesis).size(), hypothesis.tokens.size());
      double sum = 0.0;
      for (float score : hypothesis.token_scores) sum += score;
      EXPECT_NEAR(sum, hypothesis.score, 1e-3);
    }
  }
}

std::vector<Computation> Computations() {
  std::vector<Computation> computations = ComputationsOn(kernels::Device::kCpu);
  computations.push_back({kernels::Device::kReference});
  const kernels::Device gpu{kernels::Device::Kind::kCuda};
  computations.push_back({gpu, kernels::Precision::kFloat16,
                          model::DecoderState::kSelfAttention, true});
  computations.push_back(
      {gpu, kernels::Precision::kFloat16, model::DecoderState::kCan, true});
  return computations;
}

INSTANTIATE_TEST_SUITE_P(All, SessionSteeringTest,
                         testing::ValuesIn(Computations()),
                         [](const auto& test) {
                           return ComputationName(test.param);
                         });

TEST(SteeringChecksTest, ErrorsNameTheField) {
  Engine engine({kernels::Device::kCpu});
  auto session = engine.NewSession();
  std::mt19937 random(1);
  SentenceInput good = RandomSentence(1, random, 4, 10);
  good.options.max_length = 20;
  ASSERT_TRUE(session->Validate(good).ok());
  const auto error_of = [&](const auto& change) {
    SentenceInput sentence = good;
    change(sentence.options, sentence.options.steering);
    const absl::Status status = session->Validate(sentence);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return std::string(status.message());
  };
  using Options = DecodingOptions;
  EXPECT_THAT(error_of([](Options&, Steering& s) { s.prefix.assign(21, 7); }),
              HasSubstr("prefix: found 21 tokens, allowed at most 20"));
  EXPECT_THAT(error_of([](Options&, Steering& s) { s.prefix = {97}; }),
              HasSubstr("prefix: token: found 97, allowed 0 to 96"));
  EXPECT_THAT(error_of([](Options&, Steering& s) { s.must_contain = {{}}; }),
              HasSubstr("must_contain[0]: found no token"));
  EXPECT_THAT(error_of([](Options&, Steering& s) {
                s.must_contain = {{5, 2}};
              }),
              HasSubstr("must_contain[0]: found the end symbol"));
  EXPECT_THAT(
      error_of([](Options&, Steering& s) { s.must_contain.assign(1000, {5}); }),
      HasSubstr("must_contain: found 1000 phrases, allowed at most 64"));
  EXPECT_THAT(error_of([](Options&, Steering& s) {
                s.must_contain.assign(3, Phrase(7, 9));
              }),
              HasSubstr("must_contain: found 21 tokens"));
  EXPECT_THAT(error_of([](Options&, Steering& s) {
                s.must_contain = {{5, 6, 7}};
                s.must_not_contain = {{8}, {6, 7}};
              }),
              HasSubstr("must_contain[0]: contains must_not_contain[1]"));
  EXPECT_THAT(error_of([](Options&, Steering& s) {
                s.must_contain = {{0}};
                s.allow_unknown = false;
              }),
              HasSubstr("must_contain[0]: found the unknown token"));
  EXPECT_THAT(error_of([](Options&, Steering& s) { s.repetition_penalty = 0; }),
              HasSubstr("repetition_penalty: found 0"));
  EXPECT_THAT(error_of([](Options&, Steering& s) {
                s.sampling.emplace().temperature = 0;
              }),
              HasSubstr("sampling.temperature: found 0"));
  EXPECT_THAT(error_of([](Options&, Steering& s) {
                s.must_contain = {{5, 6}, {6, 5, 6}};
                s.no_repeat_ngram_size = 2;
              }),
              HasSubstr("must_contain[1]: found a sequence of 2 tokens twice"));
  EXPECT_THAT(error_of([](Options& o, Steering& s) {
                o.beam_size = 4;
                s.beam_groups = 3;
              }),
              HasSubstr("beam_groups: found 3, expected a divisor of 4"));
  EXPECT_THAT(
      error_of([](Options&, Steering& s) { s.diversity_penalty = 1.0f; }),
      HasSubstr("diversity_penalty: found without"));
  EXPECT_THAT(error_of([](Options& o, Steering& s) {
                o.beam_size = o.num_hypotheses = 1;
                s.beam_groups = 4;
                s.sampling.emplace();
              }),
              HasSubstr("beam_groups: found together with sampling"));
  EXPECT_THAT(error_of([](Options& o, Steering&) { o.patience = 0; }),
              HasSubstr("patience: found 0"));
}

}  // namespace
}  // namespace peregrine::decode
