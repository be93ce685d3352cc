"""Plain text: paragraphs between blank lines."""

from __future__ import annotations

import re
from typing import List

from .base import Document, Segment, decode, encoding_of
from .inline import Text, plain_text


class PlainText(Document):
    """Each line is a segment; empty lines and line ends stay."""

    def __init__(self, data: bytes, name: str) -> None:
        self.skipped = []
        self._mark, self._encoding = encoding_of(data)
        self._pieces: List[str] = re.split("(\r\n|\n|\r)", decode(data, name))
        self.segments = [
            Segment([Text(line)], f"line {number}")
            for number, line in enumerate(self._pieces[::2], 1)
        ]

    def to_bytes(self) -> bytes:
        lines = [plain_text(segment.result) for segment in self.segments]
        ends = [*self._pieces[1::2], ""]
        text = "".join(line + end for line, end in zip(lines, ends))
        return self._mark + text.encode(self._encoding)
