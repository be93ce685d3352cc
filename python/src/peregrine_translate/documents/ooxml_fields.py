"""Fields of WordprocessingML: an instruction and its result, over several runs.

`begin`, the instruction, `separate`, the result, `end`; each is a `fldChar` in a
run. Results of links and tables of contents are text; those of others (page
numbers, dates, references) are made by the program.
"""

from __future__ import annotations

from typing import Any, List, Optional, Sequence, Tuple

_TEXTS = ("HYPERLINK", "TOC", "INDEX", "TOA", "QUOTE", "FORMTEXT")


class FieldReader:
    """Of one namespace."""

    def __init__(self, namespace: str) -> None:
        self._character = f"{namespace}fldChar"
        self._type = f"{namespace}fldCharType"
        self._instruction = f"{namespace}instrText"

    def extent(self, children: Sequence[Any], position: int) -> int:
        """How many children from `position` on are a field, which may end in
        another paragraph; 0: none begins here."""
        if self._balance(children[position]) <= 0:
            return 0
        depth = 0
        for index in range(position, len(children)):
            depth += self._balance(children[index])
            if depth <= 0:
                return index + 1 - position
        return len(children) - position

    def split(
        self, field: Sequence[Any]
    ) -> Optional[Tuple[List[Any], List[Any], List[Any]]]:
        """What stands before its result, the result, and what stands behind;
        nothing stands behind where it ends in another paragraph. None: its
        result is no text of the author's."""
        words = self._instruction_of(field).split()
        if not words or words[0].upper() not in _TEXTS:
            return None
        depth = 0
        for index, child in enumerate(field):
            kinds = self._kinds(child)
            depth += kinds.count("begin") - kinds.count("end")
            if depth == 1 and "separate" in kinds:
                ends = sum(self._balance(c) for c in field) == 0
                stop = len(field) - 1 if ends else len(field)
                return list(field[: index + 1]), list(field[index + 1 : stop]), list(field[stop:])
        return None

    def _instruction_of(self, field: Sequence[Any]) -> str:
        """Of the outermost field."""
        parts: List[str] = []
        depth = 0
        for child in field:
            for element in child.iter(self._character, self._instruction):
                if element.tag == self._instruction:
                    if depth == 1:
                        parts.append(element.text or "")
                    continue
                kind = element.get(self._type)
                depth += (kind == "begin") - (kind == "end")
                if kind == "separate" and depth == 1:
                    return "".join(parts)
        return "".join(parts)

    def _kinds(self, child: Any) -> List[str]:
        return [str(c.get(self._type)) for c in child.iter(self._character)]

    def _balance(self, child: Any) -> int:
        kinds = self._kinds(child)
        return kinds.count("begin") - kinds.count("end")
