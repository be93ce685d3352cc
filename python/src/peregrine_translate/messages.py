"""The values of `results.py`, from the messages of the contract."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Iterable, Optional, Sequence, Tuple

from google.protobuf.duration_pb2 import Duration

from ._wire import translation_pb2 as pb
from .options import read_options
from .results import (
    ByteRange,
    Cost,
    DetectedLanguage,
    Detection,
    Device,
    Hypothesis,
    Intermediate,
    Language,
    LostSpan,
    Model,
    Pivot,
    Route,
    Score,
    Sentence,
    Token,
    TokenHypothesis,
    TokenTranslation,
    Translation,
    Word,
)


def _seconds(duration: Duration) -> float:
    return float(duration.seconds + duration.nanos * 1e-9)


def flag_name(value: int) -> str:
    """ "truncated" for FLAG_TRUNCATED; a flag of a later server by its number."""
    known = pb.Flag.DESCRIPTOR.values_by_number.get(value)
    return known.name[len("FLAG_") :].lower() if known else f"flag_{value}"


def _make_cost(cost: pb.Cost) -> Cost:
    return Cost(
        queue=_seconds(cost.queue),
        encode=_seconds(cost.encode),
        decode=_seconds(cost.decode),
        source_tokens=cost.source_tokens,
        target_tokens=cost.target_tokens,
        sentences=cost.sentences,
        device=cost.device,
        cached_sentences=cost.cached_sentences,
    )


def _range(message: pb.ByteRange) -> ByteRange:
    return message.begin, message.end


def _make_words(
    words: Iterable[pb.TargetWord], source_words: Sequence[pb.ByteRange]
) -> Tuple[Word, ...]:
    sources = [_range(word) for word in source_words]
    return tuple(
        Word(
            range=_range(word.range),
            source=sources[word.source] if word.HasField("source") else None,
            weights=tuple(zip(sources[word.first_source :], word.weights)),
        )
        for word in words
    )


def _make_sentence(message: pb.SentenceRanges) -> Sentence:
    return Sentence(
        source=_range(message.source),
        target=_range(message.target),
        confidence=message.confidence if message.HasField("confidence") else None,
    )


def _make_tokens(tokens: Iterable[pb.TargetToken]) -> Tuple[Token, ...]:
    return tuple(
        Token(
            token=token.token,
            score=token.score if token.HasField("score") else None,
            source=token.source if token.HasField("source") else None,
            attention=tuple(enumerate(token.attention, token.first_source)),
        )
        for token in tokens
    )


def _flags(message: Any) -> Tuple[str, ...]:
    return tuple(flag_name(flag) for flag in message.flags)


def _certainty(value: int) -> str:
    known = pb.Certainty.DESCRIPTOR.values_by_number.get(value)
    if known is None:
        return f"certainty_{value}"
    return known.name[len("CERTAINTY_") :].lower() if value else ""


def _make_pivot(message: Any) -> Optional[Pivot]:
    if not message.HasField("pivot"):
        return None
    pivot = message.pivot
    return Pivot(language=pivot.language, model=pivot.model, revision=pivot.revision)


def make_route(response: Any) -> Route:
    """What a response says of its translations; see `_route_of`."""
    return Route(
        model=response.model,
        revision=response.revision,
        source_language=response.source_language,
        target_language=response.target_language,
        pivot=_make_pivot(response),
    )


def _route_of(message: pb.Translation, route: Route) -> Route:
    """A text's own: one of several models may have translated it, and its
    language may be its own."""
    if not message.HasField("route") and not message.HasField("detected"):
        return route
    if message.HasField("route"):
        own = message.route
        route = Route(own.model, own.revision, "", own.target_language, _make_pivot(own))
    return replace(route, source_language=route.source_language or message.detected.language)


def make_score(message: pb.TextScore, response: pb.ScoreTextsResponse) -> Score:
    return Score(
        score=message.score,
        log_probability=message.log_probability,
        tokens=_make_tokens(message.tokens),
        flags=_flags(message),
        cost=_make_cost(message.cost),
        words=_make_words(message.words, message.source_words),
        source_tokens=tuple(message.source_tokens),
        source_words=tuple(map(_range, message.source_words)),
        model=response.model,
        revision=response.revision,
        message=message,
    )


def make_token_translation(
    message: pb.TokenTranslation, response: pb.TranslateTokensResponse
) -> TokenTranslation:
    return TokenTranslation(
        hypotheses=tuple(
            TokenHypothesis(tuple(h.tokens), h.score, _make_tokens(h.details))
            for h in message.hypotheses
        ),
        flags=_flags(message),
        cost=_make_cost(message.cost),
        model=response.model,
        revision=response.revision,
        message=message,
    )


def _make_hypothesis(
    message: pb.Hypothesis, source_words: Sequence[pb.ByteRange]
) -> Hypothesis:
    return Hypothesis(
        text=message.text,
        score=message.score,
        tokens=_make_tokens(message.tokens),
        words=_make_words(message.words, source_words),
    )


def _make_intermediate(message: pb.Translation) -> Optional[Intermediate]:
    if not message.HasField("intermediate"):
        return None
    first = message.intermediate
    return Intermediate(text=first.text, flags=_flags(first), cost=_make_cost(first.cost))


def _make_detected(message: pb.Translation) -> Optional[DetectedLanguage]:
    if not message.HasField("detected"):
        return None
    detected = message.detected
    return DetectedLanguage(
        language=detected.language,
        confidence=detected.confidence,
        certainty=_certainty(detected.certainty),
    )


def make_translation(message: pb.Translation, route: Route) -> Translation:
    """:param route: that of the response which the translation came with."""
    hypotheses = tuple(
        _make_hypothesis(hypothesis, message.source_words) for hypothesis in message.hypotheses
    )
    best = hypotheses[0] if hypotheses else Hypothesis("", 0.0)
    return Translation(
        text=best.text,
        score=best.score,
        hypotheses=hypotheses,
        flags=_flags(message),
        cost=_make_cost(message.cost),
        sentences=tuple(map(_make_sentence, message.sentences)),
        words=best.words,
        detected=_make_detected(message),
        route=_route_of(message, route),
        intermediate=_make_intermediate(message),
        lost_spans=tuple(
            LostSpan(kind=span.kind, text=span.text, found=span.found, expected=span.expected)
            for span in message.lost_spans
        ),
        source_tokens=tuple(message.source_tokens),
        source_words=tuple(map(_range, message.source_words)),
        message=message,
    )


def make_model(message: pb.Model) -> Model:
    limits = message.limits
    return Model(
        name=message.name,
        source_language=message.source_language,
        target_language=message.target_language,
        languages=tuple(message.languages),
        revision=message.revision,
        architecture=message.architecture,
        parameters=message.parameters,
        source_vocab_size=message.source_vocab_size,
        target_vocab_size=message.target_vocab_size,
        default_options=read_options(message.default_options),
        limits={field.name: getattr(limits, field.name) for field in limits.DESCRIPTOR.fields},
        devices=tuple(
            Device(
                device=device.device,
                precision=device.precision,
                workers=device.workers,
                weights_bytes=device.weights_bytes,
                products=device.products,
            )
            for device in message.devices
        ),
        message=message,
    )


def make_language(message: pb.Language) -> Language:
    return Language(
        language=message.language,
        display_name=message.display_name,
        own_name=message.own_name,
        targets=tuple(message.targets),
        pivot_targets=tuple(message.pivot_targets),
        is_target=message.is_target,
    )


def make_detection(text: str, message: pb.LanguageDetection) -> Detection:
    encoded = text.encode("utf-8") if message.sentences else b""

    def characters(offset: int) -> int:
        return len(encoded[:offset].decode("utf-8"))

    return Detection(
        languages=tuple(
            DetectedLanguage(
                one.language,
                one.confidence,
                certainty=_certainty(one.certainty),
                share=one.share,
            )
            for one in message.languages
        ),
        certainty=_certainty(message.certainty),
        sentences=tuple(
            DetectedLanguage(
                one.detected.language,
                one.detected.confidence,
                characters(one.begin),
                characters(one.end),
                _certainty(one.detected.certainty),
            )
            for one in message.sentences
        ),
    )
