"""iOS strings: `"key" = "value";`, in UTF-8 or UTF-16."""

from __future__ import annotations

import re
from typing import List

from .base import DocumentError
from .spans import Span, SpanDocument, make_span

_TOKEN = re.compile(
    r"/\*.*?\*/|//[^\n]*|\s+|"
    r'(?P<key>"(?:[^"\\]|\\.)*"|[\w.$-]+)\s*=\s*"(?P<value>(?:[^"\\]|\\.)*)"\s*;',
    re.DOTALL,
)
_ESCAPE = re.compile(r"\\(?:[uU]([0-9A-Fa-f]{4})|([0-7]{1,3})|(.))", re.DOTALL)
_MEANINGS = {"n": "\n", "t": "\t", "r": "\r"}


class AppleStrings(SpanDocument):
    """Keys and comments stay."""

    def _read(self) -> List[Span]:
        spans: List[Span] = []
        position = 0
        while position < len(self._text):
            match = _TOKEN.match(self._text, position)
            if match is None:
                line = self._text.count("\n", 0, position) + 1
                found = self._text[position : position + 20]
                raise DocumentError(
                    f'{self._name}: line {line}: found {found!r}, expected "key" = "value";'
                )
            if match.group("key") is not None:
                value = _ESCAPE.sub(_decode, match.group("value"))
                start, end = match.span("value")
                spans.append(make_span(start, end, value, match.group("key"), _encode))
            position = match.end()
        return spans


def _decode(match: "re.Match[str]") -> str:
    code, octal, other = match.groups()
    if code:
        return chr(int(code, 16))
    if octal:
        return chr(int(octal, 8))
    return _MEANINGS.get(other, other)


def _encode(text: str) -> str:
    text = re.sub(r'([\\"])', r"\\\1", text)
    return text.replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")
