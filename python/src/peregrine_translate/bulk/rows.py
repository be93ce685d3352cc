"""Files of rows: JSON lines, CSV, Parquet, lines of text; .gz and .zst, too."""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import itertools
import json
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, Dict, Iterable, Iterator, List, Optional, Tuple, Union

from ..delimiters import find_delimiter, said_delimiter
from .storage import Location, base_name, open_binary

Row = Dict[str, Any]


@dataclass(frozen=True)
class BadRow:
    """One that cannot be read."""

    content: str
    error: str


FORMATS = ("jsonl", "csv", "tsv", "parquet", "txt")
_NAMES = {"ndjson": "jsonl", "json": "jsonl", "pq": "parquet", **{name: name for name in FORMATS}}
_COMPRESSIONS = ("gz", "zst")
#: Of the only column of a text file.
TEXT_COLUMN = "text"
# Of a field of a table, as of a text that a server takes.
csv.field_size_limit(1 << 24)


def format_of(path: Location) -> str:
    """By the file's ending; ValueError where it tells nothing."""
    endings = [ending[1:].lower() for ending in PurePosixPath(path).suffixes]
    while endings and endings[-1] in _COMPRESSIONS:
        endings.pop()
    ending = endings[-1] if endings else ""
    if ending not in _NAMES:
        raise ValueError(f"{path}: found no known ending, expected one of {', '.join(FORMATS)}")
    return _NAMES[ending]


def stem_of(path: Location) -> str:
    """The file's name without what says how it is written."""
    name = base_name(path)
    for known in (_COMPRESSIONS, _NAMES):
        stem, _, ending = name.rpartition(".")
        if stem and ending.lower() in known:
            name = stem
    return name


def check_column(path: Location, kind: str, column: str) -> None:
    """ValueError where no row of the file has the column."""
    if kind == "jsonl":  # in which each row has its own
        return
    if kind == "parquet":
        import pyarrow.parquet

        with _reading(path):
            columns = pyarrow.parquet.ParquetFile(open_binary(path)).schema_arrow.names
    elif kind == "txt":
        columns = [TEXT_COLUMN]
    else:
        with _open(path) as file:
            columns = list(_table(path, file, kind).fieldnames or [column])
    if column not in columns:
        raise ValueError(f"{path}: found no column {column!r}, expected one of {columns}")


def count_rows(path: Location, kind: str) -> int:
    """How many there are; reads the file, but for Parquet."""
    if kind == "parquet":
        import pyarrow.parquet

        with _reading(path):
            return int(pyarrow.parquet.ParquetFile(open_binary(path)).metadata.num_rows)
    if kind == "jsonl":
        with _open(path) as file:
            return sum(1 for line in file if not line.isspace())
    return sum(1 for _ in read_rows(path, kind, 0, None))


def read_rows(
    path: Location, kind: str, start: int, stop: Optional[int]
) -> Iterator[Union[Row, BadRow]]:
    """Rows `start` to `stop`, counted from 0. ValueError names a file that cannot
    be read at all."""
    rows = _READERS[kind](path)
    return itertools.islice(rows, start, stop)


def write_rows(
    path: Path, kind: str, rows: Iterable[Row], into: str = "", like: Location = ""
) -> int:
    """Writes all; returns how many.

    :param into: the column that was added.
    :param like: the file that they come from: Parquet keeps its types.
    """
    return int(_WRITERS[kind](path, rows, into, like))


@contextlib.contextmanager
def _reading(path: Location) -> Iterator[None]:
    """Names the file in what can be wrong with it."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: found a byte that is no UTF-8: {error.reason}") from None
    except (csv.Error, EOFError, OSError, ValueError, zlib.error, *_codec_errors()) as error:
        if str(path) in str(error):
            raise
        raise ValueError(f"{path}: {error}") from None


def _codec_errors() -> Tuple[Any, ...]:
    zstandard = sys.modules.get("zstandard")
    return (zstandard.ZstdError,) if zstandard else ()


@contextlib.contextmanager
def _open(path: Location) -> Iterator[IO[str]]:
    with contextlib.ExitStack() as stack:
        stack.enter_context(_reading(path))
        stream: Any = stack.enter_context(open_binary(path))
        if path.lower().endswith(".gz"):
            stream = stack.enter_context(gzip.GzipFile(fileobj=stream))
        elif path.lower().endswith(".zst"):
            import zstandard

            frames = _ZstdFrames(stream, zstandard.ZstdDecompressor())
            stream = stack.enter_context(io.BufferedReader(frames))
        yield io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")


class _ZstdFrames(io.RawIOBase):
    """Frame after frame. zstandard's own reader takes a file that was cut for one
    that ends."""

    def __init__(self, stream: Any, decompressor: Any) -> None:
        self._stream = stream
        self._decompressor = decompressor
        self._frame: Any = None  # that has begun
        self._rest = b""  # behind the frame before
        self._ready = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._ready:
            chunk = self._rest or self._stream.read(1 << 16)
            self._rest = b""
            if not chunk and self._frame is not None:
                raise EOFError("the compressed file ended before its end")
            if not chunk:
                return 0
            if self._frame is None:
                self._frame = self._decompressor.decompressobj()
            self._ready = self._frame.decompress(chunk)
            if self._frame.eof:
                self._rest = self._frame.unused_data
                self._frame = None
        size = min(len(buffer), len(self._ready))
        buffer[:size] = self._ready[:size]
        self._ready = self._ready[size:]
        return size


def _read_jsonl(path: Location) -> Iterator[Union[Row, BadRow]]:
    with _open(path) as file:
        for number, line in enumerate(file, 1):
            if line.isspace():
                continue
            if number == 1 and line.strip() == "[":
                raise ValueError(f"{path}: found a list of JSON, expected an object a line")
            yield _parse_row(line, number)


def _parse_row(line: str, number: int) -> Union[Row, BadRow]:
    try:
        row = json.loads(line)
    except (json.JSONDecodeError, RecursionError) as error:
        return BadRow(line.rstrip("\r\n"), f"line {number}: no JSON: {error}")
    if isinstance(row, dict):
        return row
    return BadRow(line.rstrip("\r\n"), f"line {number}: found no object, expected one")


def _table(path: Location, file: IO[str], kind: str) -> "csv.DictReader[str]":
    """Behind the line with which Excel says how fields are separated."""
    first = file.readline()
    said = said_delimiter(first)
    delimiter = said or ("\t" if kind == "tsv" else "")
    beginning = list(itertools.islice(file, 0 if delimiter else 400))
    lines = itertools.chain([] if said else [first], beginning, file)
    return csv.DictReader(lines, delimiter=delimiter or find_delimiter("".join([first, *beginning])))


def _read_delimited(kind: str) -> Any:
    def read(path: Location) -> Iterator[Union[Row, BadRow]]:
        with _open(path) as file:
            table = _table(path, file, kind)
            for row in table:
                beyond = row.pop(None, None)  # of longer rows
                if beyond:
                    yield BadRow(
                        json.dumps([*row.values(), *beyond], ensure_ascii=False),
                        f"line {table.line_num}: found {len(row) + len(beyond)} fields, "
                        f"expected {len(row)}",
                    )
                else:
                    yield dict(row)

    return read


def _read_parquet(path: Location) -> Iterator[Row]:
    import pyarrow.parquet

    with _reading(path):
        for batch in pyarrow.parquet.ParquetFile(open_binary(path)).iter_batches(1024):
            yield from batch.to_pylist()


def _read_text(path: Location) -> Iterator[Row]:
    with _open(path) as file:
        for line in file:
            yield {TEXT_COLUMN: line.rstrip("\r\n")}


def _write_jsonl(path: Path, rows: Iterable[Row], into: str, like: Location) -> int:
    count = 0
    with open(path, "w", encoding="utf-8", newline="") as file:
        for row in rows:
            # Rows of Parquet that are set aside may have dates and the like.
            file.write(json.dumps(row, ensure_ascii=False, default=str) + "\n")
            count += 1
    return count


def _write_delimited(delimiter: str) -> Any:
    def write(path: Path, rows: Iterable[Row], into: str, like: Location) -> int:
        count = 0
        with open(path, "w", encoding="utf-8", newline="") as file:
            writer: Optional[csv.DictWriter[str]] = None
            for row in rows:
                if writer is None:
                    writer = csv.DictWriter(file, list(row), delimiter=delimiter)
                    writer.writeheader()
                writer.writerow(row)
                count += 1
        return count

    return write


def _write_parquet(path: Path, rows: Iterable[Row], into: str, like: Location) -> int:
    import pyarrow
    import pyarrow.parquet

    # Types cannot be seen in the values of a partition.
    schema = pyarrow.parquet.ParquetFile(open_binary(like)).schema_arrow.remove_metadata()
    if into in schema.names:
        schema = schema.remove(schema.get_field_index(into))
    schema = schema.append(pyarrow.field(into, pyarrow.string()))
    table: List[Row] = list(rows)  # a partition, which is bounded
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(table, schema), path)
    return len(table)


def _write_text(path: Path, rows: Iterable[Row], into: str, like: Location) -> int:
    count = 0
    with open(path, "w", encoding="utf-8", newline="") as file:
        for row in rows:
            file.write(" ".join(str(row[into]).splitlines()) + "\n")
            count += 1
    return count


_READERS = {
    "jsonl": _read_jsonl,
    "csv": _read_delimited("csv"),
    "tsv": _read_delimited("tsv"),
    "parquet": _read_parquet,
    "txt": _read_text,
}
_WRITERS: Dict[str, Any] = {
    "jsonl": _write_jsonl,
    "csv": _write_delimited(","),
    "tsv": _write_delimited("\t"),
    "parquet": _write_parquet,
    "txt": _write_text,
}
