"""All fields of a value as text, however deep, whatever its `repr` leaves out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass

from pydantic import BaseModel

__all__ = [
    "all_fields",
]


def all_fields(value: object) -> str:
    """Every text in a value."""
    if isinstance(value, str):
        return value
    if isinstance(value, BaseModel):
        return value.model_dump_json()
    if is_dataclass(value) and not isinstance(value, type):
        return "\n".join(all_fields(getattr(value, field.name)) for field in fields(value))
    if isinstance(value, Mapping):
        return "\n".join(map(all_fields, [*value.keys(), *value.values()]))
    if isinstance(value, list | tuple | set | frozenset):
        return "\n".join(map(all_fields, value))
    if isinstance(value, BaseException):
        return f"{value!r} {value} {value.__cause__!r}"
    return repr(value)
