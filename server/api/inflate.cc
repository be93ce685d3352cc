#include "server/api/inflate.h"

#include <zlib.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "engine/base/status_macros.h"
#include "grpcpp/support/proto_buffer_reader.h"
#include "grpcpp/support/slice.h"
#include "server/errors.h"

namespace peregrine::server {
namespace {

constexpr size_t kChunkBytes = 16 * 1024;
constexpr int kZlibOrGzip = 15 + 32;  // see inflateInit2

// gRPC's own reader knows how a buffer is compressed, and tells only those that
// derive from it.
class CompressionReader : public grpc::ProtoBufferReader {
 public:
  using grpc::ProtoBufferReader::ProtoBufferReader;
  grpc_compression_algorithm algorithm() {
    return reader()->buffer_in->data.raw.compression;
  }
};

absl::Status TooLong(int max_bytes) {
  return InvalidFieldsError(
      {{"request",
        absl::StrCat("found more than ", max_bytes,
                     " bytes when inflated, allowed at most ", max_bytes)}});
}

// One zlib stream, which ends with the object.
class Inflater {
 public:
  Inflater() { ready_ = inflateInit2(&stream_, kZlibOrGzip) == Z_OK; }
  ~Inflater() {
    if (ready_) inflateEnd(&stream_);
  }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  // All of `input`, which may be the last part.
  absl::Status Add(const grpc::Slice& input, int max_bytes) {
    if (!ready_) return absl::ResourceExhaustedError("no memory to inflate in");
    stream_.next_in = const_cast<Bytef*>(input.begin());
    stream_.avail_in = static_cast<uInt>(input.size());
    bool may_have_more = true;
    while ((stream_.avail_in > 0 || may_have_more) && !ended_) {
      stream_.next_out = chunk_.get();
      stream_.avail_out = kChunkBytes;
      const int result = inflate(&stream_, Z_NO_FLUSH);
      if (result == Z_BUF_ERROR) break;  // wants more input
      if (result != Z_OK && result != Z_STREAM_END) return Malformed();
      may_have_more = stream_.avail_out == 0;
      const size_t size = kChunkBytes - stream_.avail_out;
      bytes_ += size;
      if (bytes_ > static_cast<size_t>(max_bytes)) return TooLong(max_bytes);
      if (size > 0) slices_.emplace_back(chunk_.get(), size);  // a copy
      ended_ = result == Z_STREAM_END;
    }
    return stream_.avail_in == 0 ? absl::OkStatus() : Malformed();
  }

  absl::StatusOr<grpc::ByteBuffer> Take() {
    if (!ended_) return Malformed();
    return grpc::ByteBuffer(slices_.data(), slices_.size());
  }

 private:
  static absl::Status Malformed() {
    return InvalidFieldsError(
        {{"request", "not the gzip or deflate that its flag says"}});
  }

  z_stream stream_ = {};
  bool ready_ = false;
  bool ended_ = false;
  size_t bytes_ = 0;
  const std::unique_ptr<Bytef[]> chunk_{new Bytef[kChunkBytes]};
  std::vector<grpc::Slice> slices_;
};

}  // namespace

absl::StatusOr<grpc::ByteBuffer> Inflated(const grpc::ByteBuffer& bytes,
                                          int max_bytes) {
  grpc::ByteBuffer input = bytes;  // counts a reference; readers want one
  CompressionReader reader(&input);
  if (!reader.status().ok() || reader.algorithm() == GRPC_COMPRESS_NONE) {
    return input;
  }
  std::vector<grpc::Slice> slices;
  Inflater inflater;
  // Dump hands over the slices as they are.
  if (!input.Dump(&slices).ok()) return input;
  for (const grpc::Slice& slice : slices) {
    PEREGRINE_RETURN_IF_ERROR(inflater.Add(slice, max_bytes));
  }
  return inflater.Take();
}

}  // namespace peregrine::server
