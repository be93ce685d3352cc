"""HTML pages, by lxml.

Runs of text and inline elements are segments; so are attributes that people
read. Scripts, styles, code, and what says `translate="no"` stay as they are.
"""

from __future__ import annotations

import io
import re
from html import escape as html_escape
from html.entities import html5
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple, Union

from lxml import etree, html

from .base import Document, DocumentError, Segment, decode
from .inline import Group, Mark, Node, Text, merge, plain_text
from .xml_file import serialize

_VOID = frozenset("area base br col embed hr img input link meta param source track wbr".split())
_KEPT = frozenset(
    "script style code pre kbd samp var svg math iframe object template noscript textarea "
    # Reading aids of <ruby>, which go with the characters of the source.
    "rt rp rtc".split()
)
_INLINE = frozenset(
    "a abbr acronym b bdi bdo big br button cite data del dfn em font i img input ins kbd label "
    "mark meter output progress q rp rt ruby s samp select small span strike strong sub sup time "
    "tt u var wbr code script style svg math iframe object noscript template".split()
)
_ATTRIBUTES = ("title", "alt", "placeholder", "aria-label", "label")
_BUTTONS = ("submit", "button", "reset")
_DESCRIPTIONS = re.compile("(og:|twitter:)?(description|title)|keywords", re.IGNORECASE)
_ENTITY = re.compile(r"&(\w+);")
_XML_ENTITIES = ("amp", "lt", "gt", "quot", "apos")
_SPACES = re.compile(r"[ \t\n\r\f]+")


class HtmlTree:
    """The segments of one parsed page."""

    def __init__(self, root: Any, place: str = "") -> None:
        self._place = place
        self.segments: List[Segment] = []
        self._blocks: List[Tuple[Any, List[Union[Segment, Any]]]] = []
        self._values: List[Tuple[Any, str, Segment]] = []
        self._read_attributes(root)
        self._read_block(root)

    def write(self) -> None:
        """Puts the translations into the tree."""
        for element, attribute, segment in self._values:
            if segment.translated is not None:
                element.set(attribute, plain_text(segment.translated))
        for parent, pieces in self._blocks:
            if any(isinstance(p, Segment) and p.translated is not None for p in pieces):
                _rebuild(parent, pieces)

    def _read_block(self, parent: Any) -> None:
        pieces: List[Union[Segment, Any]] = []
        run: List[Node] = [Text(_collapse(parent.text))]

        def end_run() -> None:
            segment = Segment(merge(run), self._place)
            self.segments.append(segment)
            pieces.append(segment)

        for child in parent:
            if _is_kept(child) and not _is_inline(child):
                end_run()
                pieces.append(child)
                run = [Text(_collapse(child.tail))]
            elif not _is_inline(child):
                end_run()
                pieces.append(child)
                self._read_block(child)
                run = [Text(_collapse(child.tail))]
            else:
                run += [_inline(child), Text(_collapse(child.tail))]
        end_run()
        self._blocks.append((parent, pieces))

    def _read_attributes(self, root: Any) -> None:
        for element in _translated(root):
            for attribute in _attributes(element):
                if element.get(attribute, "").strip():
                    segment = Segment([Text(element.get(attribute))], f"{self._place} {attribute}")
                    self.segments.append(segment)
                    self._values.append((element, attribute, segment))


class HtmlPage(Document):
    """A page, or a part of one. Comes out as UTF-8. What it says of its encoding
    is true, unless it `is_utf8`."""

    def __init__(self, data: bytes, name: str, is_utf8: bool = False) -> None:
        self.skipped = []
        self._root = self._parse(data, name, is_utf8)
        self._tree = HtmlTree(self._root, name)
        self.segments = self._tree.segments

    def _parse(self, data: bytes, name: str, is_utf8: bool) -> Any:
        text = decode(data, name) if is_utf8 or not _declares_charset(data) else None
        self._is_part = re.search(rb"<(html|head|body|!doctype)\b", data, re.IGNORECASE) is None
        make_parser: Any = html.HTMLParser  # whose types lack an argument
        parser = make_parser(
            encoding=None if text is None else "utf-8", default_doctype=False, huge_tree=True
        )
        source = data if text is None else text.encode("utf-8")
        try:
            if self._is_part:
                return html.fragment_fromstring(source, create_parent="div", parser=parser)
            root = html.parse(io.BytesIO(source), parser).getroot()
        except (etree.XMLSyntaxError, etree.ParserError, AssertionError, ValueError) as error:
            raise DocumentError(f"{name}: no HTML: {error}") from None
        if root is None:
            raise DocumentError(f"{name}: found an empty page, expected HTML")
        return root

    def to_bytes(self) -> bytes:
        self._tree.write()
        if self._is_part:
            parts = [html_escape(self._root.text or "", quote=False).encode("utf-8")]
            parts += [_to_html(child) for child in self._root]
            return b"".join(parts)
        tree = self._root.getroottree()
        for meta in self._root.iter("meta"):
            if meta.get("charset"):
                meta.set("charset", "utf-8")
            elif meta.get("http-equiv", "").lower() == "content-type":
                meta.set("content", "text/html; charset=utf-8")
        return _to_html(tree, doctype=tree.docinfo.doctype or None)


def _to_html(node: Any, **more: Any) -> bytes:
    return bytes(etree.tostring(node, method="html", encoding="utf-8", **more))


class XhtmlPage(Document):
    """A page that is XML."""

    def __init__(self, data: bytes, name: str) -> None:
        self.skipped = []
        self._root = parse_xhtml(data)
        if self._root is None:
            raise DocumentError(f"{name}: no XHTML: found no element")
        self._tree = HtmlTree(self._root, name)
        self.segments = self._tree.segments

    def to_bytes(self) -> bytes:
        self._tree.write()
        return serialize(self._root)


def parse_xhtml(data: bytes) -> Any:
    """Its root, or None. Names of characters that HTML knows and XML does not are
    taken for the characters."""

    def replace(match: "re.Match[str]") -> str:
        known = html5.get(f"{match.group(1)};")
        return known if known and match.group(1) not in _XML_ENTITIES else match.group(0)

    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass  # The parser reads what the file declares.
    else:
        text = re.sub(r"^(<\?xml[^>]*?)\s+encoding=[\"'][^\"']*[\"']", r"\1", text)
        data = _ENTITY.sub(replace, text).encode("utf-8")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, recover=True, strip_cdata=False, huge_tree=True
    )
    try:
        return etree.fromstring(data, parser)
    except etree.XMLSyntaxError:  # There is nothing to recover.
        return None


def _name(element: Any) -> Optional[str]:
    """Without its namespace; None for comments and the like."""
    return etree.QName(element).localname.lower() if isinstance(element.tag, str) else None


def _is_kept(element: Any) -> bool:
    name = _name(element)
    if name is None or name in _KEPT:
        return True
    if element.get("translate", "").lower() == "no":
        return True
    return "notranslate" in element.get("class", "").split()


def _is_inline(element: Any) -> bool:
    name = _name(element)
    if name is None:
        return True
    return name in _INLINE and all(_is_inline(child) for child in element)


def _inline(element: Any) -> Node:
    if _is_kept(element) or _name(element) in _VOID:
        return Mark(element)
    nodes: List[Node] = [Text(_collapse(element.text))]
    for child in element:
        nodes += [_inline(child), Text(_collapse(child.tail))]
    return Group(element, merge(nodes))


def _translated(element: Any) -> Iterator[Any]:
    """The elements that are not left as they are."""
    if _is_kept(element):
        return
    yield element
    for child in element:
        yield from _translated(child)


def _attributes(element: Any) -> Iterator[str]:
    """Those that people read."""
    name = _name(element)
    yield from _ATTRIBUTES
    if name == "input" and element.get("type", "").lower() in _BUTTONS:
        yield "value"
    if name == "meta" and _DESCRIPTIONS.fullmatch(
        element.get("name") or element.get("property") or ""
    ):
        yield "content"


def _rebuild(parent: Any, pieces: Sequence[Union[Segment, Any]]) -> None:
    for child in list(parent):
        parent.remove(child)
    parent.text = None
    for piece in pieces:
        if isinstance(piece, Segment):
            _write_nodes(parent, piece.result)
        else:
            piece.tail = None
            parent.append(piece)


def _write_nodes(parent: Any, nodes: Sequence[Node]) -> None:
    for node in nodes:
        if isinstance(node, Text):
            if len(parent):
                parent[-1].tail = (parent[-1].tail or "") + node.text
            else:
                parent.text = (parent.text or "") + node.text
        elif isinstance(node, Mark):
            node.key.tail = None
            parent.append(node.key)
        else:
            group = etree.SubElement(parent, node.key.tag, node.key.attrib, parent.nsmap)
            _write_nodes(group, node.children)


def _collapse(text: Optional[str]) -> str:
    return _SPACES.sub(" ", text) if text else ""


def _declares_charset(data: bytes) -> bool:
    return re.search(rb"<meta[^>]+charset\s*=", data[:4096], re.IGNORECASE) is not None
