"""PO files, by translate-toolkit. What is translated already stays; so is what
somebody has guessed (fuzzy)."""

from __future__ import annotations

import io
from typing import Any, List, Tuple

from .base import Document, DocumentError, Segment
from .inline import Text, plain_text


class GettextCatalog(Document):
    """Translations are marked as fuzzy, for a person to look at."""

    def __init__(self, data: bytes, name: str, target: str = "") -> None:
        from translate.storage import po

        self.segments = []
        self.skipped = []
        try:
            self._store: Any = po.pofile(inputfile=io.BytesIO(data))
            self._num_forms = _num_forms(self._store)
        except Exception as error:  # Of whatever parser the toolkit uses.
            raise DocumentError(f"{name}: no PO file: {error}") from None
        if data.strip() and not self._store.units:
            raise DocumentError(f"{name}: found no msgid, expected a PO file")
        if target:
            self._store.settargetlanguage(target)
        self._units: List[Tuple[Any, List[Segment]]] = []
        for number, unit in enumerate(self._store.units, 1):
            self._add(unit, f"unit {number}")

    def _add(self, unit: Any, place: str) -> None:
        if unit.isheader() or not unit.istranslatable():
            return
        forms = getattr(unit.target, "strings", None) or [unit.target]
        if any(str(form or "").strip() for form in forms):
            self.skipped.append(
                f"{place}: {'translated already' if unit.istranslated() else 'fuzzy already'}"
            )
            return
        texts = list(getattr(unit.source, "strings", None) or [unit.source])
        segments = [Segment([Text(str(one))], place) for one in texts]
        self.segments += segments
        self._units.append((unit, segments))

    def to_bytes(self) -> bytes:
        changed = False
        for unit, segments in self._units:
            if any(segment.translated is None for segment in segments):
                continue
            texts = [plain_text(segment.result) for segment in segments]
            unit.target = texts[0] if len(texts) == 1 else self._forms(texts)
            unit.markfuzzy()
            changed = True
        if not changed:
            return bytes(self._store)
        out = io.BytesIO()
        self._store.serialize(out)
        return out.getvalue()

    def _forms(self, texts: List[str]) -> List[str]:
        """As many as the language of the file has: one thing, then more of them."""
        if self._num_forms == 1:
            return texts[-1:]
        return [texts[0], *[texts[-1]] * (self._num_forms - 1)]


def _num_forms(store: Any) -> int:
    found = store.getheaderplural()[0]
    return int(found) if found and str(found).isdigit() else 2
