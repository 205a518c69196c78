"""Decoders that check JSON about as strictly as a pydantic model does, many times as fast.

Opening a session looks at every record, and most of them are looked at no closer. msgspec checks
them without building the model. It knows fewer spellings than pydantic (a number in quotes, say):
when it refuses something, pydantic must decide.
"""

from __future__ import annotations

import dataclasses
import functools
import operator
import types
from collections.abc import Sequence
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import msgspec
from pydantic import BaseModel

__all__ = ["REFUSALS", "strict_decoder"]

REFUSALS = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""The errors that a decoder raises; the last for JSON that is nested too deep."""

Field = tuple[str, Any, Any]

CHECKSUM: Field = ("sum", str, "")


def strict_decoder(
    model: type[BaseModel], *heads: type[msgspec.Struct]
) -> msgspec.json.Decoder[Any]:
    """A decoder of JSON with the model's fields and no others; it gives a subclass of `heads`.

    A record may still have its checksum, which was checked when the store was read. Text in
    dictionaries is passed over: that it is UTF-8 is not checked.
    """
    fields: list[Field] = [CHECKSUM]
    for name, field in model.model_fields.items():
        default = msgspec.NODEFAULT if field.is_required() else field.get_default()
        fields.append((name, _limited(_strict(field.annotation), field.metadata), default))
    return msgspec.json.Decoder(_struct(model.__name__, fields, *heads))


def _struct(name: str, fields: list[Field], *heads: type[msgspec.Struct]) -> type[msgspec.Struct]:
    return msgspec.defstruct(
        name,
        fields,
        bases=heads,
        namespace={"__repr__": _without_words},
        kw_only=True,
        forbid_unknown_fields=True,
    )


def _without_words(struct: msgspec.Struct) -> str:
    return f"{type(struct).__name__}(…)"


def _limited(type_: Any, metadata: Sequence[Any]) -> Any:
    """The type with the limits that the model gives the field."""
    limits = {
        name: getattr(limit, name)
        for limit in metadata
        for name in ("ge", "le")
        if hasattr(limit, name)
    }
    return Annotated[type_, msgspec.Meta(**limits)] if limits else type_


def _strict(type_: Any) -> Any:
    """The type that msgspec checks in place of this type."""
    if dataclasses.is_dataclass(type_):
        return _struct("Part", _fields(type_))
    origin = get_origin(type_)
    if origin is dict:
        return dict[str, msgspec.Raw]
    if origin is list:
        return types.GenericAlias(list, (_strict(get_args(type_)[0]),))
    if origin in (Union, types.UnionType):
        return functools.reduce(operator.or_, [_strict(arg) for arg in get_args(type_)])
    return type_


def _fields(dataclass: Any) -> list[Field]:
    types_by_name = get_type_hints(dataclass)
    fields: list[Field] = []
    for field in dataclasses.fields(dataclass):
        is_required = field.default is dataclasses.MISSING
        default = msgspec.NODEFAULT if is_required else field.default
        fields.append((field.name, _strict(types_by_name[field.name]), default))
    return fields
