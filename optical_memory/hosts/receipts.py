"""Receipts: who measured what a model reads, of which type and density, and how well."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from platformdirs import user_data_path
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from optical_memory.errors import InputError

__all__ = [
    "RECEIPTS_VARIABLE",
    "Receipt",
    "read_receipts",
    "receipts_file",
    "user_receipts",
    "write_receipts",
]

MIN_FACTS = 10
"""Fewer facts open nothing."""

MIN_EXACT = 0.9
"""The share of facts that must be read exactly. Prose is read well far below that size."""

MAX_SILENT = 0.05
"""The share that may be wrong without a word; abstaining is no error."""

RECEIPTS_VARIABLE = "OPTICAL_MEMORY_RECEIPTS"
"""Names the file of your own receipts, in place of the one in the user's data directory."""

Face = Literal["sans", "pixel"]


class Receipt(BaseModel):
    """Facts planted in pages of a density, and how many of them a model read exactly.

    `silent` counts wrong answers that were not said to be unsure, None if nobody counted them.
    `price` is what a picture was billed, None if unknown.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str = Field(min_length=1)
    face: Face
    density_px2: float = Field(gt=0)
    n: int = Field(ge=1)
    exact: int = Field(ge=0)
    silent: int | None = Field(default=None, ge=0)
    source: str
    date: str
    price: float | None = None

    @property
    def passes(self) -> bool:
        """True if it opens its density: nearly all facts are exact, hardly any silently wrong."""
        is_honest = self.silent is None or self.silent <= MAX_SILENT * self.n
        return self.n >= MIN_FACTS and self.exact >= MIN_EXACT * self.n and is_honest


def receipts_file() -> Path:
    """The file of the user's own receipts."""
    path = os.environ.get(RECEIPTS_VARIABLE)
    return Path(path) if path else user_data_path("optical-memory") / "receipts.jsonl"


def read_receipts(path: str | Path) -> list[Receipt]:
    """The receipts of a file of JSON lines.

    Raises `InputError` if the file cannot be read or a line is no receipt.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{Path(path).name} cannot be read: {type(error).__name__}") from error
    receipts: list[Receipt] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            receipts.append(Receipt.model_validate_json(line))
        except ValidationError as error:
            raise InputError(f"{Path(path).name}, line {number}: not a receipt") from error
    return receipts


def write_receipts(receipts: Iterable[Receipt], path: str | Path) -> None:
    """Add receipts to the end of a file."""
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8") as lines:
        lines.writelines(f"{receipt.model_dump_json()}\n" for receipt in receipts)


def user_receipts() -> list[Receipt]:
    """The user's own receipts; none if there is no file. Raises like `read_receipts`."""
    path = receipts_file()
    return read_receipts(path) if path.exists() else []
