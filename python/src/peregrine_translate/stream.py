"""Translates any number of texts over TranslateStream."""

from __future__ import annotations

import asyncio
import time
from typing import Any, AsyncGenerator, AsyncIterator, Callable, Dict, List, Optional, Union

import grpc
from google.rpc import status_pb2

from ._wire import translation_pb2 as pb
from .errors import (
    FieldViolation,
    InvalidRequestError,
    TranslationError,
    from_rpc_error,
    from_status,
    is_retryable,
    make_error,
)
from .arguments import StreamArguments
from .messages import make_route, make_translation
from .requests import make_own_request, make_stream_request
from .results import StableText, StreamResult, Translation
from .source import Source, Texts
from .text import AnyText, Text, plain
from .retry import RetryPolicy
from .window import Window


#: What a stream gives out.
Update = Union[StableText, StreamResult]


class Stream:
    """One run over a source. Opens streams anew where a server goes away.

    Runs on one event loop.
    """

    def __init__(
        self,
        open_call: Callable[[Optional[float]], Any],
        arguments: StreamArguments,
        live: bool = False,
    ):
        self._open_call = open_call
        self._arguments = arguments
        self._live = live  # stable text is asked for
        self._template = make_stream_request(arguments)
        self._template.return_stable_text = live
        self._timeout = arguments.get("timeout")
        self._retry = arguments.get("retry", RetryPolicy())
        self._window = Window(
            arguments.get("max_in_flight", 256), arguments.get("ordered", True), self._retry
        )
        self._changed = asyncio.Event()  # anything that the sender waits for
        self._answered = asyncio.Event()  # anything that the reader waits for
        self._closing = False  # the open stream takes no more texts
        self._failure: Optional[BaseException] = None
        self._answers = 0
        self._source: Optional[Source] = None
        self._stable: Dict[int, StableText] = {}  # by the index of its text

    async def batches(self, texts: Texts) -> AsyncIterator[List[StreamResult]]:
        """Results as they can be given out, in lists of one or more."""
        updates = self.updates(texts)
        try:
            async for batch in updates:
                results = [one for one in batch if isinstance(one, StreamResult)]
                if results:
                    yield results
        finally:
            await updates.aclose()

    async def updates(self, texts: Texts) -> AsyncGenerator[List[Update], None]:
        """Likewise, with stable text before the results where it is asked for."""
        self._source = Source(texts, self._wake)
        runner = asyncio.ensure_future(self._run())
        try:
            while True:
                self._answered.clear()
                updates: List[Update] = [*self._take_stable(), *self._take_finished()]
                if updates:
                    yield updates
                elif self._failure is not None:
                    raise self._failure
                elif runner.done():
                    return
                else:
                    await self._answered.wait()
        finally:
            self._source.stop()
            runner.cancel()
            await asyncio.gather(runner, return_exceptions=True)

    def _wake(self) -> None:
        self._changed.set()

    def _take_stable(self) -> List[StableText]:
        """The last of each text."""
        stable, self._stable = self._stable, {}
        return list(stable.values())

    def _take_finished(self) -> List[StreamResult]:
        results: List[StreamResult] = []
        while (result := self._window.take_finished()) is not None:
            results.append(result)
        if results:
            self._changed.set()
        return results

    async def _run(self) -> None:
        try:
            await self._run_streams()
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            self._failure = error
        finally:
            self._answered.set()

    async def _run_streams(self) -> None:
        end = None if self._timeout is None else time.monotonic() + self._timeout
        failures = 0
        while await self._wait_for_work():
            left = None if end is None else max(0.0, end - time.monotonic())
            before = self._answers
            error = await self._run_one(left)
            if error is None:
                if self._is_finished():
                    return
                error = make_error(grpc.StatusCode.UNAVAILABLE, "the server ended the stream")
            failures = 0 if self._answers > before else failures + 1
            if not is_retryable(error) or failures >= self._retry.max_attempts:
                raise error
            self._window.take_back_sent()
            pause = self._retry.pause(max(failures, 1))
            await asyncio.sleep(max(pause if failures else 0.0, error.retry_after or 0.0))

    def _is_finished(self) -> bool:
        assert self._source is not None
        return self._source.has_ended and self._window.is_empty

    async def _wait_for_work(self) -> bool:
        """Whether a text is due; False: all are given out."""
        while True:
            self._changed.clear()
            self._fill()
            if self._is_finished():
                return False
            due = self._window.next_due(time.monotonic())
            if due == 0.0:
                return True
            await self._wait_changed(due)

    async def _wait_changed(self, timeout: Optional[float]) -> None:
        try:
            await asyncio.wait_for(self._changed.wait(), timeout)
        except asyncio.TimeoutError:
            pass

    def _fill(self) -> None:
        """Moves what was read into the window."""
        assert self._source is not None
        while self._window.has_room and self._source.has_text:
            text = self._source.take()
            error = check_text(text)
            if error is None:
                self._window.add(text)
            else:
                self._window.add_failed(text, error)
                self._answered.set()

    async def _run_one(self, timeout: Optional[float]) -> Optional[TranslationError]:
        """One stream, until it ends; its error, or None where it ended well."""
        call = self._open_call(timeout)
        self._closing = False
        sender = asyncio.ensure_future(self._send(call))
        sender.add_done_callback(lambda done: _cancel_on_error(done, call))
        try:
            while (response := await call.read()) is not grpc.aio.EOF:
                self._receive(response)
            return None if await call.code() == grpc.StatusCode.OK else await _call_error(call)
        except grpc.aio.AioRpcError as error:
            return from_rpc_error(error)
        finally:
            self._closing = True
            self._changed.set()
            sender.cancel()
            outcome = await asyncio.gather(sender, return_exceptions=True)
            call.cancel()
            if isinstance(outcome[0], Exception) and not isinstance(
                outcome[0], (grpc.aio.AioRpcError, asyncio.InvalidStateError)
            ):
                raise outcome[0]

    async def _send(self, call: Any) -> None:
        while not self._closing:
            self._changed.clear()
            self._fill()
            if self._is_finished():
                break
            due = self._window.take_due(time.monotonic())
            if due is None:
                await self._wait_changed(self._window.next_due(time.monotonic()))
                continue
            await call.write(self._make_message(*due))
        await call.done_writing()

    def _make_message(self, index: int, text: AnyText) -> pb.TranslateStreamRequest:
        if isinstance(text, Text):
            request = make_own_request(text, self._arguments)
            request.return_stable_text = self._live
        else:
            request = pb.TranslateStreamRequest()
            request.CopyFrom(self._template)
            request.text.text = text
        request.id = str(index)
        return request

    def _receive(self, response: pb.TranslateStreamResponse) -> None:
        if response.WhichOneof("result") == "stable_text":
            self._extend(int(response.id), response.stable_text)
            return
        translation: Optional[Translation] = None
        error: Optional[TranslationError] = None
        self._stable.pop(int(response.id), None)
        if response.WhichOneof("result") == "translation":
            translation = make_translation(response.translation, make_route(response))
        else:
            error = text_error(response.error)
            if error.code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED):
                # A server that ends takes nothing more: the rest goes to another.
                self._closing = True
        if translation is not None or (error is not None and not is_retryable(error)):
            self._answers += 1
        self._window.answer(int(response.id), translation, error, time.monotonic())
        self._changed.set()
        self._answered.set()

    def _extend(self, index: int, more: pb.StableText) -> None:
        stable = self._window.extend(index, more.begin, more.text)
        if stable is not None:
            self._stable[index] = stable
            self._answered.set()


def _cancel_on_error(sender: "asyncio.Future[None]", call: Any) -> None:
    """What the source raised ends the stream; nobody would read it."""
    if not sender.cancelled() and sender.exception() is not None:
        call.cancel()


async def _call_error(call: Any) -> TranslationError:
    try:
        await call.wait_for_connection()
    except grpc.aio.AioRpcError as error:
        return from_rpc_error(error)
    return make_error(await call.code(), await call.details() or "")


def text_error(error: pb.TextError) -> TranslationError:
    """The exception for the error of one text of a stream."""
    if error.HasField("status"):
        return from_status(error.status)
    # Of a server that sends no details.
    return from_status(status_pb2.Status(code=error.code, message=error.message))


def check_text(text: Any, field: str = "text") -> Optional[TranslationError]:
    """What is wrong with a text before it is sent."""
    text = plain(text)
    if not isinstance(text, str):
        problem = f"found {type(text).__name__}, expected str"
    else:
        try:
            text.encode("utf-8")
            return None
        except UnicodeEncodeError as error:
            problem = f"not UTF-8: a lone surrogate at character {error.start}"
    return InvalidRequestError(
        grpc.StatusCode.INVALID_ARGUMENT,
        f"{field}: {problem}",
        violations=[FieldViolation(field, problem)],
    )
