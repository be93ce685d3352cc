#include "server/api/wire.h"

#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "engine/base/status_macros.h"
#include "engine/text/utf8.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/empty.pb.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/unknown_field_set.h"
#include "google/protobuf/wire_format_lite.h"
#include "grpcpp/support/slice.h"
#include "server/api/inflate.h"
#include "server/errors.h"

namespace peregrine::server {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::UnknownField;
using google::protobuf::UnknownFieldSet;
using google::protobuf::internal::WireFormatLite;

// The bytes of a buffer, side by side: as they are where they are one slice,
// else copied.
class Flat {
 public:
  explicit Flat(const grpc::ByteBuffer& buffer) {
    if (!buffer.Dump(&slices_).ok()) return;
    if (slices_.size() == 1) {
      bytes_ = View(slices_[0]);
      return;
    }
    copy_.reserve(buffer.Length());
    for (const grpc::Slice& slice : slices_) {
      absl::StrAppend(&copy_, View(slice));
    }
    bytes_ = copy_;
  }
  Flat(const Flat&) = delete;
  Flat& operator=(const Flat&) = delete;

  absl::string_view bytes() const { return bytes_; }

 private:
  static absl::string_view View(const grpc::Slice& slice) {
    return {reinterpret_cast<const char*>(slice.begin()), slice.size()};
  }

  std::vector<grpc::Slice> slices_;
  std::string copy_;
  absl::string_view bytes_;
};

constexpr int kMaxDepth = 100;  // that of Protobuf's parser

// Reads the wire format as Protobuf's parser will, and stops where it is
// malformed or there are too many elements.
class ElementCounter {
 public:
  explicit ElementCounter(int& count) : count_(count) {}

  // `type` may be null: a message or group that is not known.
  bool Count(absl::string_view bytes, const Descriptor* type, int depth) {
    google::protobuf::io::CodedInputStream input(
        reinterpret_cast<const uint8_t*>(bytes.data()),
        static_cast<int>(bytes.size()));
    while (const uint32_t tag = input.ReadTag()) {
      if (++count_ > kMaxElements) return false;
      if (WireFormatLite::GetTagWireType(tag) !=
          WireFormatLite::WIRETYPE_LENGTH_DELIMITED) {
        if (!SkipScalar(tag, input)) return false;
        continue;
      }
      uint32_t size = 0;
      const int start = input.ReadVarint32(&size) ? input.CurrentPosition() : 0;
      if (start == 0 || !input.Skip(static_cast<int>(size))) return false;
      const FieldDescriptor* field =
          type == nullptr
              ? nullptr
              : type->FindFieldByNumber(WireFormatLite::GetTagFieldNumber(tag));
      if (field == nullptr || field->type() != FieldDescriptor::TYPE_MESSAGE ||
          depth >= kMaxDepth) {
        continue;
      }
      if (!Count(bytes.substr(start, size), field->message_type(), depth + 1)) {
        return false;
      }
    }
    return true;
  }

 private:
  // Of a group its start: what is in it follows as fields of its own.
  static bool SkipScalar(uint32_t tag,
                         google::protobuf::io::CodedInputStream& input) {
    uint64_t value = 0;
    switch (WireFormatLite::GetTagWireType(tag)) {
      case WireFormatLite::WIRETYPE_VARINT:
        return input.ReadVarint64(&value);
      case WireFormatLite::WIRETYPE_FIXED64:
        return input.Skip(8);
      case WireFormatLite::WIRETYPE_FIXED32:
        return input.Skip(4);
      case WireFormatLite::WIRETYPE_START_GROUP:
      case WireFormatLite::WIRETYPE_END_GROUP:
        return true;
      default:
        return false;
    }
  }

  int& count_;
};

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

absl::Status ParseMessage(const grpc::ByteBuffer& bytes, int max_bytes,
                          google::protobuf::Message& message) {
  PEREGRINE_ASSIGN_OR_RETURN(const grpc::ByteBuffer inflated,
                             Inflated(bytes, max_bytes));
  const Flat flat(inflated);
  const Descriptor& type = *message.GetDescriptor();
  if (CountElements(flat.bytes(), type) > kMaxElements) {
    return InvalidFieldsError(
        {{"request",
          absl::StrCat("found more than ", kMaxElements,
                       " elements, allowed at most ", kMaxElements)}});
  }
  if (message.ParseFromArray(flat.bytes().data(),
                             static_cast<int>(flat.bytes().size()))) {
    return absl::OkStatus();
  }
  return ExplainParseFailure(flat.bytes(), type);
}

int CountElements(absl::string_view bytes, const Descriptor& type) {
  int count = 0;
  ElementCounter(count).Count(bytes, &type, /*depth=*/0);
  return count;
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

std::string SalvageString(const grpc::ByteBuffer& bytes, int max_bytes,
                          int field_number) {
  const auto inflated = Inflated(bytes, max_bytes);
  if (!inflated.ok()) return "";
  const Flat flat(*inflated);
  if (CountElements(flat.bytes(), *google::protobuf::Empty::descriptor()) >
      kMaxElements) {
    return "";
  }
  UnknownFieldSet fields;
  if (!fields.ParseFromArray(flat.bytes().data(),
                             static_cast<int>(flat.bytes().size()))) {
    return "";
  }
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
