"""Word (.docx), PowerPoint (.pptx) and OpenDocument (.odt, .odp) files.

Each is a zip of XML. Paragraphs are translated in place; runs of one
formatting become groups, so that bold words stay bold. Everything else of the
file is copied as it is.
"""

from __future__ import annotations

import io
import re
import zipfile
from typing import Any, Dict, List, Tuple

from lxml import etree

from .base import Document, DocumentError, Segment
from .odf import OdfParagraphs
from .ooxml import DRAWING, WORD
from .paragraphs import Paragraphs

_MAX_PART_BYTES = 1 << 28

#: For each ending, the parts of the zip that hold text, and how it is written.
FORMATS: Dict[str, Tuple[str, Paragraphs]] = {
    ".docx": (r"word/(document|header\d*|footer\d*|footnotes|endnotes)\.xml", WORD),
    ".pptx": (r"ppt/(slides|notesSlides|diagrams)/(slide|notesSlide|data)\d*\.xml", DRAWING),
    ".odt": (r"content\.xml|styles\.xml", OdfParagraphs()),
    ".odp": (r"content\.xml|styles\.xml", OdfParagraphs()),
}


class OfficeDocument(Document):
    """A zip of XML parts; `ending` is one of FORMATS."""

    def __init__(self, data: bytes, name: str, ending: str) -> None:
        pattern, self._paragraphs = FORMATS[ending]
        self.segments = []
        self.skipped = []
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except zipfile.BadZipFile:
            raise DocumentError(f"{name}: found no zip archive, expected {ending}") from None
        names = [entry.filename for entry in self._zip.infolist()]
        parts = [part for part in names if re.fullmatch(pattern, part)]
        if not parts:
            raise DocumentError(f"{name}: found no part with text, expected {ending}")
        self._roots: Dict[str, Any] = {}
        self._elements: List[Any] = []  # of each segment
        for part in sorted(parts, key=_natural):
            self._read_part(part, name)

    def _read_part(self, part: str, name: str) -> None:
        if self._zip.getinfo(part).file_size > _MAX_PART_BYTES:
            raise DocumentError(
                f"{name}: {part}: found {self._zip.getinfo(part).file_size} bytes, "
                f"allowed {_MAX_PART_BYTES}"
            )
        parser = etree.XMLParser(resolve_entities=False, no_network=True)
        try:
            root = etree.fromstring(self._zip.read(part), parser)
        except (etree.XMLSyntaxError, zipfile.BadZipFile, EOFError) as error:
            raise DocumentError(f"{name}: {part}: {error}") from None
        self._roots[part] = root
        for number, element in enumerate(root.iter(*self._paragraphs.tags), 1):
            nodes = self._paragraphs.read(element)
            self.segments.append(Segment(nodes, f"{part}, paragraph {number}"))
            self._elements.append(element)

    def to_bytes(self) -> bytes:
        changed = set()
        for element, segment in zip(self._elements, self.segments):
            if segment.translated is not None:
                self._paragraphs.write(element, segment.translated)
                changed.add(element.getroottree().getroot())
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as target:
            for entry in self._zip.infolist():
                data = self._zip.read(entry)
                root = self._roots.get(entry.filename)
                if root is not None and root in changed:
                    data = etree.tostring(
                        root, xml_declaration=True, encoding="UTF-8", standalone=True
                    )
                target.writestr(entry, data, entry.compress_type)
        return out.getvalue()


def _natural(part: str) -> List[Any]:
    """slide2 before slide10."""
    return [int(s) if s.isdigit() else s for s in re.split(r"(\d+)", part)]
