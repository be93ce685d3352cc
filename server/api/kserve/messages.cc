#include "server/api/kserve/messages.h"

#include <cstdint>
#include <cstring>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/types/optional.h"
#include "engine/base/status_macros.h"
#include "engine/text/utf8.h"
#include "server/errors.h"
#include "server/service/request_checks.h"

namespace peregrine::server::kserve {
namespace {

using ::inference::InferParameter;
using ::inference::ModelInferRequest;
using ::inference::ModelInferResponse;
using InputTensor = ModelInferRequest::InferInputTensor;

constexpr char kBytes[] = "BYTES";
constexpr char kVersion[] = "1";
constexpr char kPlatform[] = "peregrine";
constexpr char kEmptyFinalResponse[] = "triton_enable_empty_final_response";

// What models take and give.
struct Tensor {
  const char* name;
  const char* datatype;
  bool optional = false;
};
constexpr Tensor kInputs[] = {{"text", kBytes},
                              {"source_language", kBytes, true},
                              {"target_language", kBytes, true}};
constexpr Tensor kOutputs[] = {
    {"translation", kBytes}, {"score", "FP32"}, {"flags", kBytes}};

constexpr FieldNames kOfText = {"text", true, "", "", "parameters"};

// Elements as raw_input_contents has them: each behind its length, four bytes
// with the lowest first. Empty: they are not that.
absl::optional<std::vector<std::string>> SplitRaw(absl::string_view raw) {
  std::vector<std::string> elements;
  while (!raw.empty()) {
    if (raw.size() < 4) return absl::nullopt;
    uint32_t size = 0;
    for (int i = 3; i >= 0; --i) {
      size = size << 8 | static_cast<unsigned char>(raw[i]);
    }
    raw.remove_prefix(4);
    if (raw.size() < size) return absl::nullopt;
    elements.emplace_back(raw.substr(0, size));
    raw.remove_prefix(size);
  }
  return elements;
}

void AppendRaw(absl::string_view element, std::string& raw) {
  const auto size = static_cast<uint32_t>(element.size());
  for (int shift = 0; shift < 32; shift += 8) {
    raw.push_back(static_cast<char>(size >> shift & 0xff));
  }
  raw.append(element.data(), element.size());
}

std::string ShapeText(const std::vector<int64_t>& shape) {
  return absl::StrCat("[", absl::StrJoin(shape, ","), "]");
}

// The strings of an input, as many as its shape says.
std::vector<std::string> ReadStrings(const ModelInferRequest& message,
                                     int index, Violations& violations) {
  const InputTensor& input = message.inputs(index);
  const std::string path = input.name();
  if (input.datatype() != kBytes) {
    violations.Add(path, absl::StrCat("found ", Quoted(input.datatype()),
                                      ", expected BYTES"));
    return {};
  }
  std::vector<std::string> elements;
  if (message.raw_input_contents_size() > 0) {
    if (index >= message.raw_input_contents_size()) {
      violations.Add("raw_input_contents",
                     absl::StrCat("found ", message.raw_input_contents_size(),
                                  ", expected one for each of ",
                                  message.inputs_size(), " inputs"));
      return {};
    }
    auto split = SplitRaw(message.raw_input_contents(index));
    if (!split.has_value()) {
      violations.Add(path,
                     "the raw contents are no sequence of lengths, in "
                     "four bytes each, and strings");
      return {};
    }
    elements = *std::move(split);
  } else {
    elements = {input.contents().bytes_contents().begin(),
                input.contents().bytes_contents().end()};
  }
  int64_t count = 1;
  for (int64_t size : input.shape()) {
    count = size < 0 || count > INT32_MAX ? -1 : count * size;
    if (count < 0) break;
  }
  if (count != static_cast<int64_t>(elements.size())) {
    violations.Add(
        path,
        absl::StrCat("found ", elements.size(), " strings, but the shape ",
                     ShapeText({input.shape().begin(), input.shape().end()})));
    return {};
  }
  for (size_t i = 0; i < elements.size(); ++i) {
    const auto bad = text::FindInvalidUtf8(elements[i]);
    if (bad.has_value()) {
      violations.Add(absl::StrCat(path, "[", i, "]"),
                     absl::StrCat("not valid UTF-8 at byte ", *bad));
      return {};
    }
  }
  return elements;
}

std::string OnlyOne(const std::string& name, std::vector<std::string> elements,
                    Violations& violations) {
  if (elements.size() == 1) return std::move(elements[0]);
  violations.Add(name, absl::StrCat("found ", elements.size(),
                                    " strings, allowed one for all texts"));
  return "";
}

absl::optional<int64_t> WholeNumber(const InferParameter& value) {
  switch (value.parameter_choice_case()) {
    case InferParameter::kInt64Param:
      return value.int64_param();
    case InferParameter::kUint64Param:
      return static_cast<int64_t>(value.uint64_param());
    default:
      return absl::nullopt;
  }
}

// One that is known to a field of the request; others are refused, so that
// nobody thinks that they did something.
void ReadParameter(const std::string& name, const InferParameter& value,
                   TextRequest& request, Violations& violations) {
  const std::string path = absl::StrCat("parameters.", name);
  const auto number = [&](absl::optional<int>& field) {
    const absl::optional<int64_t> found = WholeNumber(value);
    if (!found.has_value() || *found < INT32_MIN || *found > INT32_MAX) {
      violations.Add(path, "expected a whole number of 32 bits");
    } else {
      field = static_cast<int>(*found);
    }
  };
  const auto string = [&](std::string& field) {
    if (value.has_string_param()) {
      field = value.string_param();
    } else {
      violations.Add(path, "expected a string");
    }
  };
  if (name == "source_language") {
    string(request.head.source_language);
  } else if (name == "target_language") {
    string(request.head.target_language);
  } else if (name == "beam_size") {
    number(request.head.options.beam_size);
  } else if (name == "max_length") {
    number(request.head.options.max_length);
  } else if (name == "length_penalty" && value.has_double_param()) {
    request.head.options.length_penalty =
        static_cast<float>(value.double_param());
  } else if (name == "timeout" && WholeNumber(value).has_value()) {
    request.head.timeout = absl::Microseconds(*WholeNumber(value));
  } else if (name != kEmptyFinalResponse &&
             (name != "priority" || WholeNumber(value) != 0)) {
    // All but two that change nothing: the usual priority, 0, and one of
    // streams that perf_analyzer sends with every request.
    violations.Add(path,
                   "not known: allowed are source_language, target_language, "
                   "beam_size, max_length, length_penalty (a double) and "
                   "timeout (microseconds)");
  }
}

std::string FlagsOf(const TextTranslation& translation) {
  std::vector<std::string> flags;
  if (translation.truncated) flags.push_back("truncated");
  if (translation.repetition) flags.push_back("repetition");
  if (translation.unknown_source) flags.push_back("unknown_source");
  if (translation.source_split) flags.push_back("source_split");
  if (!translation.lost.empty()) flags.push_back("span_lost");
  if (translation.numbers_differ) flags.push_back("numbers_differ");
  if (translation.source_copied) flags.push_back("source_copied");
  if (translation.empty) flags.push_back("empty");
  return absl::StrJoin(flags, ",");
}

// One output, element by element.
class OutputWriter {
 public:
  OutputWriter(const std::string& name, const char* datatype,
               const std::vector<int64_t>& shape, bool is_raw,
               ModelInferResponse& response)
      : tensor_(*response.add_outputs()),
        raw_(is_raw ? response.add_raw_output_contents() : nullptr) {
    tensor_.set_name(name);
    tensor_.set_datatype(datatype);
    tensor_.mutable_shape()->Add(shape.begin(), shape.end());
  }
  void Add(const std::string& value) {
    if (raw_ != nullptr) {
      AppendRaw(value, *raw_);
    } else {
      tensor_.mutable_contents()->add_bytes_contents(value);
    }
  }
  void Add(float value) {
    if (raw_ != nullptr) {
      char bytes[sizeof value];
      std::memcpy(bytes, &value, sizeof value);
      raw_->append(bytes, sizeof value);
    } else {
      tensor_.mutable_contents()->add_fp32_contents(value);
    }
  }

 private:
  ModelInferResponse::InferOutputTensor& tensor_;
  std::string* const raw_;  // null: as contents
};

const Tensor* FindOutput(absl::string_view name) {
  for (const Tensor& output : kOutputs) {
    if (name == output.name) return &output;
  }
  return nullptr;
}

::inference::DataType TypeOf(const Tensor& tensor) {
  return tensor.datatype == kBytes ? ::inference::TYPE_STRING
                                   : ::inference::TYPE_FP32;
}

void SetDuration(int64_t count, double seconds,
                 ::inference::StatisticDuration& duration) {
  duration.set_count(static_cast<uint64_t>(count));
  duration.set_ns(static_cast<uint64_t>(seconds * 1e9));
}

}  // namespace

absl::StatusOr<TextRequest> ModelInferCodec::Read(ModelInferRequest message) {
  Violations violations;
  TextRequest request;
  request.names = &kOfText;
  request.head.fields = {"model_name", "source_language", "target_language"};
  request.head.model = message.model_name();
  id_ = message.id();
  is_raw_ = message.raw_input_contents_size() > 0;
  if (!message.model_version().empty() && message.model_version() != kVersion) {
    return absl::NotFoundError(absl::StrCat("model_version: found ",
                                            Quoted(message.model_version()),
                                            ", expected 1 or none"));
  }
  PEREGRINE_RETURN_IF_ERROR(ReadOutputs(message));
  for (const auto& [name, value] : message.parameters()) {
    ReadParameter(name, value, request, violations);
  }
  std::set<std::string> inputs;
  for (int i = 0; i < message.inputs_size(); ++i) {
    const InputTensor& input = message.inputs(i);
    std::vector<std::string> strings = ReadStrings(message, i, violations);
    if (!inputs.insert(input.name()).second) {
      violations.Add("inputs",
                     absl::StrCat("found two named ", Quoted(input.name()),
                                  ", expected one"));
    }
    if (input.name() == "text") {
      shape_ = {input.shape().begin(), input.shape().end()};
      request.texts.clear();
      for (std::string& text : strings) {
        request.texts.emplace_back().text = std::move(text);
      }
    } else if (input.name() == "source_language") {
      request.head.source_language =
          OnlyOne(input.name(), std::move(strings), violations);
    } else if (input.name() == "target_language") {
      request.head.target_language =
          OnlyOne(input.name(), std::move(strings), violations);
    } else {
      violations.Add("inputs", absl::StrCat("found ", Quoted(input.name()),
                                            ", expected text, source_language "
                                            "or target_language"));
    }
  }
  if (inputs.count("text") == 0)
    violations.Add("inputs", "found none named text");
  PEREGRINE_RETURN_IF_ERROR(violations.status());
  return request;
}

absl::Status ModelInferCodec::ReadOutputs(const ModelInferRequest& message) {
  Violations violations;
  for (const auto& output : message.outputs()) {
    if (FindOutput(output.name()) == nullptr) {
      violations.Add("outputs", absl::StrCat("found ", Quoted(output.name()),
                                             ", expected translation, score or "
                                             "flags"));
    }
    names_.push_back(output.name());
  }
  if (names_.empty()) {
    for (const Tensor& output : kOutputs) names_.emplace_back(output.name);
  }
  return violations.status();
}

ModelInferResponse ModelInferCodec::Write(TextAnswer answer) const {
  ModelInferResponse response;
  response.set_model_name(std::move(answer.model));
  response.set_model_version(kVersion);
  response.set_id(id_);
  (*response.mutable_parameters())["revision"].set_string_param(
      std::move(answer.revision));
  for (const std::string& name : names_) {
    OutputWriter writer(name, FindOutput(name)->datatype, shape_, is_raw_,
                        response);
    for (const TranslatedText& text : answer.texts) {
      const TextTranslation& translation = text.translation;
      if (name == "translation") {
        writer.Add(translation.hypotheses[0].text);
      } else if (name == "score") {
        writer.Add(translation.hypotheses[0].score);
      } else {
        writer.Add(FlagsOf(translation));
      }
    }
  }
  return response;
}

absl::Status CheckVersion(absl::string_view model, absl::string_view version) {
  if (version.empty() || version == kVersion) return absl::OkStatus();
  return absl::NotFoundError(absl::StrCat("version: found ", Quoted(version),
                                          ", but model ", model,
                                          " has version 1 only"));
}

::inference::ModelMetadataResponse DescribeMetadata(const std::string& model) {
  ::inference::ModelMetadataResponse response;
  response.set_name(model);
  response.add_versions(kVersion);
  response.set_platform(kPlatform);
  const auto add = [](const Tensor& tensor, auto& metadata) {
    metadata.set_name(tensor.name);
    metadata.set_datatype(tensor.datatype);
    metadata.add_shape(tensor.optional ? 1 : -1);
  };
  for (const Tensor& input : kInputs) add(input, *response.add_inputs());
  for (const Tensor& output : kOutputs) add(output, *response.add_outputs());
  return response;
}

::inference::ModelConfig DescribeConfig(const std::string& model) {
  ::inference::ModelConfig config;
  config.set_name(model);
  config.set_platform(kPlatform);
  config.set_backend(kPlatform);
  for (const Tensor& tensor : kInputs) {
    ::inference::ModelInput& input = *config.add_input();
    input.set_name(tensor.name);
    input.set_data_type(TypeOf(tensor));
    input.add_dims(tensor.optional ? 1 : -1);
    input.set_optional(tensor.optional);
  }
  for (const Tensor& tensor : kOutputs) {
    ::inference::ModelOutput& output = *config.add_output();
    output.set_name(tensor.name);
    output.set_data_type(TypeOf(tensor));
    output.add_dims(-1);
  }
  return config;
}

::inference::ModelStatistics DescribeStatistics(const ServedModel& model) {
  ::inference::ModelStatistics statistics;
  const ModelMetrics& metrics = model.metrics();
  statistics.set_name(model.info().name);
  statistics.set_version(kVersion);
  const int64_t ok = metrics.requests.value(absl::StatusCode::kOk);
  int64_t failed = 0;
  for (int code = 1; code <= 16; ++code) {
    failed += metrics.requests.value(static_cast<absl::StatusCode>(code));
  }
  const Histogram::Snapshot requests = metrics.request_seconds.snapshot();
  const Histogram::Snapshot queue = metrics.queue_seconds.snapshot();
  const Histogram::Snapshot encode = metrics.encode_seconds.snapshot();
  const Histogram::Snapshot decode = metrics.decode_seconds.snapshot();
  statistics.set_inference_count(
      metrics.sentences.value(absl::StatusCode::kOk));
  statistics.set_execution_count(
      metrics.admission_tokens.snapshot().cumulative.back());
  ::inference::InferStatistics& inference =
      *statistics.mutable_inference_stats();
  SetDuration(ok, requests.sum, *inference.mutable_success());
  SetDuration(failed, 0, *inference.mutable_fail());
  // Of requests, not of the sentences that these are made of: perf_analyzer
  // insists that all counts are the same.
  SetDuration(ok, queue.sum, *inference.mutable_queue());
  SetDuration(ok, encode.sum, *inference.mutable_compute_input());
  SetDuration(ok, decode.sum, *inference.mutable_compute_infer());
  SetDuration(ok, 0, *inference.mutable_compute_output());
  return statistics;
}

}  // namespace peregrine::server::kserve
