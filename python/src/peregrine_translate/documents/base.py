"""What every format of documents is to the translator: a list of segments."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import List, Optional, Tuple, Union

from .inline import Node, Peeled, has_letters, peel

PathLike = Union[str, "os.PathLike[str]"]


class DocumentError(ValueError):
    """The file is not what its name says, or holds what cannot be read."""


@dataclass
class Segment:
    """A paragraph, a cell, a line of a subtitle: what is translated as one."""

    nodes: List[Node]
    #: Where it stands, for people: "slide 3", "line 17".
    place: str = ""
    #: What replaces `nodes`; None until it is translated.
    translated: Optional[List[Node]] = None

    def __post_init__(self) -> None:
        self.peeled: Peeled = peel(self.nodes)

    @property
    def is_translatable(self) -> bool:
        """Whether there is a letter in it."""
        return has_letters(self.nodes)

    @property
    def result(self) -> List[Node]:
        """The translation, or what stood there."""
        return self.nodes if self.translated is None else self.translated


@dataclass
class Report:
    """What became of a document."""

    segments: int = 0  #: translated
    characters: int = 0  #: of their text
    #: What was left as it is, and why: "code block, line 3".
    skipped: List[str] = field(default_factory=list)
    #: What to look at: "slide 3: truncated".
    warnings: List[str] = field(default_factory=list)


class Document(ABC):
    """A document that was read. Its segments are translated in place, then it
    is written. Everything else of it is written as it was read."""

    segments: List[Segment]
    #: What is left as it is, for people.
    skipped: List[str]

    @abstractmethod
    def to_bytes(self) -> bytes:
        """The document with `Segment.result` of each segment."""

    def write(self, path: PathLike) -> None:
        """Writes under another name first, so that no half file is left."""
        path = Path(path)
        part = path.with_name(path.name + ".part")
        try:
            part.write_bytes(self.to_bytes())
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)


def encoding_of(data: bytes) -> Tuple[bytes, str]:
    """The byte order mark that a file begins with, and how it goes on."""
    for mark, encoding in (
        (b"\xef\xbb\xbf", "utf-8"),
        (b"\xff\xfe", "utf-16-le"),
        (b"\xfe\xff", "utf-16-be"),
    ):
        if data.startswith(mark):
            return mark, encoding
    return b"", "utf-8"


def decode(data: bytes, what: str) -> str:
    """UTF-8 with or without a mark, or UTF-16 with one; without the mark."""
    mark, encoding = encoding_of(data)
    try:
        text = data[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        name = encoding[:6].upper().rstrip("-")
        raise DocumentError(
            f"{what}: found a byte that is no {name} at {len(mark) + error.start}, expected {name}, "
            "or that the encoding is named"
        ) from None
    if "\0" in text:
        raise DocumentError(
            f"{what}: found a zero byte, expected text; UTF-16 without a mark is to be named"
        )
    return text
