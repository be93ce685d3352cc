"""XML as it is read and written everywhere here: no entities, no network."""

from __future__ import annotations

from typing import Any, List

from lxml import etree

from .base import DocumentError


def parse(data: bytes, name: str) -> Any:
    """The root element."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, strip_cdata=False, huge_tree=True
    )
    try:
        return etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise DocumentError(f"{name}: no XML: {error}") from None


def serialize(root: Any) -> bytes:
    """The file with this root, and what stands before and behind it."""
    info = root.getroottree().docinfo
    encoding = info.encoding or "UTF-8"
    parts = [f'<?xml version="1.0" encoding="{encoding}"?>'.encode("ascii")]
    if info.doctype:
        parts.append(info.doctype.encode(encoding))
    around: List[Any] = [*reversed(list(root.itersiblings(preceding=True))), root, *root.itersiblings()]
    for node in around:
        written: Any = etree.tostring(
            node, encoding=encoding, with_tail=False, xml_declaration=False
        )
        parts.append(written)
    return b"\n".join(parts) + b"\n"
