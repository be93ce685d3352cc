// The service in a real gRPC server, over a fake model: every way in which a
// request of the contract can be wrong, and the life of calls and streams.
#include "server/service/service.h"

#include <atomic>
#include <cmath>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "absl/synchronization/notification.h"
#include "gmock/gmock.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "gtest/gtest.h"
#include "server/models/fake_backend.h"
#include "server/models/models.h"

namespace peregrine::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using Stub = v1::TranslationService::Stub;

template <typename Detail>
bool GetDetail(const grpc::Status& status, Detail* detail) {
  google::rpc::Status details;
  if (!details.ParseFromString(status.error_details())) return false;
  for (const auto& any : details.details()) {
    if (any.Is<Detail>()) return any.UnpackTo(detail);
  }
  return false;
}

// Holds the workers in their steps until opened.
class Gate {
 public:
  std::function<void()> hook() {
    return [this] {
      ++waiting_;
      opened_.WaitForNotification();
    };
  }
  void AwaitWaiting() const {
    while (waiting_ == 0) absl::SleepFor(absl::Milliseconds(1));
  }
  void Open() {
    if (!open_.exchange(true)) opened_.Notify();
  }

 private:
  std::atomic<int> waiting_{0};
  std::atomic<bool> open_{false};
  absl::Notification opened_;
};

class ServiceTest : public ::testing::Test {
 protected:
  Gate gate_;  // outlives the workers

  // Before Start.
  FakeBackend::Options backend_;
  ModelOptions model_options_;
  BatcherOptions& batcher_ = model_options_.batcher;
  ServiceOptions service_options_;

  void Start(std::vector<std::string> names = {"fake"}) {
    model_options_.limits.max_texts = 20;
    model_options_.limits.max_text_bytes = 300;
    models_ = std::make_unique<ModelSet>(metrics_);
    for (const std::string& name : names) {
      backend_.name = name;
      ASSERT_TRUE(
          models_->Add(std::make_unique<FakeBackend>(backend_), model_options_)
              .ok());
    }
    service_ = std::make_unique<TranslationServiceImpl>(
        *models_, authenticator_, service_options_, metrics_);
    int port = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(),
                             &port);
    builder.RegisterService(service_.get());
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
    address_ = "127.0.0.1:" + std::to_string(port);
    channel_ =
        grpc::CreateChannel(address_, grpc::InsecureChannelCredentials());
    stub_ = v1::TranslationService::NewStub(channel_);
  }

  void TearDown() override {
    gate_.Open();
    if (server_ != nullptr) server_->Shutdown(std::chrono::system_clock::now());
  }

  grpc::Status Translate(const v1::TranslateRequest& request,
                         v1::TranslateResponse* response) {
    grpc::ClientContext context;
    return stub_->Translate(&context, request, response);
  }
  v1::TranslateResponse TranslateOk(const v1::TranslateRequest& request) {
    v1::TranslateResponse response;
    const grpc::Status status = Translate(request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
  // The message of a refusal, which is also checked to name its field.
  std::string Refused(const v1::TranslateRequest& request) {
    v1::TranslateResponse response;
    const grpc::Status status = Translate(request, &response);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    google::rpc::BadRequest details;
    EXPECT_TRUE(GetDetail(status, &details));
    if (!details.field_violations().empty()) {
      EXPECT_THAT(status.error_message(),
                  StartsWith(details.field_violations(0).field() + ": "));
    }
    return status.error_message();
  }
  static v1::TranslateRequest Request(const std::vector<std::string>& texts) {
    v1::TranslateRequest request;
    for (const std::string& text : texts) request.add_texts()->set_text(text);
    return request;
  }
  // Sends bytes as they are.
  grpc::Status CallRaw(const std::string& method, const std::string& bytes) {
    grpc::GenericStub stub(channel_);
    grpc::ClientContext context;
    grpc::Slice slice(bytes);
    grpc::ByteBuffer request(&slice, 1), response;
    absl::Notification done;
    grpc::Status result;
    stub.UnaryCall(&context, "/peregrine.v1.TranslationService/" + method,
                   grpc::StubOptions(), &request, &response,
                   [&](grpc::Status status) {
                     result = std::move(status);
                     done.Notify();
                   });
    done.WaitForNotification();
    return result;
  }
  int64_t Requests(absl::StatusCode code) {
    return models_->all()[0]->metrics().requests.value(code);
  }
  int64_t Sentences(absl::StatusCode code) {
    return models_->all()[0]->metrics().sentences.value(code);
  }
  // For counts that lag behind what the client sees.
  template <typename Condition>
  static bool Eventually(Condition condition) {
    for (int i = 0; i < 500; ++i) {
      if (condition()) return true;
      absl::SleepFor(absl::Milliseconds(10));
    }
    return false;
  }

  Metrics metrics_;
  Authenticator authenticator_{nullptr};
  std::unique_ptr<ModelSet> models_;
  std::unique_ptr<TranslationServiceImpl> service_;
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<Stub> stub_;
};

// ---- Translate

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
            "source_language: found \"cc\", expected one of aa, bb (and 1 "
            "more)");
  request.clear_source_language();
  EXPECT_EQ(Refused(request),
            "target_language: found none, expected one of aa, bb");
}

TEST_F(ServiceTest, TokensHaveLanguages) {
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

TEST_F(ServiceTest, AModelOfOnePairHasOnlyItsOwn) {
  Start();
  v1::TranslateRequest request = Request({"x"});
  request.set_source_language("EN");
  request.set_target_language("en");
  EXPECT_EQ(TranslateOk(request).translations(0).hypotheses(0).text(), "X");
  request.set_target_language("fr");
  EXPECT_EQ(Refused(request),
            "target_language: found \"fr\", expected \"EN\", the only one of "
            "the model, or none");
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
  EXPECT_EQ(
      metrics_.requests_without_model().value(absl::StatusCode::kNotFound), 1);
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

TEST_F(ServiceTest, AFullQueueSaysWhenToTryAgain) {
  backend_.on_step = gate_.hook();
  batcher_.queue.max_sentences = 1;
  Start();
  std::thread live([&] { TranslateOk(Request({"a"})); });
  gate_.AwaitWaiting();
  std::thread waiting([&] { TranslateOk(Request({"b"})); });
  ASSERT_TRUE(Eventually(
      [&] { return models_->all()[0]->batcher().queue().sentences == 1; }));

  grpc::ClientContext context;
  v1::TranslateResponse response;
  const grpc::Status status =
      stub_->Translate(&context, Request({"c"}), &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  google::rpc::RetryInfo retry;
  EXPECT_TRUE(GetDetail(status, &retry));
  EXPECT_GT(retry.retry_delay().nanos() + retry.retry_delay().seconds(), 0);
  const auto& trailers = context.GetServerTrailingMetadata();
  const auto pushback = trailers.find("grpc-retry-pushback-ms");
  ASSERT_NE(pushback, trailers.end());
  EXPECT_GE(
      std::stoi(std::string(pushback->second.begin(), pushback->second.end())),
      50);

  gate_.Open();
  live.join();
  waiting.join();
  // Not a matter of trying again.
  EXPECT_THAT(
      Refused(Request({"a", "b"})),
      StartsWith("request: found 2 sentences of 8 tokens, allowed at once 1"));
}

TEST_F(ServiceTest, CancellationFreesTheSession) {
  backend_.on_step = [] { absl::SleepFor(absl::Milliseconds(5)); };
  Start();
  grpc::ClientContext context;
  v1::TranslateResponse response;
  std::thread canceller([&] {
    absl::SleepFor(absl::Milliseconds(50));
    context.TryCancel();
  });
  // 100 steps and more.
  const grpc::Status status =
      stub_->Translate(&context, Request({std::string(100, 'x')}), &response);
  canceller.join();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_TRUE(
      Eventually([&] { return Sentences(absl::StatusCode::kCancelled) == 1; }));
  EXPECT_TRUE(
      Eventually([&] { return Requests(absl::StatusCode::kCancelled) == 1; }));
}

TEST_F(ServiceTest, ACallThatEndsBeforeItIsReadIsNoBadRequest) {
  Start();
  grpc::GenericStub stub(channel_);
  grpc::CompletionQueue queue;
  grpc::ClientContext context;
  const auto call = stub.PrepareCall(
      &context, "/peregrine.v1.TranslationService/Translate", &queue);
  void* tag = nullptr;
  bool ok = false;
  call->StartCall(nullptr);
  ASSERT_TRUE(queue.Next(&tag, &ok));
  absl::SleepFor(absl::Milliseconds(50));  // for the server to see the call
  context.TryCancel();
  grpc::Status status;
  call->Finish(&status, nullptr);
  ASSERT_TRUE(queue.Next(&tag, &ok));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::CANCELLED);
  const OutcomeCounter& counter = metrics_.requests_without_model();
  EXPECT_TRUE(Eventually(
      [&] { return counter.value(absl::StatusCode::kCancelled) == 1; }));
  EXPECT_EQ(counter.value(absl::StatusCode::kInvalidArgument), 0);
}

TEST_F(ServiceTest, DeadlinesEndTheWork) {
  backend_.on_step = [] { absl::SleepFor(absl::Milliseconds(5)); };
  Start();
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() +
                       std::chrono::milliseconds(60));
  v1::TranslateResponse response;
  EXPECT_EQ(
      stub_->Translate(&context, Request({std::string(100, 'x')}), &response)
          .error_code(),
      grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_TRUE(Eventually([&] {
    return Sentences(absl::StatusCode::kDeadlineExceeded) +
               Sentences(absl::StatusCode::kCancelled) ==
           1;
  }));
  EXPECT_TRUE(Eventually([&] { return service_->AwaitNoCalls(absl::Now()); }));
}

// ---- TranslateTokens

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

// ---- Models

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

  request.set_name("c");
  EXPECT_EQ(stub_->GetModel(&bad_context, request, &model).error_code(),
            grpc::StatusCode::NOT_FOUND);
}

// ---- TranslateStream

class StreamTest : public ServiceTest {
 protected:
  using Stream = grpc::ClientReaderWriter<v1::TranslateStreamRequest,
                                          v1::TranslateStreamResponse>;
  std::unique_ptr<Stream> Open() { return stub_->TranslateStream(&context_); }

  static v1::TranslateStreamRequest Message(const std::string& id,
                                            const std::string& text) {
    v1::TranslateStreamRequest request;
    request.set_id(id);
    request.mutable_text()->set_text(text);
    return request;
  }
  grpc::ClientContext context_;
};

TEST_F(StreamTest, AnswersEachTextOnce) {
  batcher_.num_workers = 2;
  service_options_.max_stream_texts = 8;
  Start();
  auto stream = Open();
  constexpr int kTexts = 500;
  std::thread writer([&] {
    for (int i = 0; i < kTexts; ++i) {
      stream->Write(Message(std::to_string(i), std::string(1 + i % 50, 'a')));
    }
    stream->WritesDone();
  });
  std::map<std::string, std::string> answers;
  v1::TranslateStreamResponse response;
  while (stream->Read(&response)) {
    EXPECT_TRUE(
        answers
            .emplace(response.id(), response.translation().hypotheses(0).text())
            .second);
  }
  writer.join();
  EXPECT_TRUE(stream->Finish().ok());
  ASSERT_EQ(answers.size(), static_cast<size_t>(kTexts));
  for (int i = 0; i < kTexts; ++i) {
    EXPECT_EQ(answers[std::to_string(i)], std::string(1 + i % 50, 'A'));
  }
  EXPECT_EQ(Requests(absl::StatusCode::kOk), kTexts);
}

TEST_F(StreamTest, ErrorsAreAnsweredInPlace) {
  Start();
  auto stream = Open();
  v1::TranslateStreamRequest bad_beam = Message("beam", "a");
  bad_beam.mutable_text()->mutable_options()->set_beam_size(0);
  v1::TranslateStreamRequest bad_model = Message("model", "a");
  bad_model.set_model("nobody");
  stream->Write(bad_beam);
  stream->Write(bad_model);
  stream->Write(Message("white", " "));
  stream->Write(Message("good", "a"));
  stream->WritesDone();
  std::map<std::string, v1::TranslateStreamResponse> answers;
  v1::TranslateStreamResponse response;
  while (stream->Read(&response)) answers[response.id()] = response;
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(answers["beam"].error().code(), 3);
  EXPECT_EQ(answers["beam"].error().message(),
            "text.options.beam_size: found 0, allowed 1 to 16");
  EXPECT_EQ(answers["model"].error().code(), 5);
  EXPECT_EQ(answers["white"].translation().hypotheses(0).text(), " ");
  EXPECT_EQ(answers["good"].translation().hypotheses(0).text(), "A");
}

TEST_F(StreamTest, ReadsNoMoreThanItsLimit) {
  backend_.on_step = gate_.hook();
  service_options_.max_stream_texts = 4;
  Start();
  auto stream = Open();
  stream->Write(Message("0", "a"));
  gate_.AwaitWaiting();
  for (int i = 1; i < 10; ++i) stream->Write(Message(std::to_string(i), "a"));
  const auto taken = [&] {
    return models_->all()[0]->batcher().queue().sentences;
  };
  EXPECT_TRUE(Eventually([&] { return taken() == 3; }));
  absl::SleepFor(absl::Milliseconds(50));
  EXPECT_EQ(taken(), 3);
  gate_.Open();
  stream->WritesDone();
  int answers = 0;
  v1::TranslateStreamResponse response;
  while (stream->Read(&response)) ++answers;
  EXPECT_EQ(answers, 10);
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(StreamTest, CancellationDropsItsTexts) {
  backend_.on_step = gate_.hook();
  Start();
  auto stream = Open();
  for (int i = 0; i < 5; ++i) stream->Write(Message(std::to_string(i), "abc"));
  gate_.AwaitWaiting();
  context_.TryCancel();
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  gate_.Open();
  EXPECT_TRUE(Eventually([&] { return service_->AwaitNoCalls(absl::Now()); }));
  EXPECT_EQ(models_->all()[0]->batcher().queue().sentences, 0);
}

TEST_F(StreamTest, AnIdleStreamEndsWhenTheServerDrains) {
  Start();
  auto stream = Open();
  stream->Write(Message("1", "a"));
  v1::TranslateStreamResponse response;
  ASSERT_TRUE(stream->Read(&response));
  service_->Drain();
  models_->Drain();
  EXPECT_FALSE(stream->Read(&response));
  const grpc::Status status = stream->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(status.error_message(), HasSubstr("draining"));
  EXPECT_TRUE(service_->AwaitNoCalls(absl::Now() + absl::Seconds(5)));
}

TEST_F(StreamTest, ABusyStreamIsAnsweredBeforeItEnds) {
  backend_.on_step = gate_.hook();
  Start();
  auto stream = Open();
  stream->Write(Message("0", "abc"));
  gate_.AwaitWaiting();
  for (const char* id : {"1", "2"}) stream->Write(Message(id, "abc"));
  EXPECT_TRUE(Eventually(
      [&] { return models_->all()[0]->batcher().queue().sentences == 2; }));
  service_->Drain();
  models_->Drain();
  stream->Write(Message("too late", "abc"));
  EXPECT_FALSE(service_->AwaitNoCalls(absl::Now() + absl::Milliseconds(20)));
  gate_.Open();
  int answers = 0;
  v1::TranslateStreamResponse response;
  while (stream->Read(&response)) answers += response.has_translation();
  EXPECT_EQ(answers, 3);
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(ServiceTest, DrainingIsUnavailableWithARetryDelay) {
  Start();
  models_->Drain();
  v1::TranslateResponse response;
  const grpc::Status status = Translate(Request({"a"}), &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  google::rpc::ErrorInfo info;
  EXPECT_TRUE(GetDetail(status, &info));
  EXPECT_EQ(info.reason(), "DRAINING");
}

// As gRPC's clients do only where an answer has not begun by headers.
TEST_F(ServiceTest, ARefusalThatNamesItsSpanIsRepeated) {
  Start();
  models_->Drain();
  grpc::ChannelArguments arguments;
  arguments.SetServiceConfigJSON(R"({"methodConfig": [{
      "name": [{}],
      "retryPolicy": {"maxAttempts": 2, "initialBackoff": "0.01s",
                      "maxBackoff": "0.01s", "backoffMultiplier": 1,
                      "retryableStatusCodes": ["UNAVAILABLE"]}}]})");
  const auto stub = v1::TranslationService::NewStub(grpc::CreateCustomChannel(
      address_, grpc::InsecureChannelCredentials(), arguments));
  grpc::ClientContext context;
  context.AddMetadata(
      "traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
  v1::TranslateResponse response;
  EXPECT_EQ(stub->Translate(&context, Request({"a"}), &response).error_code(),
            grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(context.GetServerTrailingMetadata().count("traceresponse"), 1u);
  EXPECT_TRUE(Eventually(
      [&] { return Requests(absl::StatusCode::kUnavailable) == 2; }));
}

// Many clients, calls and streams, a third of them cancelled or out of time.
TEST_F(ServiceTest, SurvivesLoadWithCancellation) {
  backend_.on_step = [] { absl::SleepFor(absl::Microseconds(100)); };
  batcher_.num_workers = 2;
  batcher_.queue.max_sentences = 60;
  Start();
  const auto client = [&](int seed) {
    for (int i = 0; i < 60; ++i) {
      grpc::ClientContext context;
      const int kind = (seed + i) % 3;
      if (kind == 1) {
        context.set_deadline(std::chrono::system_clock::now() +
                             std::chrono::microseconds(300 * (i % 20)));
      }
      std::thread canceller;
      if (kind == 2) {
        canceller = std::thread([&] {
          absl::SleepFor(absl::Microseconds(100 * (i % 30)));
          context.TryCancel();
        });
      }
      if (i % 2 == 0) {
        v1::TranslateResponse response;
        const std::string text(1 + i, 'a');
        if (stub_
                ->Translate(&context, Request({text, text + "\n" + text}),
                            &response)
                .ok()) {
          EXPECT_EQ(response.translations(0).hypotheses(0).text(),
                    std::string(1 + i, 'A'));
        }
      } else {
        auto stream = stub_->TranslateStream(&context);
        v1::TranslateStreamRequest request;
        request.mutable_text()->set_text(std::string(1 + i, 'a'));
        for (int n = 0; n < 4; ++n) stream->Write(request);
        stream->WritesDone();
        v1::TranslateStreamResponse response;
        while (stream->Read(&response)) {
        }
        stream->Finish();
      }
      if (canceller.joinable()) canceller.join();
    }
  };
  std::vector<std::thread> clients;
  for (int seed = 0; seed < 6; ++seed) clients.emplace_back(client, seed);
  for (std::thread& thread : clients) thread.join();
  EXPECT_TRUE(service_->AwaitNoCalls(absl::Now() + absl::Seconds(10)));
  EXPECT_EQ(models_->all()[0]->batcher().queue().sentences, 0);
  EXPECT_GT(Requests(absl::StatusCode::kOk), 100);
}

}  // namespace
}  // namespace peregrine::server
