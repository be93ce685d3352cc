"""Markdown (CommonMark and tables): read by markdown-it-py, written in place.

Only the text of paragraphs, headings, list items and cells is replaced; every
other character of the file stays where it was.
"""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from markdown_it import MarkdownIt
from markdown_it.common.utils import normalizeReference
from markdown_it.token import Token

from .base import Document, Segment, decode, encoding_of
from .inline import Group, Mark, Node, Text, merge, plain_text

_SPECIAL = re.compile(r"([\\`*_\[\]<&~])")
_BLOCK_START = re.compile(r"^(\d{1,9})([.)])(\s|$)|^([-+*>]|#{1,6}|=+|-+|~{3,})(?=\s|$)")
_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(?:.*\n)*?(?:---|\.\.\.)[ \t]*(?:\n|\Z)")
_BRACKET = re.compile(r"([\[\]\\])")
_BACKSLASH = r"\\\1"
# What many programs read beyond CommonMark: footnotes, formulas, templates and
# attributes; boxes to tick; lines that say what a quotation or a block is.
_MARKS = re.compile(
    r"\[\^[^\]\s]+\](?:: *)?|\$\$[^$]+\$\$|\$(?=[^\s$])[^$]+(?<=[^\s$])\$(?!\d)|"
    r"\{\{.*?\}\}|\{%.*?%\}|\{[#.:][^{}]*\}"
)
_BOX = re.compile(r"\[[ xX]\] ")
_LINE = re.compile(r"\[![\w-]+\][-+]?.*|:{3,}.*|\[\[?_?TOC_?\]?\]")
_HARD_BREAK = "\ue000"
_LINE_BREAK = "\ue001"  # that may not become a space


class Markdown(Document):
    """One file. Code, HTML blocks and front matter are left as they are."""

    def __init__(self, data: bytes, name: str) -> None:
        text = decode(data, name)
        self._mark, self._encoding = encoding_of(data)
        self._end = "\r\n" if "\r\n" in text else "\n"
        text = text.replace("\r\n", "\n")
        self._parser = _make_parser()
        self.segments = []
        self.skipped = []
        front = _FRONT_MATTER.match(text)
        self._front = front.group(0) if front else ""
        if front:
            self.skipped.append("front matter")
        self._line_number = 1 + self._front.count("\n")  # of the first of _lines
        self._lines = text[len(self._front) :].split("\n")
        self._edits: List[_Edit] = []
        self._read()

    def _read(self) -> None:
        column: Tuple[int, int] = (0, 0)  # from where to look in a line
        in_cell = False
        for token in self._parser.parse("\n".join(self._lines)):
            if token.type in ("th_open", "td_open"):
                in_cell = True
            elif token.type in ("fence", "code_block", "html_block"):
                line = self._line_number + (token.map[0] if token.map else 0)
                self.skipped.append(f"{token.type.replace('_', ' ')}, line {line}")
            elif token.type == "inline" and token.map and token.content:
                start = token.map[0]
                from_column = column[1] if column[0] == start else 0
                span = _find(self._lines, start, from_column, token.content)
                if span is None:
                    self.skipped.append(f"line {self._line_number + start}: text not found again")
                else:
                    self._add(token, span, in_cell)
                    column = (span.last_line, span.last_column)
            if token.type in ("th_close", "td_close"):
                in_cell = False

    def _add(self, token: Token, span: "_Span", in_cell: bool) -> None:
        place = f"line {self._line_number + span.line}"
        children = list(token.children or ())
        nodes, images = _read_inline(children, place, _raw_labels(token.content))
        segment = Segment(nodes, place)
        self.segments += [segment, *images]
        self._edits.append(_Edit(span, segment, images, in_cell))

    def to_bytes(self) -> bytes:
        lines = list(self._lines)
        for edit in reversed(self._edits):
            if edit.is_changed:
                span = edit.span
                before = lines[span.line][: span.column]
                after = lines[span.last_line][span.last_column :]
                body = self._render(edit)
                body[0] = before + body[0]
                rest = span.continuation
                body[1:] = [rest + line for line in body[1:]]
                body[-1] += after
                lines[span.line : span.last_line + 1] = body
        text = self._end.join([*self._front.split("\n")[:-1], *lines])
        return self._mark + text.encode(self._encoding)

    def _render(self, edit: "_Edit") -> List[str]:
        nodes = edit.segment.result
        text = _write_inline(nodes, escape=False)
        if not self._reads_as(text, nodes):
            text = _write_inline(nodes, escape=True)
        if edit.in_cell:
            return [re.sub(r"(?<!\\)\|", r"\\|", text.replace(_HARD_BREAK, " "))]
        lines: List[str] = []
        for part in re.split(f"(?<=[{_HARD_BREAK}{_LINE_BREAK}])", text):
            is_hard = part.endswith(_HARD_BREAK)
            part = part.rstrip(_HARD_BREAK + _LINE_BREAK)
            wrapped = _wrap(part, edit.span.width) if edit.span.is_wrapped else [part.strip()]
            lines += wrapped
            if is_hard:
                lines[-1] += "\\"
        return [lines[0], *(_BLOCK_START.sub(_escape_block, line) for line in lines[1:])]

    def _reads_as(self, text: str, nodes: Sequence[Node]) -> bool:
        """Whether `text` without escapes means what `nodes` say."""
        tokens = self._parser.parseInline(
            text.replace(_HARD_BREAK, "\\\n").replace(_LINE_BREAK, "\n")
        )
        children = list(tokens[0].children or ())
        again, _ = _read_inline(children, "", _raw_labels(text))
        return _shape(again) == _shape(nodes)


@dataclass
class _Span:
    """Where the text of a block stands; columns count characters."""

    line: int
    column: int
    last_line: int
    last_column: int
    width: int
    continuation: str  # before each further line: ">   "

    @property
    def is_wrapped(self) -> bool:
        return self.last_line > self.line


@dataclass
class _Edit:
    span: _Span
    segment: Segment
    images: List[Segment]
    in_cell: bool

    @property
    def is_changed(self) -> bool:
        return any(s.translated is not None for s in (self.segment, *self.images))


@dataclass
class _Image:
    """An image; its alternative text is a segment of its own."""

    alternative: Segment
    after: str  # "](source "title")"


def _make_parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"store_labels": True})
    parser.enable(["table", "strikethrough"])
    parser.normalizeLink = lambda url: url  # type: ignore[method-assign]
    return parser


def _find(lines: Sequence[str], line: int, column: int, content: str) -> Optional[_Span]:
    parts = content.split("\n")
    if line + len(parts) > len(lines):
        return None
    columns = []
    for offset, part in enumerate(parts):
        found = lines[line + offset].find(part, column if offset == 0 else 0)
        if found < 0:
            return None
        columns.append(found)
    last = line + len(parts) - 1
    first = lines[line][: columns[0]]
    rest = lines[line + 1][: columns[1]] if len(parts) > 1 else re.sub(r"[^>\s]", " ", first)
    width = max(len(part) for part in parts)
    return _Span(line, columns[0], last, columns[-1] + len(parts[-1]), width, rest)


def _raw_labels(content: str) -> Dict[str, str]:
    """Labels of references as they are written, by what the parser makes of them."""
    return {normalizeReference(raw): raw for raw in re.findall(r"\[([^\[\]]+)\]", content)}


def _read_inline(
    tokens: List[Token], place: str, labels: Mapping[str, str]
) -> Tuple[List[Node], List[Segment]]:
    root: List[Node] = []
    stack: List[List[Node]] = [root]
    images: List[Segment] = []
    keys: List[Any] = []
    tokens = list(tokens)
    before: Optional[Token] = None
    while tokens:
        token = tokens.pop(0)
        last, before = before, token
        if token.type == "link_open" and token.markup == "autolink":
            stack[-1].append(Mark(f"<{tokens[0].content}>"))
            del tokens[:2]
        elif token.type in ("text", "text_special"):
            stack[-1] += _read_text(token.content, is_first=not root and len(stack) == 1)
        elif token.type == "softbreak":
            stands_alone = _is_line(last) or _is_line(tokens[0] if tokens else None)
            stack[-1].append(Mark(_LINE_BREAK) if stands_alone else Text(" "))
        elif token.type == "hardbreak":
            stack[-1].append(Mark(_HARD_BREAK))
        elif token.type == "code_inline":
            stack[-1].append(Mark(_code(token)))
        elif token.type == "image":
            image = _Image(Segment([Text(token.content)], place), _target(token, "src", labels))
            images.append(image.alternative)
            stack[-1].append(Mark(image))
        elif token.nesting == 1:
            keys.append(
                ("[", _target(token, "href", labels))
                if token.type == "link_open"
                else (token.markup, token.markup)
            )
            stack.append([])
        elif token.nesting == -1:
            children = stack.pop()
            stack[-1].append(Group(keys.pop(), children))
        else:
            stack[-1].append(Mark(token.content))
    return merge(root), images


def _is_line(token: Optional[Token]) -> bool:
    return token is not None and token.type == "text" and bool(_LINE.fullmatch(token.content))


def _read_text(text: str, is_first: bool) -> List[Node]:
    if _LINE.fullmatch(text):
        return [Mark(text)]
    nodes: List[Node] = []
    box = _BOX.match(text) if is_first else None
    position = box.end() if box else 0
    if box:
        nodes.append(Mark(box.group(0)))
    for match in _MARKS.finditer(text, position):
        nodes += [Text(text[position : match.start()]), Mark(match.group(0))]
        position = match.end()
    return [*nodes, Text(text[position:])]


def _code(token: Token) -> str:
    content = token.content
    pad = " " if content[:1] in "` " or content[-1:] in "` " else ""
    pad = pad if content.strip() else ""
    return f"{token.markup}{pad}{content}{pad}{token.markup}"


def _target(token: Token, attribute: str, labels: Mapping[str, str]) -> str:
    label = token.meta.get("label")
    if label:
        return f"][{labels.get(label, label)}]"
    url = str(token.attrs.get(attribute, ""))
    if re.search(r"[\s()<>]", url) or not url:
        url = "<" + url.replace("<", "\\<").replace(">", "\\>") + ">"
    title = str(token.attrs.get("title", ""))
    return f"]({url})" if not title else "](" + url + ' "' + title.replace('"', '\\"') + '")'


def _write_inline(nodes: Sequence[Node], escape: bool) -> str:
    parts = []
    for node in nodes:
        if isinstance(node, Text):
            parts.append(_SPECIAL.sub(_BACKSLASH, node.text) if escape else node.text)
        elif isinstance(node, Mark):
            parts.append(_write_mark(node, escape))
        else:
            parts.append(_write_group(node, escape))
    return "".join(parts)


def _write_mark(mark: Mark, escape: bool) -> str:
    if isinstance(mark.key, _Image):
        alternative = plain_text(mark.key.alternative.result)
        escaped = re.sub(r"([\[\]\\])", r"\\\1", alternative)
        return f"![{escaped}{mark.key.after}"
    return str(mark.key)


def _write_group(group: Group, escape: bool) -> str:
    """White space at its ends goes outside, where Markdown wants it."""
    text = _write_inline(group.children, escape)
    body = text.strip(" ")
    if not body:
        return text
    before = text[: len(text) - len(text.lstrip(" "))]
    after = text[len(text.rstrip(" ")) :]
    opening, closing = group.key
    return f"{before}{opening}{body}{closing}{after}"


def _shape(nodes: Sequence[Node]) -> List[Any]:
    """What a reader sees, without white space at the ends of groups."""
    shape: List[Any] = []
    for node in nodes:
        if isinstance(node, Text):
            shape += node.text.split()
        elif isinstance(node, Mark):
            shape.append(_write_mark(node, False).strip())
        else:
            shape.append((node.key, _shape(node.children)))
    return shape


def _wrap(text: str, width: int) -> List[str]:
    return textwrap.wrap(
        text, max(width, 20), break_long_words=False, break_on_hyphens=False
    ) or [""]


def _escape_block(match: "re.Match[str]") -> str:
    """A line must not begin a list, a heading or a quotation by chance."""
    if match.group(1):
        return f"{match.group(1)}\\{match.group(2)}{match.group(3)}"
    return "\\" + match.group(0)
