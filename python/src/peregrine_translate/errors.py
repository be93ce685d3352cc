"""What can go wrong, as exceptions that carry what the server said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Iterable, Optional

import grpc
from google.rpc import error_details_pb2, status_pb2


@dataclass(frozen=True)
class FieldViolation:
    """One field of the request that is outside its limits."""

    field: str  #: "texts[3].options.beam_size"
    description: str  #: "found 99, allowed 1 to 16"


class TranslationError(Exception):
    """The server, or the way to it, failed a call or one text of a stream."""

    def __init__(
        self,
        code: grpc.StatusCode,
        message: str,
        *,
        violations: Iterable[FieldViolation] = (),
        retry_after: Optional[float] = None,
        reason: str = "",
        request_id: str = "",
    ) -> None:
        super().__init__(f"{code.name}: {message}")
        self.code = code
        self.message = message
        #: Fields at fault, where the request was.
        self.violations = tuple(violations)
        #: Seconds after which the server wants to be asked again.
        self.retry_after = retry_after
        #: The server's word for the reason, such as "QUEUE_FULL"; may be empty.
        self.reason = reason
        #: Of the call, as in the server's log; may be empty.
        self.request_id = request_id

    @property
    def field(self) -> Optional[str]:
        """The first field at fault."""
        return self.violations[0].field if self.violations else None


class InvalidRequestError(TranslationError, ValueError):
    """A field is outside its limits; `violations` names each."""


class NotFoundError(TranslationError, LookupError):
    """No such model or language."""


class AuthenticationError(TranslationError):
    """The token is missing, wrong, or not allowed to do this."""


class OverloadedError(TranslationError):
    """The server is full, or the caller reached a limit; see `retry_after`."""


class UnavailableError(TranslationError, ConnectionError):
    """No server could be reached, or it is draining."""


class DeadlineError(TranslationError, TimeoutError):
    """Not finished in the time that the caller gave."""


_CLASSES = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidRequestError,
    grpc.StatusCode.NOT_FOUND: NotFoundError,
    grpc.StatusCode.UNAUTHENTICATED: AuthenticationError,
    grpc.StatusCode.PERMISSION_DENIED: AuthenticationError,
    grpc.StatusCode.RESOURCE_EXHAUSTED: OverloadedError,
    grpc.StatusCode.UNAVAILABLE: UnavailableError,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineError,
}
_CODES = {code.value[0]: code for code in grpc.StatusCode}
_RETRYABLE = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    # By a server that ends. What the caller cancels is asyncio.CancelledError.
    grpc.StatusCode.CANCELLED,
)


def is_retryable(error: TranslationError) -> bool:
    """Whether the same text may succeed later, or at another server."""
    return error.code in _RETRYABLE


def make_error(
    code: grpc.StatusCode,
    message: str,
    details: Optional[status_pb2.Status] = None,
    request_id: str = "",
) -> TranslationError:
    """The exception for a status with its google.rpc details."""
    violations: list[FieldViolation] = []
    retry_after: Optional[float] = None
    reason = ""
    for detail in details.details if details is not None else ():
        bad_request = error_details_pb2.BadRequest()
        retry_info = error_details_pb2.RetryInfo()
        error_info = error_details_pb2.ErrorInfo()
        if detail.Unpack(bad_request):
            violations += [
                FieldViolation(v.field, v.description)
                for v in bad_request.field_violations
            ]
        elif detail.Unpack(retry_info):
            delay = retry_info.retry_delay
            retry_after = delay.seconds + delay.nanos * 1e-9
        elif detail.Unpack(error_info):
            reason = error_info.reason
    return _CLASSES.get(code, TranslationError)(
        code,
        message,
        violations=violations,
        retry_after=retry_after,
        reason=reason,
        request_id=request_id,
    )


def from_status(status: status_pb2.Status) -> TranslationError:
    """The exception for a google.rpc.Status that stands in a message."""
    code = _CODES.get(status.code, grpc.StatusCode.UNKNOWN)
    if code == grpc.StatusCode.OK:  # An error with no code is still an error.
        code = grpc.StatusCode.UNKNOWN
    return make_error(code, status.message, status)


def from_rpc_error(error: Any) -> TranslationError:
    """The exception for a grpc.RpcError or grpc.aio.AioRpcError."""
    details: Optional[status_pb2.Status] = None
    request_id = ""
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            details = status_pb2.Status()
            try:
                details.ParseFromString(value)
            except Exception:  # What is no Status tells no more than the code.
                details = None
        elif key == "x-request-id":
            request_id = str(value)
    code, message = error.code(), error.details() or ""
    if code == grpc.StatusCode.INTERNAL and message == "Internal error from Core":
        # grpc.aio's word for a connection that was lost while it was written to.
        code, message = grpc.StatusCode.UNAVAILABLE, "the connection was lost"
    return make_error(code, message, details, request_id)
