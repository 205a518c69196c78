"""A published config.json as typed sections, with the numbers that a model can be built from.

The stock classes check little: with wrong numbers they would divide by zero, fail at the first
page, or wait for memory. Imports no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from reprlib import repr as short
from typing import Annotated, Any, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from optical_memory.errors import CheckpointError

__all__ = [
    "MAX_SIZE",
    "Section",
    "Size",
    "TensorCount",
    "parse_config",
]

MAX_SIZE = 2**20  # eight times the largest published size, and no product overflows


def _require_tensors(count: int, info: ValidationInfo) -> int:
    context: Any = info.context
    if count > context["n_tensors"]:
        raise ValueError(f"{count} is more than the {context['n_tensors']} tensors of the files")
    return count


Size = Annotated[int, Field(strict=True, ge=1, le=MAX_SIZE)]
"""A count, or a width: from 1 to `MAX_SIZE`."""

TensorCount = Annotated[Size, AfterValidator(_require_tensors)]
"""A count of parts that have tensors of their own, so it is at most the number of tensors."""


class Section(BaseModel):
    """An object in config.json; keys that no field names are left alone."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)

    def check(self) -> None:
        """Compare the numbers with each other. Raises `ValueError` if they do not go together."""

    @model_validator(mode="after")
    def _run_check(self) -> Self:
        self.check()
        return self

    def require_at_most(self, name: str, limit: int, reason: str) -> None:
        """Raise `ValueError` if the number `name` is larger than `limit`."""
        value = getattr(self, name)
        if value is not None and value > limit:
            raise ValueError(f"{name} is {value}, more than {limit}, {reason}")

    def require_multiple(self, name: str, divisor: int, reason: str) -> None:
        """Raise `ValueError` unless `divisor` divides the number `name`."""
        value = getattr(self, name)
        if value % divisor:
            raise ValueError(f"{name} is {value}, not a multiple of {divisor}, {reason}")


Config = TypeVar("Config", bound=Section)


def parse_config(kind: type[Config], config_json: Mapping[str, Any], n_tensors: int = 0) -> Config:
    """config.json as a `kind`, for a checkpoint with `n_tensors` tensors in its files.

    Raises `CheckpointError`, with the key and its value, for the first number that no model has.
    """
    try:
        return kind.model_validate(dict(config_json), context={"n_tensors": n_tensors})
    except ValidationError as error:
        raise CheckpointError(f"config.json: {_first_problem(error)}") from error


def _first_problem(error: ValidationError) -> str:
    details = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in details["loc"])
    value = short(details["input"])
    match details["type"]:
        case "missing":
            return f"{key} is missing"
        case "value_error":  # from a validator of a section
            return f"{key}: {details.get('ctx', {}).get('error')}"
        case "model_type":
            return f"{key} is {value}: Input should be an object"
        case _:
            return f"{key} is {value}: {details['msg']}"
