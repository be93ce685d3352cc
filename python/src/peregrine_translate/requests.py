"""The messages that clients send."""

from __future__ import annotations

from typing import Any, Dict, Iterable, Mapping, Sequence, Tuple, cast

from google.protobuf.duration_pb2 import Duration

from ._wire import translation_pb2 as pb
from .arguments import (
    ScoreArguments,
    Side,
    StreamArguments,
    TokenArguments,
    TranslateArguments,
    check_names,
)
from .options import make_options
from .text import AnyText, Text
from .text_options import make_text_options

_PRIORITIES = {
    "": pb.PRIORITY_UNSPECIFIED,
    "bulk": pb.PRIORITY_BULK,
    "interactive": pb.PRIORITY_INTERACTIVE,
}


def fit_one_call(texts: Iterable[AnyText]) -> bool:
    """Whether the texts' own arguments are those that `Translate` has for each."""
    return all(
        text.arguments.keys() <= {"options"} for text in texts if isinstance(text, Text)
    )


def make_request(
    texts: Sequence[AnyText], arguments: TranslateArguments
) -> pb.TranslateRequest:
    """ValueError names an argument that does not fit. `fit_one_call` must hold."""
    return pb.TranslateRequest(
        texts=[_make_text(text, text.arguments) if isinstance(text, Text) else pb.Text(text=text)
               for text in texts],
        options=make_options(arguments.get("options")),
        **_text_fields(arguments),
    )


def make_stream_request(arguments: StreamArguments) -> pb.TranslateStreamRequest:
    """What the texts of a stream have in common; ValueError likewise."""
    return pb.TranslateStreamRequest(
        text=pb.Text(options=make_options(arguments.get("options"))),
        **_text_fields(arguments),
    )


def make_own_request(text: Text, arguments: StreamArguments) -> pb.TranslateStreamRequest:
    """For a text of a stream with such arguments; ValueError likewise."""
    own: Dict[str, Any] = dict(text.arguments)
    timeout = own.pop("timeout", None)
    options = dict(arguments.get("options") or {})
    for name, value in (own.pop("options", None) or {}).items():
        if value is not None:
            options[name] = value
    merged = cast(StreamArguments, {**arguments, **own, "options": options})
    request = make_stream_request(merged)
    request.text.CopyFrom(_make_text(text, merged))
    if timeout is not None:
        whole = int(timeout)
        request.timeout.CopyFrom(Duration(seconds=whole, nanos=int((timeout - whole) * 1e9)))
    return request


def make_token_request(
    sources: Sequence[Sequence[str]], arguments: TokenArguments
) -> pb.TranslateTokensRequest:
    """ValueError likewise."""
    check_names(arguments, TokenArguments)
    return pb.TranslateTokensRequest(
        sources=[pb.TokenSequence(tokens=tokens) for tokens in sources],
        options=make_options(arguments.get("options")),
        no_cache=arguments.get("no_cache", False),
        **_common_fields(arguments),
    )


def make_score_request(
    pairs: Sequence[Tuple[Side, Side]], arguments: ScoreArguments
) -> pb.ScoreTextsRequest:
    """ValueError likewise."""
    check_names(arguments, ScoreArguments)
    return pb.ScoreTextsRequest(
        pairs=[
            pb.TextPair(source=_phrase(source), target=_phrase(target))
            for source, target in pairs
        ],
        length_penalty=arguments.get("length_penalty"),
        return_alignments=arguments.get("return_alignments", False),
        **_common_fields(arguments),
    )


def _phrase(side: Side) -> pb.Phrase:
    return pb.Phrase(text=side) if isinstance(side, str) else pb.Phrase(tokens=side)


def _make_text(text: Text, arguments: Mapping[str, Any]) -> pb.Text:
    def offset(characters: int) -> int:
        return len(text.text[:characters].encode("utf-8"))

    return pb.Text(
        text=text.text,
        options=make_options(arguments.get("options")),
        protected_ranges=[
            pb.ByteRange(begin=offset(begin), end=offset(end)) for begin, end in text.protected
        ],
    )


def _priority(arguments: Mapping[str, Any]) -> Any:
    priority = arguments.get("priority") or ""
    if priority not in _PRIORITIES:
        raise ValueError(
            f"priority: found {priority!r}, expected 'interactive' or 'bulk'"
        )
    return _PRIORITIES[priority]


def _common_fields(arguments: Mapping[str, Any]) -> Dict[str, Any]:
    return {
        "model": arguments.get("model", ""),
        "source_language": arguments.get("source", ""),
        "target_language": arguments.get("target", ""),
        "priority": _priority(arguments),
    }


def _text_fields(arguments: TranslateArguments) -> Dict[str, Any]:
    check_names(arguments, StreamArguments)
    return {
        "single_sentence": arguments.get("single_sentence", False),
        "no_cache": arguments.get("no_cache", False),
        "text_options": make_text_options(arguments),
        **_common_fields(arguments),
    }
