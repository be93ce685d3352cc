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
            R"("device":"cpu"}})");
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
  EXPECT_EQ(
      ToJson(model),
      R"({"name":"fake","source_language":"en","target_language":"de",)"
      R"("architecture":"angle brackets","parameters":12345678,)"
      R"("source_vocab_size":10000,"target_vocab_size":9000,)"
      R"("default_options":{"beam_size":4},"limits":{)"
      R"("max_texts_per_request":100,"max_text_bytes":1000,"max_beam_size":8,)"
      R"("max_source_tokens":256,"max_target_tokens":200},"devices":[{)"
      R"("device":"cpu","precision":"int8","workers":2,)"
      R"("weights_bytes":70000000,"products":"own kernels"}]})");
}

}  // namespace
}  // namespace peregrine::client
