#ifndef PEREGRINE_SERVER_API_INFLATE_H_
#define PEREGRINE_SERVER_API_INFLATE_H_

#include "absl/status/statusor.h"
#include "grpcpp/support/byte_buffer.h"

namespace peregrine::server {

// The bytes of a message that gRPC handed over as they came, compressed by gzip
// or deflate or not at all. Takes no more memory than `max_bytes`, and gives up
// where there would be more: gRPC itself inflates all of a message before it
// looks at its limit, so that it is told not to
// (GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION). INVALID_ARGUMENT: too long, or
// not what its flag says.
absl::StatusOr<grpc::ByteBuffer> Inflated(const grpc::ByteBuffer& bytes,
                                          int max_bytes);

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_API_INFLATE_H_
