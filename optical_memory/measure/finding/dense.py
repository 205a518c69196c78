"""A baseline by meaning: the cosine of a static embedding, WordLlama's, whose weights are in its
wheel.

A turn's vector is the mean of its tokens and those of both neighbours, minus the conversation's
mean, at unit length. The wheel's two files are read directly: `WordLlama.load` of 0.4.0.post1 looks
for the tokenizer in a folder that the wheel does not have.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from optical_memory.errors import MissingExtra
from optical_memory.measure.finding.transcript import Transcript
from optical_memory.measure.finding.window import Window

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = [
    "DenseTurns",
]

WEIGHTS = "weights/l2_supercat_256.safetensors"
TOKENIZER = "tokenizers/l2_supercat_tokenizer_config.json"

Vectors = npt.NDArray[np.float32]


class DenseTurns:
    """The turns whose neighbourhood is nearest to the question.

    Raises `MissingExtra` if WordLlama is not installed.
    """

    name = "dense"

    def __init__(self, transcript: Transcript) -> None:
        self._transcript = transcript
        texts = transcript.texts
        neighbourhoods = ["\n".join(texts[max(0, i - 1) : i + 2]) for i in range(len(texts))]
        means = _token_means(neighbourhoods)
        self._centre = means.mean(axis=0)
        self._vectors = _unit(means - self._centre)

    def window(self, question: str, budget: int) -> Window:
        """The nearest turns that fit the budget."""
        return self._transcript.fill(self.order(question), budget)

    def ranking(self, question: str) -> list[str]:
        """The ids of all turns, the nearest first."""
        return self._transcript.ids(self.order(question))

    def order(self, question: str) -> list[int]:
        """The numbers of all turns, the nearest first."""
        vector = _unit(_token_means([question]) - self._centre)[0]
        return [int(i) for i in (-(self._vectors @ vector)).argsort(kind="stable")]


def _token_means(texts: Sequence[str]) -> Vectors:
    """The mean of the rows of each text's tokens, (n_texts, 256); zeros for an empty text."""
    table = _table()
    means = np.zeros((len(texts), table.shape[1]), np.float32)
    for i, encoding in enumerate(_tokenizer().encode_batch(texts, add_special_tokens=False)):
        if encoding.ids:
            means[i] = table[encoding.ids].mean(axis=0)
    return means


def _unit(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    unit: Vectors = vectors / np.maximum(lengths, 1e-9)
    return unit


@cache
def _table() -> Vectors:
    """The embedding of each token, (32000, 256)."""
    from safetensors.numpy import load_file

    [table] = load_file(_wheel() / WEIGHTS).values()
    return np.asarray(table, np.float32)


@cache
def _tokenizer() -> Tokenizer:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(_wheel() / TOKENIZER))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def _wheel() -> Path:
    """The folder of the installed package. Raises `MissingExtra` if it is not installed."""
    spec = find_spec("wordllama")
    if spec is None or spec.origin is None:
        raise MissingExtra("the dense baseline needs WordLlama: pip install wordllama")
    return Path(spec.origin).parent
