#include "client/command/steering_flags.h"

#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace peregrine::client {
namespace {

// What a translation must be like.
void AddDemandFlags(v1::DecodingOptions* decoding, CLI::App* command) {
  const auto add_float = [command](const char* name, const char* help,
                                   std::function<void(float)> set) {
    command->add_option_function<float>(name, std::move(set), help);
  };
  command->add_option_function<std::string>(
      "--target-prefix",
      [decoding](const std::string& text) {
        decoding->mutable_target_prefix()->set_text(text);
      },
      "How each translation begins; the rest is completed.");
  CLI::Option* const must_contain =
      command->add_option_function<std::vector<std::string>>(
          "--must-contain",
          [decoding](const std::vector<std::string>& texts) {
            for (const std::string& text : texts) {
              decoding->add_must_contain()->set_text(text);
            }
          },
          "What each translation holds; may be repeated.");
  must_contain->allow_extra_args(false);
  command
      ->add_flag_callback(
          "--in-order",
          [decoding] { decoding->set_must_contain_in_order(true); },
          "In the order of --must-contain.")
      ->needs(must_contain);
  command
      ->add_option_function<std::vector<std::string>>(
          "--must-not-contain",
          [decoding](const std::vector<std::string>& texts) {
            for (const std::string& text : texts) {
              decoding->add_must_not_contain()->set_text(text);
            }
          },
          "What no translation holds; may be repeated.")
      ->allow_extra_args(false);
  command->add_flag_callback(
      "--no-unknown", [decoding] { decoding->set_allow_unknown(false); },
      "Never the unknown token.");
  add_float(
      "--repetition-penalty",
      "Above 1: tokens that are there are less probable.",
      [decoding](float value) { decoding->set_repetition_penalty(value); });
  command->add_option_function<int>(
      "--no-repeat-ngram-size",
      [decoding](int value) { decoding->set_no_repeat_ngram_size(value); },
      "No sequence of so many tokens comes twice.");
  add_float("--min-probability", "Drop continuations less probable than this.",
            [decoding](float value) { decoding->set_min_probability(value); });
  add_float("--word-reward", "Above 0 favours longer translations.",
            [decoding](float value) { decoding->set_word_reward(value); });
  add_float("--coverage-penalty",
            "Above 0 favours translations that leave nothing out.",
            [decoding](float value) { decoding->set_coverage_penalty(value); });
  command->add_option_function<int>(
      "--beam-groups",
      [decoding](int value) { decoding->set_beam_groups(value); },
      "Searches that share the beam, each unlike those before it.");
  add_float(
      "--diversity-penalty",
      "What a token costs the groups after one that takes it.",
      [decoding](float value) { decoding->set_diversity_penalty(value); });
  add_float("--patience", "Finished hypotheses that end a search, by beam.",
            [decoding](float value) { decoding->set_patience(value); });
  command
      ->add_option_function<std::string>(
          "--stopping",
          [decoding](const std::string& name) {
            v1::Stopping stopping = v1::STOPPING_UNSPECIFIED;
            v1::Stopping_Parse("STOPPING_" + absl::AsciiStrToUpper(name),
                               &stopping);
            decoding->set_stopping(stopping);
          },
          "When a search ends.")
      ->check(CLI::IsMember(
          {"first_finished", "best_finished", "heuristic", "never"}));
}

// CLI11 takes "-1" for a large number.
std::string CheckSeed(const std::string& text) {
  std::uint64_t seed = 0;
  if (absl::SimpleAtoi(text, &seed)) return "";
  return absl::StrCat("found ", text, ", allowed 0 to ",
                      std::numeric_limits<std::uint64_t>::max());
}

// A seed without samples would change nothing: nobody means that.
void AddSamplingFlags(v1::DecodingOptions* decoding, CLI::App* command) {
  CLI::Option* const sample = command->add_flag_callback(
      "--sample", [decoding] { decoding->mutable_sampling(); },
      "Draw tokens by their probability instead of searching.");
  command
      ->add_option_function<int>(
          "--top-k",
          [decoding](int value) {
            decoding->mutable_sampling()->set_top_k(value);
          },
          "Draw from so many of the most probable only.")
      ->needs(sample);
  command
      ->add_option_function<float>(
          "--top-p",
          [decoding](float value) {
            decoding->mutable_sampling()->set_top_p(value);
          },
          "Draw from the fewest with this share of probability.")
      ->needs(sample);
  command
      ->add_option_function<float>(
          "--temperature",
          [decoding](float value) {
            decoding->mutable_sampling()->set_temperature(value);
          },
          "Below 1 favours the probable.")
      ->needs(sample);
  command
      ->add_option_function<std::uint64_t>(
          "--seed",
          [decoding](std::uint64_t value) {
            decoding->mutable_sampling()->set_seed(value);
          },
          "The same seed draws the same tokens.")
      ->check(CheckSeed)
      ->needs(sample);
  command->add_flag_callback(
      "--alternatives", [decoding] { decoding->set_return_alternatives(true); },
      "The best tokens behind --target-prefix, each completed.");
}

}  // namespace

void AddSteeringFlags(v1::DecodingOptions* decoding, CLI::App* command) {
  AddDemandFlags(decoding, command);
  AddSamplingFlags(decoding, command);
  command->add_flag_callback(
      "--token-scores", [decoding] { decoding->set_return_token_scores(true); },
      "Tell the log-probability of each token (--json).");
  command->add_flag_callback(
      "--alignments", [decoding] { decoding->set_return_alignments(true); },
      "Tell which source token each token comes from (--json).");
}

}  // namespace peregrine::client
