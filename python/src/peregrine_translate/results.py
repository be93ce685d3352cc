"""What the server answers, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterable, Optional, Sequence, Tuple

from google.protobuf.duration_pb2 import Duration

from ._wire import translation_pb2 as pb
from .errors import TranslationError


@dataclass(frozen=True)
class Hypothesis:
    """One way to say it. `score` is a length-normalised log-probability."""

    text: str
    score: float


#: Bytes [begin, end) of a text in UTF-8.
ByteRange = Tuple[int, int]


@dataclass(frozen=True)
class Word:
    """A word of a translation, and the source word that it comes from."""

    range: ByteRange  #: of the translation
    source: Optional[ByteRange]  #: of the source; None: not known
    #: How much it comes from each word of its source sentence.
    weights: Tuple[Tuple[ByteRange, float], ...]


@dataclass(frozen=True)
class Sentence:
    """Where a sentence stands, and how likely its translation is to be good."""

    source: ByteRange
    target: ByteRange
    confidence: Optional[float]  #: 0 to 1; None: not measured for the model


@dataclass(frozen=True)
class Cost:
    """What an answer took; seconds and counts, see `Cost` of the contract."""

    queue: float
    encode: float
    decode: float
    source_tokens: int
    target_tokens: int
    sentences: int
    device: str
    #: Of the sentences, those from the server's cache.
    cached_sentences: int = 0


@dataclass(frozen=True)
class DetectedLanguage:
    """What a text, or a sentence of it, was taken for."""

    language: str
    confidence: float  #: between 0 and 1
    #: Of the sentence, in characters of the text; None: all of it.
    begin: Optional[int] = None
    end: Optional[int] = None


@dataclass(frozen=True)
class Translation:
    """The translation of one text."""

    text: str
    score: float
    #: Best first; the first is `text` with `score`.
    hypotheses: Tuple[Hypothesis, ...]
    #: What to know before trusting it: "truncated", "repetition", …
    flags: Tuple[str, ...]
    cost: Cost
    sentences: Tuple[Sentence, ...]
    #: With `return_alignments`, of the best hypothesis.
    words: Tuple[Word, ...]
    #: Where the source language was not named: what the text was taken for.
    detected: Optional[DetectedLanguage]
    #: The message as it came, for what has no attribute here.
    message: pb.Translation

    @property
    def confidence(self) -> Optional[float]:
        """That of the least certain sentence."""
        known = [s.confidence for s in self.sentences if s.confidence is not None]
        return min(known, default=None)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Token:
    """A piece of the target vocabulary, with its log-probability."""

    token: str
    score: float


@dataclass(frozen=True)
class Score:
    """What a model gives to a translation that was there."""

    #: log_probability / number of tokens ^ length_penalty
    score: float
    log_probability: float
    #: The last is the end symbol.
    tokens: Tuple[Token, ...]
    flags: Tuple[str, ...]
    cost: Cost
    #: With `return_alignments`, where source and translation are text.
    words: Tuple[Word, ...]
    #: The message as it came, for what has no attribute here.
    message: pb.TextScore


@dataclass(frozen=True)
class StableText:
    """How the translation of a text begins: it will not change any more.

    But for a text that is sent again, to another server: it begins anew.
    """

    index: int  #: of the text in the input, from 0
    source: str
    text: str  #: all of it so far


@dataclass(frozen=True)
class StreamResult:
    """The answer to one text of a stream: a translation or an error."""

    index: int  #: of the text in the input, from 0
    source: str
    translation: Optional[Translation] = None
    error: Optional[TranslationError] = None

    def unwrap(self) -> Translation:
        """The translation; raises the error where there is none."""
        if self.translation is None:
            assert self.error is not None
            raise self.error
        return self.translation


@dataclass(frozen=True)
class Model:
    """A served model."""

    name: str
    source_language: str
    target_language: str
    #: Of a multilingual model, those that a request may name.
    languages: Tuple[str, ...]
    #: The message as it came: limits, devices, default options.
    message: pb.Model


@dataclass(frozen=True)
class Language:
    """A language that the server's models know, as a BCP 47 tag."""

    language: str
    #: In the language that was asked for ("German"), and in its own.
    display_name: str
    own_name: str
    #: Into which it is translated; and those of them that take two models.
    targets: Tuple[str, ...]
    pivot_targets: Tuple[str, ...]
    #: Whether anything is translated into it.
    is_target: bool


@dataclass(frozen=True)
class Detection:
    """The languages of one text."""

    #: The most likely first; empty: none was recognised.
    languages: Tuple[DetectedLanguage, ...]
    #: "sure", "unsure" or "too_short".
    certainty: str
    #: If asked for.
    sentences: Tuple[DetectedLanguage, ...]

    @property
    def language(self) -> str:
        """The most likely one; "": none was recognised."""
        return self.languages[0].language if self.languages else ""


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


def make_score(message: pb.TextScore) -> Score:
    return Score(
        score=message.score,
        log_probability=message.log_probability,
        tokens=tuple(Token(token.token, token.score) for token in message.tokens),
        flags=tuple(flag_name(flag) for flag in message.flags),
        cost=_make_cost(message.cost),
        words=_make_words(message.words, message.source_words),
        message=message,
    )


def make_translation(message: pb.Translation) -> Translation:
    hypotheses = tuple(Hypothesis(h.text, h.score) for h in message.hypotheses)
    best = hypotheses[0] if hypotheses else Hypothesis("", 0.0)
    return Translation(
        text=best.text,
        score=best.score,
        hypotheses=hypotheses,
        flags=tuple(flag_name(flag) for flag in message.flags),
        cost=_make_cost(message.cost),
        sentences=tuple(_make_sentence(s) for s in message.sentences),
        words=_make_words(
            message.hypotheses[0].words if hypotheses else (), message.source_words
        ),
        detected=(
            DetectedLanguage(message.detected.language, message.detected.confidence)
            if message.HasField("detected")
            else None
        ),
        message=message,
    )


def make_model(message: pb.Model) -> Model:
    return Model(
        name=message.name,
        source_language=message.source_language,
        target_language=message.target_language,
        languages=tuple(message.languages),
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
            DetectedLanguage(one.language, one.confidence) for one in message.languages
        ),
        certainty=pb.Certainty.Name(message.certainty)[len("CERTAINTY_") :].lower(),
        sentences=tuple(
            DetectedLanguage(
                one.detected.language,
                one.detected.confidence,
                characters(one.begin),
                characters(one.end),
            )
            for one in message.sentences
        ),
    )
