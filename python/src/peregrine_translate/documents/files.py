"""Which format a file has, by its ending."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, Dict, Sequence

from .base import Document, DocumentError, PathLike


def _html(data: bytes, name: str, **options: Any) -> Document:
    from .html import HtmlPage

    return HtmlPage(data, name)


def _epub(data: bytes, name: str, **options: Any) -> Document:
    from .html import Epub

    return Epub(data, name)


def _markdown(data: bytes, name: str, **options: Any) -> Document:
    from .markdown import Markdown

    return Markdown(data, name)


def _subtitles(data: bytes, name: str, **options: Any) -> Document:
    from .subtitles import Subtitles

    return Subtitles(data, name)


def _office(data: bytes, name: str, **options: Any) -> Document:
    from .office import OfficeDocument

    return OfficeDocument(data, name, Path(name).suffix.lower())


def _localization(data: bytes, name: str, **options: Any) -> Document:
    from .localization import Localization

    return Localization(data, name, Path(name).suffix.lower(), options.get("target", ""))


def _json(data: bytes, name: str, **options: Any) -> Document:
    from .tables import Json

    return Json(data, name, options.get("keys"))


def _yaml(data: bytes, name: str, **options: Any) -> Document:
    from .tables import Yaml

    return Yaml(data, name, options.get("keys"))


def _csv(data: bytes, name: str, **options: Any) -> Document:
    from .tables import Csv

    columns: Sequence[str] = options.get("columns") or ()
    if not columns:
        raise DocumentError(f"{name}: name the columns to translate")
    return Csv(data, name, columns)


def _text(data: bytes, name: str, **options: Any) -> Document:
    from .plain import PlainText

    return PlainText(data, name)


#: The reader for each ending.
FORMATS: Dict[str, Callable[..., Document]] = {
    ".csv": _csv,
    ".docx": _office,
    ".epub": _epub,
    ".htm": _html,
    ".html": _html,
    ".json": _json,
    ".markdown": _markdown,
    ".md": _markdown,
    ".odp": _office,
    ".odt": _office,
    ".po": _localization,
    ".pot": _localization,
    ".pptx": _office,
    ".srt": _subtitles,
    ".strings": _localization,
    ".tmx": _localization,
    ".tsv": _csv,
    ".txt": _text,
    ".vtt": _subtitles,
    ".xhtml": _html,
    ".xlf": _localization,
    ".xliff": _localization,
    ".xml": _localization,
    ".yaml": _yaml,
    ".yml": _yaml,
}


def open_document(path: PathLike, **options: Any) -> Document:
    """Reads a document by its file's ending.

    :param keys: of JSON and YAML, patterns of paths such as "messages.*.text".
    :param columns: of CSV, names or numbers from 0.
    :param target: language, which XLIFF and TMX note.
    """
    path = Path(path)
    reader = FORMATS.get(path.suffix.lower())
    if reader is None:
        known = ", ".join(sorted(FORMATS))
        raise DocumentError(f"{path}: found the ending {path.suffix!r}, expected one of {known}")
    return reader(path.read_bytes(), path.name, **options)
