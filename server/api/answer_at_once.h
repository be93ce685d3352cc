#ifndef PEREGRINE_SERVER_API_ANSWER_AT_ONCE_H_
#define PEREGRINE_SERVER_API_ANSWER_AT_ONCE_H_

#include <type_traits>

#include "absl/status/status.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "server/api/call_context.h"
#include "server/api/status_mapping.h"
#include "server/api/wire.h"
#include "server/clients/client.h"
#include "server/service/call.h"

namespace peregrine::server {

// The life of a call that needs no worker: `handler` makes an answer of its
// message, or of its message and the Call, a StatusOr of a protobuf message.
// `is_request`: it counts against the limits of its client as a translation
// does.
template <typename Message, typename Handler>
grpc::ServerUnaryReactor* AnswerAtOnce(const Method& method,
                                       grpc::CallbackServerContext& context,
                                       const CallEnvironment& environment,
                                       const grpc::ByteBuffer& bytes,
                                       grpc::ByteBuffer& response,
                                       bool is_request, Handler handler) {
  Call call(environment, InfoOf(method, context));
  SendIds(call.info().ids, context);
  if (bytes.Valid()) call.AddBytes(bytes.Length());
  Message message;
  ClientTicket ticket;
  absl::Status status = call.Begin();
  if (status.ok() && is_request) {
    status = ticket.Enter(call.client(), call.info().start);
  }
  if (status.ok()) {
    status =
        ParseMessage(bytes, environment.options.max_message_bytes, message);
  }
  if (status.ok()) {
    auto answer = [&] {
      if constexpr (std::is_invocable_v<Handler, Message&, const Call&>) {
        return handler(message, call);
      } else {
        return handler(message);
      }
    }();
    status = answer.status();
    if (status.ok()) response = SerializeMessage(*answer);
  }
  call.End(status, {});
  grpc::ServerUnaryReactor* reactor = context.DefaultReactor();
  reactor->Finish(ToCallStatus(status, context));
  return reactor;
}

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_API_ANSWER_AT_ONCE_H_
