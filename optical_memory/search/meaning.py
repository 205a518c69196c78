"""Meaning: texts as vectors, so that a question finds what was said in other words.

The packaged vectors are WordLlama's static table (the extra `semantic`): a row for each token, and
a text is the mean of its rows. Nothing is downloaded. The wheel's two files are read directly: its
own loader looks for the tokenizer in another folder (0.4.0.post1).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
import numpy.typing as npt

from optical_memory.errors import InputError, MissingExtra
from optical_memory.telemetry.event_table import VECTORS_LEFT_OUT
from optical_memory.telemetry.events import emit

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = [
    "Embedder",
    "Semantic",
    "StaticEmbedder",
    "open_embedder",
    "unit_vectors",
]

TABLE = "weights/l2_supercat_256.safetensors"
TOKENIZER = "tokenizers/l2_supercat_tokenizer_config.json"
SCALE = 127
"""A vector of length 1 is stored in whole numbers from -127 to 127."""


class Embeddings(Protocol):
    """The part of LangChain's `Embeddings` that is used."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """A vector for each text."""
        ...


class Embedder(Protocol):
    """Gives texts as vectors; vectors of different `name`s are never compared."""

    name: str

    def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """(n_texts, width) vectors; a text without words may have zeros."""
        ...


Semantic = Literal["auto"] | Embeddings | None
"""The packaged vectors if they are installed, vectors of LangChain, or words alone."""


class StaticEmbedder:
    """WordLlama's table: the mean of the rows of a text's tokens. Its files load at first use.

    Raises `MissingExtra` if the package is not installed.
    """

    name = "wordllama-l2-256"

    def __init__(self) -> None:
        folder = _wordllama_folder()
        if folder is None:
            raise MissingExtra("vectors need the extra: pip install 'optical-memory[semantic]'")
        self._folder = folder

    @cached_property
    def _table(self) -> npt.NDArray[np.float32]:
        from safetensors.numpy import load_file

        (table,) = load_file(self._folder / TABLE).values()
        return table.astype(np.float32)

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(self._folder / TOKENIZER))
        tokenizer.no_padding()
        tokenizer.no_truncation()
        return tokenizer

    def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """(n_texts, 256) vectors."""
        encodings = self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        vectors = np.zeros((len(texts), self._table.shape[1]), np.float32)
        for row, encoding in enumerate(encodings):
            if encoding.ids:
                vectors[row] = self._table[encoding.ids].mean(0)
        return vectors


class _LangChainEmbedder:
    """Vectors of LangChain's `Embeddings`."""

    def __init__(self, embeddings: Embeddings) -> None:
        model = getattr(embeddings, "model", None) or getattr(embeddings, "model_name", "")
        self.name = f"{type(embeddings).__name__}:{model}"
        self._embeddings = embeddings

    def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """(n_texts, width) vectors."""
        vectors = np.array(self._embeddings.embed_documents(list(texts)), np.float32)
        return vectors.reshape(len(texts), -1)


def open_embedder(semantic: Semantic) -> Embedder | None:
    """The embedder for a setting; None for words alone.

    Raises `InputError` if the setting is no word that is known and has no `embed_documents`.
    """
    if semantic is None:
        return None
    if semantic == "auto":
        return _packaged() if _wordllama_folder() is not None else None
    if callable(getattr(semantic, "embed_documents", None)):
        return _LangChainEmbedder(semantic)
    raise InputError("semantic must be 'auto', None or LangChain Embeddings")


@cache
def _packaged() -> StaticEmbedder:
    return StaticEmbedder()


def _wordllama_folder() -> Path | None:
    """The folder of the package, which is found but not imported; None if it lacks a file."""
    spec = find_spec("wordllama")
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent
    has_files = (folder / TABLE).is_file() and (folder / TOKENIZER).is_file()
    return folder if has_files else None


def unit_vectors(embedder: Embedder, texts: Sequence[str]) -> npt.NDArray[np.int8]:
    """(n_texts, width) vectors of length 1 in whole numbers (`SCALE`); zeros for no words.

    (n_texts, 0), and a line in the log, if the embedder fails: words alone find the texts then.
    """
    try:
        vectors = embedder.embed(texts) if texts else np.zeros((0, 0), np.float32)
    except Exception as error:  # noqa: BLE001  # any service may stand behind it
        emit(VECTORS_LEFT_OUT, error=error)
        return np.zeros((len(texts), 0), np.int8)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    numbers: npt.NDArray[np.int8] = np.rint(SCALE * vectors / np.maximum(lengths, 1e-9)).astype(
        np.int8
    )
    return numbers
