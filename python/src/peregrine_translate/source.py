"""Reads the texts of a stream, from any kind of iterable, one ahead."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from typing import AsyncIterable, Awaitable, Callable, Deque, Iterable, Optional, Union

from .text import AnyText

Texts = Union[Iterable[AnyText], AsyncIterable[AnyText]]

_AHEAD = 256


class Source:
    """Texts that were read and not yet taken.

    A plain iterable is read on a thread of its own, so that one that blocks
    (a terminal, a socket) holds up nothing. `wake` is called on the event loop
    whenever there is something new to see.
    """

    def __init__(self, texts: Texts, wake: Callable[[], None]) -> None:
        self._texts = texts
        self._wake = wake
        self._loop = asyncio.get_running_loop()
        self._read: Deque[AnyText] = deque()
        self._room = threading.Semaphore(_AHEAD)
        self._ended = False
        self._stopped = False
        self._wake_pending = False
        self._error: Optional[BaseException] = None
        self._task: Optional[Awaitable[None]] = None
        if isinstance(texts, AsyncIterable):
            self._task = asyncio.ensure_future(self._read_async(texts))
        else:
            threading.Thread(
                target=self._read_thread, args=(texts,), daemon=True, name="peregrine-source"
            ).start()

    @property
    def has_text(self) -> bool:
        """Whether `take` has one to give."""
        return bool(self._read)

    def take(self) -> AnyText:
        """The next text. `has_text` must hold."""
        text = self._read.popleft()
        self._room.release()
        return text

    @property
    def has_ended(self) -> bool:
        """Nothing more will come. Raises what the iterable raised."""
        if self._read or not self._ended:
            return False
        if self._error is not None:
            raise self._error
        return True

    def stop(self) -> None:
        """No more texts are wanted."""
        self._stopped = True
        self._room.release()
        if isinstance(self._task, asyncio.Task):
            self._task.cancel()

    def _read_thread(self, texts: Iterable[AnyText]) -> None:
        try:
            for text in texts:
                self._room.acquire()
                if self._stopped:
                    return
                self._read.append(text)
                self._notify()
        except BaseException as error:  # Raised again where the results are read.
            self._error = error
        finally:
            self._ended = True
            self._notify()

    async def _read_async(self, texts: AsyncIterable[AnyText]) -> None:
        try:
            async for text in texts:
                while not self._room.acquire(blocking=False):
                    await asyncio.sleep(0.002)
                self._read.append(text)
                self._wake()
        except BaseException as error:
            self._error = error
        finally:
            self._ended = True
            self._wake()

    def _notify(self) -> None:
        """Wakes the loop, once for all that was read meanwhile."""
        if self._wake_pending:
            return
        self._wake_pending = True
        try:
            self._loop.call_soon_threadsafe(self._notified)
        except RuntimeError:  # The loop is closed: nobody waits any more.
            self._stopped = True

    def _notified(self) -> None:
        self._wake_pending = False
        self._wake()
