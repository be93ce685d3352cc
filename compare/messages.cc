#include "compare/messages.h"

#include "absl/strings/str_cat.h"

namespace peregrine::compare {
namespace {

// Runs `read` on a message, whose fields nlohmann::json's at() and get() throw
// for.
template <class T, class Read>
absl::StatusOr<T> Parse(const Json& json, Read read) {
  if (json.is_object() && json.contains("error")) {
    const Json& error = json["error"];
    return absl::FailedPreconditionError(
        error.is_string() ? error.get<std::string>() : error.dump());
  }
  T value;
  try {
    read(value);
  } catch (const Json::exception& error) {
    return absl::InternalError(
        absl::StrCat("not the message that was expected: ", error.what()));
  }
  return value;
}

}  // namespace

Json ToJson(const ModelFacts& facts) {
  Json json = {{"format", facts.format},
               {"architecture", facts.architecture},
               {"precision", facts.precision},
               {"parameters", facts.parameters},
               {"weights_bytes", facts.weights_bytes},
               {"source_vocab_size", facts.source_vocab_size},
               {"target_vocab_size", facts.target_vocab_size},
               {"longest", facts.longest},
               {"has_tokenizers", facts.has_tokenizers},
               {"gpu", facts.gpu}};
  if (facts.multiply_adds) {
    json["multiply_adds"] = {
        {"source_token", facts.multiply_adds->source_token},
        {"target_token", facts.multiply_adds->target_token}};
  }
  return json;
}

Json ToJson(const SpeedRequest& request) {
  return {{"lengths", request.lengths},
          {"beam_size", request.beam_size},
          {"batch_size", request.batch_size}};
}

Json ToJson(const SpeedResult& result) {
  return {{"seconds", result.seconds},
          {"cpu_seconds", result.cpu_seconds},
          {"target_tokens", result.target_tokens},
          {"latencies", result.latencies},
          {"peak_bytes", result.peak_bytes}};
}

Json ToJson(const TextRequest& request) {
  return {{"texts", request.texts},
          {"beam_size", request.beam_size},
          {"batch_size", request.batch_size}};
}

Json ToJson(const TextResult& result) {
  return {{"seconds", result.seconds}, {"translations", result.translations}};
}

Json ErrorJson(const absl::Status& status) {
  return {{"error", std::string(status.message())}};
}

absl::StatusOr<ModelFacts> ParseFacts(const Json& json) {
  return Parse<ModelFacts>(json, [&json](ModelFacts& facts) {
    json.at("format").get_to(facts.format);
    json.at("architecture").get_to(facts.architecture);
    json.at("precision").get_to(facts.precision);
    json.at("parameters").get_to(facts.parameters);
    json.at("weights_bytes").get_to(facts.weights_bytes);
    json.at("source_vocab_size").get_to(facts.source_vocab_size);
    json.at("target_vocab_size").get_to(facts.target_vocab_size);
    json.at("longest").get_to(facts.longest);
    json.at("has_tokenizers").get_to(facts.has_tokenizers);
    json.at("gpu").get_to(facts.gpu);
    if (!json.contains("multiply_adds")) return;
    const Json& count = json["multiply_adds"];
    facts.multiply_adds =
        model::MultiplyAdds{count.at("source_token"), count.at("target_token")};
  });
}

absl::StatusOr<SpeedResult> ParseSpeedResult(const Json& json) {
  return Parse<SpeedResult>(json, [&json](SpeedResult& result) {
    json.at("seconds").get_to(result.seconds);
    json.at("cpu_seconds").get_to(result.cpu_seconds);
    json.at("target_tokens").get_to(result.target_tokens);
    json.at("latencies").get_to(result.latencies);
    json.at("peak_bytes").get_to(result.peak_bytes);
  });
}

absl::StatusOr<TextResult> ParseTextResult(const Json& json) {
  return Parse<TextResult>(json, [&json](TextResult& result) {
    json.at("seconds").get_to(result.seconds);
    json.at("translations").get_to(result.translations);
  });
}

bool IsSpeedRequest(const Json& json) { return json.contains("lengths"); }

absl::StatusOr<SpeedRequest> ParseSpeedRequest(const Json& json) {
  return Parse<SpeedRequest>(json, [&json](SpeedRequest& request) {
    json.at("lengths").get_to(request.lengths);
    json.at("beam_size").get_to(request.beam_size);
    json.at("batch_size").get_to(request.batch_size);
  });
}

absl::StatusOr<TextRequest> ParseTextRequest(const Json& json) {
  return Parse<TextRequest>(json, [&json](TextRequest& request) {
    json.at("texts").get_to(request.texts);
    json.at("beam_size").get_to(request.beam_size);
    json.at("batch_size").get_to(request.batch_size);
  });
}

}  // namespace peregrine::compare
