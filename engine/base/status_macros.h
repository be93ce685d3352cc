#ifndef PEREGRINE_ENGINE_BASE_STATUS_MACROS_H_
#define PEREGRINE_ENGINE_BASE_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// Returns the error of an absl::Status expression to the caller.
#define PEREGRINE_RETURN_IF_ERROR(expression)                               \
  do {                                                                      \
    if (absl::Status status_ = (expression); !status_.ok()) return status_; \
  } while (false)

#define PEREGRINE_CONCAT_INNER(a, b) a##b
#define PEREGRINE_CONCAT(a, b) PEREGRINE_CONCAT_INNER(a, b)

// PEREGRINE_ASSIGN_OR_RETURN(auto file, File::Open(path));
#define PEREGRINE_ASSIGN_OR_RETURN(declaration, expression)                \
  PEREGRINE_ASSIGN_OR_RETURN_INNER(PEREGRINE_CONCAT(status_or_, __LINE__), \
                                   declaration, expression)

#define PEREGRINE_ASSIGN_OR_RETURN_INNER(status_or, declaration, expression) \
  auto status_or = (expression);                                             \
  if (!status_or.ok()) return std::move(status_or).status();                 \
  declaration = *std::move(status_or)

#endif  // PEREGRINE_ENGINE_BASE_STATUS_MACROS_H_
