"""CSV: columns by name or number."""

from __future__ import annotations

from typing import List, Optional, Sequence, Tuple

from ..delimiters import find_delimiter, first_row, said_delimiter
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
        # What Excel writes so that it knows its own files again.
        said = said_delimiter(self._text)
        if not self._delimiter:
            is_tabbed = self._name.lower().endswith(".tsv")
            self._delimiter = (
                said or ("\t" if is_tabbed else find_delimiter(self._text))
            )
        rows = self._rows(first_row(self._text))
        header = [value for _, _, value in rows[0]] if rows else []
        by_name = any(not column.isdigit() for column in self._columns)
        wanted = {index for c in self._columns for index in _find(c, header, self._name)}
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

    def _rows(self, position: int) -> List[List[_Cell]]:
        text = self._text
        rows: List[List[_Cell]] = []
        row: List[_Cell] = []
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


def _find(column: str, header: List[str], name: str) -> List[int]:
    """All columns of this name; else a number."""
    found = [index for index, title in enumerate(header) if title == column]
    if not found and column.isdigit():
        return [int(column)]
    if not found:
        raise DocumentError(f"{name}: found no column {column!r}, expected one of {header}")
    return found
