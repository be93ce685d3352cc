// TranslateTokens.
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/testing/service_fixture.h"

namespace peregrine::server {
namespace {

using ::testing::ElementsAre;

class TokensTest : public ServiceTest {
 protected:
  static v1::TranslateTokensRequest Tokens(
      const std::vector<std::vector<std::string>>& sources) {
    v1::TranslateTokensRequest request;
    for (const auto& source : sources) {
      v1::TokenSequence* sequence = request.add_sources();
      for (const std::string& token : source) sequence->add_tokens(token);
    }
    return request;
  }
  grpc::Status Call(const v1::TranslateTokensRequest& request) {
    grpc::ClientContext context;
    response_.Clear();
    return stub_->TranslateTokens(&context, request, &response_);
  }
  v1::TranslateTokensResponse response_;
};

TEST_F(TokensTest, Translates) {
  Start();
  ASSERT_TRUE(Call(Tokens({{"a", "b"}, {}, {"long", "x"}})).ok());
  EXPECT_EQ(response_.model(), "fake");
  ASSERT_EQ(response_.translations_size(), 3);
  EXPECT_THAT(response_.translations(0).hypotheses(0).tokens(),
              ElementsAre("A", "B"));
  EXPECT_EQ(response_.translations(0).cost().source_tokens(), 2);
  EXPECT_EQ(response_.translations(1).hypotheses(0).tokens_size(), 0);
  EXPECT_THAT(response_.translations(2).hypotheses(0).tokens(),
              ElementsAre("~", "X"));
  EXPECT_THAT(response_.translations(2).flags(),
              ElementsAre(v1::FLAG_UNKNOWN_SOURCE));
}

TEST_F(TokensTest, LoopsAndTruncationAreFlagged) {
  Start();
  v1::TranslateTokensRequest request =
      Tokens({std::vector<std::string>(20, "a")});
  request.mutable_options()->set_max_length(12);
  ASSERT_TRUE(Call(request).ok());
  EXPECT_THAT(response_.translations(0).flags(),
              ElementsAre(v1::FLAG_TRUNCATED, v1::FLAG_REPETITION));
}

TEST_F(TokensTest, EveryBadFieldIsNamed) {
  Start();
  const auto refused = [&](const v1::TranslateTokensRequest& request) {
    const grpc::Status status = Call(request);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    return status.error_message();
  };
  EXPECT_EQ(refused({}), "sources: found 0, allowed 1 to 20");
  EXPECT_EQ(refused(Tokens({{"a"}, std::vector<std::string>(101, "a")})),
            "sources[1].tokens: found 101 tokens, allowed at most 100");
  v1::TranslateTokensRequest request = Tokens({{"a"}});
  request.mutable_options()->set_num_hypotheses(3);
  EXPECT_EQ(refused(request),
            "options.num_hypotheses: found 3, allowed 1 to 2 (beam_size)");
  request.mutable_options()->set_num_hypotheses(0);
  EXPECT_EQ(refused(request),
            "options.num_hypotheses: found 0, allowed 1 to 16");
}

TEST_F(TokensTest, HaveLanguages) {
  backend_.languages = {{"aa", 'a'}, {"bb", 'b'}};
  Start();
  v1::TranslateTokensRequest request;
  request.add_sources()->add_tokens("x");
  request.set_target_language("bb");
  v1::TranslateTokensResponse response;
  {
    grpc::ClientContext context;
    ASSERT_TRUE(stub_->TranslateTokens(&context, request, &response).ok());
  }
  EXPECT_THAT(response.translations(0).hypotheses(0).tokens(),
              ElementsAre("a", "b", "X"));
  request.set_target_language("x");
  grpc::ClientContext context;
  EXPECT_EQ(stub_->TranslateTokens(&context, request, &response).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
}

}  // namespace
}  // namespace peregrine::server
