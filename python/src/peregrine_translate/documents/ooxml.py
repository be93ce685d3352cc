"""Paragraphs of Office Open XML: WordprocessingML and DrawingML.

ECMA-376: a paragraph holds runs, a run has properties (`rPr`) and text (`t`).
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Sequence, Tuple

from lxml import etree

from .inline import Group, Mark, Node, Text, plain_text
from .ooxml_fields import FieldReader

# As most programs write it, and as the standard's "strict" form does.
_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_W_STRICT = "{http://purl.oclc.org/ooxml/wordprocessingml/main}"
_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_A_STRICT = "{http://purl.oclc.org/ooxml/drawingml/main}"
_SPACE = "{http://www.w3.org/XML/1998/namespace}space"
# Elements that are characters.
_CHARACTERS = {"noBreakHyphen": "\u2011", "softHyphen": "\u00ad"}
# Controls whose text is a choice, not a text.
_CHOICES = ("date", "dropDownList", "comboBox", "picture", "checkbox")


@dataclass(frozen=True)
class _Run:
    """Formatting of a run: its properties, or None."""

    properties: Any


@dataclass(frozen=True)
class _Wrap:
    """An element around runs, such as a hyperlink, with its usual formatting."""

    element: Any
    base: Optional[Any]


@dataclass(frozen=True)
class _Control:
    """A content control: its runs stand in an element of their own."""

    element: Any
    base: Optional[Any]


@dataclass(frozen=True)
class _Field:
    """A field whose result is text: runs before and behind it."""

    head: Tuple[Any, ...]
    tail: Tuple[Any, ...]
    base: Optional[Any]


@dataclass(frozen=True)
class _Ruby:
    """Text with a reading aid, which goes with this very text alone."""

    run: Any
    ruby: Any
    properties: Optional[Any]


@dataclass(frozen=True)
class _Alone:
    """Something in a run that is no text: it gets a run of its own. The element
    itself, since paragraphs may stand in it."""

    run: Any
    child: Any


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
        self._control = f"{namespace}sdt"
        self._ruby = f"{namespace}ruby"
        self._characters = {namespace + name: c for name, c in _CHARACTERS.items()}
        self._wraps = {namespace + name for name in wraps}
        self._dropped = {namespace + name for name in dropped}
        self._noise = {namespace + name for name in noise}
        self._last = {namespace + name for name in last}
        self._fields = FieldReader(namespace)

    # ---- Reading

    def read(self, paragraph: Any) -> List[Node]:
        return self._read_children(self._content(paragraph), self._base(paragraph))

    def _content(self, parent: Any) -> List[Any]:
        return [c for c in parent if c.tag != self._first and c.tag not in self._last]

    def _read_children(self, children: Sequence[Any], base: Optional[Any]) -> List[Node]:
        nodes: List[Node] = []
        position = 0
        while position < len(children):
            child = children[position]
            size = self._fields.extent(children, position)
            if size == 0:
                nodes += self._read_child(child, base)
                position += 1
                continue
            field = children[position : position + size]
            position += size
            parts = self._fields.split(field)
            if parts is None:
                nodes.append(Mark(list(field)))
                continue
            head, body, tail = parts
            inner = self._read_children(body, base)
            if tail:
                nodes.append(Group(_Field(tuple(head), tuple(tail), base), inner))
            else:  # It ends in another paragraph.
                nodes += [Mark(list(head)), *inner]
        return nodes

    def _read_child(self, child: Any, base: Optional[Any]) -> List[Node]:
        if child.tag == self._run:
            return self._read_run(child, base)
        if child.tag in self._wraps:
            inner = self._base(child)
            return [Group(_Wrap(child, inner), self._read_children(self._content(child), inner))]
        content = child.find(f"{self._ns}sdtContent") if child.tag == self._control else None
        if content is not None and not self._is_choice(child):
            inner = self._base(content)
            return [Group(_Control(child, inner), self._read_children(list(content), inner))]
        return [] if child.tag in self._dropped else [Mark([child])]

    def _is_choice(self, control: Any) -> bool:
        properties = control.find(f"{self._ns}sdtPr")
        names = [] if properties is None else [etree.QName(p).localname for p in properties]
        return any(name in _CHOICES for name in names)

    def _read_run(self, run: Any, base: Optional[Any]) -> List[Node]:
        properties = run.find(self._properties)
        nodes: List[Node] = []
        for child in run:
            if child.tag == self._text:
                nodes.append(Text(child.text or ""))
            elif child.tag in self._characters:
                nodes.append(Text(self._characters[child.tag]))
            elif child.tag == self._ruby:
                key = _Ruby(run, child, properties)
                nodes.append(Group(key, [Text(self._ruby_base(child))]))
            elif child.tag != self._properties and child.tag not in self._dropped:
                nodes.append(Mark([_Alone(run, child)]))
        texts = [node for node in nodes if isinstance(node, Text)]
        if not texts or self._same(properties, base):
            return nodes
        look = _Run(properties)
        return [Group(look, [n]) if isinstance(n, Text) else n for n in nodes]

    def _ruby_base(self, ruby: Any) -> str:
        base = ruby.find(f"{self._ns}rubyBase")
        return "" if base is None else "".join(t.text or "" for t in base.iter(self._text))

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

    # ---- Writing

    def write(self, paragraph: Any, nodes: Sequence[Node]) -> None:
        base = self._base(paragraph)
        last = [child for child in paragraph if child.tag in self._last]
        characters = {
            character: tag
            for tag, character in self._characters.items()
            if next(paragraph.iter(tag), None) is not None
        }
        for child in list(paragraph):
            if child.tag != self._first:
                paragraph.remove(child)
        self._write_nodes(paragraph, nodes, base, characters)
        paragraph.extend(last)

    def _write_nodes(
        self, parent: Any, nodes: Sequence[Node], base: Optional[Any], characters: Dict[str, str]
    ) -> None:
        for node in nodes:
            if isinstance(node, Text):
                parent.append(self._make_run(parent, node.text, base, characters))
            elif isinstance(node, Mark):
                parent.extend(self._write_mark(part) for part in node.key)
            elif isinstance(node.key, _Wrap):
                wrap = self._copy(parent, node.key.element)
                self._write_nodes(wrap, node.children, node.key.base, characters)
            elif isinstance(node.key, _Control):
                control = self._copy(parent, node.key.element)
                content = etree.SubElement(control, f"{self._ns}sdtContent")
                self._write_nodes(content, node.children, node.key.base, characters)
            elif isinstance(node.key, _Field):
                parent.extend(copy.deepcopy(part) for part in node.key.head)
                self._write_nodes(parent, node.children, node.key.base, characters)
                parent.extend(copy.deepcopy(part) for part in node.key.tail)
            elif isinstance(node.key, _Ruby):
                self._write_ruby(parent, node, characters)
            else:
                self._write_nodes(parent, node.children, node.key.properties, characters)

    def _write_mark(self, part: Any) -> Any:
        if not isinstance(part, _Alone):
            return part
        run = part.run.makeelement(self._run, part.run.attrib, part.run.nsmap)
        properties = part.run.find(self._properties)
        if properties is not None:
            run.append(copy.deepcopy(properties))
        run.append(part.child)
        return run

    def _write_ruby(self, parent: Any, node: Group, characters: Dict[str, str]) -> None:
        ruby: _Ruby = node.key
        if plain_text(node.children) == self._ruby_base(ruby.ruby):
            parent.append(self._write_mark(_Alone(ruby.run, copy.deepcopy(ruby.ruby))))
        else:
            self._write_nodes(parent, node.children, ruby.properties, characters)

    def _copy(self, parent: Any, element: Any) -> Any:
        """The element with its properties, and without the rest."""
        made = etree.SubElement(parent, element.tag, element.attrib, element.nsmap)
        for child in element:
            if isinstance(child.tag, str) and child.tag.endswith("Pr"):
                made.append(copy.deepcopy(child))
        return made

    def _make_run(
        self, parent: Any, text: str, properties: Optional[Any], characters: Dict[str, str]
    ) -> Any:
        run = parent.makeelement(self._run)
        if properties is not None:
            run.append(copy.deepcopy(properties))
        start = 0
        for position, character in enumerate(text):
            if character in characters:
                self._add_text(run, text[start:position])
                etree.SubElement(run, characters[character])
                start = position + 1
        self._add_text(run, text[start:])
        return run

    def _add_text(self, run: Any, text: str) -> None:
        if not text:
            return
        element = etree.SubElement(run, self._text)
        element.text = text
        if self._ns in (_W, _W_STRICT) and text != text.strip():
            element.set(_SPACE, "preserve")


def _word(namespace: str) -> OoxmlParagraphs:
    return OoxmlParagraphs(
        namespace,
        wraps=("hyperlink", "ins", "moveTo", "smartTag", "customXml", "dir", "bdo"),
        dropped=("proofErr", "lastRenderedPageBreak"),
        noise=("lang", "noProof"),
        last=(),
    )


def _drawing(namespace: str) -> OoxmlParagraphs:
    return OoxmlParagraphs(namespace, wraps=(), dropped=(), noise=(), last=("endParaRPr",))


#: All kinds of paragraphs that a document may hold.
OOXML = (_word(_W), _word(_W_STRICT), _drawing(_A), _drawing(_A_STRICT))
