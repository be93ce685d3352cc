"""Paragraphs of Office Open XML: WordprocessingML and DrawingML.

ECMA-376: a paragraph holds runs, a run has properties (`rPr`) and text (`t`).
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Sequence, Tuple

from lxml import etree

from .inline import Group, Mark, Node, Text

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_SPACE = "{http://www.w3.org/XML/1998/namespace}space"


@dataclass(frozen=True)
class _Run:
    """Formatting of a run: its properties, or None."""

    properties: Any


@dataclass(frozen=True)
class _Wrap:
    """An element around runs, such as a hyperlink, with its usual formatting."""

    element: Any
    base: Optional[Any]


class OoxmlParagraphs:
    """One namespace's paragraphs."""

    def __init__(
        self,
        namespace: str,
        *,
        wraps: Sequence[str],
        dropped: Sequence[str],
        noise: Sequence[str],
        last: Sequence[str],
    ) -> None:
        self._ns = namespace
        self.tags = (f"{namespace}p",)
        self._run = f"{namespace}r"
        self._text = f"{namespace}t"
        self._properties = f"{namespace}rPr"
        self._first = f"{namespace}pPr"
        self._wraps = {namespace + name for name in wraps}
        self._dropped = {namespace + name for name in dropped}
        self._noise = {namespace + name for name in noise}
        self._last = {namespace + name for name in last}

    def read(self, paragraph: Any) -> List[Node]:
        return self._read_children(self._content(paragraph), self._base(paragraph))

    def write(self, paragraph: Any, nodes: Sequence[Node]) -> None:
        base = self._base(paragraph)
        last = [child for child in paragraph if child.tag in self._last]
        for child in list(paragraph):
            if child.tag != self._first:
                paragraph.remove(child)
        self._write_nodes(paragraph, nodes, base)
        paragraph.extend(last)

    def _content(self, parent: Any) -> List[Any]:
        return [c for c in parent if c.tag != self._first and c.tag not in self._last]

    def _read_children(self, children: Sequence[Any], base: Optional[Any]) -> List[Node]:
        nodes: List[Node] = []
        field: List[Any] = []  # of a field that has begun
        depth = 0
        for child in children:
            kinds = [f.get(f"{self._ns}fldCharType") for f in child.iter(f"{self._ns}fldChar")]
            depth += kinds.count("begin")
            if depth > 0:
                field.append(child)
                depth -= kinds.count("end")
                if depth <= 0:
                    nodes.append(Mark(field))
                    field, depth = [], 0
            elif child.tag == self._run:
                nodes += self._read_run(child, base)
            elif child.tag in self._wraps:
                inner = self._base(child)
                nodes.append(
                    Group(_Wrap(child, inner), self._read_children(self._content(child), inner))
                )
            elif child.tag not in self._dropped:
                nodes.append(Mark([child]))
        if field:
            nodes.append(Mark(field))
        return nodes

    def _read_run(self, run: Any, base: Optional[Any]) -> List[Node]:
        properties = run.find(self._properties)
        nodes: List[Node] = []
        for child in run:
            if child.tag == self._text:
                nodes.append(Text(child.text or ""))
            elif child.tag != self._properties and child.tag not in self._dropped:
                alone = etree.Element(run.tag, run.attrib, run.nsmap)
                if properties is not None:
                    alone.append(copy.deepcopy(properties))
                alone.append(copy.deepcopy(child))
                nodes.append(Mark([alone]))
        texts = [node for node in nodes if isinstance(node, Text)]
        if not texts or self._same(properties, base):
            return nodes
        key = _Run(properties)
        return [Group(key, [n]) if isinstance(n, Text) else n for n in nodes]

    def _base(self, parent: Any) -> Optional[Any]:
        """The formatting of most of the text in `parent`'s own runs."""
        lengths: Dict[bytes, Tuple[int, Optional[Any]]] = {}
        for run in parent.iterchildren(self._run):
            properties = run.find(self._properties)
            size = sum(len(t.text or "") for t in run.iterchildren(self._text))
            signature = self._signature(properties)
            before, kept = lengths.get(signature, (0, properties))
            lengths[signature] = (before + size, kept)
        if not lengths:
            return None
        return max(lengths.values(), key=lambda entry: entry[0])[1]

    def _same(self, one: Optional[Any], other: Optional[Any]) -> bool:
        return self._signature(one) == self._signature(other)

    def _signature(self, properties: Optional[Any]) -> bytes:
        """What can be seen of a formatting."""
        if properties is None:
            return b""
        clean = copy.deepcopy(properties)
        for child in list(clean):
            if child.tag in self._noise:
                clean.remove(child)
        for name in ("lang", "dirty", "err"):  # attributes in DrawingML
            clean.attrib.pop(name, None)
        if len(clean) == 0 and not clean.attrib:
            return b""
        clean.tail = None
        return bytes(etree.tostring(clean, method="c14n"))

    def _write_nodes(self, parent: Any, nodes: Sequence[Node], base: Optional[Any]) -> None:
        for node in nodes:
            if isinstance(node, Text):
                parent.append(self._make_run(parent, node.text, base))
            elif isinstance(node, Mark):
                parent.extend(node.key)
            elif isinstance(node.key, _Wrap):
                element = node.key.element
                wrap = etree.SubElement(parent, element.tag, element.attrib, element.nsmap)
                for child in element:
                    if child.tag.endswith("Pr"):
                        wrap.append(copy.deepcopy(child))
                self._write_nodes(wrap, node.children, node.key.base)
            else:
                self._write_nodes(parent, node.children, node.key.properties)

    def _make_run(self, parent: Any, text: str, properties: Optional[Any]) -> Any:
        run = parent.makeelement(self._run)
        if properties is not None:
            run.append(copy.deepcopy(properties))
        element = etree.SubElement(run, self._text)
        element.text = text
        if self._ns == _W and text != text.strip():
            element.set(_SPACE, "preserve")
        return run


WORD = OoxmlParagraphs(
    _W,
    wraps=("hyperlink", "ins", "smartTag"),
    dropped=("proofErr", "lastRenderedPageBreak"),
    noise=("lang", "noProof"),
    last=(),
)
DRAWING = OoxmlParagraphs(
    _A, wraps=(), dropped=(), noise=(), last=("endParaRPr",)
)
