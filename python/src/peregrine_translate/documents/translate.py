"""Sends the segments of a document to the server, and takes them back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Optional, Sequence

from typing_extensions import Unpack

from ..arguments import StreamArguments
from ..client import Client
from ..errors import InvalidRequestError
from ..results import StreamResult
from .base import Document, PathLike, Report, Segment
from .files import check_output, open_document
from .inline import (
    BrokenMarkupError,
    Node,
    Peeled,
    flatten,
    from_markup,
    peel,
    plain_text,
    split_long,
    to_markup,
)

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

    A segment that the server refuses (it is one endless sentence, say) stays as it
    is and is listed in the report. Any other error is raised.
    """
    report = Report(skipped=list(document.skipped))
    segments = [segment for segment in document.segments if segment.is_translatable]
    arguments["format"] = "xml"
    arguments["ordered"] = True
    parts: List[_Part] = []
    for segment in segments:
        found = [_Part(segment, peel(nodes)) for nodes in split_long(segment.peeled.core)]
        found[-1].whole = found
        parts += found
    texts = (to_markup(part.peeled.core) for part in parts)
    # In order: the last part of a segment comes when all of it is there.
    for result in client.translate_stream(texts, **arguments):
        part = parts[result.index]
        part.result = result
        if part.whole is None:
            continue
        segment = part.segment
        refused = next((p.result for p in part.whole if _is_refused(p.result)), None)
        if refused is not None:
            report.skipped.append(f"{segment.place}: {refused.error}")
        else:
            report.segments += 1
            report.characters += len(plain_text(segment.nodes))
            _take(segment, part.whole, report.warnings)
        if progress is not None:
            progress(1)
    return report


@dataclass
class _Part:
    """What is sent as one text: most often a whole segment."""

    segment: Segment
    peeled: Peeled
    #: Of the last one: all parts of the segment.
    whole: Optional[List["_Part"]] = None
    result: Optional[StreamResult] = None


def _is_refused(result: Optional[StreamResult]) -> bool:
    """Because of this text, not of what all of them ask for."""
    error = None if result is None else result.error
    return isinstance(error, InvalidRequestError) and (error.field or "").startswith("text.")


def _take(segment: Segment, parts: Sequence[_Part], warnings: List[str]) -> None:
    nodes: List[Node] = []
    flags: Dict[str, None] = {}
    for part in parts:
        assert part.result is not None
        translation = part.result.unwrap()
        core = part.peeled.core
        try:
            translated = from_markup(translation.text, core)
        except BrokenMarkupError as error:
            warnings.append(f"{segment.place}: formatting lost: {error}")
            translated = flatten(core, _strip_tags(translation.text))
        nodes += part.peeled.put_back(translated)
        flags.update(dict.fromkeys(translation.flags))
    segment.translated = segment.peeled.put_back(nodes)
    warnings += [f"{segment.place}: {flag}" for flag in flags]


def _strip_tags(markup: str) -> str:
    from lxml import html

    return "".join(map(str, html.fromstring(f"<div>{markup}</div>").itertext()))
