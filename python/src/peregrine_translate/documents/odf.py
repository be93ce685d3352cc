"""Paragraphs of OpenDocument (ODF 1.3, part 3): mixed content."""

from __future__ import annotations

import copy
from typing import Any, List, Sequence

from lxml import etree

from .inline import Group, Mark, Node, Text, merge, plain_text

_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_GROUPS = {f"{_TEXT}span", f"{_TEXT}a", f"{_TEXT}meta"}
_RUBY = f"{_TEXT}ruby"  # text with a reading aid
_DROPPED = {f"{_TEXT}soft-page-break"}


class OdfParagraphs:
    """`text:p` and `text:h`."""

    tags = (f"{_TEXT}p", f"{_TEXT}h")

    def read(self, paragraph: Any) -> List[Node]:
        first = _collapse(paragraph.text)
        # White space that begins a paragraph is none; a space there is text:s.
        nodes: List[Node] = [Text(first.lstrip(" ") if paragraph.tag in self.tags else first)]
        for child in paragraph:
            if child.tag == f"{_TEXT}s":
                nodes.append(Text(" " * int(child.get(f"{_TEXT}c", "1"))))
            elif child.tag == _RUBY:
                nodes.append(Group(child, [Text(_ruby_base(child))]))
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
            elif node.key.tag == _RUBY:
                self._write_ruby(parent, node)
            else:
                group = etree.SubElement(parent, node.key.tag, node.key.attrib)
                self._write_nodes(group, node.children)


    def _write_ruby(self, parent: Any, node: Group) -> None:
        """The reading aid goes with this very text alone."""
        if plain_text(node.children) == _ruby_base(node.key):
            ruby = copy.deepcopy(node.key)
            ruby.tail = None
            parent.append(ruby)
        else:
            self._write_nodes(parent, node.children)


def _ruby_base(ruby: Any) -> str:
    base = ruby.find(f"{_TEXT}ruby-base")
    return "" if base is None else _collapse("".join(base.itertext()))


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
    if parent.tag in OdfParagraphs.tags and not len(parent) and not parent.text:
        position = start = len(text) - len(text.lstrip(" "))
        _append_spaces(parent, start)
    while position < len(text):
        end = position
        while end < len(text) and text[end] == " ":
            end += 1
        if end - position > 1:
            _append(parent, text[start : position + 1])
            _append_spaces(parent, end - position - 1)
            start = end
        position = max(end, position + 1)
    _append(parent, text[start:])


def _append_spaces(parent: Any, count: int) -> None:
    if count > 0:
        space = etree.SubElement(parent, f"{_TEXT}s")
        if count > 1:
            space.set(f"{_TEXT}c", str(count))


def _append(parent: Any, text: str) -> None:
    if not text:
        return
    if len(parent):
        parent[-1].tail = (parent[-1].tail or "") + text
    else:
        parent.text = (parent.text or "") + text
