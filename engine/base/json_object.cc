#include "engine/base/json_object.h"

#include "engine/base/file.h"
#include "engine/base/status_macros.h"

namespace peregrine {
namespace {

// Every level costs memory, however few bytes it has in the file.
constexpr int kMaxDepth = 32;

}  // namespace

std::string Shown(const Json& value) {
  std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (text.size() > 80) text = text.substr(0, 77) + "...";
  return text;
}

absl::StatusOr<Json> ParseJson(absl::string_view text,
                               const std::string& path) {
  bool too_deep = false;
  Json json = Json::parse(
      text.begin(), text.end(),
      [&](int depth, Json::parse_event_t, const Json&) {
        too_deep |= depth > kMaxDepth;
        return !too_deep;
      },
      /*allow_exceptions=*/false);
  if (too_deep) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": found JSON more than ", kMaxDepth, " deep"));
  }
  if (json.is_discarded()) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": not valid JSON"));
  }
  return json;
}

absl::StatusOr<Json> ReadJson(const std::string& path, size_t max_bytes,
                              absl::string_view expected) {
  PEREGRINE_ASSIGN_OR_RETURN(const std::string text,
                             ReadFile(path, max_bytes, expected));
  return ParseJson(text, path);
}

JsonObjectReader::JsonObjectReader(const Json& object, std::string file,
                                   std::string prefix)
    : object_(object), file_(std::move(file)), prefix_(std::move(prefix)) {
  if (!object_.is_object()) {
    Fail(absl::StrCat(prefix_.empty() ? "the file" : prefix_,
                      ": expected a JSON object"));
  }
}

int JsonObjectReader::Int(const char* name, int min, int max) {
  const Json* value = Find(name, /*required=*/true);
  return value ? ToInt(*value, name, min, max) : min;
}

int JsonObjectReader::Int(const char* name, int min, int max, int absent) {
  const Json* value = Find(name, /*required=*/false);
  return value ? ToInt(*value, name, min, max) : absent;
}

float JsonObjectReader::Float(const char* name, float min, float max) {
  const Json* value = Find(name, /*required=*/true);
  return value ? ToFloat(*value, name, min, max) : min;
}

float JsonObjectReader::Float(const char* name, float min, float max,
                              float absent) {
  const Json* value = Find(name, /*required=*/false);
  return value ? ToFloat(*value, name, min, max) : absent;
}

bool JsonObjectReader::Bool(const char* name) {
  const Json* value = Find(name, /*required=*/true);
  return value != nullptr && ToBool(*value, name);
}

bool JsonObjectReader::Bool(const char* name, bool absent) {
  const Json* value = Find(name, /*required=*/false);
  return value ? ToBool(*value, name) : absent;
}

std::string JsonObjectReader::String(const char* name) {
  const Json* value = Find(name, /*required=*/true);
  return value ? ToString(*value, name) : "";
}

std::string JsonObjectReader::String(const char* name,
                                     absl::string_view absent) {
  const Json* value = Find(name, /*required=*/false);
  return value ? ToString(*value, name) : std::string(absent);
}

std::vector<int32_t> JsonObjectReader::Ids(const char* name, int vocab_size,
                                           std::vector<int32_t> absent,
                                           bool required) {
  const Json* value = Find(name, required);
  if (value == nullptr) return absent;
  std::vector<int32_t> ids;
  if (!value->is_array()) {
    FailField(name, *value, "an array of token ids");
    return ids;
  }
  for (const Json& element : *value) {
    ids.push_back(ToInt(element, name, 0, vocab_size - 1));
  }
  return ids;
}

std::vector<std::string> JsonObjectReader::Strings(const char* name) {
  std::vector<std::string> strings;
  const Json* value = Find(name, /*required=*/false);
  if (value == nullptr) return strings;
  if (!value->is_array()) {
    FailField(name, *value, "an array of strings");
    return strings;
  }
  for (const Json& element : *value) {
    strings.push_back(ToString(element, name));
  }
  return strings;
}

JsonObjectReader JsonObjectReader::Object(const char* name) {
  const Json* value = Find(name, /*required=*/true);
  static const Json* const kEmpty = new Json(Json::object());
  JsonObjectReader reader(value ? *value : *kEmpty, file_, Path(name));
  if (!status_.ok()) reader.status_ = status_;
  return reader;
}

void JsonObjectReader::FailField(const char* name, absl::string_view message) {
  Fail(absl::StrCat(Path(name), ": ", message));
}

absl::Status JsonObjectReader::Finish() {
  if (!status_.ok() || !object_.is_object()) return status_;
  for (const auto& [name, value] : object_.items()) {
    if (asked_.count(name) == 0) {
      Fail(absl::StrCat(Path(name), ": unknown field, expected one of ",
                        absl::StrJoin(asked_, ", ")));
      break;
    }
  }
  return status_;
}

std::string JsonObjectReader::Path(absl::string_view name) const {
  return prefix_.empty() ? std::string(name) : absl::StrCat(prefix_, ".", name);
}

void JsonObjectReader::Fail(absl::string_view message) {
  if (status_.ok()) {
    status_ = absl::InvalidArgumentError(absl::StrCat(file_, ": ", message));
  }
}

void JsonObjectReader::FailField(const char* name, const Json& found,
                                 absl::string_view expected) {
  Fail(absl::StrCat(Path(name), ": found ", Shown(found), ", expected ",
                    expected));
}

const Json* JsonObjectReader::Find(const char* name, bool required) {
  asked_.insert(name);
  if (Has(name)) return &object_[name];
  if (required) Fail(absl::StrCat(Path(name), ": missing"));
  return nullptr;
}

int JsonObjectReader::ToInt(const Json& value, const char* name, int min,
                            int max) {
  if (value.is_number_integer()) {
    const bool fits = value.is_number_unsigned()
                          ? value.get<uint64_t>() <= uint64_t{1} << 62
                          : true;
    const int64_t number = fits ? value.get<int64_t>() : -1;
    if (fits && number >= min && number <= max) return static_cast<int>(number);
  }
  FailField(name, value, absl::StrCat("an integer from ", min, " to ", max));
  return min;
}

float JsonObjectReader::ToFloat(const Json& value, const char* name, float min,
                                float max) {
  if (value.is_number()) {
    const double number = value.get<double>();
    if (number >= min && number <= max) return static_cast<float>(number);
  }
  FailField(name, value, absl::StrCat("a number from ", min, " to ", max));
  return min;
}

bool JsonObjectReader::ToBool(const Json& value, const char* name) {
  if (value.is_boolean()) return value.get<bool>();
  FailField(name, value, "true or false");
  return false;
}

std::string JsonObjectReader::ToString(const Json& value, const char* name) {
  if (value.is_string() && !value.get<std::string>().empty()) {
    return value.get<std::string>();
  }
  FailField(name, value, "a string that is not empty");
  return "";
}

}  // namespace peregrine
