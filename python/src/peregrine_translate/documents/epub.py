"""EPUB books: zip archives of XHTML pages."""

from __future__ import annotations

import posixpath
from typing import Any, Dict, Iterator, Tuple
from urllib.parse import unquote

from .base import Document, DocumentError, Segment
from .html import HtmlTree, parse_xhtml
from .inline import Text, plain_text
from .xml_file import serialize
from .zip_file import ZipArchive

_PAGE = "application/xhtml+xml"
_CONTENTS = "application/x-dtbncx+xml"
_ENDINGS = {"xhtml": _PAGE, "html": _PAGE, "htm": _PAGE, "ncx": _CONTENTS}


class Epub(Document):
    """A book: its pages and its tables of contents."""

    def __init__(self, data: bytes, name: str) -> None:
        self.segments = []
        self.skipped = []
        self._zip = ZipArchive(data, name, ".epub")
        self._trees: Dict[str, Tuple[Any, Any]] = {}
        kinds = self._kinds()
        for part in self._zip.names:
            if part in kinds:
                self._read_part(part, kinds[part])
            elif part.lower().endswith(".opf"):
                self.skipped.append(f"{part}: title and other data of the book")
        if not self._trees:
            raise DocumentError(f"{name}: found no page, expected a book")

    def _kinds(self) -> Dict[str, str]:
        """The parts to read: by their endings, and by what the book's list says,
        for pages that have any name."""
        kinds: Dict[str, str] = {}
        for part in self._zip.names:
            ending = part.lower().rpartition(".")[2]
            if ending in _ENDINGS:
                kinds[part] = _ENDINGS[ending]
            elif ending == "opf":
                for listed, kind in self._listed(part):
                    kinds.setdefault(listed, kind)
        return {part: kind for part, kind in kinds.items() if part in self._zip.names}

    def _listed(self, package: str) -> Iterator[Tuple[str, str]]:
        root = parse_xhtml(self._zip.read(package))
        for item in () if root is None else root.iter("{*}item"):
            kind = item.get("media-type", "").strip().lower()
            if kind in (_PAGE, _CONTENTS):
                place = unquote(item.get("href", "").partition("#")[0])
                yield posixpath.normpath(posixpath.join(posixpath.dirname(package), place)), kind

    def _read_part(self, part: str, kind: str) -> None:
        root = parse_xhtml(self._zip.read(part))
        if root is None:
            self.skipped.append(f"{part}: no XML")
            return
        tree: Any = _Labels(root, part) if kind == _CONTENTS else HtmlTree(root, part)
        self._trees[part] = (root, tree)
        self.segments += tree.segments

    def to_bytes(self) -> bytes:
        changed: Dict[str, bytes] = {}
        for part, (root, tree) in self._trees.items():
            if any(segment.translated is not None for segment in tree.segments):
                tree.write()
                changed[part] = serialize(root)
        return self._zip.rewritten(changed)


class _Labels:
    """The labels of an NCX table of contents."""

    def __init__(self, root: Any, place: str) -> None:
        self._elements = [e for e in root.iter("{*}text") if (e.text or "").strip()]
        self.segments = [Segment([Text(e.text)], place) for e in self._elements]

    def write(self) -> None:
        for element, segment in zip(self._elements, self.segments):
            element.text = plain_text(segment.result)
