"""JSON, YAML and CSV: the values, or those that were asked for."""

from __future__ import annotations

import csv
import fnmatch
import io
import json
import re
from typing import Any, Callable, Dict, List, Optional, Sequence

from .base import Document, DocumentError, Segment, decode
from .inline import Text, plain_text


class Json(Document):
    """Strings among the values; keys stay. `keys` are patterns of paths such as
    "messages.*.text"; absent: all strings."""

    def __init__(self, data: bytes, name: str, keys: Optional[Sequence[str]] = None) -> None:
        text = decode(data, name)
        self.skipped = []
        try:
            self._value = json.loads(text)
        except json.JSONDecodeError as error:
            raise DocumentError(f"{name}: no JSON: {error}") from None
        self._indent = _indent(text)
        self._newline = text.endswith("\n")
        self._ascii = text.isascii()
        self.segments = _collect(self._value, keys)

    def to_bytes(self) -> bytes:
        value = _replaced(self._value, iter(self.segments))
        compact = None if self._indent is not None else (",", ":")
        text = json.dumps(value, ensure_ascii=False, indent=self._indent, separators=compact)
        return (text + "\n" * self._newline).encode("utf-8")


class Yaml(Document):
    """As `Json`; comments, anchors, order and styles of strings are kept."""

    def __init__(self, data: bytes, name: str, keys: Optional[Sequence[str]] = None) -> None:
        from ruamel.yaml import YAML
        from ruamel.yaml.error import YAMLError

        self.skipped = []
        self._yaml = YAML()
        self._yaml.preserve_quotes = True
        self._yaml.width = 1 << 20
        text = decode(data, name)
        offset = _yaml_step(text, "- ", 0)
        self._yaml.indent(mapping=_yaml_step(text, "[^ -]", 2), sequence=offset + 2, offset=offset)
        try:
            self._documents = list(self._yaml.load_all(text))
        except YAMLError as error:
            raise DocumentError(f"{name}: no YAML: {error}") from None
        self.segments = [s for value in self._documents for s in _collect(value, keys)]

    def to_bytes(self) -> bytes:
        out = io.StringIO()
        segments = iter(self.segments)
        values = [_replaced(value, segments) for value in self._documents]
        self._yaml.dump_all(values, out)
        return out.getvalue().encode("utf-8")


class Csv(Document):
    """Columns by name (the first row) or by number from 0; all others stay."""

    def __init__(
        self, data: bytes, name: str, columns: Sequence[str], delimiter: Optional[str] = None
    ) -> None:
        text = decode(data, name)
        self.skipped = []
        self._end = "\r\n" if "\r\n" in text else "\n"
        self._bom = data.startswith(b"\xef\xbb\xbf")
        self._delimiter = delimiter or ("\t" if name.lower().endswith(".tsv") else _sniff(text))
        try:
            reader = csv.reader(io.StringIO(text, newline=""), delimiter=self._delimiter)
            self._rows = list(reader)
        except csv.Error as error:
            raise DocumentError(f"{name}: no CSV: {error}") from None
        header = self._rows[0] if self._rows else []
        self._cells: List[tuple[int, int]] = []
        by_name = any(not column.isdigit() for column in columns)
        for column in columns:
            index = int(column) if column.isdigit() else _find(column, header, name)
            rows = range(1 if by_name else 0, len(self._rows))
            self._cells += [(row, index) for row in rows if index < len(self._rows[row])]
        self._cells.sort()
        self.segments = [
            Segment([Text(self._rows[row][column])], f"row {row + 1}")
            for row, column in self._cells
        ]
        self.skipped = [f"column {name!r}" for name in header if by_name and name not in columns]

    def to_bytes(self) -> bytes:
        rows = [list(row) for row in self._rows]
        for (row, column), segment in zip(self._cells, self.segments):
            rows[row][column] = plain_text(segment.result)
        out = io.StringIO(newline="")
        csv.writer(out, delimiter=self._delimiter, lineterminator=self._end).writerows(rows)
        return (b"\xef\xbb\xbf" if self._bom else b"") + out.getvalue().encode("utf-8")


def _collect(value: Any, keys: Optional[Sequence[str]]) -> List[Segment]:
    """The strings of `value`, in order."""
    segments: List[Segment] = []

    def visit(text: str, path: str) -> str:
        if keys is None or any(fnmatch.fnmatchcase(path, key) for key in keys):
            segments.append(Segment([Text(text)], path))
        else:
            segments.append(Segment([], path))  # no letter: stays as it is
        return text

    _map(value, "", visit)
    return segments


def _replaced(value: Any, segments: Any) -> Any:
    """`value` with the next segment for each of its strings."""

    replaced: Dict[int, Any] = {}  # YAML's aliases are one string in several places

    def visit(text: str, path: str) -> str:
        segment = next(segments)
        if segment.translated is None:
            return text
        if type(text) is str:
            return plain_text(segment.translated)
        if id(text) not in replaced:
            replaced[id(text)] = (text, _restyled(text, plain_text(segment.translated)))
        return replaced[id(text)][1]  # type: ignore[no-any-return]

    return _map(value, "", visit)


def _yaml_step(text: str, what: str, default: int) -> int:
    """How much further in `what` stands below the first key that has it."""
    key = r"^( *)[^\s#-][^\n]*:[ \t]*(?:[|>][^\n]*)?\n"
    found = re.search(rf"{key}( *){what}", text, re.MULTILINE)
    step = len(found.group(2)) - len(found.group(1)) if found else default
    return step if step >= 0 else default


def _restyled(text: Any, result: str) -> Any:
    """`result` with the quotes and the anchor of a string of ruamel.yaml."""
    new = type(text)(result)
    anchor = getattr(text, "yaml_anchor", lambda: None)()
    if anchor is not None and anchor.value:
        new.yaml_set_anchor(anchor.value, always_dump=True)
    return new


def _map(value: Any, path: str, visit: Callable[[str, str], str]) -> Any:
    if isinstance(value, str):
        return visit(value, path)
    if isinstance(value, dict):
        for key in value:
            value[key] = _map(value[key], f"{path}.{key}" if path else str(key), visit)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            value[index] = _map(item, f"{path}.{index}" if path else str(index), visit)
    return value


def _indent(text: str) -> Optional[int]:
    for line in text.splitlines()[1:]:
        stripped = line.lstrip(" ")
        if stripped and len(stripped) < len(line):
            return len(line) - len(stripped)
    return None


def _sniff(text: str) -> str:
    try:
        return csv.Sniffer().sniff(text[:4096], ",;\t|").delimiter
    except csv.Error:
        return ","


def _find(column: str, header: List[str], name: str) -> int:
    if column in header:
        return header.index(column)
    raise DocumentError(f"{name}: found no column {column!r}, expected one of {header}")
