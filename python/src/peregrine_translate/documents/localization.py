"""PO, XLIFF, TMX, Android and iOS strings, by translate-toolkit.

Units that are translated already are left alone.
"""

from __future__ import annotations

import io
from typing import Any, Callable, Dict, List, Tuple

from .base import Document, DocumentError, Segment
from .inline import Text, plain_text


def _po() -> Any:
    from translate.storage import po

    return po.pofile


def _xliff() -> Any:
    from translate.storage import xliff

    return xliff.xlifffile


def _tmx() -> Any:
    from translate.storage import tmx

    return tmx.tmxfile


def _android() -> Any:
    from translate.storage import aresource

    return aresource.AndroidResourceFile


def _apple() -> Any:
    from translate.storage import properties

    return properties.stringsutf8file


#: For each ending: the class of translate-toolkit, and the attribute of a unit
#: that holds the text where the translation replaces it; empty where a unit
#: holds both.
FORMATS: Dict[str, Tuple[Callable[[], Any], str]] = {
    ".po": (_po, ""),
    ".pot": (_po, ""),
    ".xlf": (_xliff, ""),
    ".xliff": (_xliff, ""),
    ".tmx": (_tmx, ""),
    ".xml": (_android, "target"),
    ".strings": (_apple, "source"),
}


class Localization(Document):
    """A file of units; `ending` is one of FORMATS."""

    def __init__(self, data: bytes, name: str, ending: str, target: str = "") -> None:
        make_class, self._text = FORMATS[ending]
        self._bilingual = not self._text
        self.segments = []
        self.skipped = []
        try:
            self._store = make_class()(inputfile=io.BytesIO(data))
        except Exception as error:  # Of whatever parser the toolkit uses.
            raise DocumentError(f"{name}: no {ending[1:]} file: {error}") from None
        if target and self._bilingual:
            self._store.settargetlanguage(target)
        self._units: List[Tuple[Any, List[Segment]]] = []
        for number, unit in enumerate(self._store.units, 1):
            self._add(unit, f"unit {number}")

    def _add(self, unit: Any, place: str) -> None:
        if not unit.istranslatable() or unit.isheader():
            return
        if self._bilingual and unit.istranslated():
            self.skipped.append(f"{place}: translated already")
            return
        text = getattr(unit, self._text or "source")
        texts = list(getattr(text, "strings", None) or [text])
        segments = [Segment([Text(str(one or ""))], place) for one in texts]
        self.segments += segments
        self._units.append((unit, segments))

    def to_bytes(self) -> bytes:
        for unit, segments in self._units:
            if any(segment.translated is None for segment in segments):
                continue
            texts = [plain_text(segment.result) for segment in segments]
            setattr(unit, self._text or "target", texts[0] if len(texts) == 1 else texts)
            if self._bilingual and hasattr(unit, "markfuzzy"):
                unit.markfuzzy()  # for a person to look at
        out = io.BytesIO()
        self._store.serialize(out)
        return out.getvalue()
