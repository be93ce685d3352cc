#ifndef PEREGRINE_SERVER_GLOSSARIES_BUCKET_FILES_H_
#define PEREGRINE_SERVER_GLOSSARIES_BUCKET_FILES_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace peregrine::server {

// The file "gs://BUCKET/PATH" of a bucket that is mounted as the folder BUCKET
// of `directory`. Nothing outside `directory` is read, links followed.
// INVALID_ARGUMENT: this is no such name, or more than `max_bytes`;
// FAILED_PRECONDITION: `directory` is empty; NOT_FOUND.
absl::StatusOr<std::string> ReadBucketFile(const std::string& directory,
                                           absl::string_view uri,
                                           size_t max_bytes);

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_GLOSSARIES_BUCKET_FILES_H_
