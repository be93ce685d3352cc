"""Files of rows: JSON lines, CSV, Parquet, lines of text; .gz and .zst, too."""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import json
from pathlib import Path, PurePosixPath
from typing import IO, Any, Dict, Iterable, Iterator, List, Optional, cast

from .storage import Location, open_binary

Row = Dict[str, Any]

FORMATS = ("jsonl", "csv", "tsv", "parquet", "txt")
#: Of the only column of a text file.
TEXT_COLUMN = "text"


def format_of(path: Location) -> str:
    """By the file's ending; ValueError where it tells nothing."""
    endings = [ending[1:].lower() for ending in PurePosixPath(path).suffixes]
    while endings and endings[-1] in ("gz", "zst"):
        endings.pop()
    ending = endings[-1] if endings else ""
    ending = {"ndjson": "jsonl", "json": "jsonl", "pq": "parquet"}.get(ending, ending)
    if ending not in FORMATS:
        raise ValueError(f"{path}: found no known ending, expected one of {', '.join(FORMATS)}")
    return ending


def count_rows(path: Location, kind: str) -> int:
    """How many there are; reads the file, but for Parquet."""
    if kind == "parquet":
        import pyarrow.parquet

        return int(pyarrow.parquet.ParquetFile(open_binary(path)).metadata.num_rows)
    if kind in ("csv", "tsv"):
        return sum(1 for _ in read_rows(path, kind, 0, None))
    with _open(path) as file:
        return sum(1 for _ in file)


def read_rows(path: Location, kind: str, start: int, stop: Optional[int]) -> Iterator[Row]:
    """Rows `start` to `stop`, counted from 0."""
    rows = _READERS[kind](path)
    return itertools.islice(rows, start, stop)


def write_rows(path: Path, kind: str, rows: Iterable[Row]) -> int:
    """Writes all; returns how many."""
    return int(_WRITERS[kind](path, rows))


def _open(path: Location) -> IO[str]:
    stream: Any = open_binary(path)
    if path.lower().endswith(".gz"):
        stream = gzip.GzipFile(fileobj=stream)
    elif path.lower().endswith(".zst"):
        import zstandard

        stream = zstandard.ZstdDecompressor().stream_reader(stream, read_across_frames=True)
    return cast(IO[str], io.TextIOWrapper(stream, encoding="utf-8", newline=""))


def _read_jsonl(path: Location) -> Iterator[Row]:
    with _open(path) as file:
        for number, line in enumerate(file, 1):
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:
                raise ValueError(f"{path}, line {number}: no JSON: {error}") from None
            if not isinstance(row, dict):
                raise ValueError(f"{path}, line {number}: found no object, expected one")
            yield row


def _read_delimited(delimiter: str) -> Any:
    def read(path: Location) -> Iterator[Row]:
        with _open(path) as file:
            for row in csv.DictReader(file, delimiter=delimiter):
                # What stands beyond the header has no name.
                row.pop(None, None)
                yield dict(row)

    return read


def _read_parquet(path: Location) -> Iterator[Row]:
    import pyarrow.parquet

    for batch in pyarrow.parquet.ParquetFile(open_binary(path)).iter_batches(1024):
        yield from batch.to_pylist()


def _read_text(path: Location) -> Iterator[Row]:
    with _open(path) as file:
        for line in file:
            yield {TEXT_COLUMN: line.rstrip("\r\n")}


def _write_jsonl(path: Path, rows: Iterable[Row]) -> int:
    count = 0
    with open(path, "w", encoding="utf-8", newline="") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            count += 1
    return count


def _write_delimited(delimiter: str) -> Any:
    def write(path: Path, rows: Iterable[Row]) -> int:
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


def _write_parquet(path: Path, rows: Iterable[Row]) -> int:
    import pyarrow
    import pyarrow.parquet

    table: List[Row] = list(rows)  # a partition, which is bounded
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(table), path)
    return len(table)


def _write_text(path: Path, rows: Iterable[Row]) -> int:
    count = 0
    with open(path, "w", encoding="utf-8", newline="") as file:
        for row in rows:
            file.write(" ".join(str(row["translation"]).splitlines()) + "\n")
            count += 1
    return count


_READERS = {
    "jsonl": _read_jsonl,
    "csv": _read_delimited(","),
    "tsv": _read_delimited("\t"),
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
