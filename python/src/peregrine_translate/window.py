"""The texts of a stream between their source and their results.

Pure: no I/O, no threads, no clock. Time is an argument.
"""

from __future__ import annotations

from collections import deque
from typing import Deque, Dict, Optional, Tuple

from .errors import TranslationError, is_retryable
from .retry import RetryPolicy
from .results import StableText, StreamResult, Translation
from .text import AnyText, plain

_WAITING, _SENT, _FINISHED = range(3)


class _Entry:
    __slots__ = ("source", "state", "attempts", "progress", "due", "result", "begun")

    def __init__(self, source: AnyText) -> None:
        self.source = source
        self.state = _WAITING
        self.attempts = 0  # without progress of any text
        self.progress = 0
        self.due = 0.0
        self.result: Optional[StreamResult] = None
        self.begun = b""  # what is told of the translation


class Window:
    """Texts read, perhaps sent, perhaps answered, and given out.

    `capacity` bounds those that are held. How many of them are in flight at a
    time follows the server: one more with each window's worth of answers, half
    as many when it says that it is full.
    """

    def __init__(self, capacity: int, ordered: bool, policy: RetryPolicy) -> None:
        if capacity < 1:
            raise ValueError(f"max_in_flight: found {capacity}, expected 1 or more")
        self._capacity = capacity
        self._ordered = ordered
        self._policy = policy
        self._entries: Dict[int, _Entry] = {}
        self._next_index = 0
        self._first_index = 0  # of those not given out, where ordered
        self._to_send: Deque[int] = deque()
        self._finished: Deque[int] = deque()  # where not ordered
        self._in_flight = 0
        self._progress = 0  # texts translated
        self._limit = float(capacity)
        self._last_cut = float("-inf")

    @property
    def has_room(self) -> bool:
        return len(self._entries) < self._capacity

    @property
    def is_empty(self) -> bool:
        return not self._entries

    def add(self, source: AnyText) -> None:
        """`has_room` must hold."""
        self._entries[self._next_index] = _Entry(source)
        self._to_send.append(self._next_index)
        self._next_index += 1

    def add_failed(self, source: AnyText, error: TranslationError) -> None:
        """A text that is not fit to be sent."""
        index = self._next_index
        self._entries[index] = _Entry(source)
        self._next_index += 1
        self._finish(index, None, error)

    def take_due(self, now: float) -> Optional[Tuple[int, AnyText]]:
        """The oldest text that is due; it counts as sent from now on."""
        if self._in_flight >= self._limit or not self._to_send:
            return None
        index = self._to_send[0]
        entry = self._entries[index]
        if entry.due > now:
            return None
        self._to_send.popleft()
        entry.state = _SENT
        self._in_flight += 1
        return index, entry.source

    def next_due(self, now: float) -> Optional[float]:
        """Seconds until `take_due` may give one; None: not before an answer."""
        if self._in_flight >= self._limit or not self._to_send:
            return None
        return max(0.0, self._entries[self._to_send[0]].due - now)

    def answer(
        self,
        index: int,
        translation: Optional[Translation],
        error: Optional[TranslationError],
        now: float,
    ) -> None:
        """Takes the answer to a text; one that was not sent is ignored."""
        entry = self._entries.get(index)
        if entry is None or entry.state != _SENT:
            return
        self._in_flight -= 1
        if error is not None and is_retryable(error):
            if entry.progress != self._progress:
                # A server that answers others is one to wait for.
                entry.progress = self._progress
                entry.attempts = 0
            entry.attempts += 1
            self._cut(error, now)
            if entry.attempts < self._policy.max_attempts:
                entry.state = _WAITING
                entry.begun = b""
                pause = self._policy.pause(entry.attempts)
                entry.due = now + max(pause, error.retry_after or 0.0)
                self._to_send.append(index)
                return
        elif error is None:
            self._progress += 1
            self._limit = min(self._limit + 1.0 / self._limit, self._capacity)
        self._finish(index, translation, error)

    def extend(self, index: int, begin: int, more: str) -> Optional[StableText]:
        """Takes more of a translation, as `StableText` of the contract tells it."""
        entry = self._entries.get(index)
        if entry is None or entry.state != _SENT or begin != len(entry.begun):
            return None
        entry.begun += more.encode("utf-8")
        return StableText(index, plain(entry.source), entry.begun.decode("utf-8"))

    def take_back_sent(self) -> None:
        """The stream broke: what was sent and not answered is due again."""
        sent = [i for i, entry in self._entries.items() if entry.state == _SENT]
        for index in reversed(sent):
            self._entries[index].state = _WAITING
            self._entries[index].due = 0.0
            self._entries[index].begun = b""
            self._to_send.appendleft(index)
        self._in_flight = 0

    def take_finished(self) -> Optional[StreamResult]:
        """The next result to give out, if there is one."""
        if self._ordered:
            index = self._first_index
            entry = self._entries.get(index)
            if entry is None or entry.result is None:
                return None
            self._first_index += 1
        else:
            if not self._finished:
                return None
            index = self._finished.popleft()
            entry = self._entries[index]
        del self._entries[index]
        return entry.result

    def _finish(
        self,
        index: int,
        translation: Optional[Translation],
        error: Optional[TranslationError],
    ) -> None:
        entry = self._entries[index]
        entry.state = _FINISHED
        entry.result = StreamResult(index, plain(entry.source), translation, error)
        if not self._ordered:
            self._finished.append(index)

    def _cut(self, error: TranslationError, now: float) -> None:
        """At most once for what was sent before the server said so."""
        if now - self._last_cut < 0.1:
            return
        self._last_cut = now
        self._limit = max(1.0, self._limit / 2)
