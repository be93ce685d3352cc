#include "engine/formats/files/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <limits>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/base/status_macros.h"

namespace peregrine::formats {
namespace {

constexpr absl::string_view kMagic = "\x1f\x8b";
// Of zlib: how many bits a window has, and what the data are wrapped in.
constexpr int kWindowBits = 15;
constexpr int kGzipWrapping = 16;
constexpr size_t kFirstBytes = size_t{1} << 16;

absl::Status Error(const std::string& path, absl::string_view message) {
  return absl::InvalidArgumentError(absl::StrCat(path, ": ", message));
}

// zlib's stream over bytes in memory, which may be more than it counts.
class Inflater {
 public:
  Inflater(absl::string_view bytes, int window_bits) : left_(bytes) {
    ok_ = inflateInit2(&stream_, window_bits) == Z_OK;
  }
  ~Inflater() {
    if (ok_) inflateEnd(&stream_);
  }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  // Writes up to `size` bytes, fewer only at the end or where it is damaged.
  size_t Read(char* output, size_t size) {
    size_t done = 0;
    while (ok_ && !at_end_ && done < size) {
      Refill();
      const size_t chunk = std::min<size_t>(size - done, kMaxChunk);
      stream_.next_out = reinterpret_cast<Bytef*>(output + done);
      stream_.avail_out = static_cast<uInt>(chunk);
      const int result = inflate(&stream_, Z_NO_FLUSH);
      done += chunk - stream_.avail_out;
      at_end_ = result == Z_STREAM_END;
      if (result != Z_OK && !at_end_) failed_ = true;
      if (failed_) break;
    }
    return done;
  }

  // Whether all of the stream was read, and its checksum is right.
  bool at_end() const { return at_end_; }
  // What follows the stream.
  absl::string_view rest() const {
    return {reinterpret_cast<const char*>(stream_.next_in),
            stream_.avail_in + left_.size()};
  }

 private:
  static constexpr size_t kMaxChunk = std::numeric_limits<uInt>::max();

  void Refill() {
    if (stream_.avail_in > 0 || left_.empty()) return;
    const size_t chunk = std::min(left_.size(), kMaxChunk);
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(left_.data()));
    stream_.avail_in = static_cast<uInt>(chunk);
    left_.remove_prefix(chunk);
  }

  z_stream stream_ = {};
  absl::string_view left_;
  bool ok_ = false;
  bool at_end_ = false;
  bool failed_ = false;
};

}  // namespace

bool IsGzip(absl::string_view bytes) { return absl::StartsWith(bytes, kMagic); }

absl::StatusOr<std::string> Gunzip(absl::string_view bytes, size_t max_bytes,
                                   const std::string& path) {
  std::string result;
  // Files of several, one behind the other, are one.
  while (!bytes.empty()) {
    Inflater inflater(bytes, kWindowBits + kGzipWrapping);
    size_t size = result.size();
    while (!inflater.at_end()) {
      if (size > max_bytes) {
        return Error(path, absl::StrCat("found more than ", max_bytes,
                                        " bytes, once gzip is undone"));
      }
      result.resize(std::max(kFirstBytes, 2 * size));
      const size_t found = inflater.Read(&result[size], result.size() - size);
      const bool is_full = size + found == result.size();
      size += found;
      if (!is_full && !inflater.at_end()) {
        return Error(path,
                     "found a compressed file that is cut off or damaged");
      }
    }
    result.resize(size);
    bytes = inflater.rest();
  }
  if (result.size() > max_bytes) {
    return Error(path, absl::StrCat("found more than ", max_bytes,
                                    " bytes, once gzip is undone"));
  }
  return result;
}

absl::Status Inflate(absl::string_view bytes, uint64_t size,
                     const std::string& path,
                     absl::FunctionRef<absl::Status(absl::string_view)> write) {
  Inflater inflater(bytes, -kWindowBits);
  std::string chunk(kFirstBytes, '\0');
  uint64_t done = 0;
  while (!inflater.at_end()) {
    const size_t found = inflater.Read(&chunk[0], chunk.size());
    done += found;
    if (done > size || (found < chunk.size() && !inflater.at_end())) break;
    PEREGRINE_RETURN_IF_ERROR(write(absl::string_view(chunk).substr(0, found)));
  }
  if (done == size && inflater.at_end()) return absl::OkStatus();
  return Error(path, absl::StrCat("found compressed bytes that are damaged, "
                                  "or do not make the ",
                                  size, " that the archive says"));
}

uint32_t Crc32(uint32_t before, absl::string_view bytes) {
  return static_cast<uint32_t>(crc32_z(
      before, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

}  // namespace peregrine::formats
