#include "client/command/json.h"

#include "nlohmann/json.hpp"

namespace peregrine::client {
namespace {

using Json = nlohmann::ordered_json;

double Seconds(const google::protobuf::Duration& duration) {
  return static_cast<double>(duration.seconds()) + duration.nanos() * 1e-9;
}

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json MakeJson(const v1::Cost& cost) {
  return {{"queue_seconds", Seconds(cost.queue())},
          {"encode_seconds", Seconds(cost.encode())},
          {"decode_seconds", Seconds(cost.decode())},
          {"source_tokens", cost.source_tokens()},
          {"target_tokens", cost.target_tokens()},
          {"sentences", cost.sentences()},
          {"device", cost.device()}};
}

Json MakeJson(const v1::DecodingOptions& options) {
  Json json = Json::object();
  if (options.has_beam_size()) json["beam_size"] = options.beam_size();
  if (options.has_length_penalty()) {
    json["length_penalty"] = options.length_penalty();
  }
  if (options.has_num_hypotheses()) {
    json["num_hypotheses"] = options.num_hypotheses();
  }
  if (options.has_min_length()) json["min_length"] = options.min_length();
  if (options.has_max_length()) json["max_length"] = options.max_length();
  if (options.has_use_shortlist()) {
    json["use_shortlist"] = options.use_shortlist();
  }
  return json;
}

Json MakeJson(const v1::Limits& limits) {
  return {{"max_texts_per_request", limits.max_texts_per_request()},
          {"max_text_bytes", limits.max_text_bytes()},
          {"max_beam_size", limits.max_beam_size()},
          {"max_source_tokens", limits.max_source_tokens()},
          {"max_target_tokens", limits.max_target_tokens()}};
}

Json MakeJson(const v1::TargetToken& token) {
  Json json = {{"token", token.token()}};
  if (token.has_score()) json["score"] = token.score();
  if (token.has_source()) {
    json["source"] = token.source();
    json["first_source"] = token.first_source();
    json["attention"] =
        std::vector<float>(token.attention().begin(), token.attention().end());
  }
  return json;
}

Json MakeJson(const v1::ByteRange& range) {
  return Json::array({range.begin(), range.end()});
}

Json MakeJson(const v1::TargetWord& word) {
  Json json = {{"range", MakeJson(word.range())}};
  if (word.has_source()) json["source"] = word.source();
  json["first_source"] = word.first_source();
  json["weights"] =
      std::vector<float>(word.weights().begin(), word.weights().end());
  return json;
}

Json MakeJson(const absl::Status& status) {
  return {{"code", absl::StatusCodeToString(status.code())},
          {"message", std::string(status.message())}};
}

// What a translation and a score have alike.
template <typename Message>
void AddRest(const Message& message, Json& json) {
  if (!message.source_tokens().empty()) {
    json["source_tokens"] = std::vector<std::string>(
        message.source_tokens().begin(), message.source_tokens().end());
  }
  for (const v1::ByteRange& word : message.source_words()) {
    json["source_words"].push_back(MakeJson(word));
  }
  json["flags"] = Json::array();
  for (const int flag : message.flags()) {
    json["flags"].push_back(v1::Flag_Name(flag));
  }
  json["cost"] = MakeJson(message.cost());
}

}  // namespace

std::string ToJson(const BulkResult& result) {
  Json json = {{"source", result.text}};
  if (!result.translation.ok()) {
    json["error"] = MakeJson(result.translation.status());
    return Dump(json);
  }
  json["hypotheses"] = Json::array();
  for (const v1::Hypothesis& hypothesis : result.translation->hypotheses()) {
    json["hypotheses"].push_back(
        {{"text", hypothesis.text()}, {"score", hypothesis.score()}});
    for (const v1::TargetToken& token : hypothesis.tokens()) {
      json["hypotheses"].back()["tokens"].push_back(MakeJson(token));
    }
    for (const v1::TargetWord& word : hypothesis.words()) {
      json["hypotheses"].back()["words"].push_back(MakeJson(word));
    }
  }
  for (const v1::LostSpan& span : result.translation->lost_spans()) {
    json["lost_spans"].push_back({{"kind", span.kind()},
                                  {"text", span.text()},
                                  {"found", span.found()},
                                  {"expected", span.expected()}});
  }
  for (const v1::SentenceRanges& ranges : result.translation->sentences()) {
    json["sentences"].push_back({{"source", MakeJson(ranges.source())},
                                 {"target", MakeJson(ranges.target())}});
    if (ranges.has_confidence()) {
      json["sentences"].back()["confidence"] = ranges.confidence();
    }
  }
  AddRest(*result.translation, json);
  return Dump(json);
}

std::string ToJson(const BulkBeginning& beginning) {
  return Dump(
      {{"source", beginning.text}, {"stable_text", beginning.translation}});
}

std::string ToJson(const ScoredPair& pair) {
  Json json = {{"source", pair.source}, {"target", pair.target}};
  if (!pair.score.ok()) {
    json["error"] = MakeJson(pair.score.status());
    return Dump(json);
  }
  json["score"] = pair.score->score();
  json["log_probability"] = pair.score->log_probability();
  json["tokens"] = Json::array();
  for (const v1::TargetToken& token : pair.score->tokens()) {
    json["tokens"].push_back(MakeJson(token));
  }
  for (const v1::TargetWord& word : pair.score->words()) {
    json["words"].push_back(MakeJson(word));
  }
  AddRest(*pair.score, json);
  return Dump(json);
}

std::string ToJson(const v1::Model& model) {
  Json json = {{"name", model.name()},
               {"source_language", model.source_language()},
               {"target_language", model.target_language()},
               {"architecture", model.architecture()},
               {"parameters", model.parameters()},
               {"source_vocab_size", model.source_vocab_size()},
               {"target_vocab_size", model.target_vocab_size()},
               {"default_options", MakeJson(model.default_options())},
               {"limits", MakeJson(model.limits())},
               {"devices", Json::array()}};
  if (!model.languages().empty()) {
    json["languages"] = std::vector<std::string>(model.languages().begin(),
                                                 model.languages().end());
  }
  for (const v1::DeviceInfo& device : model.devices()) {
    json["devices"].push_back({{"device", device.device()},
                               {"precision", device.precision()},
                               {"workers", device.workers()},
                               {"weights_bytes", device.weights_bytes()}});
    if (!device.products().empty()) {
      json["devices"].back()["products"] = device.products();
    }
  }
  return Dump(json);
}

}  // namespace peregrine::client
