"""The client for asyncio; `client.py` offers the same without it."""

from __future__ import annotations

from types import TracebackType
from typing import Any, AsyncIterator, List, Mapping, Optional, Sequence, Tuple, Type, Union, overload

import grpc
from typing_extensions import Unpack

from ._wire import glossary_pb2, glossary_pb2_grpc
from ._wire import translation_pb2 as pb
from ._wire import translation_pb2_grpc
from .arguments import ScoreArguments, Side, StreamArguments, TokenArguments, TranslateArguments
from .channel import Metadata, Tls, make_endpoint
from .errors import from_rpc_error
from .glossary import Glossary, make_glossary, make_put_request
from .messages import (
    make_detection,
    make_language,
    make_model,
    make_route,
    make_score,
    make_token_translation,
    make_translation,
)
from .requests import fit_one_call, make_request, make_score_request, make_token_request
from .results import (
    Detection,
    Language,
    Model,
    Score,
    StableText,
    StreamResult,
    TokenTranslation,
    Translation,
)
from .source import Texts
from .stream import Stream, check_text
from .text import AnyText, Text
from .text_options import Targets

#: Longer lists go over a stream, which has no limit.
MAX_TEXTS_PER_CALL = 64
MAX_BYTES_PER_CALL = 1 << 20


class AsyncClient:
    """Calls one Peregrine server, or several between which it balances.

    Connects with the first call, and again by itself. Belongs to the event
    loop that runs it; close it there, or use `async with`.

    :param address: "HOST:PORT", a list of them, or a target of gRPC, such as
        "dns:///translate.example:50051" for all servers of one name.
    :param tls: True for the authorities of the system, or a `Tls`.
    :param token: who calls; by default the environment's PEREGRINE_TOKEN.
        Goes over an unencrypted connection to this machine only, unless
        `insecure_token` is set.
    :param timeout: seconds for a call with all its attempts; None: no limit.
    :param max_attempts: of a call while the server is unavailable or full.
    :param metadata: of every call, such as a `traceparent`.
    """

    def __init__(
        self,
        address: Union[str, Sequence[str]] = "localhost:50051",
        *,
        tls: Union[bool, Tls] = False,
        token: Optional[str] = None,
        insecure_token: bool = False,
        timeout: Optional[float] = None,
        max_attempts: int = 5,
        metadata: Metadata = (),
    ) -> None:
        endpoint = make_endpoint(
            address,
            tls=tls,
            token=token,
            insecure_token=insecure_token,
            max_attempts=max_attempts,
            metadata=metadata,
        )
        self._metadata = endpoint.metadata
        self._timeout = timeout
        if endpoint.credentials is None:
            self._channel = grpc.aio.insecure_channel(endpoint.target, endpoint.options)
        else:
            self._channel = grpc.aio.secure_channel(
                endpoint.target, endpoint.credentials, endpoint.options
            )
        make_stub: Any = translation_pb2_grpc.TranslationServiceStub
        self._stub = make_stub(self._channel)
        make_glossary_stub: Any = glossary_pb2_grpc.GlossaryServiceStub
        self._glossary_stub = make_glossary_stub(self._channel)

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends the connections, and calls that are still under way."""
        await self._channel.close(None)

    @overload
    async def translate(  # type: ignore[overload-overlap]  # a str is a sequence of str
        self, texts: AnyText, **arguments: Unpack[TranslateArguments]
    ) -> Translation: ...

    @overload
    async def translate(
        self, texts: Sequence[AnyText], **arguments: Unpack[TranslateArguments]
    ) -> List[Translation]: ...

    async def translate(
        self,
        texts: Union[AnyText, Sequence[AnyText]],
        **arguments: Unpack[TranslateArguments],
    ) -> Union[Translation, List[Translation]]:
        """Translates a text, or a list of texts in its order.

        All or nothing: an error of one text is raised, and names it. The
        arguments are those of `TranslateArguments`; those of one text alone go
        with it in a `Text`.
        """
        many = [texts] if isinstance(texts, (str, Text)) else list(texts)
        size = 0
        for number, text in enumerate(many):
            error = check_text(text, f"texts[{number}]")
            if error is not None:
                raise error
            size += len(text.text if isinstance(text, Text) else text)
        if not many:
            return []
        timeout = arguments.get("timeout", self._timeout)
        is_long = len(many) > MAX_TEXTS_PER_CALL or size > MAX_BYTES_PER_CALL
        if is_long or not fit_one_call(many):
            translations = []
            arguments["timeout"] = timeout
            async for results in self.translate_batches(many, **arguments):
                translations += [result.unwrap() for result in results]
        else:
            request = make_request(many, arguments)
            response = await self._call(self._stub.Translate, request, timeout)
            route = make_route(response)
            translations = [make_translation(t, route) for t in response.translations]
        return translations[0] if isinstance(texts, (str, Text)) else translations

    async def translate_stream(
        self, texts: Texts, **arguments: Unpack[StreamArguments]
    ) -> AsyncIterator[StreamResult]:
        """Translates any number of texts, with a bounded number in memory.

        An error of one text is its result, and does not end the stream. Texts
        that met a full server, or one that went away, are sent again. The
        arguments are those of `StreamArguments`.

        :param texts: an iterable, which is read on another thread, or an
            asynchronous one.
        """
        async for results in self.translate_batches(texts, **arguments):
            for result in results:
                yield result

    def translate_batches(
        self, texts: Texts, **arguments: Unpack[StreamArguments]
    ) -> AsyncIterator[List[StreamResult]]:
        """`translate_stream` in lists: the results that are there, one or more."""
        return Stream(self._open_stream, arguments).batches(texts)

    async def translate_live(
        self, texts: Texts, **arguments: Unpack[StreamArguments]
    ) -> AsyncIterator[Union[StableText, StreamResult]]:
        """`translate_stream` that also tells what is sure of each translation.

        Any number of `StableText` come before the `StreamResult` of a text, each
        time that more of its translation can no longer change: for people who
        watch while they type.
        """
        async for updates in self.live_batches(texts, **arguments):
            for update in updates:
                yield update

    def live_batches(
        self, texts: Texts, **arguments: Unpack[StreamArguments]
    ) -> AsyncIterator[List[Union[StableText, StreamResult]]]:
        """`translate_live` in lists: the updates that are there, one or more."""
        return Stream(self._open_stream, arguments, live=True).updates(texts)

    def _open_stream(self, left: Optional[float]) -> Any:
        return self._stub.TranslateStream(metadata=self._metadata, timeout=left)

    async def score(
        self, pairs: Sequence[Tuple[Side, Side]], **arguments: Unpack[ScoreArguments]
    ) -> List[Score]:
        """Scores translations that are there, in the order of the pairs.

        A pair is a source and its translation, each text or a list of pieces of
        the model's vocabulary, and each one sentence. All or nothing: an error
        of one pair is raised, and names it. Long lists become several calls.
        The arguments are those of `ScoreArguments`.
        """
        scores: List[Score] = []
        timeout = arguments.get("timeout", self._timeout)
        for first in range(0, len(pairs), MAX_TEXTS_PER_CALL):
            part = pairs[first : first + MAX_TEXTS_PER_CALL]
            for number, pair in enumerate(part, first):
                for side, name in zip(pair, ("source", "target")):
                    if not isinstance(side, str):
                        continue
                    error = check_text(side, f"pairs[{number}].{name}")
                    if error is not None:
                        raise error
            request = make_score_request(part, arguments)
            response = await self._call(self._stub.ScoreTexts, request, timeout)
            scores += [make_score(score, response) for score in response.scores]
        return scores

    async def translate_tokens(
        self, sources: Sequence[Sequence[str]], **arguments: Unpack[TokenArguments]
    ) -> List[TokenTranslation]:
        """Translates sequences of pieces of the model's vocabulary, in order, each
        as one sentence: for callers with a tokenizer of their own.

        All or nothing. The arguments are those of `TokenArguments`.
        """
        found: List[TokenTranslation] = []
        timeout = arguments.get("timeout", self._timeout)
        for first in range(0, len(sources), MAX_TEXTS_PER_CALL):
            request = make_token_request(sources[first : first + MAX_TEXTS_PER_CALL], arguments)
            response = await self._call(self._stub.TranslateTokens, request, timeout)
            found += [make_token_translation(one, response) for one in response.translations]
        return found

    async def models(self) -> List[Model]:
        """The served models, by name."""
        response = await self._call(self._stub.ListModels, pb.ListModelsRequest(), None)
        return [make_model(model) for model in response.models]

    async def model(self, name: str) -> Model:
        """One served model."""
        request = pb.GetModelRequest(name=name)
        return make_model(await self._call(self._stub.GetModel, request, None))

    async def languages(self, display_language: str = "", *, model: str = "") -> List[Language]:
        """What is translated into what, with names in `display_language`.

        :param model: by this one only; "": by any.
        """
        request = pb.ListLanguagesRequest(display_language=display_language, model=model)
        response = await self._call(self._stub.ListLanguages, request, None)
        return [make_language(language) for language in response.languages]

    async def detect(
        self,
        texts: Sequence[str],
        *,
        by_sentence: bool = False,
        any_language: bool = False,
    ) -> List[Detection]:
        """The languages of texts, one answer for each.

        :param by_sentence: tell that of each sentence too.
        :param any_language: not only those that are translated.
        """
        texts = [texts] if isinstance(texts, str) else list(texts)
        request = pb.DetectLanguageRequest(
            texts=texts, by_sentence=by_sentence, any_language=any_language
        )
        response = await self._call(self._stub.DetectLanguage, request, None)
        return [
            make_detection(text, detection)
            for text, detection in zip(texts, response.detections)
        ]

    async def glossaries(self) -> List[Glossary]:
        """Those that the server stores, by name, without their terms."""
        request = glossary_pb2.ListGlossariesRequest()
        response = await self._call(self._glossary_stub.ListGlossaries, request, None)
        return [make_glossary(message) for message in response.glossaries]

    async def glossary(self, name: str) -> Glossary:
        """One of them, with its terms."""
        request = glossary_pb2.GetGlossaryRequest(name=name)
        response = await self._call(self._glossary_stub.GetGlossary, request, None)
        return make_glossary(response.glossary, response.terms)

    async def put_glossary(
        self,
        name: str,
        terms: Mapping[str, Targets],
        *,
        source: str = "",
        target: str = "",
    ) -> Glossary:
        """Stores a glossary, in place of one of this name.

        A change: the client's address must be that of the administrators
        (`--admin-listen`), and its token one of theirs.

        :param terms: as `glossary` of `translate`.
        :param source, target: languages that it is for; "": any.
        """
        request = make_put_request(name, terms, source, target)
        response = await self._call(self._glossary_stub.PutGlossary, request, None)
        return make_glossary(response.glossary)

    async def delete_glossary(self, name: str) -> None:
        """Removes one; a change, as `put_glossary`."""
        request = glossary_pb2.DeleteGlossaryRequest(name=name)
        await self._call(self._glossary_stub.DeleteGlossary, request, None)

    async def _call(self, method: Any, request: Any, timeout: Optional[float]) -> Any:
        try:
            return await method(
                request,
                metadata=self._metadata,
                timeout=self._timeout if timeout is None else timeout,
            )
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error) from None
