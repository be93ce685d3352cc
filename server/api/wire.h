#ifndef PEREGRINE_SERVER_API_WIRE_H_
#define PEREGRINE_SERVER_API_WIRE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"
#include "grpcpp/support/byte_buffer.h"

// Messages to and from bytes. The service does this itself, since gRPC answers
// INTERNAL, without a word on the cause, to a request that does not parse; and
// text that is not UTF-8, which is the caller's most likely mistake, does not.
namespace peregrine::server {

// Elements of one message: its fields and those of the messages in it. Each
// takes some ten bytes of memory at least, whatever it takes on the wire. More
// than the tokens that a queue holds can't be of use.
inline constexpr int kMaxElements = 1 << 17;

// INVALID_ARGUMENT: names the string field that is not UTF-8, or else says that
// the bytes are no such message, or hold too many elements. `bytes` may be
// compressed: at most `max_bytes` are inflated.
absl::Status ParseMessage(const grpc::ByteBuffer& bytes, int max_bytes,
                          google::protobuf::Message& message);

// Counts the elements in an encoded message of this type, as far as it can be
// read, but no more than kMaxElements + 1. Exposed for its test.
int CountElements(absl::string_view bytes,
                  const google::protobuf::Descriptor& type);

grpc::ByteBuffer SerializeMessage(const google::protobuf::Message& message);

// What ParseMessage does for a message that does not parse. `type` is that of
// the message. Exposed for its test.
absl::Status ExplainParseFailure(absl::string_view bytes,
                                 const google::protobuf::Descriptor& type);

// The string in a top-level field of a message that does not parse; empty if
// it cannot be told. `bytes` as for ParseMessage.
std::string SalvageString(const grpc::ByteBuffer& bytes, int max_bytes,
                          int field_number);

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_API_WIRE_H_
