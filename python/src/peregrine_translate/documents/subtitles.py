"""SubRip (.srt) and WebVTT (.vtt): timing, settings and line length are kept."""

from __future__ import annotations

import html
import re
import textwrap
from typing import List, Tuple

from .base import Document, DocumentError, Segment, decode, encoding_of
from .inline import Group, Mark, Node, Text

_TIMING = re.compile(r"^\s*(?:\d+:)?\d+:\d+[.,]\d+\s+-->\s+(?:\d+:)?\d+:\d+[.,]\d+.*$")
_TAG = re.compile(r"<(/?)([A-Za-z][\w.]*)([^<>]*)>|\{\\[^{}]*\}|<[\d:.]+>")
# A line that no screen is too narrow for.
_SHORT_LINE = 32
_SPEAKER = re.compile(r"^(\s*-\s*)(?=\S)")


class Subtitles(Document):
    """A cue's lines are one segment, broken again as long as its longest line;
    lines of different speakers ("- Yes.") are segments of their own."""

    def __init__(self, data: bytes, name: str) -> None:
        text = decode(data, name)
        self._mark, self._encoding = encoding_of(data)
        ends = [end for end in ("\r\n", "\n", "\r") if end in text]
        self._end = ends[0] if ends else "\n"
        # Only WebVTT knows entities.
        self._entities = text.startswith("WEBVTT")
        self._blocks: List[Tuple[List[str], List["_Turn"]]] = []
        self.segments = []
        self.skipped = []
        lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        if not any(_TIMING.match(line) for line in lines):
            raise DocumentError(f"{name}: found no line with '-->', expected subtitles")
        self._read(lines)

    def _read(self, lines: List[str]) -> None:
        fixed: List[str] = []  # up to and with a timing line, as they are
        position = 0
        while position < len(lines):
            fixed.append(lines[position])
            is_timing = _TIMING.match(lines[position]) is not None
            place = f"line {position + 1}"
            position += 1
            # In SubRip a cue may hold empty lines: it ends before a number and a
            # timing line.
            goes_on = not self._entities and bool(self._blocks) and self._is_text(lines, position)
            if not is_timing and not goes_on:
                continue
            payload: List[str] = [] if is_timing else [fixed.pop()]
            while position < len(lines) and lines[position].strip():
                payload.append(lines[position])
                position += 1
            turns = _turns(payload, place, self._entities)
            self.segments += [turn.segment for turn in turns]
            self._blocks.append((fixed, turns))
            fixed = []
        self._blocks.append((fixed, []))

    def _is_text(self, lines: List[str], position: int) -> bool:
        """Whether the line before `position` is one of a cue."""
        line = lines[position - 1].strip()
        follows = lines[position] if position < len(lines) else ""
        return bool(line) and not _TIMING.match(line) and not _TIMING.match(follows)

    def to_bytes(self) -> bytes:
        lines: List[str] = []
        for fixed, turns in self._blocks:
            lines += fixed
            for turn in turns:
                lines += turn.lines()
        text = self._end.join(lines)
        return self._mark + text.encode(self._encoding)


class _Turn:
    """What one speaker says in a cue."""

    def __init__(self, lines: List[str], place: str, entities: bool) -> None:
        self._entities = entities
        dash = _SPEAKER.match(lines[0])
        self.dash = dash.group(1) if dash else ""
        self.lines_before = lines
        self.width = max(len(_TAG.sub("", line)) for line in lines)
        text = " ".join(line.strip() for line in [lines[0][len(self.dash) :], *lines[1:]])
        self.segment = Segment(_parse(text, entities), place)

    def lines(self) -> List[str]:
        if self.segment.translated is None:
            return self.lines_before
        text = self.dash + _render(self.segment.translated, self._entities)
        longest = max(1.2 * self.width, _SHORT_LINE)
        if len(self.lines_before) == 1 and len(_TAG.sub("", text)) <= longest:
            return [text]
        return _wrap(text, self.width)


def _turns(lines: List[str], place: str, entities: bool) -> List[_Turn]:
    groups: List[List[str]] = []
    dashed = sum(_SPEAKER.match(line) is not None for line in lines) > 1
    for line in lines:
        if groups and not (dashed and _SPEAKER.match(line)):
            groups[-1].append(line)
        else:
            groups.append([line])
    return [_Turn(group, place, entities) for group in groups]


def _wrap(text: str, width: int) -> List[str]:
    """As few lines as `width` allows, of like length; tags count nothing."""
    tags: List[str] = []

    def hide(match: "re.Match[str]") -> str:
        tags.append(match.group(0))
        return "\ue000"

    hidden = _TAG.sub(hide, text)
    shown = len(hidden) - hidden.count("\ue000")
    count = max(1, -(-shown // max(width, 1)))
    best = [hidden]
    for limit in range(max(1, shown // count), 2 * width + 2):
        best = textwrap.wrap(
            hidden, max(limit, 1), break_long_words=False, break_on_hyphens=False
        ) or [""]
        if len(best) <= count:
            break
    lines = "\n".join(best)
    for tag in tags:
        lines = lines.replace("\ue000", tag, 1)
    return lines.split("\n")


def _parse(text: str, entities: bool) -> List[Node]:
    """Tags that are closed are groups; all others are marks."""
    unescape = _unescape if entities else str
    root: List[Node] = []
    stack: List[Tuple[str, str, List[Node]]] = [("", "", root)]
    end = 0
    for match in _TAG.finditer(text):
        stack[-1][2].append(Text(unescape(text[end : match.start()])))
        end = match.end()
        closing, name = match.group(1), match.group(2)
        if name is None:
            stack[-1][2].append(Mark(match.group(0)))
        elif not closing:
            stack.append((name, match.group(0), []))
        elif stack[-1][0] == name.split(".")[0] or stack[-1][0] == name:
            _, opening, children = stack.pop()
            stack[-1][2].append(Group((opening, match.group(0)), children))
        else:
            stack[-1][2].append(Mark(match.group(0)))
    stack[-1][2].append(Text(unescape(text[end:])))
    while len(stack) > 1:  # never closed: a mark before what follows it
        _, opening, children = stack.pop()
        stack[-1][2].extend([Mark(opening), *children])
    return root


def _render(nodes: List[Node], entities: bool) -> str:
    parts = []
    for node in nodes:
        if isinstance(node, Text):
            parts.append(_escape(node.text) if entities else node.text)
        elif isinstance(node, Mark):
            parts.append(node.key)
        else:
            parts.append(node.key[0] + _render(node.children, entities) + node.key[1])
    return "".join(parts)


def _unescape(text: str) -> str:
    return html.unescape(text)


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("-->", "--&gt;")
