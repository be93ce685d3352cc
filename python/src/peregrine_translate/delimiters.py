"""What separates the fields of a table."""

from __future__ import annotations

import csv
import io
import re

# What Excel writes so that it knows its own files again.
_SAID = re.compile(r'"?sep=(.)"?(?:\r\n|\r|\n|\Z)', re.IGNORECASE)


def said_delimiter(text: str) -> str:
    """As the first line says it; "": it does not."""
    match = _SAID.match(text)
    return match.group(1) if match else ""


def first_row(text: str) -> int:
    """Where the rows begin."""
    match = _SAID.match(text)
    return match.end() if match else 0


def find_delimiter(text: str) -> str:
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
