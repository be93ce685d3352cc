"""CSV: columns by name or number."""

from __future__ import annotations

import csv
import io
from typing import List, Optional, Sequence, Tuple

from .base import DocumentError
from .spans import Span, SpanDocument, make_span

#: start, end, value
_Cell = Tuple[int, int, str]


class Csv(SpanDocument):
    """Columns by name (the first row) or by number from 0; all others stay."""

    def __init__(
        self, data: bytes, name: str, columns: Sequence[str], delimiter: Optional[str] = None
    ) -> None:
        self._columns = columns
        self._delimiter = delimiter or ""
        super().__init__(data, name)

    def _read(self) -> List[Span]:
        if not self._delimiter:
            is_tabbed = self._name.lower().endswith(".tsv")
            self._delimiter = "\t" if is_tabbed else _find_delimiter(self._text)
        rows = self._rows()
        header = [value for _, _, value in rows[0]] if rows else []
        by_name = any(not column.isdigit() for column in self._columns)
        wanted = {
            int(c) if c.isdigit() and c not in header else _find(c, header, self._name)
            for c in self._columns
        }
        if by_name:
            self.skipped = [f"column {h!r}" for i, h in enumerate(header) if i not in wanted]
        return [
            make_span(start, end, value, f"row {number}", self._encoder(start))
            for number, row in enumerate(rows, 1)
            if number > 1 or not by_name
            for index, (start, end, value) in enumerate(row)
            if index in wanted
        ]

    def _encoder(self, start: int) -> "_Encoder":
        return _Encoder(self._delimiter, self._text[start : start + 1] == '"')

    def _rows(self) -> List[List[_Cell]]:
        text = self._text
        rows: List[List[_Cell]] = []
        row: List[_Cell] = []
        position = 0
        while position < len(text):
            start = position
            if text[position] == '"':
                position, value = self._quoted(position)
            else:
                while position < len(text) and text[position] not in (self._delimiter, "\r", "\n"):
                    position += 1
                value = text[start:position]
            row.append((start, position, value))
            if position < len(text) and text[position] == self._delimiter:
                position += 1
                if position == len(text):
                    row.append((position, position, ""))
                continue
            if text[position : position + 2] == "\r\n":
                position += 1
            position += 1
            rows.append(row)
            row = []
        return [*rows, row] if row else rows

    def _quoted(self, position: int) -> Tuple[int, str]:
        """The end of a field in quotes, and its value."""
        start = position
        position += 1
        while True:
            position = self._text.find('"', position)
            if position < 0:
                line = self._text.count("\n", 0, start) + 1
                raise DocumentError(
                    f"{self._name}: no CSV: found no end of the quotes in line {line}"
                )
            if self._text[position : position + 2] != '""':
                break
            position += 2
        end = position + 1
        value = self._text[start + 1 : position].replace('""', '"')
        # What stands behind the quotes belongs to the field, as csv reads it.
        while end < len(self._text) and self._text[end] not in (self._delimiter, "\r", "\n"):
            value += self._text[end]
            end += 1
        return end, value


class _Encoder:
    """Writes a field, in quotes where it stood in quotes or needs them."""

    def __init__(self, delimiter: str, quoted: bool) -> None:
        self._delimiter = delimiter
        self._quoted = quoted

    def __call__(self, text: str) -> str:
        if self._quoted or any(c in text for c in (self._delimiter, '"', "\r", "\n")):
            return '"' + text.replace('"', '""') + '"'
        return text


def _find_delimiter(text: str) -> str:
    """The one with which the first rows have the same number of fields, and most."""
    best = (0, ",")
    for delimiter in ",;\t|":
        try:
            reader = csv.reader(io.StringIO(text[:65536], newline=""), delimiter=delimiter)
            rows = [row for _, row in zip(range(20), reader) if row]
        except csv.Error:
            continue
        if len(rows) > 2 and len(text) > 65536:
            rows.pop()  # may be cut
        widths = {len(row) for row in rows}
        if len(widths) == 1:
            width = widths.pop()
            if width > best[0]:
                best = (width, delimiter)
    return best[1] if best[0] > 1 else ","


def _find(column: str, header: List[str], name: str) -> int:
    if column in header:
        return header.index(column)
    raise DocumentError(f"{name}: found no column {column!r}, expected one of {header}")
