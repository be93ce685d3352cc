"""YAML: the strings among the values, written where they stood."""

from __future__ import annotations

import json
import re
from typing import Any, List, Optional, Sequence, Set

from .base import DocumentError
from .spans import Span, SpanDocument, is_wanted, make_span

_STRING_TAG = "tag:yaml.org,2002:str"
# What readers of YAML 1.1 take for something else than text.
_NO_TEXT = re.compile(
    r"(?i:yes|no|on|off|y|n|true|false|null|~|)|[-+]?(0[xo]?)?[\d_,:.]+(e[-+]?\d+)?|"
    r"[-+]?\.(inf|nan)|\d{4}-\d\d?-\d\d?.*|=|<<",
    re.IGNORECASE,
)
_PROPERTIES = re.compile(r"(?:[&!]\S*\s+)*")  # an anchor, a tag
_PLAIN = re.compile(r"[^\s\-?:,\[\]{}#&*!|>'\"%@`](?:[^\n#:]|:(?=\S)|(?<=\S)#)*(?<!\s)")


class Yaml(SpanDocument):
    """Comments, anchors, aliases, order and styles stay. `keys` as of `Json`."""

    def __init__(self, data: bytes, name: str, keys: Optional[Sequence[str]] = None) -> None:
        self._keys = keys
        super().__init__(data, name)

    def _read(self) -> List[Span]:
        from ruamel.yaml import YAML
        from ruamel.yaml.error import YAMLError

        self._seen: Set[int] = set()
        self._found: List[Span] = []
        try:
            for number, root in enumerate(YAML(typ="safe", pure=True).compose_all(self._text)):
                if root is not None:
                    self._node(root, [], False)
        except YAMLError as error:
            raise DocumentError(f"{self._name}: no YAML: {error}") from None
        return self._found

    def _node(self, node: Any, path: List[Any], in_flow: bool) -> None:
        if id(node) in self._seen:  # an alias
            return
        self._seen.add(id(node))
        in_flow = in_flow or bool(getattr(node, "flow_style", False))
        if node.id == "mapping":
            for key, value in node.value:
                self._node(value, [*path, getattr(key, "value", "?")], in_flow)
        elif node.id == "sequence":
            for index, value in enumerate(node.value):
                self._node(value, [*path, index], in_flow)
        elif str(node.tag) == _STRING_TAG and is_wanted(path, self._keys):
            self._scalar(node, ".".join(map(str, path)), in_flow)

    def _scalar(self, node: Any, place: str, in_flow: bool) -> None:
        start, end = node.start_mark.index, node.end_mark.index
        match = _PROPERTIES.match(self._text, start)
        start = match.end() if match is not None else start
        text = str(node.value)
        if node.style in ("|", ">"):
            self._block(node, text, place)
            return
        if node.style not in ("'", '"'):
            end = start + len(self._text[start:end].rstrip())
            if _NO_TEXT.fullmatch(text):
                return

        def encode(result: str) -> str:
            return _write_flow(result, node.style, in_flow)

        self._found.append(make_span(start, end, text, place, encode))

    def _block(self, node: Any, text: str, place: str) -> None:
        """A literal or folded one: its header stays, its lines are replaced."""
        start = self._text.index("\n", node.start_mark.index) + 1
        lines = self._text[start : node.end_mark.index].split("\n")
        body = [line for line in lines if line.strip()]
        if not body or not text.strip():
            return
        # Without what the text itself begins its lines with.
        indent = _indent(body) - _indent([line for line in text.split("\n") if line.strip()])
        last = max(i for i, line in enumerate(lines) if line.strip())
        end = start + len("\n".join(lines[: last + 1]))
        prefix = " " * indent

        def encode(result: str) -> str:
            if not text.startswith(" "):  # else the header says how far it is indented
                result = result.lstrip(" ")
            paragraphs = result.strip("\n").split("\n")
            separator = "\n" if node.style == "|" else "\n\n"
            return separator.join(prefix + line if line else "" for line in paragraphs)

        self._found.append(make_span(start, end, text, place, encode))


def _indent(lines: Sequence[str]) -> int:
    return min(len(line) - len(line.lstrip(" ")) for line in lines)


def _write_flow(text: str, style: Optional[str], in_flow: bool) -> str:
    """In the style that the string had, where that can hold the text."""
    can_quote = "\n" not in text and text.isprintable()
    if style == "'" and can_quote:
        return "'" + text.replace("'", "''") + "'"
    is_plain = style not in ("'", '"') and _PLAIN.fullmatch(text) and not _NO_TEXT.fullmatch(text)
    if is_plain and not (in_flow and re.search(r"[,\[\]{}]", text)) and can_quote:
        return text
    return json.dumps(text, ensure_ascii=False)
