"""`HostProfile`: the facts about a family of models that look at pictures, as a value."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from optical_memory.hosts.prices import ImagePrice
from optical_memory.hosts.receipts import Receipt

__all__ = [
    "Beside",
    "Density",
    "HostProfile",
    "Limits",
    "SheetSize",
]

Beside = Literal["lookalikes", "identifiers"]
"""What stands as text beside a sheet: identifiers that mix letters which look alike, or all."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a request may hold: pictures, px a side, bytes of all pictures together."""

    max_images: int
    max_side_px: int
    max_bytes: int


@dataclass(frozen=True, slots=True)
class SheetSize:
    """The size of a full sheet in px, and the step by which the price of a shorter one falls."""

    width_px: int
    height_px: int
    step_px: int


@dataclass(frozen=True, slots=True)
class Density:
    """px² a character for passages that are `from_age` turns old or older."""

    from_age: int
    px2: float


@dataclass(frozen=True, slots=True)
class HostProfile:
    """A family of models at one price, with one way to look at pictures.

    `patterns` are regular expressions that match a model's id from its beginning. `text_factor` is
    the number of this host's tokens for one of ours (DeepSeek's), of English text. `date` is the
    day on which the facts were looked up. `densities` begin with age 0; only those that a receipt
    of this host covers are in use.
    """

    name: str
    patterns: tuple[str, ...]
    price: ImagePrice
    limits: Limits
    sheet: SheetSize
    densities: tuple[Density, ...]
    beside: Beside
    date: str
    sources: tuple[str, ...]
    text_factor: float = 1.0
    receipts: tuple[Receipt, ...] = ()

    def matches(self, model: str) -> bool:
        """True if a model's id, without its provider, is of this family."""
        return any(re.match(pattern, model) for pattern in self.patterns)

    @property
    def is_open(self) -> bool:
        """True if somebody measured that these models read a density that is drawn for them."""
        return bool(self.open_densities)

    @property
    def open_densities(self) -> tuple[Density, ...]:
        """The densities that a passing receipt covers: it read letters as small or smaller.

        If the receipts are of larger letters than all of ours, letters are drawn as large as those.
        """
        px2s = [receipt.density_px2 for receipt in self.receipts if receipt.passes]
        if not px2s:
            return ()
        steps = tuple(density for density in self.densities if density.px2 >= min(px2s))
        return steps or (Density(0, min(px2s)),)

    def density(self, age: int) -> float:
        """px² a character for a passage of this age in turns; denser the older it is.

        A host without receipts has its first density alone.
        """
        densities = self.open_densities or self.densities[:1]
        px2 = densities[0].px2
        for step in densities:
            if step.from_age <= age:
                px2 = step.px2
        return px2

    def text_tokens(self, n_tokens: int) -> int:
        """Tokens that this host counts for a text of so many of ours, rounded up."""
        return math.ceil(round(n_tokens * self.text_factor, 6))  # 30 times 1.1 is 33

    def with_receipts(self, receipts: Iterable[Receipt]) -> HostProfile:
        """The same profile with more receipts."""
        return replace(self, receipts=(*self.receipts, *receipts))
