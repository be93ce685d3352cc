"""Word (.docx), PowerPoint (.pptx) and OpenDocument (.odt, .odp) files.

Each is a zip of XML. Paragraphs are translated in place; runs of one
formatting become groups, so that bold words stay bold. Everything else of the
file is copied as it is.
"""

from __future__ import annotations

import io
import re
import zipfile
from typing import Any, Dict, Iterator, List, Sequence, Tuple

from lxml import etree

from .base import Document, DocumentError, Segment
from .inline import Text, plain_text
from .odf import OdfParagraphs
from .ooxml import OOXML
from .paragraphs import Paragraphs

_MAX_PART_BYTES = 1 << 28
_SHARED = r"(diagrams/(data|drawing)\d*|charts/chart\w*)"

#: For each ending, the parts of the zip that hold text, and how it is written.
FORMATS: Dict[str, Tuple[str, Sequence[Paragraphs]]] = {
    ".docx": (
        rf"word/((document|header|footer|footnotes|endnotes|comments)\d*|{_SHARED})\.xml",
        OOXML,
    ),
    ".pptx": (
        r"ppt/((slides|notesSlides|slideMasters|slideLayouts)/\w+|comments/modernComment\w*|"
        rf"{_SHARED})\.xml",
        OOXML,
    ),
    ".odt": (r"(Object \d+/)?(content|styles)\.xml", (OdfParagraphs(),)),
    ".odp": (r"(Object \d+/)?(content|styles)\.xml", (OdfParagraphs(),)),
}
# Texts for those who do not see a picture: attributes of these elements, and
# elements of OpenDocument.
_DESCRIBED = ("docPr", "cNvPr")
_DESCRIPTIONS = ("descr", "title")
_SVG = "{urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0}"
# What stays, though there is text in it.
_LEFT = (
    (r"(word|ppt)/embeddings/[^/]+", "an embedded file"),
    (r"ppt/comments/comment\d*\.xml", "comments"),
    (r"(word|ppt)/charts/chart\w*\.xml", "names and values of a chart, which its table has"),
)


class OfficeDocument(Document):
    """A zip of XML parts; `ending` is one of FORMATS."""

    def __init__(self, data: bytes, name: str, ending: str) -> None:
        pattern, kinds = FORMATS[ending]
        self._paragraphs = {tag: kind for kind in kinds for tag in kind.tags}
        self.segments = []
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except zipfile.BadZipFile:
            raise DocumentError(f"{name}: found no zip archive, expected {ending}") from None
        names = [entry.filename for entry in self._zip.infolist()]
        parts = [part for part in names if re.fullmatch(pattern, part)]
        if not parts:
            raise DocumentError(f"{name}: found no part with text, expected {ending}")
        self._roots: Dict[str, Any] = {}
        self._places: List[Tuple[str, Any, str]] = []  # of each segment: part, element, attribute
        for part in sorted(parts, key=_natural):
            self._read_part(part, name)
        self.skipped = [
            f"{part}: {what}" for part in names for left, what in _LEFT if re.fullmatch(left, part)
        ]

    def _read_part(self, part: str, name: str) -> None:
        if self._zip.getinfo(part).file_size > _MAX_PART_BYTES:
            raise DocumentError(
                f"{name}: {part}: found {self._zip.getinfo(part).file_size} bytes, "
                f"allowed {_MAX_PART_BYTES}"
            )
        parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)
        try:
            root = etree.fromstring(self._zip.read(part), parser)
        except (etree.XMLSyntaxError, zipfile.BadZipFile, EOFError, RuntimeError) as error:
            raise DocumentError(f"{name}: {part}: {error}") from None
        self._roots[part] = root
        is_template = "/slideMasters/" in part or "/slideLayouts/" in part
        number = 0
        for element in root.iter(etree.Element):
            if is_template and _is_prompt(element):
                continue
            if element.tag in self._paragraphs:
                number += 1
                nodes = self._paragraphs[element.tag].read(element)
                self.segments.append(Segment(nodes, f"{part}, paragraph {number}"))
                self._places.append((part, element, ""))
            for attribute in _described(element):
                text = element.get(attribute) if attribute != "text" else element.text
                place = f"{part}, text of a picture"
                self.segments.append(Segment([Text(text or "")], place))
                self._places.append((part, element, attribute))

    def to_bytes(self) -> bytes:
        changed = set()
        for (part, element, attribute), segment in zip(self._places, self.segments):
            if segment.translated is None:
                continue
            changed.add(part)
            if attribute == "":
                self._paragraphs[element.tag].write(element, segment.translated)
            elif attribute == "text":
                element.text = plain_text(segment.translated)
            else:
                element.set(attribute, plain_text(segment.translated))
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as target:
            for entry in self._zip.infolist():
                data = self._zip.read(entry)
                if entry.filename in changed:
                    data = etree.tostring(
                        self._roots[entry.filename],
                        xml_declaration=True,
                        encoding="UTF-8",
                        standalone=True,
                    )
                target.writestr(entry, data, entry.compress_type)
        return out.getvalue()


def _described(element: Any) -> Iterator[str]:
    """The attributes, or "text", that describe a picture."""
    tag = element.tag
    if tag in (f"{_SVG}desc", f"{_SVG}title"):
        yield "text"
    elif tag.rpartition("}")[2] in _DESCRIBED:
        yield from (name for name in _DESCRIPTIONS if element.get(name, "").strip())


def _is_prompt(element: Any) -> bool:
    """Of a layout: what stands in a placeholder is not shown on slides."""
    while element is not None:
        if element.tag.endswith("}sp"):
            return any(child.tag.endswith("}ph") for child in element.iter(etree.Element))
        element = element.getparent()
    return False


def _natural(part: str) -> List[Any]:
    """slide2 before slide10."""
    return [int(s) if s.isdigit() else s for s in re.split(r"(\d+)", part)]
