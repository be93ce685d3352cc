// What is asked and what is answered, and every way in which a request of the
// contract can be wrong.
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/testing/service_fixture.h"

namespace peregrine::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST_F(ServiceTest, TranslatesTextsInOrder) {
  Start();
  v1::TranslateRequest request = Request({"one\ntwo", "three"});
  request.mutable_options()->set_beam_size(1);
  const v1::TranslateResponse response = TranslateOk(request);
  EXPECT_EQ(response.model(), "fake");
  ASSERT_EQ(response.translations_size(), 2);
  EXPECT_EQ(response.translations(0).hypotheses(0).text(), "ONE\nTWO");
  EXPECT_EQ(response.translations(1).hypotheses(0).text(), "THREE");
  const v1::Cost& cost = response.translations(0).cost();
  EXPECT_EQ(cost.sentences(), 2);
  EXPECT_EQ(cost.source_tokens(), 6);
  EXPECT_EQ(cost.target_tokens(), 6);
  EXPECT_EQ(cost.device(), "fake");
  EXPECT_EQ(cost.encode().nanos(), 1000000);
  EXPECT_EQ(cost.decode().nanos(), 3000000);
  EXPECT_EQ(response.translations(0).flags_size(), 0);
  EXPECT_TRUE(Eventually([&] { return Requests(absl::StatusCode::kOk) == 1; }));
  EXPECT_EQ(Sentences(absl::StatusCode::kOk), 3);
}

TEST_F(ServiceTest, SeveralHypotheses) {
  Start();
  v1::TranslateRequest request = Request({"ab"});
  request.mutable_options()->set_num_hypotheses(2);
  const v1::Translation translation = TranslateOk(request).translations(0);
  ASSERT_EQ(translation.hypotheses_size(), 2);
  EXPECT_EQ(translation.hypotheses(1).text(), "AB+");
  EXPECT_EQ(translation.hypotheses(1).score(), -1);
}

TEST_F(ServiceTest, OptionsOfATextOverrideThoseOfTheRequest) {
  Start();
  v1::TranslateRequest request = Request({"abcdef", "abcdef"});
  request.mutable_options()->set_max_length(4);
  request.mutable_texts(1)->mutable_options()->set_max_length(2);
  const v1::TranslateResponse response = TranslateOk(request);
  EXPECT_EQ(response.translations(0).hypotheses(0).text(), "ABCD");
  EXPECT_EQ(response.translations(1).hypotheses(0).text(), "AB");
}

TEST_F(ServiceTest, Flags) {
  Start();
  v1::TranslateRequest request =
      Request({"abc", "a~b", "a!b", std::string(150, 'x'), "fine"});
  request.mutable_texts(0)->mutable_options()->set_max_length(2);
  const v1::TranslateResponse response = TranslateOk(request);
  EXPECT_THAT(response.translations(0).flags(),
              ElementsAre(v1::FLAG_TRUNCATED));
  EXPECT_THAT(response.translations(1).flags(),
              ElementsAre(v1::FLAG_UNKNOWN_SOURCE));
  EXPECT_THAT(response.translations(2).flags(),
              ElementsAre(v1::FLAG_REPETITION));
  EXPECT_THAT(response.translations(3).flags(),
              ElementsAre(v1::FLAG_SOURCE_SPLIT));
  EXPECT_EQ(response.translations(4).flags_size(), 0);
}

TEST_F(ServiceTest, SingleSentence) {
  Start();
  v1::TranslateRequest request = Request({"a\nb"});
  request.set_single_sentence(true);
  EXPECT_EQ(TranslateOk(request).translations(0).cost().sentences(), 1);
}

TEST_F(ServiceTest, LanguagesAreThoseOfTheRequest) {
  backend_.languages = {{"aa", 'a'}, {"bb", 'b'}};
  Start();
  v1::TranslateRequest request = Request({"x", "y"});
  request.set_source_language("BB");
  request.set_target_language("aa");
  const v1::TranslateResponse response = TranslateOk(request);
  EXPECT_EQ(response.translations(0).hypotheses(0).text(), "baX");
  EXPECT_EQ(response.translations(1).hypotheses(0).text(), "baY");
  request.clear_source_language();  // the default
  EXPECT_EQ(TranslateOk(request).translations(0).hypotheses(0).text(), "aaX");
  request.set_source_language("cc");
  request.clear_target_language();  // which has none
  EXPECT_EQ(Refused(request),
            "source_language: found \"cc\", expected one of aa (Afar), bb");
  request.clear_source_language();
  EXPECT_EQ(Refused(request),
            "target_language: found none, expected one of aa, bb");
}

TEST_F(ServiceTest, AModelOfOnePairHasOnlyItsOwn) {
  Start();
  v1::TranslateRequest request = Request({"x"});
  request.set_source_language("EN");
  request.set_target_language("en");
  EXPECT_EQ(TranslateOk(request).translations(0).hypotheses(0).text(), "X");
  request.set_target_language("fr");
  EXPECT_EQ(Refused(request),
            "target_language: found \"fr\" (French), expected one of "
            "EN (English)");
}

TEST_F(ServiceTest, WhiteSpaceIsAnsweredAsItIs) {
  Start();
  const v1::TranslateResponse response = TranslateOk(Request({"", " \n\t"}));
  EXPECT_EQ(response.translations(0).hypotheses(0).text(), "");
  EXPECT_EQ(response.translations(1).hypotheses(0).text(), " \n\t");
  EXPECT_EQ(response.translations(1).cost().sentences(), 0);
  EXPECT_EQ(response.translations(1).cost().device(), "fake");
  EXPECT_EQ(Sentences(absl::StatusCode::kOk), 0);
  const v1::TranslateResponse mixed = TranslateOk(Request({"", "a", " "}));
  EXPECT_EQ(mixed.translations(1).hypotheses(0).text(), "A");
  EXPECT_EQ(mixed.translations(2).hypotheses(0).text(), " ");
}

TEST_F(ServiceTest, EveryBadFieldIsNamed) {
  Start();
  const auto with =
      [](const std::function<void(v1::TranslateRequest&)>& change) {
        v1::TranslateRequest request = Request({"a", "b", "c", "d"});
        change(request);
        return request;
      };
  EXPECT_EQ(Refused(Request({})), "texts: found 0, allowed 1 to 20");
  EXPECT_EQ(Refused(Request(std::vector<std::string>(21, "a"))),
            "texts: found 21, allowed 1 to 20");
  EXPECT_EQ(Refused(with([](auto& r) {
              r.mutable_texts(2)->set_text(std::string(301, 'x'));
            })),
            "texts[2].text: found 301 bytes, allowed at most 300");
  EXPECT_EQ(
      Refused(with([](auto& r) { r.mutable_options()->set_beam_size(17); })),
      "options.beam_size: found 17, allowed 1 to 16");
  EXPECT_EQ(Refused(with([](auto& r) {
              r.mutable_texts(3)->mutable_options()->set_beam_size(99);
            })),
            "texts[3].options.beam_size: found 99, allowed 1 to 16");
  EXPECT_EQ(Refused(with(
                [](auto& r) { r.mutable_options()->set_length_penalty(NAN); })),
            "options.length_penalty: found nan, allowed -5 to 5");
  EXPECT_EQ(Refused(with(
                [](auto& r) { r.mutable_options()->set_num_hypotheses(3); })),
            "options.num_hypotheses: found 3, allowed 1 to 2 (beam_size)");
  EXPECT_EQ(Refused(with([](auto& r) {
              r.mutable_texts(0)->mutable_options()->set_max_length(0);
              r.mutable_texts(1)->mutable_options()->set_min_length(-1);
            })),
            "texts[0].options.max_length: found 0, allowed 1 to 2147483647 "
            "(and 1 more)");
  EXPECT_TRUE(Eventually(
      [&] { return Requests(absl::StatusCode::kInvalidArgument) == 8; }));
  EXPECT_EQ(Sentences(absl::StatusCode::kOk), 0);
}

TEST_F(ServiceTest, UnknownModelsAreToldTheKnown) {
  Start({"en-de", "en-fr"});
  v1::TranslateRequest request = Request({"a"});
  EXPECT_THAT(Refused(request), StartsWith("model: found nothing"));
  request.set_model("en-xx");
  v1::TranslateResponse response;
  const grpc::Status status = Translate(request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(status.error_message(),
            "model: found \"en-xx\", served here: en-de, en-fr");
  request.set_model("en-fr");
  EXPECT_EQ(TranslateOk(request).model(), "en-fr");
  EXPECT_EQ(metrics_.refusals("MODEL_NOT_FOUND"), 1);
  EXPECT_EQ(metrics_.CallsOf("peregrine.v1", "Translate")
                .value(absl::StatusCode::kNotFound),
            1);
}

TEST_F(ServiceTest, AnswersThatNoClientWouldTakeAreRefusedBeforeTheWork) {
  model_options_.limits.max_response_bytes = 100;
  Start();
  v1::TranslateRequest request = Request({std::string(20, 'a')});
  request.mutable_options()->set_beam_size(5);
  request.mutable_options()->set_num_hypotheses(5);
  EXPECT_EQ(TranslateOk(request).translations(0).hypotheses_size(), 5);
  request.mutable_texts(0)->mutable_options()->set_num_hypotheses(4);
  request.add_texts()->set_text("b");
  TranslateOk(request);
  *request.mutable_texts(0)->mutable_text() += std::string(5, 'a');
  EXPECT_EQ(Refused(request),
            "texts: found 105 bytes to answer with, in all hypotheses, allowed "
            "at most 100 (max_response_bytes)");
}

TEST_F(ServiceTest, AModelTellsItsRevisionAndEveryLimit) {
  Start();
  grpc::ClientContext context;
  v1::Model model;
  ASSERT_TRUE(stub_->GetModel(&context, {}, &model).ok());
  EXPECT_EQ(model.revision(), "0123456789abcdef");
  EXPECT_EQ(TranslateOk(Request({"a"})).revision(), model.revision());
  const auto* const type = v1::Limits::descriptor();
  for (int i = 0; i < type->field_count(); ++i) {
    EXPECT_TRUE(model.limits().GetReflection()->HasField(model.limits(),
                                                         type->field(i)))
        << type->field(i)->name();
  }
}

TEST_F(ServiceTest, AModelWithoutTokenizersTakesNoText) {
  backend_.has_tokenizers = false;
  Start();
  EXPECT_EQ(Refused(Request({"a"})),
            "model: takes tokens only: use TranslateTokens");
}

TEST_F(ServiceTest, TextThatIsNotUtf8IsNamed) {
  Start();
  std::string bytes = Request({"fine", "fine", "BAD"}).SerializeAsString();
  bytes[bytes.find("BAD")] = '\xff';
  for (const char* method : {"Translate", "TranslateTokens"}) {
    const grpc::Status status = CallRaw(method, bytes);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    EXPECT_THAT(status.error_message(), HasSubstr("not valid UTF-8"));
  }
  EXPECT_EQ(CallRaw("Translate", bytes).error_message(),
            "texts[2].text: not valid UTF-8 at byte 0");
  EXPECT_EQ(CallRaw("GetModel", "\x0a\x01\xff").error_message(),
            "name: not valid UTF-8 at byte 0");
  TranslateOk(Request({"still there"}));
}

TEST_F(ServiceTest, GarbageIsRefused) {
  Start();
  for (const char* method :
       {"Translate", "TranslateTokens", "ListModels", "GetModel"}) {
    const grpc::Status status = CallRaw(method, "\xff\xff\xff");
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT)
        << method;
    EXPECT_THAT(status.error_message(),
                StartsWith("request: not a peregrine.v1."));
  }
}

TEST_F(ServiceTest, ModelsAreDescribed) {
  batcher_.num_workers = 2;
  Start({"b", "a"});
  grpc::ClientContext list_context, get_context, bad_context;
  v1::ListModelsResponse list;
  ASSERT_TRUE(stub_->ListModels(&list_context, {}, &list).ok());
  ASSERT_EQ(list.models_size(), 2);
  EXPECT_EQ(list.models(0).name(), "a");
  EXPECT_EQ(list.models(1).name(), "b");

  v1::GetModelRequest request;
  request.set_name("b");
  v1::Model model;
  ASSERT_TRUE(stub_->GetModel(&get_context, request, &model).ok());
  EXPECT_EQ(model.name(), "b");
  EXPECT_EQ(model.source_language(), "en");
  EXPECT_EQ(model.default_options().beam_size(), 2);
  EXPECT_EQ(model.default_options().num_hypotheses(), 1);
  EXPECT_FALSE(model.default_options().has_max_length());
  EXPECT_EQ(model.limits().max_texts_per_request(), 20);
  EXPECT_EQ(model.limits().max_source_tokens(), 100);
  ASSERT_EQ(model.devices_size(), 1);
  EXPECT_EQ(model.devices(0).workers(), 2);
  EXPECT_EQ(model.devices(0).weights_bytes(), 104);
  EXPECT_EQ(model.devices(0).products(), "nobody");

  request.set_name("c");
  EXPECT_EQ(stub_->GetModel(&bad_context, request, &model).error_code(),
            grpc::StatusCode::NOT_FOUND);
}

}  // namespace
}  // namespace peregrine::server
