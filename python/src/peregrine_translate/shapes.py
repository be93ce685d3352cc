"""The client in the shapes that other libraries want: a function of texts, a
function of batches, a pipeline."""

from __future__ import annotations

import re
from types import TracebackType
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Type, Union, overload

from typing_extensions import Unpack

from .arguments import TranslateArguments
from .client import Client
from .results import Translation
from .text import AnyText, Text

Batch = Mapping[str, Any]


class Translator:
    """A function of texts: `translate = Translator(client, target="de")`.

    A text gives a text; a list, a tuple or a column of pandas a list. The
    arguments are those of `Client.translate`.
    """

    def __init__(self, client: Client, **arguments: Unpack[TranslateArguments]) -> None:
        self._client = client
        self._arguments = arguments

    @overload
    def __call__(self, texts: AnyText) -> str: ...  # type: ignore[overload-overlap]

    @overload
    def __call__(self, texts: Iterable[AnyText]) -> List[str]: ...

    def __call__(self, texts: Union[AnyText, Iterable[AnyText]]) -> Union[str, List[str]]:
        if isinstance(texts, (str, Text)):
            one: Translation = self._client.translate(texts, **self._arguments)
            return one.text
        found: List[Translation] = self._client.translate(list(texts), **self._arguments)
        return [translation.text for translation in found]

    def batches(self, column: str, into: str = "translation") -> Callable[[Batch], Dict[str, Any]]:
        """For `map` with batches, of `datasets` and of Ray Data: adds the column
        `into` with the translations of `column`."""

        def translate_batch(batch: Batch) -> Dict[str, Any]:
            return {**batch, into: self(batch[column])}

        return translate_batch


class Pipeline:
    """As transformers' pipelines of translation answer: a list of
    `{"translation_text": …}`, one for each text."""

    def __init__(self, client: Client, **arguments: Unpack[TranslateArguments]) -> None:
        self._client = client
        self._translate = Translator(client, **arguments)

    def __call__(self, texts: Union[AnyText, Iterable[AnyText]]) -> List[Dict[str, str]]:
        found = self._translate([texts] if isinstance(texts, (str, Text)) else texts)
        return [{"translation_text": text} for text in found]

    def close(self) -> None:
        """Ends the connections."""
        self._client.close()

    def __enter__(self) -> "Pipeline":
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()


def pipeline(
    task: str = "translation",
    *,
    address: str = "localhost:50051",
    client: Optional[Client] = None,
    **arguments: Unpack[TranslateArguments],
) -> Pipeline:
    """In place of transformers' function of this name.

    :param task: "translation", or with languages: "translation_en_to_de".
    :param client: by default one of `address`.
    """
    match = re.fullmatch(r"translation(?:_([^_]+)_to_([^_]+))?", task)
    if match is None:
        raise ValueError(f"task: found {task!r}, expected 'translation' or 'translation_XX_to_YY'")
    if match.group(1):
        arguments.setdefault("source", match.group(1))
        arguments.setdefault("target", match.group(2))
    return Pipeline(client or Client(address), **arguments)
