"""Pieces: words of a sheet in the order in which they are drawn, and how large their type is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import sqrt

from optical_memory.errors import InputError
from optical_memory.renderers.cells import escape
from optical_memory.renderers.sans_grid import CHAR_EMS
from optical_memory.turns import short_repr

__all__ = [
    "LINE_BREAK",
    "LINE_EMS",
    "MIN_DENSITY_PX2",
    "Piece",
    "Type",
    "run_on",
]

LINE_EMS = 1.22
"""Height of a line in em, like the pages that were measured (1.20 to 1.25)."""

MIN_DENSITY_PX2 = 20.0
"""The least px² a character. Nobody was measured to read less."""

LINE_BREAK = "¶"
"""Stands for a line break of the text: paper costs as much as words."""

_BLOCKS = re.compile("[\u2580-\u259f\u25a0-\u25ff]")
"""Blocks and geometric shapes."""

_BREAKS = re.compile("\\r\\n|[\\n\\r\\v\\f\\x1c-\\x1e\\x85\\u2028\\u2029]")


@dataclass(frozen=True, slots=True)
class Type:
    """How large letters are drawn: px² a character of running English prose.

    >>> Type(40.0).em_64, Type(40.0).line_64
    (536, 653)
    """

    density_px2: float

    def __post_init__(self) -> None:
        if not MIN_DENSITY_PX2 <= self.density_px2 <= 1_000:
            raise InputError(
                f"a density is {MIN_DENSITY_PX2:.0f} to 1000 px² a character, "
                f"not {self.density_px2}"
            )

    @property
    def em_64(self) -> int:
        """The em in 1/64 px."""
        return int(64 * sqrt(self.density_px2 / (CHAR_EMS * LINE_EMS)))

    @property
    def line_64(self) -> int:
        """The height of a line in 1/64 px."""
        return int(self.em_64 * LINE_EMS)


@short_repr
@dataclass(frozen=True, slots=True)
class Piece:
    """Words without a line break, in a type.

    A label is ours: a black bar as high as the line stands before it, which no text can imitate.
    """

    text: str
    type: Type
    is_label: bool = False


def run_on(text: str) -> str:
    r"""The text in a single line: a sign for each line break. Blocks that look like our bar become
    escapes.

    >>> run_on("if x:\n    go()")
    'if x:¶    go()'
    """
    return _BLOCKS.sub(lambda block: escape(block[0]), _BREAKS.sub(LINE_BREAK, text))
