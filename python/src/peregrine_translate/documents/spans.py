"""Files whose strings are replaced where they stand: all else stays, byte for
byte."""

from __future__ import annotations

import fnmatch
from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, Callable, List, Optional, Sequence

from .base import Document, Segment, decode, encoding_of
from .inline import Text, plain_text


@dataclass
class Span:
    """A string of the file; `encode` writes another one in its place."""

    start: int
    end: int
    segment: Segment
    encode: Callable[[str], str]


class SpanDocument(Document):
    """Replaces the spans that a reader of its format finds."""

    def __init__(self, data: bytes, name: str) -> None:
        self._mark, self._encoding = encoding_of(data)
        self._name = name
        self._text = decode(data, name)
        self.skipped = []
        self._spans: List[Span] = self._read()
        self._spans.sort(key=lambda span: span.start)
        self.segments = [span.segment for span in self._spans]

    @abstractmethod
    def _read(self) -> List[Span]: ...

    def to_bytes(self) -> bytes:
        parts: List[str] = []
        done = 0
        for span in self._spans:
            text = plain_text(span.segment.result)
            if text == plain_text(span.segment.nodes):
                continue
            parts += [self._text[done : span.start], span.encode(text)]
            done = span.end
        text = "".join([*parts, self._text[done:]])
        return self._mark + text.encode(self._encoding)


def make_span(start: int, end: int, text: str, place: str, encode: Callable[[str], str]) -> Span:
    return Span(start, end, Segment([Text(text)], place), encode)


def is_wanted(path: Sequence[Any], keys: Optional[Sequence[str]]) -> bool:
    """Whether one of the patterns matches, or there are none."""
    name = ".".join(map(str, path))
    return keys is None or any(fnmatch.fnmatchcase(name, key) for key in keys)
