#include "server/service/request_checks.h"

#include <cmath>
#include <functional>
#include <limits>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace peregrine::server {
namespace {

ModelInfo Model() {
  ModelInfo model;
  model.max_target_tokens = 200;
  return model;
}

std::string Check(const std::function<void(RequestOptions&)>& change) {
  RequestOptions options;
  change(options);
  Violations violations;
  CheckOptions({options, "options"}, RequestLimits(), Model(), violations);
  return std::string(violations.status().message());
}

TEST(CheckOptionsTest, AbsentFieldsAreFine) {
  EXPECT_EQ(Check([](auto&) {}), "");
}

TEST(CheckOptionsTest, EveryLimit) {
  EXPECT_EQ(Check([](auto& o) { o.beam_size = 1; }), "");
  EXPECT_EQ(Check([](auto& o) { o.beam_size = 16; }), "");
  EXPECT_EQ(Check([](auto& o) { o.beam_size = 0; }),
            "options.beam_size: found 0, allowed 1 to 16");
  EXPECT_EQ(Check([](auto& o) { o.beam_size = 17; }),
            "options.beam_size: found 17, allowed 1 to 16");
  EXPECT_EQ(Check([](auto& o) { o.num_hypotheses = -3; }),
            "options.num_hypotheses: found -3, allowed 1 to 16");
  EXPECT_EQ(Check([](auto& o) { o.min_length = -1; }),
            "options.min_length: found -1, allowed 0 to 200");
  EXPECT_EQ(Check([](auto& o) { o.min_length = 201; }),
            "options.min_length: found 201, allowed 0 to 200");
  EXPECT_EQ(Check([](auto& o) { o.max_length = 0; }),
            "options.max_length: found 0, allowed 1 to 2147483647");
  EXPECT_EQ(Check([](auto& o) { o.max_length = 1000000; }), "");
  EXPECT_EQ(Check([](auto& o) { o.stopping = model::Stopping::kNever; }), "");
  for (int stopping : {-2, 4, 98}) {
    EXPECT_EQ(Check([&](auto& o) {
                o.stopping = static_cast<model::Stopping>(stopping);
              }),
              absl::StrCat("options.stopping: found ", stopping + 1,
                           ", allowed are STOPPING_FIRST_FINISHED, "
                           "STOPPING_BEST_FINISHED, STOPPING_HEURISTIC, "
                           "STOPPING_NEVER"));
  }
  EXPECT_EQ(Check([](auto& o) { o.length_penalty = -5; }), "");
  EXPECT_EQ(Check([](auto& o) { o.length_penalty = 5.5; }),
            "options.length_penalty: found 5.5, allowed -5 to 5");
  EXPECT_EQ(Check([](auto& o) { o.length_penalty = NAN; }),
            "options.length_penalty: found nan, allowed -5 to 5");
  EXPECT_EQ(Check([](auto& o) { o.length_penalty = -INFINITY; }),
            "options.length_penalty: found -inf, allowed -5 to 5");
}

class CheckCombinationTest : public ::testing::Test {
 protected:
  std::string Check() {
    Violations violations;
    CheckCombination({text_, "texts[3].options"}, {request_, "options"}, 4,
                     violations);
    return std::string(violations.status().message());
  }
  RequestOptions request_;
  RequestOptions text_;
};

TEST_F(CheckCombinationTest, TheModelsBeamCounts) {
  request_.num_hypotheses = 4;
  EXPECT_EQ(Check(), "");
  request_.num_hypotheses = 5;
  EXPECT_EQ(Check(),
            "options.num_hypotheses: found 5, allowed 1 to 4 (beam_size)");
  text_.beam_size = 5;
  EXPECT_EQ(Check(), "");
}

TEST_F(CheckCombinationTest, TheFieldAtFaultIsNamedWhereItStands) {
  request_.beam_size = 8;
  text_.num_hypotheses = 9;
  EXPECT_EQ(
      Check(),
      "texts[3].options.num_hypotheses: found 9, allowed 1 to 8 (beam_size)");
}

TEST_F(CheckCombinationTest, MinimumAboveMaximum) {
  request_.min_length = 11;
  text_.max_length = 10;
  EXPECT_EQ(Check(),
            "options.min_length: found 11, allowed 0 to 10 (max_length)");
}

TEST(ResolveOptionsTest, OverridesFieldByField) {
  decode::DecodingOptions defaults;
  defaults.beam_size = 4;
  defaults.length_penalty = 0.7f;
  defaults.max_length = 50;
  RequestOptions options;
  EXPECT_EQ(ResolveOptions(options, defaults, Model()).beam_size, 4);
  options.beam_size = 2;
  options.length_penalty = 0;
  options.num_hypotheses = 2;
  options.use_shortlist = false;
  const decode::DecodingOptions resolved =
      ResolveOptions(options, defaults, Model());
  EXPECT_EQ(resolved.beam_size, 2);
  EXPECT_EQ(resolved.length_penalty, 0.0f);
  EXPECT_EQ(resolved.num_hypotheses, 2);
  EXPECT_EQ(resolved.max_length, 50);
  EXPECT_FALSE(resolved.use_shortlist);
}

TEST(ResolveOptionsTest, LengthsAreCutToTheModel) {
  decode::DecodingOptions defaults;
  defaults.max_length = 50;
  RequestOptions options;
  options.max_length = std::numeric_limits<int32_t>::max();
  EXPECT_EQ(ResolveOptions(options, defaults, Model()).max_length, 200);
  options = {};
  options.min_length = 60;
  EXPECT_EQ(ResolveOptions(options, defaults, Model()).max_length, 60);
}

}  // namespace
}  // namespace peregrine::server
