"""The reader protocol: pictures in, visual tokens out; visual tokens in, text out. Imports no
torch.

"encode" always means *see* and never *serialise*. What `decode` and `certify` are given has been
through the codec (`unpack(pack(tokens))`), on a cache miss too, so that losing every blob changes
speed and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from optical_memory.pages import Layout, Page
from optical_memory.profiles import ReaderProfile, Rung
from optical_memory.readings import Reading
from optical_memory.tokens import VisualTokens

__all__ = ["Reader"]





class Reader(Protocol):
    """Encoder and decoder of one family; both load lazily and apart."""

    @property
    def profile(self) -> ReaderProfile: ...

    def encode(self, images: Sequence[npt.NDArray[np.uint8]], rung: Rung) -> list[VisualTokens]:
        """See pages: each image is (side_px, side_px) uint8, black (0) on white (255). Vision runs
        here only.
        """
        ...

    def decode(self, tokens: Sequence[VisualTokens], layouts: Sequence[Layout]) -> list[Reading]:
        """Read pages back from their tokens. Raises `ReaderMismatch` for tokens of another model or
        revision.
        """
        ...

    def certify(self, tokens: Sequence[VisualTokens], pages: Sequence[Page]) -> list[Reading]:
        """What `decode` would read while the text is still in hand; never differs from `decode`."""
        ...
