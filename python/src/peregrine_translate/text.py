"""A text, alone or with arguments of its own."""

from __future__ import annotations

from typing import Any, Sequence, Tuple, Union

from typing_extensions import Unpack

from .arguments import TranslateArguments, check_names
from .options import make_options
from .text_options import make_text_options


class Text:
    """A text whose own arguments go before those of the call, field by field.

    `client.translate(["Hello.", Text("Hello.", options={"num_hypotheses": 3})])`

    :param protected: characters [begin, end) of plain text that are not
        translated.
    :param arguments: as of `translate`. `timeout` is then that of this text, from
        its arrival at the server on.
    """

    __slots__ = ("text", "protected", "arguments")

    def __init__(
        self,
        text: str,
        *,
        protected: Sequence[Tuple[int, int]] = (),
        **arguments: Unpack[TranslateArguments],
    ) -> None:
        check_names(arguments, TranslateArguments)
        if not isinstance(text, str):
            raise TypeError(f"text: found {type(text).__name__}, expected str")
        for begin, end in protected:
            if not 0 <= begin <= end <= len(text):
                raise ValueError(
                    f"protected: found ({begin}, {end}), expected places from 0 to {len(text)}"
                )
        make_options(arguments.get("options"))
        make_text_options(arguments)
        self.text = text
        self.protected = tuple(protected)
        self.arguments = arguments

    def __repr__(self) -> str:
        return f"Text({self.text!r}, protected={self.protected}, **{self.arguments})"


AnyText = Union[str, Text]


def plain(text: Any) -> Any:
    """Without its arguments."""
    return text.text if isinstance(text, Text) else text
