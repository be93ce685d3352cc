"""PO files, by translate-toolkit. What is translated already stays; so is what
somebody has guessed (fuzzy)."""

from __future__ import annotations

import io
from typing import Any, List, Optional, Tuple

from .base import Document, DocumentError, Segment
from .inline import Text, plain_text


class GettextCatalog(Document):
    """Translations are marked as fuzzy, for a person to look at."""

    def __init__(self, data: bytes, name: str, target: str = "") -> None:
        from translate.storage import po as catalogs

        po: Any = catalogs  # whose types depend on its version
        self.segments = []
        self.skipped = []
        self._data = data
        try:
            self._store: Any = po.pofile(inputfile=io.BytesIO(data))
        except Exception as error:  # Of whatever parser the toolkit uses.
            raise DocumentError(f"{name}: no PO file: {error}") from None
        if data.strip() and not self._store.units:
            raise DocumentError(f"{name}: found no msgid, expected a PO file")
        self._num_forms = _num_forms(self._store)
        if target:
            self._store.settargetlanguage(target)
            if self._num_forms is None:
                self._num_forms = _set_forms(self._store, target)
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
            return self._data
        out = io.BytesIO()
        self._store.serialize(out)
        return out.getvalue()

    def _forms(self, texts: List[str]) -> List[str]:
        """As many as the language of the file has: one thing, then more of them."""
        count = self._num_forms or 2
        if count == 1:
            return texts[-1:]
        return [texts[0], *[texts[-1]] * (count - 1)]


def _num_forms(store: Any) -> Optional[int]:
    """As the header says; a template leaves it open."""
    found = store.getheaderplural()[0]
    return int(found) if found and str(found).isdigit() else None


def _set_forms(store: Any, target: str) -> Optional[int]:
    """Notes the plurals of the language, where they are known."""
    from translate.lang import data as languages

    data: Any = languages
    for code in (target.replace("-", "_"), data.simplercode(target.replace("-", "_"))):
        known = data.languages.get(code or "")
        if known is not None:
            store.updateheaderplural(known[1], known[2])
            return int(known[1])
    return None
