"""Which format a file has, by its ending."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, Dict, Sequence

from .base import Document, DocumentError, PathLike


def _html(data: bytes, name: str, **options: Any) -> Document:
    from .html import HtmlPage, XhtmlPage

    is_xml = data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<?xml")
    return XhtmlPage(data, name) if is_xml else HtmlPage(data, name)


def _xhtml(data: bytes, name: str, **options: Any) -> Document:
    from .html import XhtmlPage

    return XhtmlPage(data, name)


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


def _gettext(data: bytes, name: str, **options: Any) -> Document:
    from .gettext import GettextCatalog

    return GettextCatalog(data, name, options.get("target", ""))


def _xliff(data: bytes, name: str, **options: Any) -> Document:
    from .bilingual import Xliff

    return Xliff(data, name, options.get("target", ""))


def _tmx(data: bytes, name: str, **options: Any) -> Document:
    from .bilingual import Tmx

    return Tmx(data, name, options.get("target", ""))


def _android(data: bytes, name: str, **options: Any) -> Document:
    from .android import AndroidStrings

    return AndroidStrings(data, name)


def _apple(data: bytes, name: str, **options: Any) -> Document:
    from .apple import AppleStrings

    return AppleStrings(data, name)


def _json(data: bytes, name: str, **options: Any) -> Document:
    from .json_values import Json

    return Json(data, name, options.get("keys"))


def _yaml(data: bytes, name: str, **options: Any) -> Document:
    from .yaml_values import Yaml

    return Yaml(data, name, options.get("keys"))


def _csv(data: bytes, name: str, **options: Any) -> Document:
    from .csv_columns import Csv

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
    ".po": _gettext,
    ".pot": _gettext,
    ".pptx": _office,
    ".srt": _subtitles,
    ".strings": _apple,
    ".tmx": _tmx,
    ".tsv": _csv,
    ".txt": _text,
    ".vtt": _subtitles,
    ".xhtml": _xhtml,
    ".xlf": _xliff,
    ".xliff": _xliff,
    ".xml": _android,
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
