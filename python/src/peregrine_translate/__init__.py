"""Client of Peregrine, a translation service over gRPC.

    from peregrine_translate import Client

    with Client("localhost:50051") as client:
        print(client.translate("Good morning!"))
"""

from .aio import AsyncClient
from .arguments import ScoreArguments, StreamArguments, TranslateArguments
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
    Hypothesis,
    Language,
    Model,
    Score,
    Sentence,
    StableText,
    StreamResult,
    Token,
    Translation,
    Word,
)
from .shapes import Pipeline, Translator, pipeline
from .window import RetryPolicy

__all__ = [
    "AsyncClient",
    "AuthenticationError",
    "Client",
    "Cost",
    "DeadlineError",
    "DetectedLanguage",
    "Detection",
    "FieldViolation",
    "Glossary",
    "Hypothesis",
    "InvalidRequestError",
    "Language",
    "Model",
    "NotFoundError",
    "Options",
    "OverloadedError",
    "Pipeline",
    "RetryPolicy",
    "Score",
    "ScoreArguments",
    "Sentence",
    "StableText",
    "StreamArguments",
    "StreamResult",
    "Tls",
    "Token",
    "TranslateArguments",
    "Translation",
    "TranslationError",
    "Translator",
    "UnavailableError",
    "Word",
    "pipeline",
]
