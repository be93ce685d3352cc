"""Client of Peregrine, a translation service over gRPC.

    from peregrine_translate import Client

    with Client("localhost:50051") as client:
        print(client.translate("Good morning!"))
"""

from .aio import AsyncClient
from .arguments import ScoreArguments, StreamArguments, TokenArguments, TranslateArguments
from .channel import Tls
from .client import Client
from .errors import (
    AuthenticationError,
    DeadlineError,
    FieldViolation,
    InvalidRequestError,
    NotFoundError,
    OverloadedError,
    TranslationError,
    UnavailableError,
)
from .glossary import Glossary
from .options import Options
from .results import (
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
    StableText,
    StreamResult,
    Token,
    TokenHypothesis,
    TokenTranslation,
    Translation,
    Word,
)
from .retry import RetryPolicy
from .shapes import Pipeline, Translator, pipeline
from .text import Text
from .text_options import Term

__all__ = [
    "AsyncClient",
    "AuthenticationError",
    "Client",
    "Cost",
    "DeadlineError",
    "DetectedLanguage",
    "Detection",
    "Device",
    "FieldViolation",
    "Glossary",
    "Hypothesis",
    "Intermediate",
    "InvalidRequestError",
    "Language",
    "LostSpan",
    "Model",
    "NotFoundError",
    "Options",
    "OverloadedError",
    "Pipeline",
    "Pivot",
    "RetryPolicy",
    "Route",
    "Score",
    "ScoreArguments",
    "Sentence",
    "StableText",
    "StreamArguments",
    "StreamResult",
    "Term",
    "Text",
    "Tls",
    "Token",
    "TokenArguments",
    "TokenHypothesis",
    "TokenTranslation",
    "TranslateArguments",
    "Translation",
    "TranslationError",
    "Translator",
    "UnavailableError",
    "Word",
    "pipeline",
]
