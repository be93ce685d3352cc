#include "server/service/request_log.h"

#include "absl/strings/ascii.h"
#include "nlohmann/json.hpp"
#include "server/process/log_writer.h"

namespace peregrine::server {
namespace {

void AddTexts(const LoggedTexts& texts, nlohmann::ordered_json& line) {
  auto& list = line["texts"] = nlohmann::ordered_json::array();
  for (const LoggedTexts::Text& text : texts.texts()) {
    list.push_back(
        {{"source", text.source}, {"translation", text.translation}});
  }
  if (texts.left_out() > 0) line["texts_left_out"] = texts.left_out();
}

}  // namespace

std::string RequestLog::Format(const CallRecord& record) {
  nlohmann::ordered_json line;
  line["time"] = absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", record.start,
                                  absl::UTCTimeZone());
  line["request_id"] = record.ids.request_id;
  if (record.ids.parent.has_value()) {
    line["trace_id"] = record.ids.parent->trace_id;
    line["parent_id"] = record.ids.parent->span_id;
    line["span_id"] = record.ids.span_id;
  }
  line["api"] = record.api;
  line["method"] = record.method;
  if (!record.client.empty()) line["client"] = record.client;
  if (!record.model.empty()) line["model"] = record.model;
  line["outcome"] =
      absl::AsciiStrToLower(absl::StatusCodeToString(record.status.code()));
  line["seconds"] = absl::ToDoubleSeconds(record.duration);
  line["sentences"] = record.sentences;
  if (record.texts != nullptr) AddTexts(*record.texts, line);
  // ASCII only: nothing that a terminal or a log reader would act on.
  return line.dump(-1, ' ', /*ensure_ascii=*/true,
                   nlohmann::ordered_json::error_handler_t::replace);
}

void RequestLog::Write(const CallRecord& record) const {
  if (!on_) return;
  StderrLog().Write(Format(record) + "\n");
}

}  // namespace peregrine::server
