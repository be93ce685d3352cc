"""JSON: the strings among the values."""

from __future__ import annotations

import json
import re
from typing import Any, List, Optional, Sequence

from .base import DocumentError
from .spans import Span, SpanDocument, is_wanted, make_span

_SPACE = re.compile(r"[ \t\n\r]*")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_OTHER = re.compile(r"[^\s,\]}]+")


class Json(SpanDocument):
    """Keys, numbers and layout stay. `keys` are patterns of paths such as
    "messages.*.text"; absent: all strings."""

    def __init__(self, data: bytes, name: str, keys: Optional[Sequence[str]] = None) -> None:
        self._keys = keys
        super().__init__(data, name)

    def _read(self) -> List[Span]:
        try:
            json.loads(self._text)
        except (json.JSONDecodeError, RecursionError) as error:
            raise DocumentError(f"{self._name}: no JSON: {error}") from None
        self._ascii = self._text.isascii() and "\\u" in self._text
        self._found: List[Span] = []
        self._value(self._space(0), [])
        return self._found

    # The text is JSON: what follows need not look for faults.

    def _space(self, position: int) -> int:
        match = _SPACE.match(self._text, position)
        assert match is not None
        return match.end()

    def _value(self, position: int, path: List[Any]) -> int:
        """Reads a value; where it ends."""
        first = self._text[position]
        if first == '"':
            end = self._string_end(position)
            if is_wanted(path, self._keys):
                text = json.loads(self._text[position:end])
                place = ".".join(map(str, path))
                self._found.append(make_span(position, end, text, place, self._encode))
            return end
        if first in "[{":
            return self._container(position, path, first == "{")
        match = _OTHER.match(self._text, position)
        assert match is not None
        return match.end()

    def _container(self, position: int, path: List[Any], is_object: bool) -> int:
        position = self._space(position + 1)
        index = 0
        while self._text[position] not in "]}":
            key: Any = index
            if is_object:
                end = self._string_end(position)
                key = json.loads(self._text[position:end])
                position = self._space(self._space(end) + 1)  # the colon
            position = self._space(self._value(position, [*path, key]))
            if self._text[position] == ",":
                position = self._space(position + 1)
            index += 1
        return position + 1

    def _string_end(self, position: int) -> int:
        match = _STRING.match(self._text, position)
        assert match is not None
        return match.end()

    def _encode(self, text: str) -> str:
        return json.dumps(text, ensure_ascii=self._ascii)
