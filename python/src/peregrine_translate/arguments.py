"""What a call says beside its texts."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional, Sequence, Tuple, TypedDict, Union, get_type_hints

from ._wire import translation_pb2 as pb
from .options import Options, make_options
from .text_options import TextArguments, make_text_options
from .stream import StreamOptions
from .window import RetryPolicy


class TranslateArguments(TextArguments, total=False):
    """Keyword arguments of `translate`; those of `TextArguments` are among them."""

    #: Language to translate into, by the model's name of it or BCP 47; absent:
    #: the model's own.
    target: str
    #: Language of the texts; likewise.
    source: str
    #: One of `models()`; may be absent where the server knows which.
    model: str
    #: How to decode, by name.
    options: Union[Options, Mapping[str, Any]]
    #: The text is one sentence: do not look for boundaries in it.
    single_sentence: bool
    #: Translate anew what the server has kept, and have it keep nothing.
    no_cache: bool
    #: "interactive" (somebody waits for it) or "bulk" (nobody does).
    priority: str
    #: Seconds for the call with all its attempts; None: no limit.
    timeout: Optional[float]


class StreamArguments(TranslateArguments, total=False):
    """Keyword arguments of `translate_stream`."""

    #: Results in the order of the texts (True), or as they are finished.
    ordered: bool
    #: Texts held at a time, at most; by default 256.
    max_in_flight: int
    #: When to send again what a full server refused.
    retry: RetryPolicy


class ScoreArguments(TypedDict, total=False):
    """Keyword arguments of `score`; those of `translate` mean the same."""

    target: str
    source: str
    model: str
    #: Power of the length that `Score.score` is divided by; absent: the model's.
    length_penalty: float
    #: `Score.message.tokens` tell the source token of each.
    return_alignments: bool
    priority: str
    timeout: Optional[float]


#: A source or a translation: text, or pieces of the model's vocabulary.
Side = Union[str, Sequence[str]]

_PRIORITIES = {
    "": pb.PRIORITY_UNSPECIFIED,
    "bulk": pb.PRIORITY_BULK,
    "interactive": pb.PRIORITY_INTERACTIVE,
}


def make_request(
    texts: Sequence[str], arguments: TranslateArguments
) -> pb.TranslateRequest:
    """ValueError names an argument that does not fit."""
    return pb.TranslateRequest(
        texts=[pb.Text(text=text) for text in texts],
        options=make_options(arguments.get("options")),
        **_common_fields(arguments),
    )


def make_stream_options(arguments: StreamArguments) -> StreamOptions:
    """Likewise."""
    template = pb.TranslateStreamRequest(
        text=pb.Text(options=make_options(arguments.get("options"))),
        **_common_fields(arguments),
    )
    return StreamOptions(
        template=template,
        ordered=arguments.get("ordered", True),
        max_in_flight=arguments.get("max_in_flight", 256),
        timeout=arguments.get("timeout"),
        retry=arguments.get("retry", RetryPolicy()),
    )


def make_score_request(
    pairs: Sequence[Tuple[Side, Side]], arguments: ScoreArguments
) -> pb.ScoreTextsRequest:
    """Likewise."""
    _check_names(arguments, ScoreArguments)
    return pb.ScoreTextsRequest(
        pairs=[
            pb.TextPair(source=_phrase(source), target=_phrase(target))
            for source, target in pairs
        ],
        model=arguments.get("model", ""),
        source_language=arguments.get("source", ""),
        target_language=arguments.get("target", ""),
        length_penalty=arguments.get("length_penalty"),
        return_alignments=arguments.get("return_alignments", False),
        priority=_priority(arguments),
    )


def _phrase(side: Side) -> pb.Phrase:
    return pb.Phrase(text=side) if isinstance(side, str) else pb.Phrase(tokens=side)


def _check_names(arguments: Mapping[str, Any], kind: Any) -> None:
    names = get_type_hints(kind)
    unknown = set(arguments) - set(names)
    if unknown:
        known = ", ".join(sorted(names))
        raise TypeError(f"found the argument {min(unknown)!r}, expected one of {known}")


def _priority(arguments: Mapping[str, Any]) -> Any:
    priority = arguments.get("priority") or ""
    if priority not in _PRIORITIES:
        raise ValueError(
            f"priority: found {priority!r}, expected 'interactive' or 'bulk'"
        )
    return _PRIORITIES[priority]


def _common_fields(arguments: TranslateArguments) -> Dict[str, Any]:
    _check_names(arguments, StreamArguments)
    return {
        "model": arguments.get("model", ""),
        "source_language": arguments.get("source", ""),
        "target_language": arguments.get("target", ""),
        "single_sentence": arguments.get("single_sentence", False),
        "no_cache": arguments.get("no_cache", False),
        "priority": _priority(arguments),
        "text_options": make_text_options(arguments),
    }
