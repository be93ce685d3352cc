#include "server/api/wire.h"

#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "engine/text/utf8.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/unknown_field_set.h"
#include "grpcpp/support/proto_buffer_reader.h"
#include "grpcpp/support/slice.h"
#include "server/errors.h"

namespace peregrine::server {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::UnknownField;
using google::protobuf::UnknownFieldSet;

std::string Flatten(const grpc::ByteBuffer& bytes) {
  std::string flat;
  flat.reserve(bytes.Length());
  std::vector<grpc::Slice> slices;
  if (!bytes.Dump(&slices).ok()) return flat;
  for (const grpc::Slice& slice : slices) {
    flat.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return flat;
}

struct BadString {
  std::string path;  // "texts[3].text"
  size_t offset = 0;
};

// Reads the wire format without regard to field types, which any sound
// encoding survives, and looks where `type` has strings.
absl::optional<BadString> FindBadString(absl::string_view bytes,
                                        const Descriptor& type) {
  UnknownFieldSet fields;
  if (!fields.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return absl::nullopt;
  }
  std::map<int, int> seen;  // elements so far, by field number
  for (int i = 0; i < fields.field_count(); ++i) {
    const UnknownField& value = fields.field(i);
    const FieldDescriptor* field = type.FindFieldByNumber(value.number());
    const int index = seen[value.number()]++;
    if (field == nullptr ||
        value.type() != UnknownField::TYPE_LENGTH_DELIMITED) {
      continue;
    }
    std::string name = field->name();
    if (field->is_repeated()) absl::StrAppend(&name, "[", index, "]");
    if (field->type() == FieldDescriptor::TYPE_STRING) {
      const auto offset = text::FindInvalidUtf8(value.length_delimited());
      if (offset.has_value()) return BadString{name, *offset};
    } else if (field->type() == FieldDescriptor::TYPE_MESSAGE) {
      auto bad =
          FindBadString(value.length_delimited(), *field->message_type());
      if (bad.has_value()) {
        bad->path = absl::StrCat(name, ".", bad->path);
        return bad;
      }
    }
  }
  return absl::nullopt;
}

}  // namespace

absl::Status ParseMessage(const grpc::ByteBuffer& bytes,
                          google::protobuf::Message& message) {
  grpc::ByteBuffer copy = bytes;  // counts a reference; the reader wants one
  grpc::ProtoBufferReader reader(&copy);
  if (reader.status().ok() && message.ParseFromZeroCopyStream(&reader)) {
    return absl::OkStatus();
  }
  return ExplainParseFailure(Flatten(bytes), *message.GetDescriptor());
}

grpc::ByteBuffer SerializeMessage(const google::protobuf::Message& message) {
  grpc::Slice slice(message.ByteSizeLong());
  message.SerializeWithCachedSizesToArray(const_cast<uint8_t*>(slice.begin()));
  return grpc::ByteBuffer(&slice, 1);
}

absl::Status ExplainParseFailure(absl::string_view bytes,
                                 const Descriptor& type) {
  const absl::optional<BadString> bad = FindBadString(bytes, type);
  if (bad.has_value()) {
    return InvalidFieldsError(
        {{bad->path, absl::StrCat("not valid UTF-8 at byte ", bad->offset)}});
  }
  return InvalidFieldsError(
      {{"request", absl::StrCat("not a ", type.full_name())}});
}

std::string SalvageString(const grpc::ByteBuffer& bytes, int field_number) {
  UnknownFieldSet fields;
  if (!fields.ParseFromString(Flatten(bytes))) return "";
  for (int i = 0; i < fields.field_count(); ++i) {
    const UnknownField& value = fields.field(i);
    if (value.number() == field_number &&
        value.type() == UnknownField::TYPE_LENGTH_DELIMITED &&
        !text::FindInvalidUtf8(value.length_delimited()).has_value()) {
      return value.length_delimited();
    }
  }
  return "";
}

}  // namespace peregrine::server
