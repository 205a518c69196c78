"""Visual tokens as a value, and the codecs that turn them into bytes and back.

Only the n² grid tokens are kept: newline and separator vectors are constants of the model and are put back on reading.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["VisualTokens"]


@dataclass(frozen=True, eq=False)
class VisualTokens:
    """An encoded page: `values` (n, d) float32, made by `reader`@`revision` at `rung`."""

    values: npt.NDArray[np.float32]  # (n, d), row-major over the token grid
    reader: str
    revision: str
    rung: str
