"""Paragraphs of OpenDocument (ODF 1.3, part 3): mixed content."""

from __future__ import annotations

from typing import Any, List, Sequence

from lxml import etree

from .inline import Group, Mark, Node, Text, merge

_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_GROUPS = {f"{_TEXT}span", f"{_TEXT}a", f"{_TEXT}meta"}
_DROPPED = {f"{_TEXT}soft-page-break"}


class OdfParagraphs:
    """`text:p` and `text:h`."""

    tags = (f"{_TEXT}p", f"{_TEXT}h")

    def read(self, paragraph: Any) -> List[Node]:
        nodes: List[Node] = [Text(_collapse(paragraph.text))]
        for child in paragraph:
            if child.tag == f"{_TEXT}s":
                nodes.append(Text(" " * int(child.get(f"{_TEXT}c", "1"))))
            elif child.tag in _GROUPS:
                nodes.append(Group(child, self.read(child)))
            elif child.tag not in _DROPPED:
                nodes.append(Mark(child))
            nodes.append(Text(_collapse(child.tail)))
        return merge(nodes)

    def write(self, paragraph: Any, nodes: Sequence[Node]) -> None:
        for child in list(paragraph):
            paragraph.remove(child)
        paragraph.text = ""
        self._write_nodes(paragraph, nodes)

    def _write_nodes(self, parent: Any, nodes: Sequence[Node]) -> None:
        for node in nodes:
            if isinstance(node, Text):
                _append_text(parent, node.text)
            elif isinstance(node, Mark):
                node.key.tail = None
                parent.append(node.key)
            else:
                group = etree.SubElement(parent, node.key.tag, node.key.attrib)
                self._write_nodes(group, node.children)


def _collapse(text: Any) -> str:
    """White space as ODF reads it: a run of it is one space."""
    if not text:
        return ""
    words = text.replace("\t", " ").replace("\n", " ").replace("\r", " ").split(" ")
    return " ".join(word for i, word in enumerate(words) if word or i in (0, len(words) - 1))


def _append_text(parent: Any, text: str) -> None:
    """Further spaces in a row are elements, since white space collapses."""
    start = 0
    position = 0
    while position < len(text):
        end = position
        while end < len(text) and text[end] == " ":
            end += 1
        if end - position > 1:
            _append(parent, text[start : position + 1])
            space = etree.SubElement(parent, f"{_TEXT}s")
            if end - position > 2:
                space.set(f"{_TEXT}c", str(end - position - 1))
            start = end
        position = max(end, position + 1)
    _append(parent, text[start:])


def _append(parent: Any, text: str) -> None:
    if not text:
        return
    if len(parent):
        parent[-1].tail = (parent[-1].tail or "") + text
    else:
        parent.text = (parent.text or "") + text
