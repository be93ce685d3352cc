"""What stands inside a segment: text, formatting around it, things between.

A segment travels to the server as XML: `<g id="1">bold</g>` for formatting,
`<x id="2"/>` for what stands alone (a line break, an image, a field). The
server puts the tags back where the words went.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, List, Sequence, Union

from lxml import etree


@dataclass
class Text:
    """Text of one formatting."""

    text: str


@dataclass
class Mark:
    """Something that stands alone; `key` means something to the format."""

    key: Any


@dataclass
class Group:
    """Formatting around other nodes; `key` means something to the format."""

    key: Any
    children: List["Node"] = field(default_factory=list)


Node = Union[Text, Mark, Group]


class BrokenMarkupError(ValueError):
    """The tags that came back are not those that were sent."""


# What XML 1.0 cannot hold.
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def plain_text(nodes: Sequence[Node]) -> str:
    """The text alone."""
    parts = []
    for node in nodes:
        if isinstance(node, Text):
            parts.append(node.text)
        elif isinstance(node, Group):
            parts.append(plain_text(node.children))
    return "".join(parts)


def has_letters(nodes: Sequence[Node]) -> bool:
    """Whether there is anything to translate."""
    return any(character.isalpha() for character in plain_text(nodes))


def merge(nodes: Sequence[Node]) -> List[Node]:
    """The same with texts that touch made one, and empty ones left out."""
    merged: List[Node] = []
    for node in nodes:
        if isinstance(node, Group):
            node = Group(node.key, merge(node.children))
        if isinstance(node, Text):
            if not node.text:
                continue
            if merged and isinstance(merged[-1], Text):
                merged[-1] = Text(merged[-1].text + node.text)
                continue
        merged.append(node)
    return merged


@dataclass
class Peeled:
    """A segment without what stands around all of its text."""

    core: List[Node]
    before: List[Node]
    after: List[Node]
    wrappers: List[Any]  # keys of groups around the core, outermost first

    def put_back(self, core: Sequence[Node]) -> List[Node]:
        nodes = [*self.before, *core, *self.after]
        for key in reversed(self.wrappers):
            nodes = [Group(key, nodes)]
        return nodes


def peel(nodes: Sequence[Node]) -> Peeled:
    """Sets aside formatting of the whole segment, and marks and white space at
    its ends, so that the server sees as few tags as can be."""
    core = merge(nodes)
    wrappers: List[Any] = []
    while len(core) == 1 and isinstance(core[0], Group):
        wrappers.append(core[0].key)
        core = core[0].children
    before: List[Node] = []
    after: List[Node] = []
    while core and _is_bare(core[0]):
        before.append(core.pop(0))
    while core and _is_bare(core[-1]):
        after.insert(0, core.pop())
    if core and isinstance(core[0], Text):
        stripped = core[0].text.lstrip()
        before.append(Text(core[0].text[: len(core[0].text) - len(stripped)]))
        core[0] = Text(stripped)
    if core and isinstance(core[-1], Text):
        stripped = core[-1].text.rstrip()
        after.insert(0, Text(core[-1].text[len(stripped) :]))
        core[-1] = Text(stripped)
    return Peeled(core, merge(before), merge(after), wrappers)


def _is_bare(node: Node) -> bool:
    return not plain_text([node]).strip()


# Of the markup of one text: well below what servers take, a long chapter.
_MAX_MARKUP = 16_000
_SENTENCE_END = re.compile(r"(?<=[.!?\u2026])\s+|(?<=[\u3002\uff01\uff1f])\s*")


def split_long(nodes: Sequence[Node]) -> List[List[Node]]:
    """The nodes in parts that a server takes, cut behind sentences. What is long and
    has no such place, or stands in one formatting, stays whole."""
    if len(to_markup(nodes)) <= _MAX_MARKUP:
        return [list(nodes)]
    parts: List[List[Node]] = [[]]
    size = 0
    can_cut = False
    for node in nodes:
        text = node.text if isinstance(node, Text) else ""
        start = 0
        for end in [*(match.end() for match in _SENTENCE_END.finditer(text)), len(text)]:
            piece = Text(text[start:end]) if isinstance(node, Text) else node
            length = len(to_markup([piece]))
            if can_cut and size + length > _MAX_MARKUP:
                parts.append([])
                size = 0
            parts[-1].append(piece)
            size += length
            can_cut = end < len(text)  # a sentence ended here
            start = end
    return [merge(part) for part in parts if part]


def to_markup(nodes: Sequence[Node]) -> str:
    """The XML that the server is sent."""
    parts: List[str] = []
    count = 0

    def write(nodes: Sequence[Node]) -> None:
        nonlocal count
        for node in nodes:
            if isinstance(node, Text):
                parts.append(_escape(node.text))
                continue
            number = count
            count += 1
            if isinstance(node, Mark):
                parts.append(f'<x id="{number}"/>')
            else:
                parts.append(f'<g id="{number}">')
                write(node.children)
                parts.append("</g>")

    write(nodes)
    return "".join(parts)


def from_markup(markup: str, sent: Sequence[Node]) -> List[Node]:
    """The nodes of `sent` as `markup` orders them, around its text.

    Every mark must be there once, and every group; a group may be there in
    several parts. BrokenMarkupError otherwise.
    """
    keys: List[Node] = []

    def number(nodes: Sequence[Node]) -> None:
        for node in nodes:
            if not isinstance(node, Text):
                keys.append(node)
                if isinstance(node, Group):
                    number(node.children)

    number(sent)
    try:
        parser = etree.XMLParser(resolve_entities=False, no_network=True)
        root = etree.fromstring(f"<r>{markup}</r>".encode("utf-8"), parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise BrokenMarkupError(f"not well-formed: {error}") from None
    seen = [0] * len(keys)

    def read(element: Any) -> List[Node]:
        nodes: List[Node] = [Text(element.text or "")]
        for child in element:
            nodes.append(take(child))
            nodes.append(Text(child.tail or ""))
        return merge(nodes)

    def take(child: Any) -> Node:
        index = child.get("id", "") if child.tag in ("g", "x") else ""
        if not index.isdecimal() or int(index) >= len(keys):
            raise BrokenMarkupError(f"found the tag {child.tag!r}, which was not sent")
        node = keys[int(index)]
        seen[int(index)] += 1
        if isinstance(node, Mark):
            return node
        assert isinstance(node, Group)
        return Group(node.key, read(child))

    nodes = read(root)
    for node, times in zip(keys, seen):
        if times == 0 or (isinstance(node, Mark) and times > 1):
            raise BrokenMarkupError(f"found a tag {times} times, expected once")
    return nodes


def flatten(sent: Sequence[Node], text: str) -> List[Node]:
    """`text` in the formatting of the first text of `sent`, and all marks after
    it: what is left to do where tags did not come back."""
    marks: List[Node] = []
    wrappers: List[Any] = []

    def find(nodes: Sequence[Node], around: List[Any]) -> bool:
        found = False
        for node in nodes:
            if isinstance(node, Mark):
                marks.append(node)
            elif isinstance(node, Group):
                found = find(node.children, [*around, node.key]) or found
            elif node.text.strip() and not found:
                if not wrappers:
                    wrappers.extend(around)
                found = True
        return found

    find(sent, [])
    nodes: List[Node] = [Text(text)]
    for key in reversed(wrappers):
        nodes = [Group(key, nodes)]
    return [*nodes, *marks]


def _escape(text: str) -> str:
    text = _UNWRITABLE.sub("", text)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
