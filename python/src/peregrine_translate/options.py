"""Decoding options by name, checked against the contract."""

from __future__ import annotations

from typing import Any, Mapping, Optional, TypedDict

from google.protobuf.descriptor import FieldDescriptor

from ._wire import translation_pb2 as pb


class Options(TypedDict, total=False):
    """The fields of `DecodingOptions`; what is absent takes the model's default."""

    beam_size: int
    length_penalty: float
    num_hypotheses: int
    min_length: int
    max_length: int
    use_shortlist: bool


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
            if hasattr(getattr(message, name), "extend"):
                getattr(message, name).extend(value)
            elif field.type == FieldDescriptor.TYPE_BOOL and not isinstance(value, bool):
                raise TypeError("expected True or False")
            else:
                setattr(message, name, value)
        except (TypeError, ValueError) as error:
            raise ValueError(f"options.{name}: found {value!r}: {error}") from None
    return message
