#include "server/cache/sentence_key.h"

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace peregrine::server {
namespace {

using decode::DecodingOptions;
using decode::Steering;

Sentence Plain() {
  Sentence sentence;
  sentence.source = {5, 6, 7};
  sentence.options.max_length = 20;
  return sentence;
}

// One that demands something, so that all of its demands are in the key.
Sentence Steered() {
  Sentence sentence = Plain();
  sentence.options.steering.prefix = {1};
  return sentence;
}

std::string KeyOf(const Sentence& sentence) {
  return SentenceKey("model", 0, sentence);
}

using Change = std::function<void(Sentence&)>;

// Of each option that a translation depends on. sentence_key.cc does not
// compile with one that it does not know.
const std::vector<Change>& Changes() {
  static const auto* const changes = new std::vector<Change>{
      [](Sentence& s) { s.source.push_back(8); },
      [](Sentence& s) {
        s.source = {6, 5, 7};
      },
      [](Sentence& s) { s.options.beam_size = 4; },
      [](Sentence& s) { s.options.length_penalty = 0.7f; },
      [](Sentence& s) { s.options.num_hypotheses = 2; },
      [](Sentence& s) { s.options.min_length = 1; },
      [](Sentence& s) { s.options.max_length = 21; },
      [](Sentence& s) { s.options.patience = 2.0f; },
      [](Sentence& s) { s.options.use_shortlist = false; },
      [](Sentence& s) { s.options.align = true; },
      [](Sentence& s) { s.options.source_language = 3; },
      [](Sentence& s) {
        s.options.rules.stopping = model::Stopping::kBestFinished;
      },
      [](Sentence& s) {
        s.options.rules.length_limit = model::LengthLimit::kCut;
      },
      [](Sentence& s) { s.options.rules.renormalize_min_length = true; },
      [](Sentence& s) { s.options.rules.forced_first_token = 3; },
      [](Sentence& s) { s.options.rules.penalize_log_probabilities = true; },
      [](Sentence& s) { s.options.rules.start_is_generated = true; },
      [](Sentence& s) { s.options.rules.ends_behind_prefix_if_best = true; },
      [](Sentence& s) { s.options.rules.word_penalty = 0.1f; },
      [](Sentence& s) {
        s.options.steering.prefix = {2, 3};
      },
      [](Sentence& s) {
        s.options.steering.completion = {{2, 1}};
      },
      [](Sentence& s) {
        s.options.steering.must_contain = {{2, 3}};
      },
      [](Sentence& s) {
        s.options.steering.must_contain = {{2}, {3}};
      },
      [](Sentence& s) {
        s.options.steering.must_not_contain = {{2, 3}};
      },
      [](Sentence& s) { s.options.steering.allow_unknown = false; },
      [](Sentence& s) {
        s.options.steering.not_first = {2, 3};
      },
      [](Sentence& s) { s.options.steering.repetition_penalty = 1.1f; },
      [](Sentence& s) { s.options.steering.no_repeat_ngram_size = 3; },
      [](Sentence& s) { s.options.steering.min_probability = 0.1f; },
      [](Sentence& s) { s.options.steering.end_penalty = 0.1f; },
      [](Sentence& s) { s.options.steering.coverage_penalty = 0.1f; },
      [](Sentence& s) { s.options.steering.sampling.emplace(); },
      [](Sentence& s) { s.options.steering.sampling.emplace().top_k = 1; },
      [](Sentence& s) { s.options.steering.sampling.emplace().top_p = 0.5f; },
      [](Sentence& s) {
        s.options.steering.sampling.emplace().temperature = 0.5f;
      },
      [](Sentence& s) { s.options.steering.sampling.emplace().seed = 1; },
      [](Sentence& s) { s.options.steering.alternatives = true; },
      [](Sentence& s) { s.options.steering.beam_groups = 2; },
  };
  return *changes;
}

// Those that say nothing by themselves.
const std::vector<Change>& ChangesOfDemands() {
  static const auto* const changes = new std::vector<Change>{
      [](Sentence& s) { s.options.steering.in_order = true; },
      [](Sentence& s) { s.options.steering.diversity_penalty = 0.5f; },
  };
  return *changes;
}

TEST(SentenceKeyTest, EveryOptionThatChangesATranslationChangesTheKey) {
  for (const Sentence& base : {Plain(), Steered()}) {
    std::set<std::string> keys = {KeyOf(base)};
    std::vector<Change> changes = Changes();
    if (!base.options.steering.empty()) {
      changes.insert(changes.end(), ChangesOfDemands().begin(),
                     ChangesOfDemands().end());
    }
    for (size_t i = 0; i < changes.size(); ++i) {
      Sentence changed = base;
      changes[i](changed);
      EXPECT_TRUE(keys.insert(KeyOf(changed)).second) << "change " << i;
    }
  }
}

TEST(SentenceKeyTest, WhoWaitsAndHowLongDoesNotChangeTheKey) {
  Sentence other = Plain();
  other.deadline = absl::UnixEpoch();
  other.flow = {7, 2.0, true};
  other.index = 3;
  other.source_tokens = 16;
  other.arrival = absl::UnixEpoch();
  other.options.stream = true;
  EXPECT_EQ(KeyOf(other), KeyOf(Plain()));
}

TEST(SentenceKeyTest, ModelsAndScopesHaveKeysOfTheirOwn) {
  const std::set<std::string> keys = {SentenceKey("model", 0, Plain()),
                                      SentenceKey("model2", 0, Plain()),
                                      SentenceKey("model", 1, Plain())};
  EXPECT_EQ(keys.size(), 3u);
}

TEST(SentenceKeyTest, WhatIsScoredHasNone) {
  Sentence scored = Plain();
  EXPECT_TRUE(HasKey(scored));
  scored.target = std::vector<int32_t>{1};
  EXPECT_FALSE(HasKey(scored));
}

}  // namespace
}  // namespace peregrine::server
