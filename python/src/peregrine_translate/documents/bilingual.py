"""XLIFF 1 and 2, and TMX: sources with their translations, both with tags.

What is translated already stays.
"""

from __future__ import annotations

import copy
from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, Iterator, List, Optional, Sequence, Tuple

from lxml import etree

from .base import Document, DocumentError, Segment
from .inline import Group, Mark, Node, Text, merge
from .xml_file import parse, serialize

_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
# Elements around words; all others stand for something between them.
_AROUND = ("g", "mrk", "pc", "hi")


@dataclass
class _Unit:
    """What is translated as one, and where it goes."""

    owner: Any  # trans-unit, segment, tu
    source: Any
    #: Each with its segment; the source itself, or the sentences in it.
    parts: List[Tuple[Any, Segment]]


class BilingualDocument(Document):
    """An XML file of units."""

    def __init__(self, data: bytes, name: str, target: str = "") -> None:
        self._name = name
        self._target = target
        self.segments = []
        self.skipped = []
        self._data = data
        self._root = parse(data, name)
        self._units = list(self._read(self._root))
        self.segments = [segment for unit in self._units for _, segment in unit.parts]

    @abstractmethod
    def _read(self, root: Any) -> Iterator[_Unit]: ...

    @abstractmethod
    def _place(self, unit: _Unit) -> Any:
        """A new, empty element for the translation, where it belongs."""

    @abstractmethod
    def _note_language(self, root: Any) -> None: ...

    def to_bytes(self) -> bytes:
        changed = False
        for unit in self._units:
            if any(segment.translated is None for _, segment in unit.parts):
                continue
            changed = True
            into = self._place(unit)
            if unit.parts[0][0] is unit.source:
                _write(into, unit.parts[0][1].result)
            else:
                _write_sentences(into, unit)
        if not changed:
            return self._data
        if self._target:
            self._note_language(self._root)
        return serialize(self._root)

    def _unit(self, owner: Any, source: Any, sentences: Sequence[Any], place: str) -> _Unit:
        parts = [(e, Segment(_read_nodes(e), place)) for e in sentences or [source]]
        for _, segment in parts:
            if not segment.is_translatable:
                segment.translated = segment.nodes
        if not any(segment.is_translatable for _, segment in parts):
            parts = []
        return _Unit(owner, source, parts)


class Xliff(BilingualDocument):
    """Version 1.x has trans-units, version 2 segments."""

    def _read(self, root: Any) -> Iterator[_Unit]:
        if not isinstance(root.tag, str) or etree.QName(root).localname != "xliff":
            raise DocumentError(f"{self._name}: found the element {root.tag}, expected xliff")
        for owner in root.iter("{*}trans-unit", "{*}segment"):
            source = owner.find("{*}source")
            place = f"unit {_id_of(owner)}"
            if source is None or _is_fixed(owner):
                if source is not None and _has_text(source):
                    self.skipped.append(f"{place}: not to be translated")
                continue
            target = owner.find("{*}target")
            if target is not None and _has_text(target) and not _is_untouched(owner, target):
                self.skipped.append(f"{place}: translated already")
                continue
            segmented = owner.find("{*}seg-source")
            whole = source if segmented is None else segmented
            sentences = [m for m in whole.iter("{*}mrk") if m.get("mtype") == "seg"]
            unit = self._unit(owner, whole, sentences, place)
            if unit.parts:
                yield unit

    def _place(self, unit: _Unit) -> Any:
        old = unit.owner.find("{*}target")
        if old is not None:
            unit.owner.remove(old)
        namespace = etree.QName(unit.source).namespace
        target = unit.source.makeelement(etree.QName(namespace, "target"))
        target.tail = unit.source.tail
        unit.source.addnext(target)
        if etree.QName(unit.owner).localname == "segment":
            unit.owner.set("state", "translated")
        else:
            target.set("state", "needs-review-translation")
        return target

    def _note_language(self, root: Any) -> None:
        if root.get("version", "").startswith("2"):
            root.set("trgLang", self._target)
        for file in root.iter("{*}file"):
            if not root.get("version", "").startswith("2"):
                file.set("target-language", self._target)


class Tmx(BilingualDocument):
    """Units with a variant for each language."""

    def _read(self, root: Any) -> Iterator[_Unit]:
        if root.tag != "tmx":
            raise DocumentError(f"{self._name}: found the element {root.tag}, expected tmx")
        if not self._target:
            raise DocumentError(f"{self._name}: name the target language, which TMX notes")
        header = root.find("header")
        for number, unit in enumerate(root.iter("tu"), 1):
            place = f"unit {unit.get('tuid', number)}"
            language = unit.get("srclang") or ("" if header is None else header.get("srclang", ""))
            source = _variant(unit, language)
            if source is None:
                self.skipped.append(f"{place}: nothing in {language}")
                continue
            done = _variant(unit, self._target, exact=True)
            if done is not None and _has_text(done):
                self.skipped.append(f"{place}: translated already")
                continue
            made = self._unit(unit, source.find("seg"), (), place)
            if made.parts:
                yield made

    def _place(self, unit: _Unit) -> Any:
        old = _variant(unit.owner, self._target, exact=True)
        if old is not None:
            unit.owner.remove(old)
        source = unit.source.getparent()
        variant = source.makeelement("tuv", {_LANG: self._target})
        variant.tail = source.tail
        unit.owner.append(variant)
        return etree.SubElement(variant, "seg")

    def _note_language(self, root: Any) -> None:
        """Each variant has its own."""


def _variant(unit: Any, language: str, exact: bool = False) -> Optional[Any]:
    variants = unit.findall("tuv")
    wanted = language.lower().replace("_", "-")
    for variant in variants:
        found = (variant.get(_LANG) or variant.get("lang") or "").lower().replace("_", "-")
        if found == wanted or (not exact and found.split("-")[0] == wanted.split("-")[0]):
            return variant if variant.find("seg") is not None else None
    if not exact and wanted in ("", "*all*") and variants:
        return variants[0] if variants[0].find("seg") is not None else None
    return None


def _id_of(owner: Any) -> str:
    if etree.QName(owner).localname == "segment":
        unit = owner.getparent()
        return ".".join(filter(None, (unit.get("id", "?"), owner.get("id"))))
    return str(owner.get("id", "?"))


def _is_fixed(element: Any) -> bool:
    """What is nearest decides."""
    while element is not None:
        if element.get("translate") in ("yes", "no"):
            return bool(element.get("translate") == "no")
        element = element.getparent()
    return False


def _is_untouched(owner: Any, target: Any) -> bool:
    """Whether the file says that a target is no translation: many programs begin
    with a copy of the source."""
    return target.get("state") in ("new", "needs-translation") or owner.get("state") == "initial"


def _has_text(element: Any) -> bool:
    return bool("".join(element.itertext()).strip())


def _read_nodes(element: Any) -> List[Node]:
    nodes: List[Node] = [Text(element.text or "")]
    for child in element:
        name = etree.QName(child).localname if isinstance(child.tag, str) else ""
        if name in _AROUND and child.get("translate") != "no" and child.get("mtype") != "protected":
            nodes.append(Group(child, _read_nodes(child)))
        else:
            nodes.append(Mark(child))
        nodes.append(Text(child.tail or ""))
    return merge(nodes)


def _write(parent: Any, nodes: Sequence[Node]) -> None:
    for node in nodes:
        if isinstance(node, Text):
            _append_text(parent, node.text)
        elif isinstance(node, Mark):
            mark = copy.deepcopy(node.key)
            mark.tail = None
            parent.append(mark)
        else:
            group = etree.SubElement(parent, node.key.tag, node.key.attrib)
            _write(group, node.children)


def _append_text(parent: Any, text: str) -> None:
    if len(parent):
        parent[-1].tail = (parent[-1].tail or "") + text
    else:
        parent.text = (parent.text or "") + text


def _write_sentences(into: Any, unit: _Unit) -> None:
    """The source with each sentence translated where it stands."""
    results = {element: segment.result for element, segment in unit.parts}

    def fill(target: Any, source: Any) -> None:
        target.text = source.text
        for child in source:
            if child in results:
                made = etree.SubElement(target, child.tag, child.attrib)
                _write(made, results[child])
            elif any(part in results for part in child.iter()):
                made = etree.SubElement(target, child.tag, child.attrib)
                fill(made, child)
            else:
                made = copy.deepcopy(child)
                target.append(made)
            made.tail = child.tail

    fill(into, unit.source)
