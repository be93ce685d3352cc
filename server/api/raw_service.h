#ifndef PEREGRINE_SERVER_API_RAW_SERVICE_H_
#define PEREGRINE_SERVER_API_RAW_SERVICE_H_

namespace peregrine::server {

namespace raw_service_internal {

template <typename Service, template <typename> class... Methods>
struct Stack {
  using type = Service;
};
template <typename Service, template <typename> class First,
          template <typename> class... Rest>
struct Stack<Service, First, Rest...> {
  using type = First<typename Stack<Service, Rest...>::type>;
};

}  // namespace raw_service_internal

// A generated service whose methods take and give bytes: see wire.h for the
// reason. gRPC has a mixin for each method (WithRawCallbackMethod_NAME); those
// that are not named here answer UNIMPLEMENTED.
template <typename Service, template <typename> class... Methods>
using RawService =
    typename raw_service_internal::Stack<Service, Methods...>::type;

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_API_RAW_SERVICE_H_
