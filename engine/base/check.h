#ifndef PEREGRINE_ENGINE_BASE_CHECK_H_
#define PEREGRINE_ENGINE_BASE_CHECK_H_

#include <sstream>

namespace peregrine {

// Collects the message of a broken invariant; prints it and aborts at the end
// of the statement. Requests, files and devices never get here: they return
// absl::Status.
class CheckFailure {
 public:
  CheckFailure(const char* file, int line, const char* condition);
  [[noreturn]] ~CheckFailure();
  std::ostream& stream() { return message_; }

 private:
  std::ostringstream message_;
};

// Turns the stream expression of PEREGRINE_CHECK into a void one.
struct CheckVoidify {
  void operator&(std::ostream&) const {}
};

}  // namespace peregrine

// PEREGRINE_CHECK(rows <= capacity) << rows << " rows for " << capacity;
#define PEREGRINE_CHECK(condition)    \
  (condition)                         \
      ? (void)0                       \
      : ::peregrine::CheckVoidify() & \
            ::peregrine::CheckFailure(__FILE__, __LINE__, #condition).stream()

#endif  // PEREGRINE_ENGINE_BASE_CHECK_H_
