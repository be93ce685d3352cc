"""Word, PowerPoint and OpenDocument files.

Each is a zip of XML. Paragraphs are translated in place; runs of one
formatting become groups, so that bold words stay bold. Everything else of the
file is copied as it is.
"""

from __future__ import annotations

import re
from typing import Any, Dict, Iterator, List, Sequence, Tuple

from lxml import etree

from .base import Document, DocumentError, Segment
from .inline import Text, plain_text
from .odf import OdfParagraphs
from .ooxml import OOXML
from .paragraphs import Paragraphs
from .zip_file import ZipArchive

_SHARED = r"(diagrams/(data|drawing)\d*|charts/chart\w*)"

_Format = Tuple[str, Sequence[Paragraphs]]
_WORD: _Format = (
    rf"word/((document|header|footer|footnotes|endnotes|comments)\d*|{_SHARED})\.xml",
    OOXML,
)
_SLIDES: _Format = (
    r"ppt/((slides|notesSlides|slideMasters|slideLayouts)/\w+|comments/modernComment\w*|"
    rf"{_SHARED})\.xml",
    OOXML,
)
_OPEN: _Format = (r"(Object \d+/)?(content|styles)\.xml", (OdfParagraphs(),))
#: For each ending, the parts of the zip that hold text, and how it is written.
#: With macros, templates and shows, too.
FORMATS: Dict[str, _Format] = {
    **dict.fromkeys((".docx", ".docm", ".dotx", ".dotm"), _WORD),
    **dict.fromkeys((".pptx", ".pptm", ".ppsx", ".ppsm", ".potx", ".potm"), _SLIDES),
    **dict.fromkeys((".odt", ".ott", ".odp", ".otp"), _OPEN),
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
        self._zip = ZipArchive(data, name, ending)
        names = self._zip.names
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
        data = self._zip.read(part)
        parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)
        try:
            root = etree.fromstring(data, parser)
        except etree.XMLSyntaxError as error:
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
        return self._zip.rewritten(
            {
                part: etree.tostring(
                    self._roots[part], xml_declaration=True, encoding="UTF-8", standalone=True
                )
                for part in changed
            }
        )


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
