"""Decoding options by name, checked against the contract."""

from __future__ import annotations

import re
from typing import Any, Dict, Mapping, Optional, Sequence, TypedDict, Union, cast

from google.protobuf.descriptor import FieldDescriptor

from ._wire import translation_pb2 as pb


class Sampling(TypedDict, total=False):
    """Draw tokens instead of searching; the same seed gives the same text."""

    top_k: int
    top_p: float
    temperature: float
    seed: int


class Tokens(TypedDict):
    """A phrase in pieces of the model's vocabulary."""

    tokens: Sequence[str]


Phrase = Union[str, Tokens]


class Options(TypedDict, total=False):
    """The fields of `DecodingOptions`; what is absent takes the model's default.

    docs/decoding.md compares each with the options of other engines.
    """

    beam_size: int
    length_penalty: float
    num_hypotheses: int
    min_length: int
    max_length: int
    use_shortlist: bool
    patience: float
    #: "first_finished", "best_finished", "heuristic" or "never".
    stopping: str
    repetition_penalty: float
    no_repeat_ngram_size: int
    allow_unknown: bool
    min_probability: float
    word_reward: float
    coverage_penalty: float
    sampling: Sampling
    return_alternatives: bool
    target_prefix: Phrase
    must_contain: Sequence[Phrase]
    must_contain_in_order: bool
    must_not_contain: Sequence[Phrase]
    beam_groups: int
    diversity_penalty: float
    return_token_scores: bool
    return_alignments: bool


def make_options(options: Optional[Mapping[str, Any]]) -> Optional[pb.DecodingOptions]:
    """The message; ValueError names an option that does not exist or fit."""
    if not options:
        return None
    message = pb.DecodingOptions()
    fields = pb.DecodingOptions.DESCRIPTOR.fields_by_name
    for name, value in options.items():
        field = fields.get(name)
        if field is None:
            known = ", ".join(sorted(fields))
            raise ValueError(f"options: found {name!r}, expected one of {known}")
        if value is None:
            continue
        try:
            _set(message, field, value)
        except (TypeError, ValueError, KeyError) as error:
            raise ValueError(f"options.{name}: found {value!r}: {error}") from None
    return message


def read_options(message: pb.DecodingOptions) -> Options:
    """What is set in the message; `make_options` makes the same of it again."""
    found: Dict[str, Any] = {}
    for field, value in message.ListFields():
        if field.enum_type is not None:
            name = field.enum_type.values_by_number[value].name
            found[field.name] = name[len(_prefix(field)) :].lower()
        elif field.message_type is pb.Phrase.DESCRIPTOR and isinstance(value, pb.Phrase):
            found[field.name] = _read_phrase(value)
        elif field.message_type is pb.Phrase.DESCRIPTOR:
            found[field.name] = [_read_phrase(phrase) for phrase in value]
        elif field.message_type is not None:
            found[field.name] = {part.name: content for part, content in value.ListFields()}
        else:
            found[field.name] = value
    return cast(Options, found)


def _set(message: Any, field: Any, value: Any) -> None:
    current = getattr(message, field.name)
    if field.enum_type is not None:
        name = _prefix(field) + value.upper()
        setattr(message, field.name, field.enum_type.values_by_name[name].number)
    elif hasattr(current, "extend"):
        if isinstance(value, str):
            raise TypeError("expected a list")
        current.extend(_phrase(one) for one in value)
    elif field.message_type is pb.Phrase.DESCRIPTOR:
        current.CopyFrom(_phrase(value))
    elif field.message_type is not None:
        current.CopyFrom(type(current)(**value))
    elif field.type == FieldDescriptor.TYPE_BOOL and not isinstance(value, bool):
        raise TypeError("expected True or False")
    else:
        setattr(message, field.name, value)


def _phrase(value: Any) -> pb.Phrase:
    return pb.Phrase(text=value) if isinstance(value, str) else pb.Phrase(**value)


def _read_phrase(phrase: pb.Phrase) -> Phrase:
    return {"tokens": list(phrase.tokens)} if phrase.tokens else phrase.text


def _prefix(field: Any) -> str:
    """STOPPING_ for an enum Stopping."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", str(field.enum_type.name)).upper() + "_"
