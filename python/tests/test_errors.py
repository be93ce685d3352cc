"""Errors of texts of a stream: with and without the server's details."""

import grpc
from google.rpc import error_details_pb2, status_pb2

from peregrine_translate import InvalidRequestError, OverloadedError, TranslationError
from peregrine_translate._wire import translation_pb2 as pb
from peregrine_translate.errors import is_retryable, make_error
from peregrine_translate.stream import text_error


def test_details_of_a_text():
    status = status_pb2.Status(code=8, message="full")
    detail = error_details_pb2.RetryInfo()
    detail.retry_delay.FromMilliseconds(1500)
    status.details.add().Pack(detail)
    error = text_error(pb.TextError(code=8, message="full", status=status))
    assert isinstance(error, OverloadedError)
    assert error.retry_after == 1.5


def test_fields_of_a_text():
    status = status_pb2.Status(code=3, message="wrong")
    detail = error_details_pb2.BadRequest()
    detail.field_violations.add(field="text.text", description="too long")
    status.details.add().Pack(detail)
    error = text_error(pb.TextError(code=3, message="wrong", status=status))
    assert isinstance(error, InvalidRequestError)
    assert error.field == "text.text"


def test_a_server_that_sends_no_details():
    error = text_error(pb.TextError(code=3, message="wrong"))
    assert isinstance(error, InvalidRequestError) and error.message == "wrong"
    for code in (0, 99):
        error = text_error(pb.TextError(code=code, message="odd"))
        assert type(error) is TranslationError
        assert error.code == grpc.StatusCode.UNKNOWN


def test_what_may_succeed_elsewhere():
    retryable = {code for code in grpc.StatusCode if is_retryable(make_error(code, ""))}
    assert retryable == {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.CANCELLED,  # by a server that ends
    }
