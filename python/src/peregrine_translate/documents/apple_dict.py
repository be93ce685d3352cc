"""iOS plurals: .stringsdict, a property list in XML."""

from __future__ import annotations

import re
from typing import Any, List, Sequence

from lxml import etree

from .base import Document, DocumentError, Segment
from .inline import Mark, Node, Text
from .xml_file import parse, serialize

# What the system reads, not people.
_FIXED = ("NSStringFormatSpecTypeKey", "NSStringFormatValueTypeKey")
# `%#@files@` stands for the variable `files`.
_VARIABLE = re.compile(r"(%(?:\d+\$)?#@[^@\s]*@)")


class AppleStringsDict(Document):
    """The forms of each plural, and what stands around them; keys stay."""

    def __init__(self, data: bytes, name: str) -> None:
        if data.startswith(b"bplist"):
            raise DocumentError(
                f"{name}: found a binary property list, expected XML: plutil -convert xml1"
            )
        self.segments = []
        self.skipped = []
        self._data = data
        self._root = parse(data, name)
        if self._root.tag != "plist":
            raise DocumentError(f"{name}: found the element {self._root.tag!r}, expected plist")
        self._elements: List[Any] = []
        for dictionary in self._root.iter("dict"):
            self._read(dictionary)

    def _read(self, dictionary: Any) -> None:
        key = ""
        for child in dictionary.iterchildren(etree.Element):
            if child.tag == "key":
                key = child.text or ""
            elif child.tag == "string" and key not in _FIXED:
                text = "".join(map(str, child.itertext()))
                self._elements.append(child)
                self.segments.append(Segment(_read_nodes(text), f"{_path(dictionary)}{key}"))

    def to_bytes(self) -> bytes:
        changed = False
        for element, segment in zip(self._elements, self.segments):
            text = _write(segment.result)
            if segment.translated is None or text == _write(segment.nodes):
                continue
            changed = True
            for child in list(element):
                element.remove(child)
            element.text = text
        return serialize(self._root) if changed else self._data


def _read_nodes(text: str) -> List[Node]:
    parts = _VARIABLE.split(text)
    return [Mark(part) if index % 2 else Text(part) for index, part in enumerate(parts) if part]


def _write(nodes: Sequence[Node]) -> str:
    return "".join(node.text if isinstance(node, Text) else str(node.key) for node in nodes)


def _path(dictionary: Any) -> str:
    """The keys of the dictionaries that it stands in."""
    names: List[str] = []
    while dictionary is not None and dictionary.tag == "dict":
        before = dictionary.getprevious()
        if before is not None and before.tag == "key":
            names.insert(0, before.text or "")
        dictionary = dictionary.getparent()
    return "".join(f"{name}." for name in names)
