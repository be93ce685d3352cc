#include "client/command/json.h"

#include "client/fake_translation_server.h"
#include "gtest/gtest.h"

namespace peregrine::client {
namespace {

TEST(JsonTest, Translation) {
  BulkResult result;
  result.text = "a \"b\"\n";
  v1::Translation translation =
      FakeTranslationServer::MakeTranslation("\u00e4");
  translation.add_flags(v1::FLAG_TRUNCATED);
  translation.clear_cost();
  translation.mutable_cost()->mutable_queue()->set_seconds(1);
  translation.mutable_cost()->mutable_decode()->set_nanos(500'000'000);
  translation.mutable_cost()->set_source_tokens(3);
  translation.mutable_cost()->set_target_tokens(4);
  translation.mutable_cost()->set_sentences(1);
  translation.mutable_cost()->set_device("cpu");
  result.translation = translation;
  EXPECT_EQ(ToJson(result),
            R"({"source":"a \"b\"\n","hypotheses":[{"text":"<ä>",)"
            R"("score":-0.5}],"flags":["FLAG_TRUNCATED"],"cost":{)"
            R"("queue_seconds":1.0,"encode_seconds":0.0,"decode_seconds":0.5,)"
            R"("source_tokens":3,"target_tokens":4,"sentences":1,)"
            R"("device":"cpu","cached_sentences":0}})");
}

TEST(JsonTest, WhoTranslatedAndWhatTheTextWasTakenFor) {
  BulkResult result;
  v1::Translation translation;
  translation.mutable_detected()->set_language("fr");
  translation.mutable_detected()->set_certainty(v1::CERTAINTY_DEFAULT);
  translation.mutable_intermediate()->set_text("b");
  v1::TextRoute& route = *translation.mutable_route();
  route.set_model("en-de");
  route.set_revision("0123");
  route.set_target_language("de");
  route.mutable_pivot()->set_language("en");
  route.mutable_pivot()->set_model("fr-en");
  result.translation = translation;
  EXPECT_EQ(ToJson(result),
            R"({"source":"","hypotheses":[],"flags":[],"detected":{)"
            R"("language":"fr","confidence":0.0,)"
            R"("certainty":"CERTAINTY_DEFAULT","share":0.0},)"
            R"("intermediate":{"text":"b","flags":[]},)"
            R"("route":{"model":"en-de","revision":"0123",)"
            R"("target_language":"de","pivot":{"language":"en",)"
            R"("model":"fr-en","revision":""}}})");
}

TEST(JsonTest, TokensAndWords) {
  BulkResult result;
  v1::Translation translation;
  v1::Hypothesis& hypothesis = *translation.add_hypotheses();
  v1::TargetToken& token = *hypothesis.add_tokens();
  token.set_token("a");
  token.set_source(1);
  token.set_first_source(0);
  token.add_attention(0.25f);
  token.add_attention(0.75f);
  v1::TargetWord& word = *hypothesis.add_words();
  word.mutable_range()->set_end(3);
  word.add_weights(1.0f);
  translation.add_source_words()->set_end(2);
  result.translation = translation;
  EXPECT_EQ(ToJson(result),
            R"({"source":"","hypotheses":[{"text":"","score":0.0,"tokens":[{)"
            R"("token":"a","source":1,"attention":[0.25,0.75],)"
            R"("first_source":0}],"words":[{"range":[0,3],"weights":[1.0],)"
            R"("first_source":0}]}],"flags":[],"source_words":[[0,2]]})");
}

TEST(JsonTest, ErrorOfATextThatIsNotUtf8) {
  BulkResult result;
  result.text = "\xff";
  result.translation = absl::InvalidArgumentError("not UTF-8");
  EXPECT_EQ(ToJson(result),
            "{\"source\":\"\uFFFD\",\"error\":{\"code\":\"INVALID_ARGUMENT\","
            "\"message\":\"not UTF-8\"}}");
}

TEST(JsonTest, Model) {
  v1::Model model = FakeTranslationServer::MakeModel();
  model.mutable_default_options()->clear_length_penalty();
  model.mutable_default_options()->set_stopping(v1::STOPPING_HEURISTIC);
  model.mutable_limits()->clear_max_text_bytes();
  EXPECT_EQ(
      ToJson(model),
      R"({"name":"fake","source_language":"en","target_language":"de",)"
      R"("architecture":"angle brackets","parameters":12345678,)"
      R"("source_vocab_size":10000,"target_vocab_size":9000,)"
      R"("default_options":{"beam_size":4,"stopping":"STOPPING_HEURISTIC"},)"
      R"("limits":{"max_texts_per_request":100,"max_text_bytes":0,)"
      R"("max_beam_size":8,"max_source_tokens":256,"max_target_tokens":200,)"
      R"("max_message_bytes":0,"max_response_bytes":0,"max_stream_texts":0,)"
      R"("max_queue_sentences":0,"max_queue_source_tokens":0,)"
      R"("max_batch_rows":0,"max_batch_source_tokens":0,"max_open_calls":0,)"
      R"("max_streams_per_client":0,"max_length_penalty":0.0},"devices":[{)"
      R"("device":"cpu","precision":"int8","workers":2,)"
      R"("weights_bytes":70000000,"products":"own kernels"}],"revision":""})");
}

}  // namespace
}  // namespace peregrine::client
