"""What a call says beside its texts."""

from __future__ import annotations

from typing import Any, Mapping, Optional, Sequence, TypedDict, Union, get_type_hints

from .options import Options
from .text_options import TextArguments
from .retry import RetryPolicy


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
    #: Tell which source token, and which source word, each comes from.
    return_alignments: bool
    priority: str
    timeout: Optional[float]


class TokenArguments(TypedDict, total=False):
    """Keyword arguments of `translate_tokens`; those of `translate` mean the same."""

    target: str
    source: str
    model: str
    options: Union[Options, Mapping[str, Any]]
    no_cache: bool
    priority: str
    timeout: Optional[float]


#: A source or a translation: text, or pieces of the model's vocabulary.
Side = Union[str, Sequence[str]]


def check_names(arguments: Mapping[str, Any], kind: Any) -> None:
    """TypeError names an argument that `kind` does not have."""
    names = get_type_hints(kind)
    unknown = set(arguments) - set(names)
    if unknown:
        known = ", ".join(sorted(names))
        raise TypeError(f"found the argument {min(unknown)!r}, expected one of {known}")
