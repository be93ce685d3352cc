"""Which format a file has, by its ending."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, Dict, Sequence

from .base import Document, DocumentError, PathLike


def _html(data: bytes, name: str, **options: Any) -> Document:
    from .html import HtmlPage, XhtmlPage

    is_xml = data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<?xml")
    if is_xml:
        return XhtmlPage(data, name)
    return HtmlPage(data, name, is_utf8=options.get("is_utf8", False))


def _xhtml(data: bytes, name: str, **options: Any) -> Document:
    from .html import XhtmlPage

    return XhtmlPage(data, name)


def _epub(data: bytes, name: str, **options: Any) -> Document:
    from .epub import Epub

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


def _apple_dict(data: bytes, name: str, **options: Any) -> Document:
    from .apple_dict import AppleStringsDict

    return AppleStringsDict(data, name)


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
    ".docm": _office,
    ".docx": _office,
    ".dotm": _office,
    ".dotx": _office,
    ".epub": _epub,
    ".htm": _html,
    ".html": _html,
    ".json": _json,
    ".markdown": _markdown,
    ".md": _markdown,
    ".odp": _office,
    ".odt": _office,
    ".otp": _office,
    ".ott": _office,
    ".po": _gettext,
    ".pot": _gettext,
    ".potm": _office,
    ".potx": _office,
    ".ppsm": _office,
    ".ppsx": _office,
    ".pptm": _office,
    ".pptx": _office,
    ".srt": _subtitles,
    ".strings": _apple,
    ".stringsdict": _apple_dict,
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
# Those that say themselves, or by their standard, how they are encoded.
_SELF_DESCRIBED = (_xhtml, _epub, _office, _gettext, _xliff, _tmx, _android, _apple_dict)


def open_document(path: PathLike, **options: Any) -> Document:
    """Reads a document by its file's ending.

    :param keys: of JSON and YAML, patterns of paths such as "messages.*.text".
    :param columns: of CSV, names or numbers from 0.
    :param target: language, which XLIFF and TMX note.
    :param encoding: of a text file that is neither UTF-8 nor UTF-16 with a mark,
        such as "cp1252". It is written as UTF-8.
    """
    path = Path(path)
    reader = FORMATS.get(path.suffix.lower())
    if reader is None:
        known = ", ".join(sorted(FORMATS))
        raise DocumentError(f"{path}: found the ending {path.suffix!r}, expected one of {known}")
    data = path.read_bytes()
    encoding = options.pop("encoding", None)
    if encoding:
        if reader in _SELF_DESCRIBED:
            raise DocumentError(
                f"{path}: found encoding={encoding!r}, expected none: {path.suffix} files tell it"
            )
        data = _to_utf8(data, path, encoding)
        options["is_utf8"] = True
    return reader(data, path.name, **options)


def check_output(source: PathLike, target: PathLike) -> None:
    """DocumentError: the names say that another format is to come out, which
    nobody does here."""
    endings = [Path(path).suffix.lower() for path in (source, target)]
    readers = [FORMATS.get(ending) for ending in endings]
    if endings[0] == endings[1] or (readers[0] is readers[1] and readers[0] is not _office):
        return
    raise DocumentError(
        f"{target}: found the ending {endings[1]!r}, expected {endings[0]!r}, as of {source}"
    )


def _to_utf8(data: bytes, path: Path, encoding: str) -> bytes:
    try:
        return data.decode(encoding).encode("utf-8")
    except LookupError:
        raise DocumentError(
            f"encoding: found {encoding!r}, expected one that Python knows, such as 'cp1252'"
        ) from None
    except UnicodeDecodeError as error:
        raise DocumentError(f"{path}: found a byte that is no {encoding} at {error.start}") from None
