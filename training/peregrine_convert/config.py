"""The configuration of a model, exactly as config.json holds it.

docs/model-format.md describes every field. Training and converters both write it from here.
It stands beside the converters, because these are installed without the training.
"""

from __future__ import annotations

import dataclasses
import json
import pathlib
import typing
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass
class Encoder:
    num_layers: int
    model_dim: int
    ffn_dim: int
    num_heads: int
    head_dim: int

    @property
    def attention_dim(self) -> int:
        return self.num_heads * self.head_dim


@dataclass
class Decoder(Encoder):
    state: str = "self_attention"
    aan_ffn_dim: int = 0


@dataclass
class Architecture:
    source_vocab_size: int
    target_vocab_size: int
    encoder: Encoder
    decoder: Decoder
    norm: str
    activation: str
    positions: str
    max_positions: int
    scale_embeddings: bool
    share_embeddings: bool
    output: str
    output_bias: bool
    output_rank: int = 0
    position_offset: int = 0
    layer_norm_epsilon: float = 1e-5
    final_norm: bool = True

    def __post_init__(self) -> None:
        _one_of("norm", self.norm, ("pre", "post"))
        _one_of("activation", self.activation, ("relu", "gelu", "swish"))
        _one_of("positions", self.positions,
                ("sinusoidal_concatenated", "sinusoidal_interleaved", "learned"))
        _one_of("output", self.output, ("tied", "separate", "factorized"))
        _check_state(self.decoder)
        if self.share_embeddings and (
                self.encoder.model_dim != self.decoder.model_dim
                or self.source_vocab_size != self.target_vocab_size):
            raise ValueError("share_embeddings needs equal dimensions and vocabularies")


@dataclass
class Tokens:
    pad: int
    bos: int
    eos: int
    unk: int
    decoder_start: int
    source_suffix: list[int]
    source_prefix: list[int] = field(default_factory=list)
    source_language: int | None = None


@dataclass
class Tokenizer:
    type: str
    source: str = ""
    target: str = ""
    source_codes: str = ""
    target_codes: str = ""


@dataclass
class Decoding:
    beam_size: int = 4
    length_penalty: float = 0.6
    max_length_factor: float = 2.0
    max_length_offset: int = 20
    min_length: int = 0
    suppressed_tokens: list[int] = field(default_factory=list)


@dataclass(kw_only=True)
class ModelConfig:
    name: str
    source_language: str = ""  # "": a request must name one of the languages
    target_language: str = ""
    languages: dict[str, int] = field(default_factory=dict)
    architecture: Architecture
    tokens: Tokens
    tokenizer: Tokenizer
    decoding: Decoding
    markers: list[str] = field(default_factory=list)  # pieces that stand for protected spans
    format_version: int = 1

    @classmethod
    def load(cls, directory: pathlib.Path | str) -> ModelConfig:
        text = (pathlib.Path(directory) / "config.json").read_text(encoding="utf-8")
        return from_dict(cls, json.loads(text))

    def to_json(self) -> str:
        return json.dumps(to_dict(self), indent=2, ensure_ascii=False) + "\n"


def from_dict(cls: type[T], values: dict[str, Any]) -> T:
    """Builds a dataclass from nested dictionaries; unknown fields are errors."""
    types = typing.get_type_hints(cls)
    unknown = set(values) - set(types)
    if unknown:
        raise ValueError(f"{cls.__name__} has no field {', '.join(sorted(unknown))}")
    return cls(**{name: _built(types[name], value) for name, value in values.items()})


def _built(kind: Any, value: Any) -> Any:
    """A field's value: a dictionary, or each of a list of them, as the field's dataclass."""
    if dataclasses.is_dataclass(kind):
        return from_dict(kind, value)
    inner = typing.get_args(kind)
    if typing.get_origin(kind) is list and dataclasses.is_dataclass(inner[0]):
        return [from_dict(inner[0], entry) for entry in value]
    return value


def to_dict(config: Any) -> dict[str, Any]:
    """The opposite of from_dict, without the fields that have nothing to say."""
    values = dataclasses.asdict(config)
    if "format_version" in values:
        values = {"format_version": values.pop("format_version")} | values
    if values.get("tokenizer", {}).get("type") == "none":
        values["tokenizer"] = {"type": "none"}
    for place, name in ((values, "source_language"), (values, "target_language"),
                        (values, "languages"), (values, "markers"),
                        (values.get("tokens", {}), "source_prefix"),
                        (values.get("tokens", {}), "source_language")):
        if name in place and place[name] in ("", {}, [], None):
            del place[name]
    for place, name, default in (("architecture", "final_norm", True),
                                 ("decoding", "min_length", 0),
                                 ("tokenizer", "source_codes", ""),
                                 ("tokenizer", "target_codes", "")):
        part = values.get(place, {})
        if part.get(name) == default:
            del part[name]
    decoder = values.get("architecture", values).get("decoder", {})
    if decoder.get("state") != "aan":
        decoder.pop("aan_ffn_dim", None)
    return values


def _check_state(decoder: Decoder) -> None:
    _one_of("decoder.state", decoder.state, ("self_attention", "aan", "ssru", "can"))
    if decoder.aan_ffn_dim and decoder.state != "aan":
        raise ValueError(f"decoder.aan_ffn_dim is {decoder.aan_ffn_dim}; expected 0 for the "
                         f"state {decoder.state}")
    if decoder.state == "can" and (decoder.ffn_dim <= 0 or decoder.ffn_dim % decoder.num_heads):
        raise ValueError(f"decoder.ffn_dim is {decoder.ffn_dim}; expected a multiple of "
                         f"num_heads = {decoder.num_heads} for the state can")


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"{name} is {value!r}; expected one of {', '.join(allowed)}")
