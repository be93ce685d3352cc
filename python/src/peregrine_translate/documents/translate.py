"""Sends the segments of a document to the server, and takes them back."""

from __future__ import annotations

from typing import Any, Callable, List, Optional, Sequence

from typing_extensions import Unpack

from ..arguments import StreamArguments
from ..client import Client
from ..errors import InvalidRequestError
from ..results import StreamResult
from .base import Document, PathLike, Report, Segment
from .files import check_output, open_document
from .inline import BrokenMarkupError, flatten, from_markup, plain_text, to_markup

Progress = Callable[[int], Any]


def translate_file(
    client: Client,
    source: PathLike,
    target: PathLike,
    *,
    keys: Optional[Sequence[str]] = None,
    columns: Optional[Sequence[str]] = None,
    encoding: Optional[str] = None,
    progress: Optional[Progress] = None,
    arguments: Optional[StreamArguments] = None,
) -> Report:
    """Writes the translation of the document `source` to `target`.

    :param keys: of JSON and YAML, patterns of paths such as "messages.*.text";
        absent: all strings.
    :param columns: of CSV, names or numbers from 0.
    :param encoding: of a text file that is neither UTF-8 nor UTF-16 with a mark.
    :param progress: called with the number of segments that were finished.
    :param arguments: of `translate_stream`: target, source, model, options, …
    """
    arguments = arguments or {}
    check_output(source, target)
    document = open_document(
        source,
        keys=keys,
        columns=columns,
        encoding=encoding,
        target=arguments.get("target", ""),
    )
    report = translate_document(client, document, progress=progress, **arguments)
    document.write(target)
    return report


def translate_document(
    client: Client,
    document: Document,
    *,
    progress: Optional[Progress] = None,
    **arguments: Unpack[StreamArguments],
) -> Report:
    """Translates the segments of `document` in place.

    A segment that the server refuses (it is too long, say) stays as it is and
    is listed in the report. Any other error is raised.
    """
    report = Report(skipped=list(document.skipped))
    segments = [segment for segment in document.segments if segment.is_translatable]
    arguments["format"] = "xml"
    texts = (to_markup(segment.peeled.core) for segment in segments)
    for result in client.translate_stream(texts, **arguments):
        segment = segments[result.index]
        if _is_refused(result):
            report.skipped.append(f"{segment.place}: {result.error}")
        else:
            report.segments += 1
            report.characters += len(plain_text(segment.nodes))
            _take(segment, result, report.warnings)
        if progress is not None:
            progress(1)
    return report


def _is_refused(result: StreamResult) -> bool:
    """Because of this text, not of what all of them ask for."""
    error = result.error
    return isinstance(error, InvalidRequestError) and (error.field or "").startswith("text.")


def _take(segment: Segment, result: StreamResult, warnings: List[str]) -> None:
    translation = result.unwrap()
    core = segment.peeled.core
    try:
        nodes = from_markup(translation.text, core)
    except BrokenMarkupError as error:
        warnings.append(f"{segment.place}: formatting lost: {error}")
        nodes = flatten(core, _strip_tags(translation.text))
    segment.translated = segment.peeled.put_back(nodes)
    warnings += [f"{segment.place}: {flag}" for flag in translation.flags]


def _strip_tags(markup: str) -> str:
    from lxml import html

    return "".join(map(str, html.fromstring(f"<div>{markup}</div>").itertext()))
