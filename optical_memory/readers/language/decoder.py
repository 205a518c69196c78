"""What a language decoder gives for a page of visual tokens: free text, and how sure it was of
every character.

The seam between a reader of a published model and what decodes for it: the model in this process,
or a vLLM server. Imports no torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

__all__ = ["Decoder", "Guard", "Task", "Transcript"]


@dataclass(frozen=True, slots=True)
class Guard:
    """A ban on loops: no run of `ngram` tokens may come twice within the last `window`, but for
    `allowed` tokens.

    Only tokens that were generated count. The values that DeepSeek's and Baidu's own code uses are
    data of the family.
    """

    ngram: int = 30
    window: int = 90
    allowed: tuple[int, ...] = (128821, 128822)  # <td>, </td>: empty cells of a table


@dataclass(frozen=True, slots=True)
class Task:
    """One page to decode: `tokens` (n, dim) float32 as the decoder receives them (newlines and
    separator in place), the prompt's text, at most `limit` new tokens, and the guard.
    """

    tokens: npt.NDArray[np.float32]
    prompt: str
    limit: int
    guard: Guard


@dataclass(frozen=True, slots=True)
class Transcript:
    """`text` as decoded, one probability a character, and whether the model itself ended it (or hit
    the limit).
    """

    text: str
    confidence: npt.NDArray[np.float32]  # (len(text),)
    ended: bool


class Decoder(Protocol):
    """Greedy decoding of pages; what else is decoded at the same time changes no reading but by
    rounding.
    """

    def transcribe(self, tasks: Sequence[Task]) -> list[Transcript]: ...
