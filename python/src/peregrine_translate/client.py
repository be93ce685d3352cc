"""The client for code without asyncio."""

from __future__ import annotations

import asyncio
import queue
import threading
from types import TracebackType
from typing import (
    Any,
    AsyncIterator,
    Callable,
    Coroutine,
    Generic,
    Iterable,
    Iterator,
    List,
    Mapping,
    Optional,
    Sequence,
    Tuple,
    Type,
    TypeVar,
    Union,
    cast,
    overload,
)

from typing_extensions import Unpack

from .aio import AsyncClient
from .arguments import ScoreArguments, Side, StreamArguments, TokenArguments, TranslateArguments
from .glossary import Glossary
from .results import (
    Detection,
    Language,
    Model,
    Score,
    StableText,
    StreamResult,
    TokenTranslation,
    Translation,
)
from .text import AnyText
from .text_options import Targets

T = TypeVar("T")


class Client:
    """`AsyncClient` without asyncio: same arguments, same methods, blocking.

    Thread-safe. Runs an event loop on a thread of its own; close it, or use
    `with`. Not to be used on both sides of a fork.
    """

    def __init__(
        self, address: Union[str, Sequence[str]] = "localhost:50051", **arguments: Any
    ) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, daemon=True, name="peregrine-client"
        )
        self._thread.start()
        try:
            self._client = self._wait(self._open(address, arguments))
        except BaseException:
            self._stop_loop()
            raise

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the connections. Calls that are under way are cancelled."""
        if self._loop.is_closed():
            return
        self._wait(self._client.close())
        self._stop_loop()

    @overload
    def translate(  # type: ignore[overload-overlap]  # a str is a sequence of str
        self, texts: AnyText, **arguments: Unpack[TranslateArguments]
    ) -> Translation: ...

    @overload
    def translate(
        self, texts: Sequence[AnyText], **arguments: Unpack[TranslateArguments]
    ) -> List[Translation]: ...

    def translate(
        self,
        texts: Union[AnyText, Sequence[AnyText]],
        **arguments: Unpack[TranslateArguments],
    ) -> Union[Translation, List[Translation]]:
        """See `AsyncClient.translate`."""
        translate: Any = self._client.translate  # mypy finds no overload for both
        return cast(
            Union[Translation, List[Translation]], self._wait(translate(texts, **arguments))
        )

    def translate_stream(
        self, texts: Iterable[AnyText], **arguments: Unpack[StreamArguments]
    ) -> Iterator[StreamResult]:
        """See `AsyncClient.translate_stream`. `texts` is read on another thread."""
        return self._iterate(lambda: self._client.translate_batches(texts, **arguments))

    def translate_live(
        self, texts: Iterable[AnyText], **arguments: Unpack[StreamArguments]
    ) -> Iterator[Union[StableText, StreamResult]]:
        """See `AsyncClient.translate_live`. `texts` is read on another thread."""
        return self._iterate(lambda: self._client.live_batches(texts, **arguments))

    def _iterate(self, open_batches: Callable[[], AsyncIterator[List[T]]]) -> Iterator[T]:
        handover: "_Handover[T]" = _Handover()
        future = asyncio.run_coroutine_threadsafe(
            self._run_stream(open_batches, handover), self._loop
        )
        try:
            while True:
                batch = handover.results.get()
                if handover.room is not None:
                    self._loop.call_soon_threadsafe(handover.room.release)
                if batch is None:
                    return
                if isinstance(batch, BaseException):
                    raise batch
                yield from batch
        finally:
            future.cancel()

    def score(
        self, pairs: Sequence[Tuple[Side, Side]], **arguments: Unpack[ScoreArguments]
    ) -> List[Score]:
        """See `AsyncClient.score`."""
        return self._wait(self._client.score(pairs, **arguments))

    def translate_tokens(
        self, sources: Sequence[Sequence[str]], **arguments: Unpack[TokenArguments]
    ) -> List[TokenTranslation]:
        """See `AsyncClient.translate_tokens`."""
        return self._wait(self._client.translate_tokens(sources, **arguments))

    def models(self) -> List[Model]:
        """The served models, by name."""
        return self._wait(self._client.models())

    def model(self, name: str) -> Model:
        """One served model."""
        return self._wait(self._client.model(name))

    def languages(self, display_language: str = "", *, model: str = "") -> List[Language]:
        """See `AsyncClient.languages`."""
        return self._wait(self._client.languages(display_language, model=model))

    def detect(
        self,
        texts: Sequence[str],
        *,
        by_sentence: bool = False,
        any_language: bool = False,
    ) -> List[Detection]:
        """See `AsyncClient.detect`."""
        return self._wait(
            self._client.detect(texts, by_sentence=by_sentence, any_language=any_language)
        )

    def glossaries(self) -> List[Glossary]:
        """See `AsyncClient.glossaries`."""
        return self._wait(self._client.glossaries())

    def glossary(self, name: str) -> Glossary:
        """See `AsyncClient.glossary`."""
        return self._wait(self._client.glossary(name))

    def put_glossary(
        self,
        name: str,
        terms: Mapping[str, Targets],
        *,
        source: str = "",
        target: str = "",
    ) -> Glossary:
        """See `AsyncClient.put_glossary`."""
        return self._wait(
            self._client.put_glossary(name, terms, source=source, target=target)
        )

    def delete_glossary(self, name: str) -> None:
        """See `AsyncClient.delete_glossary`."""
        self._wait(self._client.delete_glossary(name))

    async def _open(self, address: Union[str, Sequence[str]], arguments: Any) -> AsyncClient:
        return AsyncClient(address, **arguments)

    async def _run_stream(
        self,
        open_batches: Callable[[], AsyncIterator[List[T]]],
        handover: "_Handover[T]",
    ) -> None:
        # Results that nobody takes stop the stream, and so the server.
        handover.room = asyncio.Semaphore(4)
        try:
            async for batch in open_batches():
                await handover.room.acquire()
                handover.results.put(batch)
            handover.results.put(None)
        except asyncio.CancelledError:
            handover.results.put(RuntimeError("the client was closed"))
            raise
        except BaseException as error:
            handover.results.put(error)

    def _wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        if self._loop.is_closed():
            coroutine.close()
            raise RuntimeError("the client is closed")
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result()
        except BaseException:  # KeyboardInterrupt, say: nobody waits any more.
            future.cancel()
            raise

    def _stop_loop(self) -> None:
        self._loop.call_soon_threadsafe(self._cancel_all)
        self._thread.join()
        self._loop.close()

    def _cancel_all(self) -> None:
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.call_soon(self._loop.call_soon, self._loop.stop)


class _Handover(Generic[T]):
    """Between the event loop's thread and the caller's."""

    def __init__(self) -> None:
        self.results: "queue.SimpleQueue[Union[List[T], BaseException, None]]"
        self.results = queue.SimpleQueue()
        self.room: Optional[asyncio.Semaphore] = None  # made on the event loop
