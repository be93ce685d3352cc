"""Android's string resources: strings, plurals and arrays."""

from __future__ import annotations

import re
from typing import Any, List, Sequence

from lxml import etree

from .base import Document, DocumentError, Segment
from .inline import Group, Mark, Node, Text, merge, plain_text
from .xml_file import parse, serialize

_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)|\"|\s+", re.DOTALL)
_MEANINGS = {"n": "\n", "t": "\t"}
_REFERENCE = re.compile(r"\s*[@?][\w.:/+]+\s*")


class AndroidStrings(Document):
    """Placeholders (xliff:g) and what says translatable="false" stay."""

    def __init__(self, data: bytes, name: str) -> None:
        self.segments = []
        self.skipped = []
        self._data = data
        self._root = root = parse(data, name)
        if root.tag != "resources":
            raise DocumentError(
                f"{name}: found the element {root.tag!r}, expected Android's resources"
            )
        self._elements: List[Any] = []
        for entry in root.iterchildren("string", "plurals", "string-array"):
            self._read(entry)

    def _read(self, entry: Any) -> None:
        place = f"{entry.tag} {entry.get('name', '?')}"
        if entry.get("translatable") == "false":
            self.skipped.append(f"{place}: not to be translated")
            return
        for element in [entry] if entry.tag == "string" else entry.iterchildren("item"):
            if len(element) == 0 and _REFERENCE.fullmatch(element.text or ""):
                continue
            self._elements.append(element)
            self.segments.append(Segment(_read_nodes(element), place))

    def to_bytes(self) -> bytes:
        changed = False
        for element, segment in zip(self._elements, self.segments):
            if segment.translated is None or merge(segment.translated) == merge(segment.nodes):
                continue
            changed = True
            if _is_cdata(element):
                element.text = etree.CDATA(_encode(plain_text(segment.translated)))
                continue
            for child in list(element):
                element.remove(child)
            element.text = None
            _write(element, segment.translated)
            _quote_ends(element)
        return serialize(self._root) if changed else self._data


def _is_cdata(element: Any) -> bool:
    return len(element) == 0 and b"<![CDATA[" in etree.tostring(element, with_tail=False)


def _read_nodes(element: Any) -> List[Node]:
    nodes: List[Node] = [Text(_decode(element.text))]
    for child in element:
        if not isinstance(child.tag, str) or child.tag.startswith("{"):  # xliff:g
            nodes.append(Mark(child))
        else:
            nodes.append(Group(child, _read_nodes(child)))
        nodes.append(Text(_decode(child.tail)))
    return merge(nodes)


def _write(parent: Any, nodes: Sequence[Node]) -> None:
    for node in nodes:
        if isinstance(node, Text):
            text = _encode(node.text)
            if len(parent):
                parent[-1].tail = (parent[-1].tail or "") + text
            else:
                parent.text = (parent.text or "") + text
        elif isinstance(node, Mark):
            node.key.tail = None
            parent.append(node.key)
        else:
            _write(etree.SubElement(parent, node.key.tag, node.key.attrib), node.children)


def _decode(text: Any) -> str:
    """White space outside of quotes is one space."""
    quoted = False

    def replace(match: "re.Match[str]") -> str:
        nonlocal quoted
        whole, escape = match.group(0), match.group(1)
        if whole == '"':
            quoted = not quoted
            return ""
        if escape is None:
            return whole if quoted else " "
        if escape.startswith("u") and len(escape) == 5:
            return chr(int(escape[1:], 16))
        return _MEANINGS.get(escape, escape)

    return _ESCAPE.sub(replace, text or "")


def _encode(text: str) -> str:
    text = re.sub(r"([\\'\"])", r"\\\1", text).replace("\n", "\\n").replace("\t", "\\t")
    text = re.sub(r"^([@?])", r"\\\1", text)
    # More than a space between words, and white space that no other is.
    return re.sub(r" {2,}|\u00a0", lambda m: "".join(f"\\u{ord(c):04x}" for c in m.group(0)), text)


def _quote_ends(element: Any) -> None:
    """Spaces at the ends count only when they are escaped."""
    if (element.text or "").startswith(" "):
        element.text = "\\u0020" + element.text[1:]
    last = element[-1] if len(element) else None
    end = element.text if last is None else last.tail
    if (end or "").endswith(" "):
        end = end[:-1] + "\\u0020"
        if last is None:
            element.text = end
        else:
            last.tail = end
