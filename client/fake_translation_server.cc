#include "client/fake_translation_server.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "grpcpp/health_check_service_interface.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server_builder.h"

namespace peregrine::client {

FakeTranslationServer::FakeTranslationServer() {
  int port = 0;
  grpc::EnableDefaultHealthCheckService(true);
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(),
                           &port);
  builder.RegisterService(this);
  server_ = builder.BuildAndStart();
  address_ = absl::StrCat("127.0.0.1:", port);
}

FakeTranslationServer::~FakeTranslationServer() {
  server_->Shutdown(std::chrono::system_clock::now());
}

v1::Model FakeTranslationServer::MakeModel() {
  v1::Model model;
  model.set_name("fake");
  model.set_source_language("en");
  model.set_target_language("de");
  model.set_architecture("angle brackets");
  model.set_parameters(12'345'678);
  model.set_source_vocab_size(10000);
  model.set_target_vocab_size(9000);
  model.mutable_default_options()->set_beam_size(4);
  model.mutable_default_options()->set_length_penalty(0.6f);
  model.mutable_limits()->set_max_texts_per_request(100);
  model.mutable_limits()->set_max_text_bytes(1000);
  model.mutable_limits()->set_max_beam_size(8);
  model.mutable_limits()->set_max_source_tokens(256);
  model.mutable_limits()->set_max_target_tokens(200);
  v1::DeviceInfo* device = model.add_devices();
  device->set_device("cpu");
  device->set_precision("int8");
  device->set_workers(2);
  device->set_weights_bytes(70'000'000);
  device->set_products("own kernels");
  return model;
}

v1::Translation FakeTranslationServer::MakeTranslation(
    const std::string& text) {
  v1::Translation translation;
  v1::Hypothesis* hypothesis = translation.add_hypotheses();
  hypothesis->set_text(text.empty() ? "" : absl::StrCat("<", text, ">"));
  hypothesis->set_score(-0.5f);
  v1::Cost* cost = translation.mutable_cost();
  cost->mutable_queue()->set_nanos(10'000);
  cost->mutable_encode()->set_nanos(20'000);
  cost->mutable_decode()->set_nanos(30'000);
  cost->set_source_tokens(4);
  cost->set_target_tokens(5);
  cost->set_sentences(1);
  cost->set_device("fake");
  return translation;
}

v1::TranslateStreamResponse FakeTranslationServer::MakeAnswer(
    const v1::TranslateStreamRequest& request) {
  v1::TranslateStreamResponse answer;
  answer.set_id(request.id());
  *answer.mutable_translation() = MakeTranslation(request.text().text());
  return answer;
}

v1::TranslateStreamResponse FakeTranslationServer::MakeStable(
    const v1::TranslateStreamRequest& request, int begin,
    const std::string& text) {
  v1::TranslateStreamResponse more;
  more.set_id(request.id());
  more.mutable_stable_text()->set_begin(begin);
  more.mutable_stable_text()->set_text(text);
  return more;
}

v1::TranslateStreamResponse FakeTranslationServer::MakeError(
    const v1::TranslateStreamRequest& request, int code,
    const std::string& message) {
  v1::TranslateStreamResponse answer;
  answer.set_id(request.id());
  answer.mutable_error()->set_code(code);
  answer.mutable_error()->set_message(message);
  return answer;
}

void FakeTranslationServer::SetStreamHandler(StreamHandler handler) {
  absl::MutexLock lock(&mutex_);
  stream_handler_ = std::move(handler);
}

void FakeTranslationServer::SetTranslateHandler(TranslateHandler handler) {
  absl::MutexLock lock(&mutex_);
  translate_handler_ = std::move(handler);
}

void FakeTranslationServer::SetScoreHandler(ScoreHandler handler) {
  absl::MutexLock lock(&mutex_);
  score_handler_ = std::move(handler);
}

void FakeTranslationServer::SetServing(bool serving) {
  server_->GetHealthCheckService()->SetServingStatus(serving);
}

int FakeTranslationServer::num_streams() const {
  absl::MutexLock lock(&mutex_);
  return num_streams_;
}

std::vector<v1::TranslateRequest> FakeTranslationServer::translate_requests()
    const {
  absl::MutexLock lock(&mutex_);
  return translate_requests_;
}

grpc::Status FakeTranslationServer::Translate(
    grpc::ServerContext*, const v1::TranslateRequest* request,
    v1::TranslateResponse* response) {
  TranslateHandler handler;
  {
    absl::MutexLock lock(&mutex_);
    translate_requests_.push_back(*request);
    handler = translate_handler_;
  }
  if (handler != nullptr) {
    if (const grpc::Status status = handler(*request); !status.ok()) {
      return status;
    }
  }
  response->set_model("fake");
  for (const v1::Text& text : request->texts()) {
    *response->add_translations() = MakeTranslation(text.text());
  }
  return grpc::Status::OK;
}

grpc::Status FakeTranslationServer::TranslateStream(
    grpc::ServerContext*,
    grpc::ServerReaderWriter<v1::TranslateStreamResponse,
                             v1::TranslateStreamRequest>* stream) {
  StreamHandler handler;
  {
    absl::MutexLock lock(&mutex_);
    ++num_streams_;
    handler = stream_handler_;
  }
  if (handler != nullptr) return handler(stream);
  v1::TranslateStreamRequest request;
  while (stream->Read(&request)) stream->Write(MakeAnswer(request));
  return grpc::Status::OK;
}

grpc::Status FakeTranslationServer::ScoreTexts(
    grpc::ServerContext*, const v1::ScoreTextsRequest* request,
    v1::ScoreTextsResponse* response) {
  ScoreHandler handler;
  {
    absl::MutexLock lock(&mutex_);
    handler = score_handler_;
  }
  if (handler != nullptr) {
    if (const grpc::Status status = handler(*request); !status.ok()) {
      return status;
    }
  }
  for (int i = 0; i < request->pairs_size(); ++i) {
    const v1::TextPair& pair = request->pairs(i);
    if (pair.source().text() == "bad") {
      return grpc::Status(grpc::StatusCode::INVALID_ARGUMENT,
                          absl::StrCat("pairs[", i, "].source: no"));
    }
    v1::TextScore& score = *response->add_scores();
    const auto bytes = static_cast<float>(pair.target().text().size());
    score.set_log_probability(-bytes);
    score.set_score(-bytes / 2);
    v1::TargetToken& token = *score.add_tokens();
    token.set_token(pair.target().text());
    token.set_score(-bytes);
  }
  return grpc::Status::OK;
}

grpc::Status FakeTranslationServer::ListModels(
    grpc::ServerContext*, const v1::ListModelsRequest*,
    v1::ListModelsResponse* response) {
  *response->add_models() = MakeModel();
  return grpc::Status::OK;
}

grpc::Status FakeTranslationServer::GetModel(grpc::ServerContext*,
                                             const v1::GetModelRequest* request,
                                             v1::Model* response) {
  if (request->name() != "fake") {
    return grpc::Status(
        grpc::StatusCode::NOT_FOUND,
        absl::StrCat("no model named \"", request->name(), "\""));
  }
  *response = MakeModel();
  return grpc::Status::OK;
}

grpc::Status FakeTranslationServer::TranslateTokens(
    grpc::ServerContext*, const v1::TranslateTokensRequest* request,
    v1::TranslateTokensResponse* response) {
  for (const v1::TokenSequence& source : request->sources()) {
    v1::TokenHypothesis& hypothesis =
        *response->add_translations()->add_hypotheses();
    hypothesis.mutable_tokens()->Assign(source.tokens().rbegin(),
                                        source.tokens().rend());
  }
  return grpc::Status::OK;
}

grpc::Status FakeTranslationServer::ListLanguages(
    grpc::ServerContext*, const v1::ListLanguagesRequest* request,
    v1::ListLanguagesResponse* response) {
  if (!request->model().empty() && request->model() != "fake") {
    return grpc::Status::OK;
  }
  v1::Language& target = *response->add_languages();
  target.set_language("de");
  target.set_is_target(true);
  v1::Language& source = *response->add_languages();
  source.set_language("en");
  source.set_display_name(request->display_language() == "de" ? "Englisch"
                                                              : "English");
  source.add_targets("de");
  return grpc::Status::OK;
}

grpc::Status FakeTranslationServer::DetectLanguage(
    grpc::ServerContext*, const v1::DetectLanguageRequest* request,
    v1::DetectLanguageResponse* response) {
  for (int i = 0; i < request->texts_size(); ++i) {
    v1::LanguageDetection& detection = *response->add_detections();
    detection.add_languages()->set_language("en");
    if (request->by_sentence()) {
      detection.add_sentences()->set_end(
          static_cast<int>(request->texts(i).size()));
    }
  }
  return grpc::Status::OK;
}

}  // namespace peregrine::client
