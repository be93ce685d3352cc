// ScoreTexts.
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/scheduling/sentence_group.h"
#include "server/service/score_job.h"
#include "server/testing/service_fixture.h"

namespace peregrine::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ScoresTest : public ServiceTest {
 protected:
  static v1::ScoreTextsRequest Pairs(
      const std::vector<std::pair<std::string, std::string>>& pairs) {
    v1::ScoreTextsRequest request;
    for (const auto& [source, target] : pairs) {
      v1::TextPair* pair = request.add_pairs();
      pair->mutable_source()->set_text(source);
      pair->mutable_target()->set_text(target);
    }
    return request;
  }
  grpc::Status Call(const v1::ScoreTextsRequest& request) {
    grpc::ClientContext context;
    response_.Clear();
    return stub_->ScoreTexts(&context, request, &response_);
  }
  v1::ScoreTextsResponse response_;
};

TEST_F(ScoresTest, EachPairGetsItsScore) {
  Start();
  v1::ScoreTextsRequest request = Pairs({{"abc", "XY"}, {"a~", ""}});
  v1::TextPair* tokens = request.add_pairs();
  for (const char* piece : {"a", "b"})
    tokens->mutable_source()->add_tokens(piece);
  tokens->mutable_target()->add_tokens("Z");
  const grpc::Status status = Call(request);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response_.model(), "fake");
  ASSERT_EQ(response_.scores_size(), 3);
  const v1::TextScore& first = response_.scores(0);
  EXPECT_FLOAT_EQ(first.log_probability(), -2.5f);
  ASSERT_EQ(first.tokens_size(), 3);
  EXPECT_EQ(first.tokens(0).token(), "X");
  EXPECT_FLOAT_EQ(first.tokens(0).score(), -1.0f);
  EXPECT_EQ(first.tokens(2).token(), ".");
  EXPECT_FLOAT_EQ(first.tokens(2).score(), -0.5f);
  EXPECT_EQ(first.cost().source_tokens(), 3);
  EXPECT_EQ(first.cost().sentences(), 1);
  EXPECT_FLOAT_EQ(response_.scores(1).log_probability(), -0.5f);
  EXPECT_THAT(response_.scores(1).flags(),
              ElementsAre(v1::FLAG_UNKNOWN_SOURCE));
  EXPECT_FLOAT_EQ(response_.scores(2).log_probability(), -1.5f);
}

TEST_F(ScoresTest, EveryBadFieldIsNamed) {
  Start();
  const auto refused = [&](const v1::ScoreTextsRequest& request) {
    const grpc::Status status = Call(request);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    return status.error_message();
  };
  EXPECT_THAT(refused({}), HasSubstr("pairs: found 0"));
  EXPECT_THAT(refused(Pairs({{"a", "b"}, {"", "b"}})),
              HasSubstr("pairs[1].source: found no token"));
  EXPECT_THAT(refused(Pairs({{"a", std::string(300, 'b')}})),
              HasSubstr("pairs[0].target: the fake does not take this length"));
  v1::ScoreTextsRequest request = Pairs({{"a", "b"}});
  request.set_length_penalty(99);
  EXPECT_THAT(refused(request), HasSubstr("length_penalty: found 99"));
  request = Pairs({{"a", "b"}});
  request.mutable_pairs(0)->mutable_source()->add_tokens("a");
  EXPECT_THAT(refused(request),
              HasSubstr("pairs[0].source: found text and tokens"));
  request = Pairs({{"a", ""}});
  request.mutable_pairs(0)->mutable_target()->add_tokens("x");
  request.mutable_pairs(0)->mutable_target()->add_tokens("lacking");
  EXPECT_THAT(refused(request),
              HasSubstr("pairs[0].target.tokens[1]: found 'lacking'"));
}

// Until its last translation comes.
TEST(ScoreJobTest, ASourceWithMoreTranslationsIsKept) {
  ScoreRequest request;
  for (const char* source : {"ab", "cd", "ab", "ab", "ef", "cd"}) {
    request.pairs.push_back({{source, {}, {}}, {"x", {}, {}}});
  }
  ScoreJob job(std::move(request));
  const FakeBackend model;
  ASSERT_TRUE(job.Prepare(model, RequestLimits()).ok());
  SentenceGroup group(job.num_sentences(), [] {});
  std::vector<bool> kept;
  for (const Sentence& sentence : job.MakeSentences(group, {})) {
    kept.push_back(sentence.keep_source);
  }
  EXPECT_THAT(kept, ElementsAre(true, true, true, false, false, false));
}

TEST_F(ScoresTest, ManyPairsShareABatch) {
  Start();
  const std::vector<std::pair<std::string, std::string>> pairs(
      20, {"abcd", std::string(90, 'X')});
  const grpc::Status status = Call(Pairs(pairs));
  ASSERT_TRUE(status.ok()) << status.error_message();
  ASSERT_EQ(response_.scores_size(), 20);
  EXPECT_FLOAT_EQ(response_.scores(19).log_probability(), -90.5f);
}

}  // namespace
}  // namespace peregrine::server
