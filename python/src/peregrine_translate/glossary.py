"""Glossaries that a server stores."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Iterable, Mapping

from ._wire import glossary_pb2
from ._wire import translation_pb2 as pb
from .text_options import Targets, Term, make_term, read_term


@dataclass(frozen=True)
class Glossary:
    """One of them; `glossaries=[NAME]` of `translate` uses it."""

    name: str
    #: BCP 47; empty: of any language.
    source_language: str
    target_language: str
    #: 0 where it depends on the languages.
    term_count: int
    changed: datetime
    #: What each term becomes, best first; nothing: it is left as it is. Of
    #: `glossary` alone.
    terms: Mapping[str, Term] = field(default_factory=dict)


def make_glossary(
    message: glossary_pb2.Glossary, terms: Iterable[pb.Term] = ()
) -> Glossary:
    return Glossary(
        name=message.name,
        source_language=message.source_language,
        target_language=message.target_language,
        term_count=message.term_count,
        changed=message.changed.ToDatetime(timezone.utc),
        terms={term.source: read_term(term) for term in terms},
    )


def make_put_request(
    name: str, terms: Mapping[str, Targets], source: str, target: str
) -> glossary_pb2.PutGlossaryRequest:
    """ValueError names a term that does not fit."""
    return glossary_pb2.PutGlossaryRequest(
        name=name,
        source_language=source,
        target_language=target,
        terms=[make_term(term, targets) for term, targets in terms.items()],
    )
