#include "client/command/json.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/message.h"
#include "nlohmann/json.hpp"

namespace peregrine::client {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using Json = nlohmann::ordered_json;

Json MessageJson(const Message& message);

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// Of a list, element `index`; else of the field, where `index` is -1.
class FieldValue {
 public:
  FieldValue(const Message& message, const FieldDescriptor& field, int index)
      : message_(message),
        reflection_(*message.GetReflection()),
        field_(field),
        index_(index) {}

  Json ToJson() const {
    using Reflection = google::protobuf::Reflection;
    switch (field_.cpp_type()) {
      case FieldDescriptor::CPPTYPE_BOOL:
        return Get(&Reflection::GetBool, &Reflection::GetRepeatedBool);
      case FieldDescriptor::CPPTYPE_INT32:
        return Get(&Reflection::GetInt32, &Reflection::GetRepeatedInt32);
      case FieldDescriptor::CPPTYPE_INT64:
        return Get(&Reflection::GetInt64, &Reflection::GetRepeatedInt64);
      case FieldDescriptor::CPPTYPE_UINT32:
        return Get(&Reflection::GetUInt32, &Reflection::GetRepeatedUInt32);
      case FieldDescriptor::CPPTYPE_UINT64:
        return Get(&Reflection::GetUInt64, &Reflection::GetRepeatedUInt64);
      case FieldDescriptor::CPPTYPE_FLOAT:
        return Get(&Reflection::GetFloat, &Reflection::GetRepeatedFloat);
      case FieldDescriptor::CPPTYPE_DOUBLE:
        return Get(&Reflection::GetDouble, &Reflection::GetRepeatedDouble);
      case FieldDescriptor::CPPTYPE_STRING:
        return Get(&Reflection::GetString, &Reflection::GetRepeatedString);
      case FieldDescriptor::CPPTYPE_ENUM:
        return Enum();
      case FieldDescriptor::CPPTYPE_MESSAGE:
        return MessageJson(
            index_ < 0
                ? reflection_.GetMessage(message_, &field_)
                : reflection_.GetRepeatedMessage(message_, &field_, index_));
    }
    return nullptr;
  }

 private:
  template <typename One, typename OfList>
  Json Get(One one, OfList of_list) const {
    if (index_ < 0) return (reflection_.*one)(message_, &field_);
    return (reflection_.*of_list)(message_, &field_, index_);
  }

  // One of a later server is told as a number.
  Json Enum() const {
    const int number = index_ < 0 ? reflection_.GetEnumValue(message_, &field_)
                                  : reflection_.GetRepeatedEnumValue(
                                        message_, &field_, index_);
    const auto* value = field_.enum_type()->FindValueByNumber(number);
    if (value == nullptr) return number;
    return value->name();
  }

  const Message& message_;
  const google::protobuf::Reflection& reflection_;
  const FieldDescriptor& field_;
  const int index_;
};

bool IsDuration(const FieldDescriptor& field) {
  return field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE &&
         field.message_type() == google::protobuf::Duration::descriptor();
}

// What is not there is left out; but for numbers, texts and times that have
// nothing else to say so, and for the lists that readers always look at.
bool IsTold(const Message& message, const FieldDescriptor& field) {
  const auto& reflection = *message.GetReflection();
  if (field.is_repeated()) {
    return reflection.FieldSize(message, &field) > 0 ||
           field.name() == "hypotheses" || field.name() == "flags" ||
           field.name() == "devices";
  }
  if (IsDuration(field)) return true;
  if (!field.has_presence()) {
    return field.cpp_type() != FieldDescriptor::CPPTYPE_ENUM ||
           reflection.GetEnumValue(message, &field) != 0;
  }
  return reflection.HasField(message, &field);
}

void AddField(const Message& message, const FieldDescriptor& field,
              Json& json) {
  const auto& reflection = *message.GetReflection();
  if (IsDuration(field)) {
    google::protobuf::Duration duration;
    duration.CopyFrom(reflection.GetMessage(message, &field));
    json[absl::StrCat(field.name(), "_seconds")] =
        static_cast<double>(duration.seconds()) + duration.nanos() * 1e-9;
  } else if (field.is_repeated()) {
    Json& list = json[field.name()] = Json::array();
    for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
      list.push_back(FieldValue(message, field, i).ToJson());
    }
  } else {
    json[field.name()] = FieldValue(message, field, -1).ToJson();
  }
}

// By reflection, so that no field of the contract is forgotten.
Json MessageJson(const Message& message) {
  const auto& descriptor = *message.GetDescriptor();
  if (&descriptor == v1::ByteRange::descriptor()) {
    v1::ByteRange range;
    range.CopyFrom(message);
    return Json::array({range.begin(), range.end()});
  }
  std::vector<const FieldDescriptor*> fields;
  for (int i = 0; i < descriptor.field_count(); ++i) {
    fields.push_back(descriptor.field(i));
  }
  std::sort(fields.begin(), fields.end(), [](const auto* a, const auto* b) {
    return a->number() < b->number();
  });
  Json json = Json::object();
  for (const FieldDescriptor* field : fields) {
    if (IsTold(message, *field)) AddField(message, *field, json);
  }
  return json;
}

// `json` with what was made of it, or why nothing was.
template <typename Made>
std::string DumpWith(Json json, const absl::StatusOr<Made>& made) {
  if (made.ok()) {
    json.update(MessageJson(*made));
  } else {
    json["error"] = {{"code", absl::StatusCodeToString(made.status().code())},
                     {"message", std::string(made.status().message())}};
  }
  return Dump(json);
}

}  // namespace

std::string ToJson(const BulkResult& result) {
  return DumpWith({{"source", result.text}}, result.translation);
}

std::string ToJson(const BulkBeginning& beginning) {
  return Dump(
      {{"source", beginning.text}, {"stable_text", beginning.translation}});
}

std::string ToJson(const ScoredPair& pair) {
  return DumpWith({{"source", pair.source}, {"target", pair.target}},
                  pair.score);
}

std::string ToJson(const v1::Model& model) { return Dump(MessageJson(model)); }

}  // namespace peregrine::client
