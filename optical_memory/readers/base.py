"""The reader protocol: pictures in, visual tokens out; visual tokens in, text out. Loads no torch.

"Encode" always means *see* and never *serialise*. The tokens that a memory hands to `decode` and
`certify` have been through the codec (`unpack(pack(tokens))`), even if they were encoded a moment
ago. So the loss of every blob changes speed and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from optical_memory.pages import Layout, Page
from optical_memory.profiles import ReaderProfile, Rung
from optical_memory.readings import Reading
from optical_memory.tokens import VisualTokens

__all__ = [
    "MethodReader",
    "Reader",
]


class Reader(Protocol):
    """Encoder and decoder of one family. Their weights load at the first use, each by itself."""

    @property
    def profile(self) -> ReaderProfile:
        """Facts about this reader; asking for them loads no weights."""
        ...

    def encode(self, images: Sequence[npt.NDArray[np.uint8]], rung: Rung) -> list[VisualTokens]:
        """See pages: each image is (height, width) uint8 of the rung's size, black (0) on white.

        Vision runs here only. Raises `ReaderMismatch` for a picture of another size.
        """
        ...

    def decode(
        self,
        tokens: Sequence[VisualTokens],
        layouts: Sequence[Layout],
        lines: Sequence[Sequence[int]] | None = None,
    ) -> list[Reading]:
        """Read pages back from their tokens.

        `lines` has, for each page, the numbers of the layout's rows to read; None means all rows.
        A reader may read other rows too. A row that it does not read is blank, with confidence 0,
        so that a reading is always as long as its page. Every row reads the same, whatever other
        rows are read with it. Raises `ReaderMismatch` for tokens of another model or revision.
        """
        ...

    def certify(self, tokens: Sequence[VisualTokens], pages: Sequence[Page]) -> list[Reading]:
        """Read pages while their text is in hand, with the same result as `decode`.

        A reader may use the text to be faster.
        """
        ...


@runtime_checkable
class MethodReader(Protocol):
    """A reader with more than one way to read a page, which its readings name (`method`)."""

    def decode_by(
        self, tokens: Sequence[VisualTokens], layouts: Sequence[Layout], methods: Sequence[str]
    ) -> list[Reading]:
        """Read pages, each by a method that a certified reading named; "" is the usual way."""
        ...
