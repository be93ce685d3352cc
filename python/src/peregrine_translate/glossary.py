"""Glossaries that a server stores."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Dict, Iterable, Mapping, Tuple

from ._wire import glossary_pb2
from ._wire import translation_pb2 as pb
from .text_options import Targets, make_targets


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
    terms: Mapping[str, Tuple[str, ...]] = field(default_factory=dict)


def make_glossary(
    message: glossary_pb2.Glossary, terms: Iterable[pb.Term] = ()
) -> Glossary:
    found: Dict[str, Tuple[str, ...]] = {term.source: tuple(term.targets) for term in terms}
    return Glossary(
        name=message.name,
        source_language=message.source_language,
        target_language=message.target_language,
        term_count=message.term_count,
        changed=message.changed.ToDatetime(timezone.utc),
        terms=found,
    )


def make_put_request(
    name: str, terms: Mapping[str, Targets], source: str, target: str
) -> glossary_pb2.PutGlossaryRequest:
    """ValueError names a term that does not fit."""
    return glossary_pb2.PutGlossaryRequest(
        name=name,
        source_language=source,
        target_language=target,
        terms=[
            pb.Term(source=term, targets=make_targets(term, targets))
            for term, targets in terms.items()
        ],
    )
