"""What the server answers, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping, Optional, Tuple

from ._wire import translation_pb2 as pb
from .errors import TranslationError
from .options import Options


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
class Token:
    """A piece of the target vocabulary."""

    token: str
    #: Its log-probability; 0: it was given. None: not asked for.
    score: Optional[float]
    #: With `return_alignments`, the source token that it comes from: an index of
    #: `source_tokens`.
    source: Optional[int] = None
    #: Likewise: how much it looked at each source token of its sentence.
    attention: Tuple[Tuple[int, float], ...] = ()


@dataclass(frozen=True)
class Hypothesis:
    """One way to say it. `score` is a length-normalised log-probability."""

    text: str
    score: float
    #: With `return_token_scores` or `return_alignments`.
    tokens: Tuple[Token, ...] = ()
    #: With `return_alignments`.
    words: Tuple[Word, ...] = ()


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
    #: "sure", "unsure", "too_short", or "default": the server's, since it was not
    #: sure. Of a sentence, and of one of several languages: "".
    certainty: str = ""
    #: Of `detect`: how much of the text is in it, 0 to 1.
    share: Optional[float] = None


@dataclass(frozen=True)
class Pivot:
    """The first of two models: from the source into a language in between."""

    language: str
    model: str
    revision: str


@dataclass(frozen=True)
class Route:
    """Who translated a text, from what and into what."""

    #: "": nobody, since the text is in the target language already.
    model: str
    #: Which model under that name: see `Model.revision`.
    revision: str
    #: As the model names them; "" where it does not.
    source_language: str
    target_language: str
    #: Set where no model translates the pair, and two did in a row.
    pivot: Optional[Pivot] = None


@dataclass(frozen=True)
class Intermediate:
    """What the first of two models made of a text."""

    text: str
    flags: Tuple[str, ...]
    cost: Cost


@dataclass(frozen=True)
class LostSpan:
    """A protected span that the translation has less or more often than the source."""

    kind: str  #: "url", "number", …
    text: str
    found: int
    expected: int


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
    route: Route
    #: By two models: what the first one made of it. `flags`, `lost_spans` and
    #: `cost` are those of both.
    intermediate: Optional[Intermediate]
    #: With the flag "span_lost": which.
    lost_spans: Tuple[LostSpan, ...]
    #: With `return_alignments`: the source as its vocabulary spells it, and its
    #: words that were translated.
    source_tokens: Tuple[str, ...]
    source_words: Tuple[ByteRange, ...]
    message: pb.Translation  #: as it came

    @property
    def confidence(self) -> Optional[float]:
        """That of the least certain sentence."""
        known = [s.confidence for s in self.sentences if s.confidence is not None]
        return min(known, default=None)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class TokenHypothesis:
    """A translation in pieces of the target vocabulary."""

    tokens: Tuple[str, ...]
    score: float
    #: With `return_token_scores` or `return_alignments`: of each token.
    details: Tuple[Token, ...] = ()


@dataclass(frozen=True)
class TokenTranslation:
    """The translation of a sequence of pieces of the source vocabulary."""

    #: Best first; the first is `tokens` with `score`.
    hypotheses: Tuple[TokenHypothesis, ...]
    flags: Tuple[str, ...]
    cost: Cost
    model: str
    revision: str
    message: pb.TokenTranslation  #: as it came

    @property
    def tokens(self) -> Tuple[str, ...]:
        return self.hypotheses[0].tokens

    @property
    def score(self) -> float:
        return self.hypotheses[0].score


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
    #: With `return_alignments`; words where source and translation are text.
    words: Tuple[Word, ...]
    source_tokens: Tuple[str, ...]
    source_words: Tuple[ByteRange, ...]
    model: str
    revision: str
    message: pb.TextScore  #: as it came


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
class Device:
    """What serves a model."""

    device: str  #: "cpu"
    precision: str
    workers: int
    weights_bytes: int
    #: What multiplies by the weights, for people: "own kernels".
    products: str


@dataclass(frozen=True)
class Model:
    """A served model."""

    name: str
    source_language: str
    target_language: str
    #: Of a multilingual model, those that a request may name.
    languages: Tuple[str, ...]
    #: Another one wherever a file of the model is another.
    revision: str
    architecture: str  #: of the decoder, for people
    parameters: int
    source_vocab_size: int
    target_vocab_size: int
    #: What absent options stand for. The maximum length grows with the source.
    default_options: Options
    #: The fields of `Limits` of the contract: `max_text_bytes`, …
    limits: Mapping[str, float]
    #: None: it is loaded by the first request for it.
    devices: Tuple[Device, ...]
    message: pb.Model  #: as it came


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
