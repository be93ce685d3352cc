#ifndef PEREGRINE_ENGINE_FORMATS_FILES_BYTE_CURSOR_H_
#define PEREGRINE_ENGINE_FORMATS_FILES_BYTE_CURSOR_H_

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "absl/strings/string_view.h"

namespace peregrine::formats {

// The value at `offset`, which need not be aligned; the caller knows that it is
// inside.
template <typename T>
T LoadAt(absl::string_view bytes, size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

// Takes values off the front of a file. After the end everything is 0 or empty
// and ok() false.
class ByteCursor {
 public:
  explicit ByteCursor(absl::string_view bytes) : bytes_(bytes) {}

  bool ok() const { return ok_; }
  size_t left() const { return bytes_.size(); }
  // For values that the caller finds to be none.
  void Fail() { ok_ = false; }

  absl::string_view Bytes(uint64_t size) {
    if (size > bytes_.size()) {
      ok_ = false;
      bytes_ = {};
      return {};
    }
    const absl::string_view taken = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return taken;
  }

  template <typename T>
  T Number() {
    const absl::string_view bytes = Bytes(sizeof(T));
    return bytes.empty() ? T{} : LoadAt<T>(bytes, 0);
  }

 private:
  absl::string_view bytes_;
  bool ok_ = true;
};

}  // namespace peregrine::formats

#endif  // PEREGRINE_ENGINE_FORMATS_FILES_BYTE_CURSOR_H_
