"""What a text is, and what of it must come through as it is."""

from __future__ import annotations

from typing import Any, Mapping, Optional, Sequence, Tuple, TypedDict, Union

from ._wire import translation_pb2 as pb

Targets = Union[str, Sequence[str]]


class Term(Tuple[str, ...]):
    """What a term becomes, best first, and whether it is looked for in this case
    alone: `glossary={"US": Term("USA", case_sensitive=True)}`."""

    case_sensitive: bool

    def __new__(cls, targets: Targets = (), *, case_sensitive: bool = False) -> "Term":
        if isinstance(targets, str):
            targets = (targets,) if targets else ()
        term = super().__new__(cls, targets)
        term.case_sensitive = case_sensitive
        return term


class TextArguments(TypedDict, total=False):
    """Those of the keyword arguments that docs/text.md describes."""

    #: "plain", "html" or "xml".
    format: str
    #: Terms and what they become; "" (or an empty list): to be left as it is. See
    #: `Term`.
    glossary: Mapping[str, Targets]
    #: Patterns (RE2) of what is to be left as it is.
    patterns: Sequence[str]
    #: Kinds of spans that need no protection: "url", "number", …
    unprotected: Sequence[str]
    #: Of HTML: alt, title, placeholder and the like are translated.
    translate_attributes: bool
    #: Single line breaks are spaces; paragraphs come back as wide as they were.
    hard_wrapped: bool
    #: ALL CAPS and Title Case are shown to the model as they are.
    keep_capitals: bool
    #: Names of glossaries that the server stores.
    glossaries: Sequence[str]
    #: "source" or "target": how numbers are written; absent: either.
    numbers: str


_NUMBERS = {
    "either": pb.NUMBER_FORMAT_UNSPECIFIED,
    "source": pb.NUMBER_FORMAT_SOURCE,
    "target": pb.NUMBER_FORMAT_TARGET,
}
_FORMATS = {"plain": pb.FORMAT_PLAIN, "html": pb.FORMAT_HTML, "xml": pb.FORMAT_XML}


def make_text_options(arguments: Mapping[str, Any]) -> Optional[pb.TextOptions]:
    """The message, if there is anything to say; ValueError names an argument
    that does not fit."""
    options = pb.TextOptions()
    name = arguments.get("format") or "plain"
    if name not in _FORMATS:
        raise ValueError(f"format: found {name!r}, expected one of {', '.join(_FORMATS)}")
    if name != "plain":
        options.format = _FORMATS[name]
    for source, targets in (arguments.get("glossary") or {}).items():
        options.terms.append(make_term(source, targets))
    numbers = arguments.get("numbers") or "either"
    if numbers not in _NUMBERS:
        raise ValueError(f"numbers: found {numbers!r}, expected one of {', '.join(_NUMBERS)}")
    options.number_format = _NUMBERS[numbers]
    for field in ("patterns", "unprotected", "glossaries"):
        values = arguments.get(field) or ()
        if isinstance(values, str):
            raise ValueError(f"{field}: found {values!r}, expected a list")
        getattr(options, field).extend(values)
    for field in ("translate_attributes", "hard_wrapped", "keep_capitals"):
        if arguments.get(field):
            setattr(options, field, True)
    return options if options.ByteSize() else None


def make_term(source: str, targets: Targets) -> pb.Term:
    """ValueError names one that does not fit."""
    term = targets if isinstance(targets, Term) else Term(targets)
    if not all(isinstance(target, str) for target in term):
        raise ValueError(f"glossary: {source!r}: found {targets!r}, expected texts")
    return pb.Term(source=source, targets=term, case_sensitive=term.case_sensitive)


def read_term(message: pb.Term) -> Term:
    return Term(message.targets, case_sensitive=message.case_sensitive)
