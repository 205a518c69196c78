"""The seam between a reader of a published model and its decoder: free text for visual tokens.

The decoder is the model in this process, or a vLLM server. Imports no torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from optical_memory.turns import short_repr

__all__ = [
    "Decoder",
    "Guard",
    "Task",
    "Transcript",
]


@dataclass(frozen=True, slots=True)
class Guard:
    """A ban on loops: no run of `ngram` tokens may come twice within the last `window` tokens.

    Only generated tokens count, and tokens in `allowed` are never banned. The default is that of
    vLLM's recipe for DeepSeek-OCR; the values of DeepSeek's and Baidu's code are in `Family`.
    """

    ngram: int = 30
    window: int = 90
    allowed: tuple[int, ...] = (128821, 128822)  # <td>, </td>: empty cells of a table


@dataclass(frozen=True, slots=True)
class Task:
    """A page to decode: visual tokens, the prompt after them, and a guard against loops.

    `tokens` are (n, dim) float32 as the decoder receives them, with newlines and separator.
    `limit` is the largest number of new tokens.
    """

    tokens: npt.NDArray[np.float32]
    prompt: str
    limit: int
    guard: Guard


@short_repr
@dataclass(frozen=True, slots=True)
class Transcript:
    """The text that a decoder wrote, with a probability for every character.

    `ended` says whether the model itself ended the text; if not, it hit the limit.
    """

    text: str
    confidence: npt.NDArray[np.float32]  # (len(text),)
    ended: bool


class Decoder(Protocol):
    """Greedy decoding of pages. Other pages in the same call change a reading by rounding only."""

    def transcribe(self, tasks: Sequence[Task]) -> list[Transcript]:
        """The transcripts of the tasks, in their order."""
        ...
