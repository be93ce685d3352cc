"""Texts of a partition, many in a call: a message for each text, as a stream has,
costs a Python process several times as much."""

from __future__ import annotations

import itertools
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Deque, Dict, Iterable, Iterator, List

from ..client import Client
from ..errors import TranslationError
from ..results import StreamResult

TEXTS_OF_CALL = 16
# A call is over with its slowest text, so that there must be many of them.
CALLS_IN_FLIGHT = 32
# Those that are under way, and those that are answered and wait for an older one.
CALLS_HELD = 2 * CALLS_IN_FLIGHT


def translate_in_calls(
    client: Client, texts: Iterable[str], arguments: Dict[str, Any]
) -> Iterator[StreamResult]:
    """As `Client.translate_stream`, in the order of the texts.

    What a call as a whole fails with is settled text by text, on a stream.
    """
    numbered = enumerate(texts)
    pending: Deque["Future[List[StreamResult]]"] = deque()
    with ThreadPoolExecutor(CALLS_IN_FLIGHT, thread_name_prefix="peregrine-bulk") as pool:
        try:
            while True:
                while len(pending) < CALLS_HELD:
                    batch = list(itertools.islice(numbered, TEXTS_OF_CALL))
                    if not batch:
                        break
                    pending.append(pool.submit(_translate, client, batch, arguments))
                if not pending:
                    return
                yield from pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()


def _translate(
    client: Client, batch: List[Any], arguments: Dict[str, Any]
) -> List[StreamResult]:
    texts = [text for _, text in batch]
    try:
        found = client.translate(texts, **arguments)
    except TranslationError:
        results = list(client.translate_stream(texts, **arguments))
        return [
            StreamResult(batch[r.index][0], r.source, r.translation, r.error) for r in results
        ]
    return [
        StreamResult(index, text, translation)
        for (index, text), translation in zip(batch, found)
    ]
