"""Prices: the tokens that a provider bills for a picture of width x height px."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

__all__ = [
    "AreaPrice",
    "FlatPrice",
    "ImagePrice",
    "PatchPrice",
    "TilePrice",
]


class ImagePrice(Protocol):
    """A formula; pictures are within the limits of the host, so that nothing is made smaller."""

    def tokens(self, width_px: int, height_px: int) -> int:
        """Tokens for a picture."""
        ...

    @property
    def formula(self) -> str:
        """The formula in words, for people."""
        ...


@dataclass(frozen=True, slots=True)
class PatchPrice:
    """A token for each started patch, times `percent` / 100, and some for the block itself.

    >>> PatchPrice(28, per_block=4).tokens(1036, 1036)
    1373
    >>> PatchPrice(32, percent=120).tokens(1024, 1024)
    1229
    """

    patch_px: int
    percent: int = 100
    per_block: int = 0

    def tokens(self, width_px: int, height_px: int) -> int:
        """Tokens for a picture."""
        patches = math.ceil(width_px / self.patch_px) * math.ceil(height_px / self.patch_px)
        return -(-patches * self.percent // 100) + self.per_block

    @property
    def formula(self) -> str:
        """The formula in words."""
        factor = f" × {self.percent / 100:g}" if self.percent != 100 else ""
        block = f" + {self.per_block}" if self.per_block else ""
        return f"⌈w/{self.patch_px}⌉·⌈h/{self.patch_px}⌉{factor}{block}"


@dataclass(frozen=True, slots=True)
class TilePrice:
    """`base` and so much for each started tile; sides are at most 2048 px, the shorter at most
    `shorter_px`.

    >>> TilePrice(85, 170).tokens(1024, 1024), TilePrice(85, 170).tokens(512, 2048)
    (765, 765)
    """

    base: int
    tile: int
    tile_px: int = 512
    shorter_px: int = 768

    def tokens(self, width_px: int, height_px: int) -> int:
        """Tokens for a picture, after the provider has made it smaller."""
        scale = min(1.0, self.shorter_px / min(width_px, height_px))
        n_tiles = 1
        for side in (width_px, height_px):
            n_tiles *= math.ceil(round(side * scale, 6) / self.tile_px)
        return self.base + self.tile * n_tiles

    @property
    def formula(self) -> str:
        """The formula in words."""
        return f"{self.base} + {self.tile} a tile of {self.tile_px} px"


@dataclass(frozen=True, slots=True)
class AreaPrice:
    """So many tokens a megapixel.

    >>> AreaPrice(1000).tokens(1024, 1024)
    1049
    """

    per_megapixel: int

    def tokens(self, width_px: int, height_px: int) -> int:
        """Tokens for a picture."""
        return math.ceil(self.per_megapixel * width_px * height_px / 1e6)

    @property
    def formula(self) -> str:
        """The formula in words."""
        return f"{self.per_megapixel} a megapixel"


@dataclass(frozen=True, slots=True)
class FlatPrice:
    """The same for a picture of any size."""

    n_tokens: int

    def tokens(self, width_px: int, height_px: int) -> int:
        """Tokens for a picture."""
        return self.n_tokens

    @property
    def formula(self) -> str:
        """The formula in words."""
        return f"{self.n_tokens} a picture"
