"""A bulk job: files of rows in, the same rows with translations out.

The input is cut into partitions of some thousand rows. Each becomes one output
file, written under another name first and renamed when it is whole; so a job
that was killed goes on where it stopped, and no row is there twice. Rows that
could not be translated stand in a file of their own, with the error.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple, Union
from uuid import uuid4

from . import storage
from ..client import Client
from ..results import StreamResult
from .calls import translate_in_calls
from .rows import (
    FORMATS,
    BadRow,
    Row,
    check_column,
    count_rows,
    format_of,
    read_rows,
    stem_of,
    write_rows,
)

ERRORS = "_errors"
REPORTS = "_reports"
#: Says what the outputs beside it were made with.
SETTINGS = "_job.json"
# Arguments that change no translation.
_OF_THE_WAY = ("priority", "timeout", "no_cache")


@dataclass(frozen=True)
class Partition:
    """Rows `start` to `stop` of a file."""

    source: str
    kind: str
    start: int
    stop: int
    name: str  #: of its output, without the ending


@dataclass
class BulkReport:
    """What was done; of one partition, or the sum."""

    rows: int = 0  #: translated
    failed: int = 0
    source_tokens: int = 0
    target_tokens: int = 0
    busy_seconds: float = 0.0  #: of encoding and decoding, batch-mates included
    flags: Dict[str, int] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Of what it is the report."""
        return self.rows + self.failed

    def add(self, other: "BulkReport") -> None:
        self.rows += other.rows
        self.failed += other.failed
        self.source_tokens += other.source_tokens
        self.target_tokens += other.target_tokens
        self.busy_seconds += other.busy_seconds
        for flag, count in other.flags.items():
            self.flags[flag] = self.flags.get(flag, 0) + count


@dataclass(frozen=True)
class BulkJob:
    """What to translate, and where to. Plain values: it is sent to workers."""

    #: Files, or folders of them; "s3://BUCKET/FOLDER", too, as `out`.
    sources: Tuple[str, ...]
    out: str
    #: The column of the text; a text file has only "text".
    column: str = "text"
    #: The column of the translation, which is added.
    into: str = "translation"
    #: By the file's ending where it is empty.
    kind: str = ""
    rows_per_partition: int = 10_000
    #: Of how many jobs with the same files and folders this is which, from 0: each
    #: does every so-many-eth partition.
    shard: Tuple[int, int] = (0, 1)
    #: Of `translate`: model, source, target, options, priority.
    arguments: Dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.rows_per_partition < 1:
            raise ValueError(f"rows_per_partition: found {self.rows_per_partition}, expected 1 or more")
        if self.kind and self.kind not in FORMATS:
            raise ValueError(f"format: found {self.kind!r}, expected one of {', '.join(FORMATS)}")
        index, count = self.shard
        if not 0 <= index < count:
            raise ValueError(f"shard: found {index}/{count}, expected 0/N to N-1/N")
        if storage.normal(self.out) in map(storage.normal, self.sources):
            raise ValueError(f"out: found {self.out}, which is an input; expected another folder")

    def partitions(self) -> List[Partition]:
        """All, in order. Names tell the file apart from its namesakes."""
        partitions: List[Partition] = []
        taken: Dict[str, str] = {}
        for path in self._files():
            kind = self.kind or format_of(path)
            check_column(path, kind, self.column)
            rows = count_rows(path, kind)
            stem = stem_of(path)
            if taken.setdefault(stem, path) != path:
                raise ValueError(
                    f"{path}: would be written as {stem}, as {taken[stem]} is; "
                    "give each file a name of its own"
                )
            for number, start in enumerate(range(0, rows, self.rows_per_partition)):
                stop = min(start + self.rows_per_partition, rows)
                partitions.append(Partition(path, kind, start, stop, f"{stem}-{number:05d}"))
        return partitions

    def pending(self) -> List[Partition]:
        """Those of this shard that are not finished."""
        index, count = self.shard
        return [p for p in self.partitions()[index::count] if not self.is_done(p)]

    def is_done(self, partition: Partition) -> bool:
        """Whether its output is there, with as many rows as it has now."""
        if not storage.exists(self.output(partition)):
            return False
        report = self._report_of(partition)
        return report is not None and report.size == partition.stop - partition.start

    def output(self, partition: Partition) -> storage.Location:
        """Where its rows go."""
        return storage.join(self.out, f"{partition.name}.{partition.kind}")

    def run_partition(self, client: Client, partition: Partition) -> BulkReport:
        """Translates one; its output is there when this returns."""
        report = BulkReport()
        errors: List[Row] = []
        rows = self._translated(client, partition, report, errors)
        with self._writing(self.output(partition)) as part:
            write_rows(part, partition.kind, rows, self.into, partition.source)
            self._write_beside(ERRORS, partition, errors)
            self._write_beside(REPORTS, partition, [vars(report)])
        return report

    def reports(self) -> BulkReport:
        """The sum over all finished partitions, of earlier runs too."""
        total = BulkReport()
        for partition in self.partitions():
            report = self._report_of(partition) if self.is_done(partition) else None
            if report is not None:
                total.add(report)
        return total

    def begin(self) -> None:
        """ValueError where `out` holds what was made with other settings: rows
        would be there twice, or not at all, or in another language."""
        settings = {
            "column": self.column,
            "into": self.into,
            "rows_per_partition": self.rows_per_partition,
            "arguments": {k: v for k, v in self.arguments.items() if k not in _OF_THE_WAY},
        }
        settings = json.loads(json.dumps(settings, default=str))
        place = storage.join(self.out, SETTINGS)
        if not storage.exists(place):
            with self._writing(place) as part:
                part.write_text(json.dumps(settings, indent=1), "utf-8")
            return
        with storage.open_binary(place) as file:
            begun = json.loads(file.read())
        for name, value in settings.items():
            if begun.get(name) != value:
                raise ValueError(
                    f"{self.out}: found outputs that were made with {name}={begun.get(name)!r}, "
                    f"expected {value!r}: name another folder"
                )

    def _report_of(self, partition: Partition) -> Optional[BulkReport]:
        path = storage.join(self.out, REPORTS, f"{partition.name}.jsonl")
        if not storage.exists(path):
            return None
        with storage.open_binary(path) as file:
            return BulkReport(**json.loads(file.read()))

    def _files(self) -> List[storage.Location]:
        files: List[storage.Location] = []
        for source in self.sources:
            found = storage.list_files(source)
            if found is None:
                raise ValueError(f"{source}: found no such file or folder")
            files += found
        if not files:
            raise ValueError(f"found no file in {', '.join(self.sources)}")
        return files

    @contextlib.contextmanager
    def _writing(self, location: storage.Location) -> Iterator[Path]:
        """A file to write, which becomes `location` when it is whole."""
        if storage.is_remote(location):
            handle, name = tempfile.mkstemp(prefix="peregrine-", suffix=".part")
            os.close(handle)
            part = Path(name)
        else:
            # Of this very process: others, on other nodes, may do the same.
            part = Path(location).with_suffix(f".part-{os.getpid()}-{uuid4().hex[:8]}")
            storage.make_folder(str(part.parent))
        try:
            yield part
            storage.put(part, location)
        finally:
            part.unlink(missing_ok=True)

    def _translated(
        self, client: Client, partition: Partition, report: BulkReport, errors: List[Row]
    ) -> Iterator[Row]:
        rows: Dict[int, Union[Row, BadRow]] = {}  # read and not yet answered

        def texts() -> Iterator[Any]:
            read = read_rows(partition.source, partition.kind, partition.start, partition.stop)
            for number, row in enumerate(read):
                rows[number] = row
                # What is no text is told apart before it is sent.
                yield None if isinstance(row, BadRow) else row.get(self.column)

        for result in translate_in_calls(client, texts(), self.arguments):
            row = rows.pop(result.index)
            if result.translation is not None and not isinstance(row, BadRow):
                _count(report, result)
                yield {**row, self.into: result.translation.text}
                continue
            report.failed += 1
            errors.append(self._error_row(partition, result, row))
            if partition.kind == "txt":  # whose lines have nothing else to be known by
                yield {self.into: ""}

    def _error_row(
        self, partition: Partition, result: StreamResult, row: Union[Row, BadRow]
    ) -> Row:
        content: Union[str, Row] = row.content if isinstance(row, BadRow) else row
        if isinstance(row, BadRow):
            error = row.error
        else:
            error = str(result.error)
            if self.column not in row:
                error += f" (no column {self.column!r} in {sorted(row)})"
        return {
            "source": partition.source,
            "row": partition.start + result.index,
            "error": error,
            "content": content,
        }

    def _write_beside(self, folder: str, partition: Partition, rows: Sequence[Row]) -> None:
        location = storage.join(self.out, folder, f"{partition.name}.jsonl")
        if not rows:
            storage.remove(location)
            return
        with self._writing(location) as part:
            write_rows(part, "jsonl", rows)


def _count(report: BulkReport, result: StreamResult) -> None:
    translation = result.unwrap()
    cost = translation.cost
    report.rows += 1
    report.source_tokens += cost.source_tokens
    report.target_tokens += cost.target_tokens
    report.busy_seconds += cost.encode + cost.decode
    for flag in translation.flags:
        report.flags[flag] = report.flags.get(flag, 0) + 1


def run(
    job: BulkJob,
    address: Union[str, Sequence[str]],
    client_arguments: Dict[str, Any],
    progress: Optional[Any] = None,
) -> BulkReport:
    """Translates what is not finished, on this machine."""
    job.begin()
    with Client(address, **client_arguments) as client:
        for partition in job.pending():
            report = job.run_partition(client, partition)
            if progress is not None:
                progress(report.rows + report.failed)
    return job.reports()
