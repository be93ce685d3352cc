"""What a paragraph of an XML format must be able to do."""

from __future__ import annotations

from typing import Any, List, Protocol, Sequence

from .inline import Node


class Paragraphs(Protocol):
    """How one family of formats writes its paragraphs."""

    @property
    def tags(self) -> Sequence[str]:
        """Of the elements that are paragraphs."""

    def read(self, paragraph: Any) -> List[Node]:
        """Its text, formatting and what stands between."""

    def write(self, paragraph: Any, nodes: Sequence[Node]) -> None:
        """Replaces the content of `paragraph`, of which `nodes` were read. A
        group may be written in several parts, a mark once."""
